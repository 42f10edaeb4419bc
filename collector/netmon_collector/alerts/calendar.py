"""Times of the calendar in a time zone, as Alertmanager's `time_intervals` write them."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Span:
    """From `first` to `last`, both included. Of days of a month, negative ones count from its end."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Period:
    """Some time of the calendar; what is empty holds always. All that is not empty must hold.

    minutes: of the day, the end not included, 1440 is its end. weekdays: 0 is Sunday. months: 1 is January.
    """

    minutes: tuple[Span, ...] = ()
    weekdays: tuple[Span, ...] = ()
    days: tuple[Span, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()
    zone: tzinfo = UTC

    def holds(self, at_ms: int) -> bool:
        """Whether a moment lies in it. The clock of the zone is read as people there read it, whatever was done to it
        in that night: an hour that comes twice is in it twice, one that never comes is never in it."""
        local = datetime.fromtimestamp(at_ms / 1000, self.zone)
        minute = local.hour * 60 + local.minute
        return (
            (not self.minutes or any(span.first <= minute < span.last for span in self.minutes))
            and _within(self.weekdays, local.isoweekday() % 7)
            and (not self.days or any(_has_day(span, local) for span in self.days))
            and _within(self.months, local.month)
            and _within(self.years, local.year)
        )


def any_holds(periods: Sequence[Period], at_ms: int) -> bool:
    return any(period.holds(at_ms) for period in periods)


def _within(spans: tuple[Span, ...], value: int) -> bool:
    return not spans or any(span.first <= value <= span.last for span in spans)


def _has_day(span: Span, local: datetime) -> bool:
    length = calendar.monthrange(local.year, local.month)[1]
    first = span.first if span.first > 0 else length + span.first + 1
    last = span.last if span.last > 0 else length + span.last + 1
    return max(first, 1) <= local.day <= min(last, length)
