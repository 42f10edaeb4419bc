"""Functions of a range vector that look at each window as a whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask
from netmon_collector.query.sums import means, reduced, sums
from netmon_collector.query.windows import Kernel, Windows
from netmon_collector.store.base import Times, Values, quiet

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class Padded:
    """Some windows as the rows of a matrix: values (R, W), `there` where the window has a sample; at least one each.

    times: int64 (R, W). rows: which of the windows these are, numbered through all series and steps.
    """

    values: Values
    times: Times
    there: Mask
    rows: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def counts(self) -> Values:
        return np.asarray(self.there.sum(axis=1), np.float64)


def padded(windows: Windows, least: int = 1) -> Iterator[Padded]:
    """All windows with at least so many samples, in parts that fit into memory; windows of like size together."""
    counts = windows.counts.reshape(-1)
    lo, hi = windows.lo.reshape(-1), windows.hi.reshape(-1)
    rows = np.flatnonzero(counts >= least)
    rows = rows[np.argsort(counts[rows], kind="stable")]
    at = 0
    while at < len(rows):
        windows.check()
        part = rows[at : at + max(1, _CHUNK // int(counts[rows[min(at + 64, len(rows) - 1)]]))]
        part = part[: max(1, _CHUNK // int(counts[part[-1]]))]
        index = lo[part][:, None] + np.arange(counts[part[-1]])
        there = index < hi[part][:, None]
        index = np.minimum(index, len(windows.values) - 1)
        yield Padded(windows.values[index], windows.times[index], there, part)
        at += len(part)


def per_window(least: int, compute: Callable[[Padded], Values]) -> Kernel:
    """A kernel that computes something of each window with at least so many samples."""

    def kernel(windows: Windows) -> tuple[Values, Mask]:
        result = np.empty(windows.lo.shape)
        for part in padded(windows, least):
            result.reshape(-1)[part.rows] = compute(part)
        return result, windows.counts >= least

    return kernel


def _last(windows: Windows) -> tuple[Values, Mask]:
    return _at(windows.values, windows.hi - 1), windows.counts > 0


def _first(windows: Windows) -> tuple[Values, Mask]:
    return _at(windows.values, windows.lo), windows.counts > 0


def _last_time(windows: Windows) -> tuple[Values, Mask]:
    return _at(windows.times / 1000, windows.hi - 1), windows.counts > 0


def _first_time(windows: Windows) -> tuple[Values, Mask]:
    return _at(windows.times / 1000, windows.lo), windows.counts > 0


def _at(values: Values, index: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Values:
    if not len(values):
        return np.empty(index.shape)
    return values[np.clip(index, 0, len(values) - 1)]


def _count(windows: Windows) -> tuple[Values, Mask]:
    return windows.counts.astype(np.float64), windows.counts > 0


def _present(windows: Windows) -> tuple[Values, Mask]:
    return np.ones(windows.lo.shape), windows.counts > 0


def _sum(windows: Windows) -> tuple[Values, Mask]:
    return sums(windows.values, windows.lo, windows.hi), windows.counts > 0


def _mean(windows: Windows) -> tuple[Values, Mask]:
    return means(windows.values, windows.lo, windows.hi), windows.counts > 0


def _min(windows: Windows) -> tuple[Values, Mask]:
    return reduced(np.fmin, quiet(windows.values), windows.lo, windows.hi), windows.counts > 0


def _max(windows: Windows) -> tuple[Values, Mask]:
    return reduced(np.fmax, quiet(windows.values), windows.lo, windows.hi), windows.counts > 0


def _changes(windows: Windows) -> tuple[Values, Mask]:
    before, after = windows.values[:-1], windows.values[1:]
    return _steps(windows, (after != before) & ~(np.isnan(after) & np.isnan(before)))


def _resets(windows: Windows) -> tuple[Values, Mask]:
    return _steps(windows, windows.values[1:] < windows.values[:-1])


def _steps(windows: Windows, marked: Mask) -> tuple[Values, Mask]:
    """How many of the steps from one sample of a window to the next are marked."""
    before = np.zeros(len(windows.values) + 2, np.int64)
    np.cumsum(marked, out=before[2 : len(marked) + 2])
    there = windows.counts > 0
    inner = before[windows.hi] - before[np.minimum(windows.lo + 1, len(windows.values))]
    return np.where(there, inner, 0).astype(np.float64), there


def variance(part: Padded) -> Values:
    """Of the whole population; measured from the first sample, so that what does not change varies by exactly 0."""
    apart = np.where(part.there, part.values - part.values[:, :1], 0.0)
    mean = apart.sum(axis=1) / part.counts
    squares = np.where(part.there, (apart - mean[:, None]) ** 2, 0.0)
    return np.asarray(squares.sum(axis=1) / part.counts)


def quantiles(values: Values, there: Mask, quantile: Values) -> Values:
    """The quantile of each row of values, (R, W), each of which has a value at least; NaN is less than any number."""
    ordered = np.sort(np.where(there, values, np.nan), axis=1)
    counts = there.sum(axis=1)
    nans = (there & np.isnan(values)).sum(axis=1)
    rank = np.clip(quantile, 0, 1) * (counts - 1)
    rank = np.where(np.isnan(rank), 0, rank)
    lower = np.floor(rank).astype(np.int64)
    upper = np.minimum(counts - 1, lower + 1)
    weight = rank - lower

    def ranked(at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Values:
        picked = np.take_along_axis(ordered, np.maximum(at - nans, 0)[:, None], axis=1)[:, 0]
        return np.where(at < nans, np.nan, picked)

    result = ranked(lower) * (1 - weight) + ranked(upper) * weight
    result = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, result))
    return np.where(np.isnan(quantile), np.nan, result)


def _deviation(part: Padded) -> Values:
    """The median of the distances from the median; NaN where a sample is."""
    half = np.full(len(part.rows), 0.5)
    median = quantiles(part.values, part.there, half)
    result = quantiles(np.abs(part.values - median[:, None]), part.there, half)
    return np.where((part.there & np.isnan(part.values)).any(axis=1), np.nan, result)


def _time_of_max(part: Padded) -> Values:
    return _time_of(part, np.where(part.there, part.values, np.nan))


def _time_of_min(part: Padded) -> Values:
    return _time_of(part, np.where(part.there, -part.values, np.nan))


def _time_of(part: Padded, values: Values) -> Values:
    """The time of the last of the greatest values; of the last sample where all are NaN."""
    nan = np.isnan(values)
    lowest = np.where(nan, -np.inf, values)
    best = (lowest == lowest.max(axis=1)[:, None]) & ~nan
    best |= part.there & np.all(nan, axis=1, keepdims=True)
    last = best.shape[1] - 1 - best[:, ::-1].argmax(axis=1)
    return np.take_along_axis(part.times, last[:, None], axis=1)[:, 0] / 1000


KERNELS: Final[dict[str, Kernel]] = {
    "avg_over_time": _mean,
    "changes": _changes,
    "count_over_time": _count,
    "first_over_time": _first,
    "last_over_time": _last,
    "mad_over_time": per_window(1, _deviation),
    "max_over_time": _max,
    "min_over_time": _min,
    "present_over_time": _present,
    "resets": _resets,
    "stddev_over_time": per_window(1, lambda part: np.sqrt(variance(part))),
    "stdvar_over_time": per_window(1, variance),
    "sum_over_time": _sum,
    "ts_of_first_over_time": _first_time,
    "ts_of_last_over_time": _last_time,
    "ts_of_max_over_time": per_window(1, _time_of_max),
    "ts_of_min_over_time": per_window(1, _time_of_min),
}
KEEPS_NAME: Final = frozenset({"first_over_time", "last_over_time"})


def quantile_kernel(quantile: Values) -> Kernel:
    """quantile_over_time with a quantile per step."""
    return lambda windows: per_window(
        1, lambda part: quantiles(part.values, part.there, quantile[part.rows % len(quantile)])
    )(windows)
