"""Values for times of which the samples are gone and only rollups are left.

A bucket counts as a sample in its middle, so that windows from edge to edge of buckets have just their buckets, and
others are off by one bucket at most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask
from netmon_collector.query.matching import any_of
from netmon_collector.query.plan import Query, outer_takers
from netmon_collector.query.rates import stretched
from netmon_collector.query.series import SeriesSet
from netmon_collector.query.settle import merged
from netmon_collector.query.sums import Indices, reduced, sums
from netmon_collector.query.syntax.nodes import Edges, Selector, ValueType
from netmon_collector.query.values import Vector
from netmon_collector.query.windows import Tracks, windows_of
from netmon_collector.store.base import Rollup, RollupField, Times, Values, is_absent

LATEST: Final = ""
"""Stands for an instant vector selector among the functions."""


@dataclass(frozen=True, eq=False, slots=True)
class _Buckets:
    """The buckets of some series, one series after the other: fields float64 (len(RollupField), N), and which of them
    are in each window, (S, T). starts and ends: of the windows, (T,).
    """

    fields: Values
    lo: Indices
    hi: Indices
    starts: Times
    ends: Times

    def first(self, field: RollupField) -> Values:
        return self._at(field, self.lo)

    def last(self, field: RollupField) -> Values:
        return self._at(field, self.hi - 1)

    def _at(self, field: RollupField, index: Indices) -> Values:
        values: Values = self.fields[field][np.clip(index, 0, self.fields.shape[1] - 1)]
        return values

    def reduced(self, ufunc: np.ufunc, field: RollupField) -> Values:
        return reduced(ufunc, self.fields[field], self.lo, self.hi)

    def summed(self, field: RollupField) -> Values:
        return sums(self.fields[field], self.lo, self.hi)


def _rise(buckets: _Buckets, *, counter: bool) -> Values:
    """From the first sample of a window to the last; of a counter with what resets have taken."""
    if not counter:
        return buckets.last(RollupField.LAST) - buckets.first(RollupField.FIRST)
    first, last = buckets.fields[RollupField.FIRST], buckets.fields[RollupField.LAST]
    between = np.zeros(len(first))
    between[:-1] = np.where(first[1:] < last[:-1], first[1:], first[1:] - last[:-1])
    inner = np.maximum(buckets.hi - 1, buckets.lo)
    return buckets.summed(RollupField.INC) + sums(between, buckets.lo, inner)


def _extrapolated(buckets: _Buckets, *, counter: bool, per_second: bool) -> Values:
    """As of samples, of which there must be two."""
    rise = _rise(buckets, counter=counter)
    first_ms, last_ms = buckets.first(RollupField.FIRST_MS), buckets.last(RollupField.LAST_MS)
    gaps = buckets.summed(RollupField.COUNT) - 1
    first_value = buckets.first(RollupField.FIRST) if counter else None
    to_start = np.maximum(first_ms - buckets.starts, 0) / 1000
    to_end = np.maximum(buckets.ends - last_ms, 0) / 1000
    factor = stretched((last_ms - first_ms) / 1000, gaps, to_start, to_end, first_value, rise)
    if per_second:
        factor = factor / ((buckets.ends - buckets.starts) / 1000)
    return rise * factor


_COMPUTE: Final[dict[str, Callable[[_Buckets], Values]]] = {
    LATEST: lambda buckets: buckets.last(RollupField.LAST),
    "absent_over_time": lambda buckets: np.ones(buckets.lo.shape),
    "avg_over_time": lambda buckets: buckets.summed(RollupField.SUM) / buckets.summed(RollupField.COUNT),
    "count_over_time": lambda buckets: buckets.summed(RollupField.COUNT),
    "delta": lambda buckets: _extrapolated(buckets, counter=False, per_second=False),
    "increase": lambda buckets: _extrapolated(buckets, counter=True, per_second=False),
    "last_over_time": lambda buckets: buckets.last(RollupField.LAST),
    "max_over_time": lambda buckets: buckets.reduced(np.fmax, RollupField.MAX),
    "min_over_time": lambda buckets: buckets.reduced(np.fmin, RollupField.MIN),
    "present_over_time": lambda buckets: np.ones(buckets.lo.shape),
    "rate": lambda buckets: _extrapolated(buckets, counter=True, per_second=True),
    "sum_over_time": lambda buckets: buckets.summed(RollupField.SUM),
}
FUNCTIONS: Final = frozenset(_COMPUTE)
"""What can be told from rollups."""
_OF_TWO: Final = frozenset({"rate", "increase", "delta"})
"""What needs two samples."""


_ADDING: Final = frozenset({"increase", "delta", "count_over_time", "sum_over_time"})
"""What is the greater, the longer a window is; so buckets must not be longer than it."""
_FINEST_MS: Final = 300_000
"""Shorter buckets there are none."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is computed of a selector's windows, and how wide buckets may be for that."""

    function: str
    bucket_ms: int
    range_ms: int


