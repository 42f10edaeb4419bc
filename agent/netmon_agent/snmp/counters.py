"""Counters that cannot lie: wraps told from resets, and nothing faster than the line. docs/adr tells why so.

A device counts in 32 or 64 bits and starts again at nought when it restarts, when a card is changed, or when somebody
clears it. What is stored falls only then: a wrap goes on above 2^32, and a gain that can't be true is left out.
"""

from array import array
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

TICKS: Final = 2**32
"""sysUpTime counts hundredths of a second in 32 bits: it wraps after 497 days."""
_SET_BACK_TICKS: Final = 1000
"""So far a device may set its clock back without having restarted."""
_MOST: Final = 2**64
_UNKNOWN_SPEED: Final = 4_294_967_295
_HEADROOM: Final = 1.1
_SLACK_S: Final = 2.0
"""Counters and clocks are not read at the same instant; a full line may look a little faster than it is."""
STRIKES: Final = 3
"""Polls in a row in which a port beats its speed; then it is the speed that is wrong."""
SMALLEST_FRAME_BITS: Final = 84 * 8
"""With preamble and gap: how many packets a line can carry follows from it."""


class Uptime(Enum):
    """What became of a device between two polls."""

    RUNNING = "running"
    WRAPPED = "wrapped"
    REBOOTED = "rebooted"


def uptime_between(
    before_ticks: int,
    after_ticks: int,
    elapsed_s: float,
    boots_before: int | None = None,
    boots_after: int | None = None,
) -> Uptime:
    """Whether sysUpTime went on, wrapped at 497 days, or began anew.

    snmpEngineBoots decides where the device has it. Else the clock does: after a wrap, uptime is where it would be
    had it gone on; after a reboot it is not.
    """
    if boots_before is not None and boots_after is not None and boots_before != boots_after:
        return Uptime.REBOOTED
    if after_ticks + _SET_BACK_TICKS >= before_ticks:
        return Uptime.RUNNING
    tolerance = max(_SET_BACK_TICKS, 10 * elapsed_s)
    expected = before_ticks + round(100 * elapsed_s) - TICKS
    return Uptime.WRAPPED if abs(after_ticks - expected) <= tolerance else Uptime.REBOOTED


def line_speed_bps(
    high_speed_mbps: float | None, speed_bps: float | None, override_bps: float | None = None
) -> float | None:
    """How fast a port can be at most: what the operator says, ifHighSpeed, or ifSpeed where it is not at its end."""
    if override_bps is not None and override_bps > 0:
        return override_bps
    if high_speed_mbps is not None and high_speed_mbps > 0:
        return high_speed_mbps * 1e6
    if speed_bps is not None and 0 < speed_bps < _UNKNOWN_SPEED:
        return speed_bps
    return None


