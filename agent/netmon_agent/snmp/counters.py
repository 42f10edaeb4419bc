"""Counters that cannot lie: wraps told from resets, and nothing faster than the line. Pure functions.

A device counts in 32 or 64 bits and starts again at nought when it restarts, when a card is changed, or when somebody
clears it. What is stored is to fall only then: a wrap goes on above 2^32, and a value that can't be true is left out.
"""

from dataclasses import dataclass, replace
from enum import Enum

TICKS = 2**32
"""sysUpTime counts hundredths of a second in 32 bits: it wraps after 497 days."""
_UNKNOWN_SPEED = 4_294_967_295
_HEADROOM = 1.1
"""Counters and clocks are not read at the same instant; a full line may look a little faster than it is."""


class Uptime(Enum):
    """What became of a device between two polls."""

    RUNNING = "running"
    WRAPPED = "wrapped"
    REBOOTED = "rebooted"


class Verdict(Enum):
    """What a counter did between two polls."""

    FIRST = "first"
    ADVANCED = "advanced"
    WRAPPED = "wrapped"
    RESET = "reset"
    IMPLAUSIBLE = "implausible"


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
    tolerance = 100 * max(10.0, 0.1 * elapsed_s)
    if after_ticks + tolerance >= before_ticks:
        return Uptime.RUNNING
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


@dataclass(frozen=True, slots=True)
class Track:
    """A counter as it was last read: `raw` as the device counts, `value` as it is stored."""

    raw: int
    value: int
    time_s: float
    discontinuity: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A counter's next reading: what to store, or None where it can't be true, and what happened."""

    track: Track
    value: int | None
    verdict: Verdict


def follow(
    before: Track | None,
    raw: int,
    time_s: float,
    *,
    bits: int = 64,
    most_per_s: float | None = None,
    rebooted: bool = False,
    discontinuity: int | None = None,
) -> Step:
    """Judges a counter's reading by the one before.

    `most_per_s` is what it can gain in a second at most (a port's octets: its line speed over 8). A reset starts
    anew from the raw value, as Prometheus' rate() expects it. A gain that the line can't carry is a reset or a bug
    of the device: that reading is left out, and the next one counts from it.
    """
    fresh = Track(raw, raw, time_s, discontinuity)
    if before is None:
        return Step(fresh, raw, Verdict.FIRST)
    if rebooted or before.discontinuity != discontinuity:
        return Step(fresh, raw, Verdict.RESET)
    elapsed_s = max(time_s - before.time_s, 1e-3)
    gain = raw - before.raw
    if gain >= 0:
        verdict = Verdict.ADVANCED
    elif bits == 32 and _is_wrap(gain + TICKS, elapsed_s, most_per_s):
        gain, verdict = gain + TICKS, Verdict.WRAPPED
    else:
        return Step(fresh, raw, Verdict.RESET)
    if most_per_s is not None and gain > most_per_s * elapsed_s * _HEADROOM + 1e4:
        return Step(replace(fresh, value=before.value), None, Verdict.IMPLAUSIBLE)
    return Step(Track(raw, before.value + gain, time_s, discontinuity), before.value + gain, verdict)


def may_wrap_twice(elapsed_s: float, most_per_s: float | None) -> bool:
    """Whether a 32-bit counter of this speed can pass its end more than once in that time, and tells nothing then."""
    return most_per_s is not None and most_per_s * elapsed_s > TICKS


def _is_wrap(gain: int, elapsed_s: float, most_per_s: float | None) -> bool:
    """A wrap gains what the line can carry; where the speed is unknown, it passes the end in the last quarter."""
    if most_per_s is None:
        return gain < TICKS // 4
    return gain <= most_per_s * elapsed_s * _HEADROOM
