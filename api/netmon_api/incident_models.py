"""What the API takes and tells of incidents."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netmon_api.models import Answer, PageQuery, Time
from netmon_configs.options import Duration, parse_duration_s

LONGEST_S = 30 * 86_400.0

Span = Annotated[Duration, BeforeValidator(parse_duration_s), Field(gt=0, le=LONGEST_S)]
By = Annotated[str, Field(min_length=1, max_length=200)]


class IncidentsQuery(PageQuery):
    """The newest come first. `open`: only those that are open, or only those that are over."""

    open: bool | None = None


class CommentBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By
    text: str = Field(min_length=1, max_length=2000)


class ReleaseBody(BaseModel):
    """Whoever cared for an incident does so no more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By
    comment: str = Field(default="", max_length=2000)


class HoldBody(BaseModel):
    """Somebody takes an incident on, or puts it off, for so long."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    by: By
    for_s: Span = Field(alias="for")
    comment: str = Field(default="", max_length=2000)


class MemberAnswer(Answer):
    """An alert group. `why`: why it is in the incident. `over`: since when nothing in it fires."""

    group_key: str
    title: str
    severity: str
    since: Time
    over: Time | None
    why: str
    devices: list[str]


class ShadowAnswer(Answer):
    """A device that is or was down, and how many could only be reached through it; the first of them by name."""

    device: str
    count: int
    first: list[str]


class EntryAnswer(Answer):
    time: Time
    kind: Literal[
        "opened",
        "joined",
        "cause",
        "merged",
        "told",
        "escalated",
        "acknowledged",
        "released",
        "snoozed",
        "comment",
        "resolved",
    ]
    text: str
    by: str


class IncidentAnswer(Answer):
    """`state`: what holds now; one that is put off is that, whoever has taken it on. `probable_cause`: "" where none is
    known."""

    number: int
    title: str
    severity: str
    state: Literal["open", "acknowledged", "snoozed", "closed"]
    opened: Time
    closed: Time | None
    owner: str
    acknowledged_until: Time | None
    snoozed_until: Time | None
    firing: int = Field(description="How many of its groups have something that fires.")
    groups: int
    probable_cause: str


class IncidentDetail(IncidentAnswer):
    """`members`: what the others stand behind comes first, then the most severe. `explanation`: why they are one, for
    people. `merged_into`: the number of the incident that it turned out to be part of."""

    explanation: list[str]
    shadows: list[ShadowAnswer]
    merged_into: int | None
    members: list[MemberAnswer]
    timeline: list[EntryAnswer]