def gain_of(before: int, after: int, bits: int, most: float | None, is_reset: bool) -> int | None:
    """What a counter gained between two readings; None where that can't be told, or can't be true.

    `most` is what it can gain at most in that time. A counter that falls was reset where `is_reset` says so, or where
    going on past its end would be more than it can gain; it has then counted from nought. Where it did not fall it
    went on, even if the device restarted: agents do so while counters live on in the kernel.
    """
    gain = after - before
    if gain < 0:
        past_end = gain + TICKS
        wraps = (
            bits == 32
            and before < TICKS
            and not is_reset
            and (past_end <= most if most is not None else past_end < TICKS // 4)
        )
        gain = past_end if wraps else after
    return gain if most is None or gain <= most else None


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was read, by a monotonic clock, and how often the device had been seen to restart by then."""

    time_s: float = 0.0
    restarts: int = 0


def most_between(before: Moment, after: Moment, per_s: float) -> float:
    """What a counter gains at most."""
    return per_s * ((after.time_s - before.time_s) * _HEADROOM + _SLACK_S)


@dataclass(slots=True)
class _Column:
    indexes: tuple[str, ...]
    raws: "array[int]"
    read: Moment


@dataclass(slots=True)
class CounterBook:
    """A device's counters as they were read last, in a few bytes each, and by how much what is stored differs.

    `offsets` are by metric and row; they are to outlive the process, or a counter that wrapped would fall by 2^32.
    `has_news` says that they have changed.
    """

    offsets: dict[str, dict[str, int]] = field(default_factory=dict)
    has_news: bool = False
    _columns: dict[str, _Column] = field(default_factory=dict)
    _strikes: dict[tuple[str, str], int] = field(default_factory=dict)
    _doubted: dict[tuple[str, str], float] = field(default_factory=dict)

    def judge(
        self,
        name: str,
        raws: Mapping[str, int],
        bits: int,
        now: Moment,
        most_per_s: Mapping[str, float],
        cleared: Set[str] = frozenset(),
    ) -> Mapping[str, int]:
        """What to store of one metric's rows; a row whose gain can't be true is left out, and counts from there.

        A metric is judged by when it was read last, which is not in the last poll where that could not read it.
        `most_per_s` is what a row can gain in a second, where that is known; `cleared` are rows whose counters were
        cleared, as ifCounterDiscontinuityTime tells.
        """
        before = self._keep(name, raws, now)
        left_out: set[str] = set()
        if before is not None:
            has_restarted, seconds = before.read.restarts != now.restarts, most_between(before.read, now, 1.0)
            for index, last in zip(before.indexes, before.raws, strict=True):
                raw, per_s = raws.get(index, last), most_per_s.get(index)
                most = None if per_s is None or self._doubted.get((name, index)) == per_s else per_s * seconds
                if raw < last or (most is not None and raw - last > most):
                    true = gain_of(last, raw, bits, most, has_restarted or index in cleared)
                    if not self._follow(name, index, last, raw, true, per_s):
                        left_out.add(index)
                elif self._strikes:
                    self._strikes.pop((name, index), None)
        offsets = self.offsets.get(name)
        if not offsets and not left_out:
            return raws
        offsets = offsets or {}
        return {index: raw + offsets.get(index, 0) for index, raw in raws.items() if index not in left_out}

    def changed(self, name: str, values: Mapping[str, int], now: Moment) -> Set[str]:
        """The rows whose value differs from when they were read last."""
        before = self._keep(name, values, now)
        lasts = dict(zip(before.indexes, before.raws, strict=True)) if before else {}
        return {index for index, value in values.items() if lasts.get(index, value) != value}

    def forget_offsets(self) -> None:
        """The device has restarted while nobody looked: all of its counters began anew."""
        self.has_news |= bool(self.offsets)
        self.offsets.clear()

    def _keep(self, name: str, values: Mapping[str, int], now: Moment) -> _Column | None:
        """Takes what was read now; what was read before. A table's columns share their rows' names."""
        before, read = self._columns.get(name), tuple(values)
        indexes = next((one.indexes for one in self._columns.values() if one.indexes == read), read)
        self._columns[name] = _Column(indexes, array("Q", values.values()), now)
        return before

    def _follow(self, name: str, index: str, last: int, raw: int, true: int | None, per_s: float | None) -> bool:
        """Takes note of a reading that fell or rose too far; whether it is to be stored."""
        offset = self.offsets.get(name, {}).get(index, 0)
        if true is None:
            strikes = self._strikes[name, index] = self._strikes.get((name, index), 0) + 1
            if raw > last and strikes >= STRIKES and per_s is not None:
                self._doubted[name, index] = per_s
                return True
            self._shift(name, index, last + offset - raw)
            return False
        wrapped = raw < last and true != raw
        self._shift(name, index, offset + TICKS if wrapped else 0)
        return True

    def _shift(self, name: str, index: str, offset: int) -> None:
        of_metric = self.offsets.setdefault(name, {})
        self.has_news |= of_metric.get(index, 0) != offset
        if offset:
            of_metric[index] = offset
        else:
            of_metric.pop(index, None)


def countable(value: object) -> bool:
    """Whether a value is what a counter may hold."""
    return isinstance(value, int) and 0 <= value < _MOST
