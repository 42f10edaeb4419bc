"""Queries, bodies and answers of the routes about which handles are one device."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from netmon_api.models import Answer, PageQuery, Text, Time

Handle = Annotated[str, Field(min_length=1, max_length=253)]
ProposalKind = Literal["merge", "split", "replaced"]
ProposalState = Literal["open", "accepted", "rejected", "withdrawn"]


class ProposalsQuery(PageQuery):
    """Proposals in any of these states; the open ones unless told otherwise."""

    state: list[ProposalState] = Field(default=[], max_length=4)


class IdentitiesQuery(PageQuery):
    """Devices that have any of these handles."""

    handle: list[Text] = Field(default=[], max_length=100)


class MergeBody(BaseModel):
    """`handle` and `into` are one device; its record is that of `into`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    handle: Handle
    into: Handle


class SplitBody(BaseModel):
    """`handle` is a device of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    handle: Handle


class SourceAnswer(Answer):
    """A handle, with what it said of itself last."""

    handle: str
    site: str
    agent: str
    machine: str
    engine: str
    serials: list[str]
    base: str
    macs: int
    addresses: list[str]
    shared: list[str]
    name: str
    first_seen: Time
    last_seen: Time


class IdentityAnswer(Answer):
    """A device: the handle that it is known by, and all ways to it."""

    record: str
    sources: list[SourceAnswer]


class ProposalAnswer(Answer):
    """A question; what it asks is in `question`."""

    number: int
    kind: ProposalKind
    subject: str
    other: str
    question: str
    sureness: float
    reasons: list[str]
    opened: Time
    state: ProposalState
    decided: Time | None
    decided_by: str


class EntryAnswer(Answer):
    """A line of the log. A merge that is in force can be undone by its number."""

    number: int
    time: Time
    action: str
    handle: str
    record: str
    reasons: list[str]
    by: str
    undone: Time | None
