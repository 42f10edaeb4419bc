"""Functions over time, answered with rollups: of a year at steps of six hours nobody wants to read each sample.

A window is the time from its start, included, to its end, not included. Where both are edges of buckets, answers are
what the samples give; else a bucket counts for the window in which it begins, so that either end is off by less than a
bucket. How far off that makes an answer: docs/store.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Matcher, Rollup, RollupField, TieredStore, Times, Values, is_absent
from netmon_proto.model import Labels

Places = npt.NDArray[np.intp]

_PATIENCE: Final = 1.1
"""As in Prometheus: a gap that is so many times the mean between samples is where a series begins or ends."""


class Over(StrEnum):
    """By the names that PromQL gives them; INCREASE and RATE reach to the ends of the window, as there."""

    COUNT = "count_over_time"
    SUM = "sum_over_time"
    AVG = "avg_over_time"
    MIN = "min_over_time"
    MAX = "max_over_time"
    LAST = "last_over_time"
    INCREASE = "increase"
    RATE = "rate"


@dataclass(frozen=True, eq=False, slots=True)
class Answered:
    """A function over the windows that end at `ends` (T,): values (S, T), NaN where it has none."""

    labels: Sequence[Labels]
    width_ms: int
    ends: Times
    values: Values


async def over_time(
    store: TieredStore, matchers: Sequence[Matcher], function: Over, ends: Times, window_ms: int, step_ms: int
) -> list[Answered] | None:
    """A function over windows of some length, from the coarsest tier that is wider than neither window nor step.

    None where all are: then samples are to be asked. Raises as `select` does.
    """
    first_ms, last_ms = int(ends[0]) - window_ms, int(ends[-1]) - 1
    rollups = await store.select_rollup(matchers, first_ms, last_ms, min(step_ms, window_ms))
    if rollups is None:
        return None
    return [
        Answered(rollup.labels, rollup.width_ms, ends, _answer(_Windows(rollup, ends - window_ms, ends), function))
        for rollup in rollups
    ]


class _Windows:
    """The buckets of S series in T windows; fields are (S, B), what is made of them (S, T)."""

    def __init__(self, rollup: Rollup, starts: Times, ends: Times) -> None:
        self._fields = rollup.values
        self._present = ~is_absent(rollup.values[:, RollupField.COUNT]) & (rollup.values[:, RollupField.COUNT] > 0)
        self._lo = np.searchsorted(rollup.times, starts)
        self._hi = np.searchsorted(rollup.times, ends)
        self.starts, self.ends = starts, ends
        buckets = np.arange(len(rollup.times))
        after = np.minimum.accumulate(np.where(self._present, buckets, len(buckets))[:, ::-1], axis=1)[:, ::-1]
        before = np.maximum.accumulate(np.where(self._present, buckets, -1), axis=1)
        self._first = np.pad(after, ((0, 0), (0, 1)), constant_values=len(buckets))[:, self._lo]
        self._last = np.pad(before, ((0, 0), (1, 0)), constant_values=-1)[:, self._hi]
        self.empty = self._first > self._last
        self._before = np.pad(before, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]

    def total(self, field: RollupField) -> Values:
        return self._reduced(np.add, np.where(self._present, self._fields[:, field], 0.0), 0.0)

    def least(self) -> Values:
        return self._reduced(np.fmin, np.where(self._present, self._fields[:, RollupField.MIN], np.nan), np.nan)

    def most(self) -> Values:
        return self._reduced(np.fmax, np.where(self._present, self._fields[:, RollupField.MAX], np.nan), np.nan)

    def first(self, field: RollupField) -> Values:
        """Of the first bucket that has a sample."""
        return self._at(self._fields[:, field], np.minimum(self._first, self._fields.shape[2] - 1))

    def last(self, field: RollupField) -> Values:
        return self._at(self._fields[:, field], np.maximum(self._last, 0))

    def risen(self) -> Values:
        """By how much a counter rose, within buckets and from one to the next; after a reset it rose from zero."""
        first, last = self._fields[:, RollupField.FIRST], self._fields[:, RollupField.LAST]
        earlier = self._at(last, np.maximum(self._before, 0))
        between = np.where(first < earlier, first, first - earlier)
        between = np.where(self._present & (self._before >= 0), between, 0.0)
        begun = self._at(between, np.minimum(self._first, between.shape[1] - 1))  # that was before the window
        return self.total(RollupField.INC) + self._reduced(np.add, between, 0.0) - np.where(self.empty, 0.0, begun)

    def _reduced(self, ufunc: np.ufunc, values: Values, empty: float) -> Values:
        padded = np.pad(values, ((0, 0), (0, 1)), constant_values=empty)
        edges = np.stack((self._lo, self._hi), axis=1).ravel()
        reduced: Values = ufunc.reduceat(padded, edges, axis=1)[:, ::2]
        reduced[:, self._lo >= self._hi] = empty
        return reduced

    @staticmethod
    def _at(values: Values, places: Places) -> Values:
        return np.take_along_axis(values, places, axis=1)


def _answer(windows: _Windows, function: Over) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        values = _values(windows, function)
    values[windows.empty] = np.nan
    return values


def _values(windows: _Windows, function: Over) -> Values:
    match function:
        case Over.COUNT:
            return windows.total(RollupField.COUNT)
        case Over.SUM:
            return windows.total(RollupField.SUM)
        case Over.AVG:
            return windows.total(RollupField.SUM) / windows.total(RollupField.COUNT)
        case Over.MIN:
            return windows.least()
        case Over.MAX:
            return windows.most()
        case Over.LAST:
            return windows.last(RollupField.LAST)
        case Over.INCREASE:
            return _increase(windows)
        case Over.RATE:
            return _increase(windows) / ((windows.ends - windows.starts) / 1000)


def _increase(windows: _Windows) -> Values:
    """As Prometheus has it: to the ends of the window, or half the mean gap beyond what is there; never below zero."""
    risen, first = windows.risen(), windows.first(RollupField.FIRST)
    first_ms, last_ms = windows.first(RollupField.FIRST_MS), windows.last(RollupField.LAST_MS)
    span = last_ms - first_ms
    gap = span / (windows.total(RollupField.COUNT) - 1)
    lead = np.maximum(first_ms - windows.starts, 0.0)  # a bucket that began before the window is not in it
    lag = np.maximum(windows.ends - last_ms, 0.0)
    lead = np.where(lead >= _PATIENCE * gap, gap / 2, lead)
    lag = np.where(lag >= _PATIENCE * gap, gap / 2, lag)
    lead = np.where((risen > 0) & (first >= 0), np.minimum(lead, span * (first / risen)), lead)
    return np.where(span > 0, risen * ((span + lead + lag) / span), np.nan)
