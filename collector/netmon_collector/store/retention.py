"""How long samples and rollups are kept, as it was chosen."""

from dataclasses import dataclass, field
from typing import Final

from netmon_collector.store.base import Matcher

DAY_MS: Final = 86_400_000
TIERS: Final = ("raw", "5m", "1h")
_UNITS_MS: Final = {"d": DAY_MS, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each tier is kept, in milliseconds; a coarser one no shorter than a finer one."""

    raw_ms: int = 30 * DAY_MS
    five_minutes_ms: int = 180 * DAY_MS
    hour_ms: int = 5 * 365 * DAY_MS

    def of(self, tier: str) -> int:
        """How long one of TIERS is kept."""
        return (self.raw_ms, self.five_minutes_ms, self.hour_ms)[TIERS.index(tier)]

    def __str__(self) -> str:
        """As names of files have it: 90d.180d.1825d."""
        return ".".join(_short(self.of(tier)) for tier in TIERS)


@dataclass(frozen=True, slots=True)
class Rule:
    """A choice for the series that all matchers accept."""

    matchers: tuple[Matcher, ...]
    keep: Keep


@dataclass(frozen=True, slots=True)
class Retention:
    """`base` is for the series that no rule is for; of several rules for a series the first counts."""

    base: Keep = field(default_factory=Keep)
    rules: tuple[Rule, ...] = ()

    @property
    def longest_raw_ms(self) -> int:
        """How old a sample may be that is still to be kept."""
        return max(keep.raw_ms for keep in (self.base, *(rule.keep for rule in self.rules)))


def _short(time_ms: int) -> str:
    unit = next(unit for unit, unit_ms in _UNITS_MS.items() if time_ms % unit_ms == 0)
    return f"{time_ms // _UNITS_MS[unit]}{unit}"