def told_by_rollups(query: Query) -> dict[int, Told]:
    """The selectors, by their ids, whose values rollups tell finely enough."""
    if 0 < query.step_ms < _FINEST_MS or query.root.type is ValueType.MATRIX:  # the latter are samples themselves
        return {}
    takers = outer_takers(query.root) if query.takers is None else query.takers
    found: dict[int, Told] = {}
    for node, function in takers:
        told = _told(query, node, function)
        if told is not None and told.bucket_ms >= _FINEST_MS:
            found[id(node)] = told
    return found


def _told(query: Query, node: Selector, function: str) -> Told | None:
    range_ms = query.range_ms(node)
    if node.edges is not Edges.PLAIN:
        return None
    if node.range is None:
        return None if function in ("timestamp", "info") else Told(LATEST, query.step_ms, range_ms)
    if function not in FUNCTIONS:
        return None
    bucket_ms = query.step_ms or range_ms // 10
    return Told(function, min(bucket_ms, range_ms) if function in _ADDING else bucket_ms, range_ms)


@dataclass(frozen=True, eq=False, slots=True)
class History:
    """Rollups of the series of a selector; they count for windows that begin before `until_ms`."""

    told: Told
    rollups: Sequence[Rollup]
    until_ms: int

    def complete(self, vector: Vector, ends: Times, length_ms: int, check: Callable[[], None]) -> Vector:
        """The values of all windows: of older ones what rollups tell. A window is as long as a bucket at least."""
        old = ends < self.until_ms + length_ms
        if not old.any():
            return vector
        before = self._computed(ends[old], length_ms, check)
        if not len(before.series):
            return vector
        shape = (len(before.series), len(ends))
        values, present = np.zeros(shape), np.zeros(shape, np.bool_)
        values[:, old], present[:, old] = before.values, before.present
        both = SeriesSet.joined([vector.series, before.series])
        groups = both.grouped()
        own, other = groups.ids[: len(vector.series)], groups.ids[len(vector.series) :]
        newer = vector.present & ~any_of(present, other, len(groups))[own]
        everything = Vector.of(both, np.concatenate([vector.values, values]), np.concatenate([newer, present]))
        return merged(everything).compact()

    def _computed(self, ends: Times, length_ms: int, check: Callable[[], None]) -> Vector:
        width_ms = self.rollups[0].width_ms
        length_ms = length_ms + width_ms if self.told.function == LATEST else max(length_ms, width_ms)
        parts = []
        for rollup in self.rollups:
            check()
            parts.append(_part(rollup, self.told.function, ends, length_ms))
        series = SeriesSet.of_parts([rollup.labels for rollup in self.rollups])
        values, present = (np.concatenate(some) for some in zip(*parts, strict=True))
        return Vector.of(series, values, present).compact()


def _part(rollup: Rollup, function: str, ends: Times, length_ms: int) -> tuple[Values, Mask]:
    """A function of the windows of one rollup's series."""
    counts = np.ascontiguousarray(rollup.values[:, RollupField.COUNT])
    there = ~is_absent(counts)
    windows = windows_of(Tracks.of_tables([(rollup.times + rollup.width_ms // 2, counts)]), ends, length_ms, stale=True)
    fields = np.stack([rollup.values[:, field][there] for field in RollupField])
    buckets = _Buckets(fields, windows.lo, windows.hi, windows.starts, windows.ends)
    present = windows.counts > 0
    if function in _OF_TWO:
        present &= buckets.summed(RollupField.COUNT) >= 2
    return _COMPUTE[function](buckets), present
