"""The messages of the WebSocket: what a client may say, and what it hears."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from netmon_api.event_models import EventAnswer, EventFilter
from netmon_api.models import SamplesAnswer

Key = Annotated[str, Field(min_length=1, max_length=64)]
"""A client's own name for one of its subscriptions."""


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Authenticate(_Command):
    op: Literal["authenticate"]
    token: str


class Subscribe(_Command):
    op: Literal["subscribe"]
    id: Key
    selector: str


class Follow(EventFilter, _Command):
    """Subscribes to events; with `after`, the id of an event, what came after it and is in the log comes first."""

    op: Literal["follow"]
    id: Key
    after: int | None = Field(default=None, ge=0, lt=1 << 63)


class Unsubscribe(_Command):
    op: Literal["unsubscribe"]
    id: Key


class Ping(_Command):
    op: Literal["ping"]


Command = Authenticate | Subscribe | Follow | Unsubscribe | Ping


class ClientMessage(RootModel[Annotated[Command, Field(discriminator="op")]]):
    """What a client sends: a JSON object, at most 64 KiB."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Done(_Message):
    """A command was carried out."""

    type: Literal["authenticated", "pong"]


class SubscriptionDone(_Message):
    """A subscription began or ended."""

    type: Literal["subscribed", "unsubscribed"]
    id: str


class Samples(_Message):
    """New samples; `seq` counts the subscription's updates from 1, those that were missed too."""

    type: Literal["samples"]
    id: str
    seq: int
    results: list[SamplesAnswer]


class MissedSamples(_Message):
    """The client was too slow: so much was dropped before the next update."""

    type: Literal["missed"]
    id: str
    samples: int
    frames: int


class Events(_Message):
    """Events, in the order in which they came."""

    type: Literal["events"]
    id: str
    results: list[EventAnswer]


class MissedEvents(_Message):
    """The client was too slow, or asked for more of the log than is told at once: so many events are left out before
    the next ones."""

    type: Literal["missed"]
    id: str
    events: int


class Problem(_Message):
    code: str
    message: str


class Failure(_Message):
    """A command could not be carried out; `id` is its subscription's, where it told one."""

    type: Literal["error"]
    id: str | None
    error: Problem


class ServerMessage(RootModel[Done | SubscriptionDone | Samples | MissedSamples | Events | MissedEvents | Failure]):
    """What a client hears."""
