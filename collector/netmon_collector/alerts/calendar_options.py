"""How times of the calendar are written in a configuration: Alertmanager's `time_intervals`."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, model_validator

from netmon_collector.alerts.calendar import Period, Span
from netmon_configs.options import OptionsAsWritten
from netmon_configs.wording import did_you_mean

_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_CLOCK: Final = re.compile(r"(\d\d):(\d\d)")
MINUTES_OF_DAY: Final = 1440


def _minute(value: object) -> int:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
    if not 0 <= minute <= MINUTES_OF_DAY:
        raise ValueError("must be a time of day from 00:00 to 24:00, in quotes, such as '09:00'")
    return minute


def _named(names: tuple[str, ...], lowest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        lowered = text.lower()
        if lowered in names:
            return names.index(lowered) + lowest
        if lowest and text.isdecimal() and lowest <= int(text) < lowest + len(names):
            return int(text)
        raise ValueError(f"knows no {text!r}{did_you_mean(lowered, list(names))}")

    return read


def _day(text: str) -> int:
    day = int(text) if re.fullmatch(r"-?\d{1,2}", text) else 0
    if not 1 <= abs(day) <= 31:
        raise ValueError(f"must have days from 1 to 31, or from -1 to -31 counted from the end (got {text!r})")
    return day


def _year(text: str) -> int:
    if not re.fullmatch(r"\d{4}", text):
        raise ValueError(f"must have years such as 2026 (got {text!r})")
    return int(text)


def _span(read: Callable[[str], int]) -> Callable[[object], Span]:
    def parse(value: object) -> Span:
        if isinstance(value, Span):
            return value
        if not isinstance(value, str | int):
            raise ValueError("must be a value or a range such as 'monday:friday'")
        first, colon, last = str(value).strip().partition(":")
        span = Span(read(first.strip()), read((last if colon else first).strip()))
        if _ends_early(span):
            raise ValueError(f"must not end before it begins (got {value!r})")
        return span

    return parse


def _ends_early(span: Span) -> bool:
    """Whether a span never holds, in a month of 31 days either."""
    last = span.last + 32 if span.last < 0 < span.first else span.last
    return span.first > last or span.first < 0 < span.last


def _local() -> ZoneInfo:
    """The zone of this machine, as Go finds it."""
    if name := os.environ.get("TZ"):
        return ZoneInfo(name.removeprefix(":"))
    with Path("/etc/localtime").open("rb") as file:
        return ZoneInfo.from_file(file, key="Local")


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return _local() if value == "Local" else ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"must be a time zone of the IANA's, such as Europe/Berlin (got {value!r})") from None


Minute = Annotated[int, BeforeValidator(_minute)]
Weekdays = Annotated[Span, BeforeValidator(_span(_named(_WEEKDAYS, 0)))]
Months = Annotated[Span, BeforeValidator(_span(_named(_MONTHS, 1)))]
Days = Annotated[Span, BeforeValidator(_span(_day))]
Years = Annotated[Span, BeforeValidator(_span(_year))]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]


class TimesOptions(OptionsAsWritten):
    """A part of a day, its end not included."""

    start_time: Minute
    end_time: Minute

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end_time <= self.start_time:
            raise ValueError(
                "'end_time' must be after 'start_time': a night is two times, one until '24:00' and one from '00:00'"
            )
        return self

    def span(self) -> Span:
        return Span(self.start_time, self.end_time)


class PeriodOptions(OptionsAsWritten):
    """Some time of the calendar: all that is given must hold."""

    times: tuple[TimesOptions, ...] = ()
    weekdays: tuple[Weekdays, ...] = ()
    days_of_month: tuple[Days, ...] = ()
    months: tuple[Months, ...] = ()
    years: tuple[Years, ...] = ()
    location: Zone = Field(default_factory=lambda: ZoneInfo("UTC"))

    def period(self) -> Period:
        return Period(
            minutes=tuple(one.span() for one in self.times),
            weekdays=self.weekdays,
            days=self.days_of_month,
            months=self.months,
            years=self.years,
            zone=self.location,
        )


class IntervalOptions(OptionsAsWritten):
    """A name for times: one of them must hold."""

    name: str = Field(min_length=1)
    time_intervals: tuple[PeriodOptions, ...] = ()

    def periods(self) -> tuple[Period, ...]:
        return tuple(one.period() for one in self.time_intervals)


Calendar = Mapping[str, tuple[Period, ...]]
"""Times by their names."""
