"""Windows of maintenance, in which nobody is told of what they are for: once, or again and again by the calendar."""

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from netmon_collector.alerts.matching import Matcher, matches_all

LONGEST_S: Final = 30 * 86_400
_DAY_MS: Final = 86_400_000
_KNOWN: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "WKST", "BYSETPOS"})
_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})

_UNTIL_UTC: Final = re.compile(r"UNTIL=(\d{8}T\d{6})Z", re.ASCII)


class NoWindow(ValueError):
    """A window cannot be; says why."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window of maintenance.

    matchers: what it is for: all must match. starts_at: the first time, as clocks in `zone` show it. repeats: a
    recurrence rule of RFC 5545 by days, weeks, months or years, such as `FREQ=WEEKLY;BYDAY=SA,SU`, or "" for once. Each
    begins when clocks there show that time, the first time where they show it twice, and where they skip it as much
    later as they skip (RFC 5545, 3.3.5); it lasts `duration_s` by a stopwatch. ended_at_ms: it counts no more from then
    on.
    """

    id: str
    name: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    duration_s: int
    zone: str
    repeats: str
    created_by: str
    comment: str
    created_ms: int
    ended_at_ms: int | None = None

    def spans(self, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """Its times that overlap with a span, beginning and end in Unix milliseconds, in order."""
        if self.ended_at_ms is not None:
            to_ms = min(to_ms, self.ended_at_ms)
        length_ms = self.duration_s * 1000
        zone = ZoneInfo(self.zone)
        first = _local(from_ms - length_ms - _DAY_MS, zone)
        last = _local(to_ms + _DAY_MS, zone)
        found = []
        for local in self._times(first, last):
            start_ms = round(local.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)
            end_ms = start_ms + length_ms if self.ended_at_ms is None else min(start_ms + length_ms, self.ended_at_ms)
            if start_ms < to_ms and end_ms > from_ms:
                found.append((start_ms, end_ms))
        return found

    def next_ms(self, now_ms: int) -> int | None:
        """When it begins next, or began if it holds; None where it is over for good."""
        horizon_ms = now_ms
        for days in (2, 8, 32, 370, 3700):
            horizon_ms = now_ms + days * _DAY_MS
            if found := self.spans(now_ms, horizon_ms):
                return found[0][0]
        return None

    def _times(self, first: datetime, last: datetime) -> Iterable[datetime]:
        if not self.repeats:
            return [self.starts_at]
        found: Iterable[datetime] = _rule(self).between(first, last, inc=True)
        return found


@dataclass(slots=True)
class Maintenance:
    """All windows; what they come to is worked out for a day at a time. site_of: where a device is, by its instance."""

    windows: dict[str, Window] = field(default_factory=dict)
    site_of: Callable[[str], str] = lambda _: ""
    _spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _known: tuple[int, int] = (0, 0)

    def keep(self, window: Window) -> None:
        """Goes by a window, a new one or one that has changed."""
        self.windows[window.id] = window
        self._known = (0, 0)

    def forget(self, window_id: str) -> None:
        self.windows.pop(window_id, None)
        self._known = (0, 0)

    def muted_by(self, labels: Mapping[str, str], at_ms: int) -> list[str]:
        """Names of the windows that hold for these labels at a time, sorted. The site of a device counts as a label."""
        self._work_out(at_ms)
        holding = [
            window
            for window_id, window in self.windows.items()
            if any(start <= at_ms < end for start, end in self._spans[window_id])
        ]
        if not holding:
            return []
        placed = {"site": self.site_of(labels.get("instance", "")), **labels}
        return sorted(window.name for window in holding if matches_all(window.matchers, placed))

    def devices(self, instances: Set[str], at_ms: int) -> Set[str]:
        """Those of some devices that a window is for at a time, whatever is said of them."""
        return {one for one in instances if self.muted_by({"instance": one}, at_ms)}

    def spans(self, instances: Set[str], from_ms: int, to_ms: int) -> dict[str, list[tuple[int, int]]]:
        """When a window was for each of some devices within a time; those that had none are left out."""
        found: dict[str, list[tuple[int, int]]] = {}
        for window in self.windows.values():
            times = window.spans(from_ms, to_ms)
            for one in instances if times else ():
                if matches_all(window.matchers, {"site": self.site_of(one), "instance": one}):
                    found.setdefault(one, []).extend(times)
        return found

    def _work_out(self, at_ms: int) -> None:
        first_ms, last_ms = self._known
        if first_ms <= at_ms < last_ms:
            return
        self._known = (at_ms - _DAY_MS // 24, at_ms + _DAY_MS)
        self._spans = {window_id: window.spans(*self._known) for window_id, window in self.windows.items()}


def check_window(window: Window) -> None:
    """Raises NoWindow for one that cannot be."""
    if not window.name:
        raise NoWindow("a window needs a name")
    if not window.matchers or all(matcher.matches({}) for matcher in window.matchers):
        raise NoWindow("a window needs a matcher that does not match the empty text: it must not be for everything")
    if not 60 <= window.duration_s <= LONGEST_S:
        raise NoWindow(f"a window lasts from a minute to 30 days (got {window.duration_s} s)")
    try:
        ZoneInfo(window.zone)
    except (KeyError, ValueError, OSError):
        raise NoWindow(f"{window.zone!r} is no time zone of the IANA's, such as Europe/Berlin") from None
    if window.repeats:
        _check_rule(window)


def _check_rule(window: Window) -> None:
    parts = {name: value for name, _, value in (part.partition("=") for part in window.repeats.upper().split(";"))}
    unknown = sorted(set(parts) - _KNOWN)
    if unknown:
        raise NoWindow(f"a recurrence may have {', '.join(sorted(_KNOWN))} (got {', '.join(unknown)})")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise NoWindow(f"a recurrence needs FREQ={'|'.join(sorted(_FREQUENCIES))}")
    try:
        times = _rule(window)
    except (ValueError, TypeError) as error:
        raise NoWindow(f"{window.repeats!r} is no recurrence of RFC 5545: {error}") from None
    if next(iter(times), None) is None:
        raise NoWindow(f"{window.repeats!r} never comes")


def _rule(window: Window) -> rrule:
    """Its times as clocks there show them. An end in UTC, as calendars write it, is made such a time as well."""

    def local(until: re.Match[str]) -> str:
        at = datetime.fromisoformat(until[1]).replace(tzinfo=UTC).astimezone(ZoneInfo(window.zone))
        return f"UNTIL={at:%Y%m%dT%H%M%S}"

    rule: Any = rrulestr(_UNTIL_UTC.sub(local, window.repeats.upper()), dtstart=window.starts_at)
    if not isinstance(rule, rrule):
        raise ValueError("must be one rule")
    return rule


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    """What clocks show at a time, without their zone."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)).astimezone(zone).replace(tzinfo=None)
