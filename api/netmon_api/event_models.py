"""What the API says of events."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from netmon_api.models import Answer, Query, QueryTime, Text, Time
from netmon_collector.state.events import Place, Wanted
from netmon_proto.model import Severity

SeverityName = Literal["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
_CURSOR = "must be the cursor of an answer"


def _place(text: object) -> object:
    if not isinstance(text, str):
        return text
    time_ms, dash, number = text.partition("-")
    if not dash or not (time_ms.isdecimal() and number.isdecimal()) or len(text) > 40:
        raise ValueError(_CURSOR)
    found = Place(int(time_ms), int(number))
    if max(found) >= 1 << 63:
        raise ValueError(_CURSOR)
    return found


Cursor = Annotated[
    Place,
    BeforeValidator(_place),
    PlainSerializer(lambda place: f"{place.time_ms}-{place.id}", return_type=str),
    WithJsonSchema({"type": "string", "description": "Where the page before ended, as its `next` has it"}),
]


class EventFilter(BaseModel):
    """Values of one field are alternatives; different fields must all fit.

    `least` is the least grave severity that is listed; `text` a part of the text, in any case of letters.
    """

    device: list[Text] = Field(default=[], max_length=100)
    source: list[Text] = Field(default=[], max_length=100)
    kind: list[Text] = Field(default=[], max_length=100)
    severity: list[SeverityName] = Field(default=[], max_length=8)
    least: SeverityName | None = None
    text: Text | None = None

    def wanted(self, since_ms: int | None = None, until_ms: int | None = None) -> Wanted:
        """As the log is asked for them."""
        return Wanted(self.device, self.source, self.kind, self._severities(), self.text or "", since_ms, until_ms)

    def _severities(self) -> list[int]:
        """The numbers of the severities that are asked for; empty for all, of none where they exclude each other."""
        if not self.severity and not self.least:
            return []
        named = [Severity[name.upper()] for name in self.severity] or list(Severity)[1:]
        worst = Severity[self.least.upper()] if self.least else Severity.DEBUG
        return [int(one) for one in named if one <= worst] or [int(Severity.UNSPECIFIED)]


class EventsQuery(EventFilter, Query):
    """Which events are listed. With `after`, the id of an event, what came after it is listed, in the order in which it
    came; else the newest come first."""

    since: QueryTime | None = None
    until: QueryTime | None = None
    after: int | None = Field(default=None, ge=0, lt=1 << 63)
    cursor: Cursor | None = None
    page_size: int = Field(default=50, ge=1, le=100)

    @model_validator(mode="after")
    def _one_order(self) -> "EventsQuery":
        if self.after is not None and self.cursor is not None:
            raise ValueError("after is one place to begin at, cursor another")
        return self

    def filters(self) -> dict[str, Any]:
        """The parameters given that choose what is listed, as they were written."""
        return self.model_dump(mode="json", exclude={"cursor", "page_size"}, exclude_defaults=True)


class EventAnswer(Answer):
    """`device` is empty where nobody knows whose it is; `count` is how many alike it stands for."""

    id: int
    time: Time
    received: Time
    device: str
    source: str
    kind: str
    severity: SeverityName
    count: int
    text: str
    address: str
    fields: dict[str, str]


class EventsAnswer(Answer):
    """A page of events; `next` is a path on this server. `count` ends at 10,000: there may be more.

    `last_id` is that of the newest event of all, to ask for what comes after it.
    """

    count: int
    next: str | None
    previous: None
    results: list[EventAnswer]
    filters_applied: dict[str, str | int | list[str]]
    last_id: int
