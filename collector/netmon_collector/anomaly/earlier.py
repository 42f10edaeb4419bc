"""When a series was last as it is now: the latest hour, of a year, in which it went as far to the same side."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Kind
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.anomaly.roster import kind_of
from netmon_collector.store.base import Matcher, MatchOp, Rollup, RollupField, Store, TieredStore
from netmon_proto.model import NAME, Labels

BY_VALUE: Final = ("deviation", "novelty")
"""Components that are about the value itself: only for these can another value be alike."""
HOUR_MS: Final = 3_600_000
FIVE_MINUTES_MS: Final = 300_000
BACK_MS: Final = {HOUR_MS: 365 * 24 * HOUR_MS, FIVE_MINUTES_MS: 30 * 24 * HOUR_MS}
MOST_RECORDS: Final = 128
"""Of one series, unless more are asked about: 2 KB."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """time_ms: the beginning of the hour, or of the five minutes. value: the most extreme one in it."""

    time_ms: int
    value: float


class _Side(NamedTuple):
    """Of an anomaly: what it is found by. end_ms: from which on no bucket is looked at, as it has something of it."""

    labels: Labels
    is_high: bool
    end_ms: int
    width_ms: int

    @classmethod
    def of(cls, odd: Anomaly) -> "_Side":
        width_ms = FIVE_MINUTES_MS if kind_of(odd.labels) == Kind.COUNTER else HOUR_MS
        end_ms = round(odd.since_s * 1000) - width_ms
        return cls(odd.labels, odd.value >= odd.explanation.expected, end_ms, width_ms)

    @property
    def sign(self) -> int:
        return 1 if self.is_high else -1


@dataclass(frozen=True, slots=True)
class _Records:
    """Buckets that went further than all later ones, the latest first: any value is looked up in them."""

    times: NDArray[np.int64]
    reached: NDArray[np.float64]
    """Ascending: times the sign of the side."""
    are_all: bool

    @classmethod
    def within(cls, rollup: Rollup, series: int, side: _Side, value: float) -> Self:
        """Those of a series that tell of this value, and some beyond."""
        own = rollup.values[series]
        is_counter = side.width_ms == FIVE_MINUTES_MS
        reached = _rate(own) if is_counter else own[RollupField.MAX if side.is_high else RollupField.MIN]
        before = rollup.times <= side.end_ms
        times, backwards = rollup.times[before][::-1], np.nan_to_num(side.sign * reached[before][::-1], nan=-np.inf)
        furthest = np.maximum.accumulate(np.concatenate([[-np.inf], backwards]))[:-1]
        found = np.flatnonzero(backwards > furthest)
        enough = int(np.searchsorted(backwards[found], value)) + 1
        kept = found[: max(enough, MOST_RECORDS)]
        return cls(times[kept], backwards[kept], len(kept) == len(found))

    @classmethod
    def none(cls) -> Self:
        return cls(np.empty(0, np.int64), np.empty(0), True)

    def answers(self, value: float) -> bool:
        return self.are_all or value <= self.reached[-1]

    def latest(self, value: float, sign: int) -> Earlier | None:
        at = int(np.searchsorted(self.reached, value))
        return Earlier(int(self.times[at]), sign * float(self.reached[at])) if at < len(self.times) else None


class Likes:
    """Looks in the store once for each anomaly, and keeps what it found while the anomaly stands."""

    def __init__(self) -> None:
        self._known: dict[_Side, _Records] = {}

    async def look(self, store: Store, found: Sequence[Anomaly]) -> list[Earlier | None]:
        """For each anomaly; None where it never was, or nobody can say: the store keeps no rollups, or what is odd is
        not the value.

        Of counters it is the mean rate over five minutes that is compared, of the last month. What is written into
        the past while an anomaly stands is not seen. Raises StoreError.
        """
        if not isinstance(store, TieredStore):
            return [None] * len(found)
        sides = [_Side.of(one) if _is_by_value(one) else None for one in found]
        wanted = {side: side.sign * one.value for side, one in zip(sides, found, strict=True) if side}
        known = {side: one for side in wanted if (one := self._known.get(side)) and one.answers(wanted[side])}
        for together in _read_together(wanted.keys() - known.keys()):
            known |= await _read(store, together, wanted)
        self._known |= known
        return [known[side].latest(wanted[side], side.sign) if side else None for side in sides]

    def keep(self, standing: Sequence[Anomaly]) -> None:
        """Forgets all but these."""
        sides = {_Side.of(one) for one in standing}
        self._known = {side: records for side, records in self._known.items() if side in sides}


async def _read(store: TieredStore, sides: Sequence[_Side], wanted: Mapping[_Side, float]) -> dict[_Side, _Records]:
    """sides: of one metric of one host."""
    width_ms, ends = sides[0].width_ms, [side.end_ms for side in sides]
    shared = sorted(set(sides[0].labels).intersection(*(side.labels for side in sides)))
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in shared]
    rollups = await store.select_rollup(matchers, min(ends) - BACK_MS[width_ms], max(ends), width_ms)
    rows = {labels: (one, row) for one in rollups or () for row, labels in enumerate(one.labels)}
    return {
        side: _Records.within(*rows[side.labels], side, wanted[side]) if side.labels in rows else _Records.none()
        for side in sides
    }


def _is_by_value(odd: Anomaly) -> bool:
    return odd.explanation.component in BY_VALUE and not math.isnan(odd.explanation.expected)


def _read_together(sides: Iterable[_Side]) -> Iterable[list[_Side]]:
    places: dict[tuple[int, str, str], list[_Side]] = {}
    for side in sides:
        labels = dict(side.labels)
        places.setdefault((side.width_ms, labels.get(NAME, ""), labels.get("instance", "")), []).append(side)
    return places.values()


def _rate(own: NDArray[np.float64]) -> NDArray[np.float64]:
    seconds = (own[RollupField.LAST_MS] - own[RollupField.FIRST_MS]) / 1000
    with np.errstate(invalid="ignore", divide="ignore"):
        rate: NDArray[np.float64] = np.where(seconds > 0, own[RollupField.INC] / seconds, np.nan)
    return rate
