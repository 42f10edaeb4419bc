"""What will run out soon, told once and taken back once. Pure: what was told before is given in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netmon_collector.capacity.limits import Way
from netmon_collector.capacity.prospects import Prospect
from netmon_collector.query.errors import shown
from netmon_collector.state.events import EventRecord, NewEvent
from netmon_proto.model import Severity

SOURCE: Final = "netmon"
SOON, NOT_SOON = "capacity.soon", "capacity.not_soon"
KINDS: Final = (SOON, NOT_SOON)
_HOUR_S, _DAY_S = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that was told of; `series` and `what` name it."""

    what: str
    series: str
    device: str


class Warnings:
    """Tells of what comes to its limit within `within_s` when nine paths of ten do (the late end of the interval is
    before), and takes it back when less than half of them do, or when it is there no more."""

    def __init__(self, within_s: float, before: Sequence[EventRecord] = ()) -> None:
        """before: events of `KINDS` from before a restart, the oldest first."""
        self._within_s = within_s
        self._told: dict[tuple[str, str], Warned] = {}
        for one in before:
            key = one.fields.get("what", ""), one.fields.get("series", "")
            if one.kind == SOON:
                self._told[key] = Warned(*key, one.device)
            else:
                self._told.pop(key, None)

    def is_told(self, prospect: Prospect) -> bool:
        return _key(prospect) in self._told

    def look(self, found: Iterable[Prospect], now_ms: int) -> list[NewEvent]:
        """The events to be kept, from all that was found."""
        known = {_key(one): one for one in found}
        new = []
        for key, one in known.items():
            if key not in self._told and one.reached.high_s <= self._within_s:
                self._told[key] = Warned(*key, dict(one.labels).get("instance", ""))
                new.append(_event(self._told[key], SOON, Severity.WARNING, told(one), now_ms, _dates(one)))
        for key, warned in list(self._told.items()):
            now = known.get(key)
            if now is None or now.reached.middle_s > self._within_s:
                del self._told[key]
                why = "is there no more" if now is None else f"will last longer: {_when(now)}"
                new.append(_event(warned, NOT_SOON, Severity.NOTICE, f"{warned.what} of {warned.series} {why}", now_ms))
        return new


def told(one: Prospect) -> str:
    """In words."""
    name = f"{one.limited.what} of {shown(one.labels)}"
    if one.reached.high_s == 0:
        return f"{name} is used up" if one.limited.way is not Way.IS_BUSY else f"{name} is at its limit"
    if one.limited.way is Way.COUNTS_DOWN:
        return f"{name} ends in {_span(one.reached.middle_s)}"
    limit = "will be used up" if one.limited.way is Way.PILES_UP else f"will come to {one.limited.limit:.0%}"
    return f"{name} {limit} {_when(one)}"


def _when(one: Prospect) -> str:
    reached = one.reached
    return f"in {_span(reached.middle_s)} (80 % interval {_span(reached.low_s)} to {_span(reached.high_s)})"


def _span(seconds: float) -> str:
    if seconds == float("inf"):
        return "more than a year"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / _HOUR_S:.0f} h" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days"


def _key(one: Prospect) -> tuple[str, str]:
    return one.limited.what, shown(one.labels)


def _dates(one: Prospect) -> dict[str, str]:
    reached = one.reached
    ends = {"exhausted_s": reached.middle_s, "low_s": reached.low_s, "high_s": reached.high_s}
    return {name: f"{one.at_s + seconds:.0f}" for name, seconds in ends.items()}


def _event(
    warned: Warned, kind: str, severity: Severity, text: str, now_ms: int, dates: Mapping[str, str] | None = None
) -> NewEvent:
    fields = {"what": warned.what, "series": warned.series, **(dates or {})}
    return NewEvent(now_ms, warned.device, SOURCE, kind, int(severity), 1, text, "", fields)
