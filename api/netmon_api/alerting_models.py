"""What the API takes and tells of maintenance and of what people were told."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netmon_api.models import Answer, PageQuery, Text, Time
from netmon_configs.options import Duration, parse_duration_s

Span = Annotated[Duration, BeforeValidator(parse_duration_s)]


class WindowBody(BaseModel):
    """A window of maintenance. `starts_at` is what clocks in `zone` show, `repeats` a recurrence of RFC 5545."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    matchers: list[Text] = Field(min_length=1, max_length=50)
    starts_at: datetime
    duration: Span
    zone: str = Field(default="UTC", max_length=100)
    repeats: str = Field(default="", max_length=500)
    created_by: str = Field(default="", max_length=200)
    comment: str = Field(default="", max_length=2000)


class WindowAnswer(Answer):
    """`holds`: whether it is going on. `next`: when it begins next, or began if it goes on; None where it is over."""

    id: str
    name: str
    matchers: list[str]
    starts_at: str
    duration_s: int
    zone: str
    repeats: str
    created_by: str
    comment: str
    created: Time
    ended_at: Time | None
    holds: bool
    next: Time | None


class WindowsQuery(PageQuery):
    holds: bool | None = None


NotificationState = Literal["pending", "delivered", "dead"]


class NotificationsQuery(PageQuery):
    """The newest come first; 1,000 can be had."""

    state: list[NotificationState] = Field(default=[], max_length=3)
    receiver: list[Text] = Field(default=[], max_length=100)


class NotificationAnswer(Answer):
    """What somebody was told, or is yet to be told. `error`: why it did not arrive so far, or never will."""

    key: str
    receiver: str
    endpoint: str
    group_key: str
    time: Time
    state: NotificationState
    attempts: int
    settled: Time | None
    error: str
