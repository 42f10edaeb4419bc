"""histogram_quantile, histogram_quantiles and histogram_fraction on classic histograms: series with the label `le`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.query.answer import Mask
from netmon_collector.query.notes import Notes, of_metric
from netmon_collector.query.numbers import general, with_point
from netmon_collector.query.series import Codes, Grouping, SeriesSet
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.nodes import Node
from netmon_collector.query.values import Vector
from netmon_collector.store.base import Times, Values
from netmon_proto.model import NAME

BUCKET: Final = "le"
_NUMBER: Final = re.compile(
    r"[+-]?(?:inf(?:inity)?|nan|0x[\da-f.]+p[+-]?\d+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.IGNORECASE
)
_TOLERANCE: Final = 1e-12
_GREATEST: Final = float(np.finfo(np.float64).max)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class _Buckets:
    """Histograms of some groups at all steps, a row (R) each, at most B buckets: upper bounds, cumulative counts, and
    how many buckets there are; they stand at the left, in order.
    """

    bounds: Values
    counts: Values
    sizes: npt.NDArray[np.int64]

    @property
    def is_whole(self) -> Mask:
        """Which histograms count all observations, in their last bucket."""
        return (self.sizes > 0) & np.isposinf(self._last(self.bounds, 1))

    @property
    def usable(self) -> Mask:
        """Which have quantiles."""
        return np.asarray(self.is_whole & (self.sizes >= 2) & (self.observations != 0))

    @property
    def observations(self) -> Values:
        return self._last(self.counts, 1)

    def _last(self, values: Values, back: int) -> Values:
        return np.take_along_axis(values, np.maximum(self.sizes - back, 0)[:, None], axis=1)[:, 0]

    def second_last_bound(self) -> Values:
        return self._last(self.bounds, 2)


@dataclass(frozen=True, eq=False, slots=True)
class _Histograms:
    """The series of a vector that are buckets, sorted by group and bound; series with equal bounds are one."""

    series: SeriesSet
    unnamed: Mask
    bounds: Values
    groups: Codes
    values: Values
    present: Mask

    def chunks(self) -> Iterator[tuple[slice, _Buckets]]:
        """Some groups at a time."""
        sizes = np.bincount(self.groups, minlength=len(self.series))
        starts = np.concatenate([[0], np.cumsum(sizes)])
        widest = int(sizes.max(initial=1))
        some = max(1, _CHUNK // (widest * max(1, self.values.shape[1])))
        for first in range(0, len(sizes), some):
            part = slice(first, min(first + some, len(sizes)))
            yield part, self._buckets(part, sizes[part], starts)

    def _buckets(self, part: slice, sizes: Codes, starts: Codes) -> _Buckets:
        steps, width = self.values.shape[1], int(sizes.max())
        rows = slice(int(starts[part.start]), int(starts[part.stop]))
        group = self.groups[rows] - part.start
        place = np.arange(rows.start, rows.stop) - starts[self.groups[rows]]
        bounds = np.full((len(sizes), width), np.inf)
        bounds[group, place] = self.bounds[rows]
        counts = np.zeros((len(sizes), steps, width))
        there = np.zeros(counts.shape, np.bool_)
        counts[group, :, place] = self.values[rows]
        there[group, :, place] = self.present[rows]
        shape = (len(sizes) * steps, width)
        return _packed(np.repeat(bounds, steps, axis=0), counts.reshape(shape), there.reshape(shape))


def _packed(bounds: Values, counts: Values, there: Mask) -> _Buckets:
    sizes = there.sum(axis=1)
    filled = np.arange(there.shape[1]) < sizes[:, None]
    if not np.array_equal(filled, there):
        order = np.argsort(~there, axis=1, kind="stable")
        bounds, counts = np.take_along_axis(bounds, order, axis=1), np.take_along_axis(counts, order, axis=1)
    return _Buckets(bounds, counts, sizes)


def histograms(vector: Vector, node: Node, notes: Notes) -> _Histograms:
    """The buckets of a vector, in groups of series that differ in `le` alone."""
    column = vector.series.column(BUCKET)
    limits = np.array([_bound(value) for value in column.values])
    bounds = limits[column.codes]
    bad = np.isnan(bounds)
    told = vector.series.take(bad).only((BUCKET, NAME)).distinct()
    for labels in map(dict, told.labels()):
        problem = f'bucket label "le" is missing or has a malformed value of {go_quoted(labels.get(BUCKET, ""))}'
        notes.warn(node, problem + of_metric(labels.get(NAME, "")))
    vector, bounds = vector.take(~bad), bounds[~bad]
    kept = vector.series.without([BUCKET])
    return _coalesced(vector, kept, kept.grouped(), bounds)


def _coalesced(vector: Vector, kept: SeriesSet, groups: Grouping, bounds: Values) -> _Histograms:
    order = np.lexsort((bounds, groups.ids))
    ids, bounds = groups.ids[order], bounds[order]
    values = np.where(vector.present, vector.values, 0.0)[order]
    present = vector.present[order]
    unnamed = np.zeros(len(groups), np.bool_)
    np.logical_or.at(unnamed, groups.ids, vector.unnamed)
    begins = np.r_[True, (ids[1:] != ids[:-1]) | (bounds[1:] != bounds[:-1])] if len(ids) else np.zeros(0, np.bool_)
    starts = np.flatnonzero(begins)
    if len(starts) < len(ids):
        values, present = np.add.reduceat(values, starts, axis=0), np.logical_or.reduceat(present, starts, axis=0)
    return _Histograms(kept.take(groups.first), unnamed, bounds[starts], ids[starts], values, present)


def _bound(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        return float("nan")
    bound = float.fromhex(text) if text.lower().lstrip("+-").startswith("0x") else float(text)
    is_too_large = np.isinf(bound) and "i" not in text.lower()
    return float("nan") if is_too_large else bound


def histogram_quantile(source: _Histograms, quantile: Values, times: Times, node: Node, notes: Notes) -> Vector:
    """quantile: float64 (T,). node: what the histograms come from."""
    steps = len(times)
    result = np.full((len(source.series), steps), np.nan)
    present = np.zeros(result.shape, np.bool_)
    for part, buckets in source.chunks():
        q = np.tile(quantile, part.stop - part.start)
        smooth, forced = _monotonic(buckets)
        valid = (q >= 0) & (q <= 1)
        forced.inform(valid & smooth.usable, part.start, source.series, times, node, notes)
        values = np.where(valid, _quantile_of(smooth, q), np.where(q < 0, -np.inf, np.where(q > 1, np.inf, np.nan)))
        result[part], present[part] = values.reshape(-1, steps), (buckets.sizes > 0).reshape(-1, steps)
    return Vector(source.series, result, present, source.unnamed).compact()


def _quantile_of(buckets: _Buckets, quantile: Values) -> Values:
    rank = quantile * buckets.observations
    at = _reached(buckets, rank)

    def picked(values: Values, index: npt.NDArray[np.int64]) -> Values:
        return np.take_along_axis(values, np.clip(index, 0, values.shape[1] - 1)[:, None], axis=1)[:, 0]

    start = np.where(at > 0, picked(buckets.bounds, at - 1), 0.0)
    before = np.where(at > 0, picked(buckets.counts, at - 1), 0.0)
    end, count = picked(buckets.bounds, at), picked(buckets.counts, at)
    value = start + (end - start) * ((rank - before) / (count - before))
    value = np.where((at == 0) & (end <= 0), end, value)
    value = np.where(at == buckets.sizes - 1, buckets.second_last_bound(), value)
    return np.where(buckets.usable, value, np.nan)


def _reached(buckets: _Buckets, rank: Values) -> npt.NDArray[np.int64]:
    """The first bucket but the last that counts so many, else the last. Searched for as in Prometheus, so that the same
    is found among counts that are NaN, which have no order.
    """
    rows = np.arange(len(rank))
    lo, hi = np.zeros(len(rank), np.int64), np.maximum(buckets.sizes - 1, 0)
    while (open_ := lo < hi).any():
        middle = (lo + hi) // 2
        reached = buckets.counts[rows, middle] >= rank
        lo, hi = np.where(open_ & ~reached, middle + 1, lo), np.where(open_ & reached, middle, hi)
    return lo


@dataclass(frozen=True, eq=False, slots=True)
class _Forced:
    """Where counts had to be raised because a wider bucket counted less: from and to which bound, by how much, (R,)."""

    there: Mask
    least: Values
    most: Values
    difference: Values

    def inform(self, wanted: Mask, first: int, series: SeriesSet, times: Times, node: Node, notes: Notes) -> None:
        rows = np.flatnonzero(self.there & wanted)
        if not len(rows):
            return
        names = series.column(NAME)
        by_name = names.codes[first + rows // len(times)]
        for code in np.unique(by_name).tolist():
            own = rows[by_name == code]
            moments = times[own % len(times)]
            notes.inform(
                node,
                "input to histogram_quantile needed to be fixed for monotonicity (see "
                "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
                f"{of_metric(names.values[code])}, from buckets {general(float(self.least[own].min()))} to "
                f"{general(float(self.most[own].max()))}, with a max diff of "
                f"{_two_digits(float(self.difference[own].max()))}, over {len(own)} samples from "
                f"{_moment(int(moments.min()))} to {_moment(int(moments.max()))}",
            )


def _two_digits(value: float) -> str:
    return f"{value:.2g}"


def _moment(time_ms: int) -> str:
    text = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{time_ms % 1000:03d}".rstrip("0") if time_ms % 1000 else "") + "Z"


def _monotonic(buckets: _Buckets) -> tuple[_Buckets, _Forced]:
    """Counts that never fall from a bucket to a wider one; tiny differences come from rounding and are ignored."""
    counts = buckets.counts.copy()
    rows, width = counts.shape
    least, most, difference = np.full(rows, np.inf), np.full(rows, -np.inf), np.zeros(rows)
    previous = counts[:, 0].copy()
    for number in range(1, width):
        current = counts[:, number]
        there = number < buckets.sizes
        gap = np.abs(current - previous)
        tiny = gap <= _TOLERANCE * np.minimum(np.abs(current) + np.abs(previous), _GREATEST)
        falls = there & ~tiny & (current < previous)
        least = np.where(falls, np.minimum(least, buckets.bounds[:, number]), least)
        most = np.where(falls, np.maximum(most, buckets.bounds[:, number]), most)
        difference = np.where(falls, np.maximum(difference, gap), difference)
        counts[:, number] = np.where(there & (tiny | falls), previous, current)
        previous = np.where(there, counts[:, number], previous)
    smooth = _Buckets(buckets.bounds, counts, buckets.sizes)
    return smooth, _Forced(np.isfinite(least) | (difference > 0), least, most, difference)


def histogram_fraction(source: _Histograms, lower: Values, upper: Values) -> Vector:
    """Which share of the observations lies between two values. lower, upper: float64 (T,)."""
    steps = len(lower)
    result = np.full((len(source.series), steps), np.nan)
    present = np.zeros(result.shape, np.bool_)
    for part, buckets in source.chunks():
        count = part.stop - part.start
        low, high = np.tile(lower, count), np.tile(upper, count)
        total = buckets.observations
        share = (_rank(buckets, high) - _rank(buckets, low)) / total
        share = np.where(low >= high, 0.0, share)
        valid = buckets.is_whole & (total != 0) & ~np.isnan(low) & ~np.isnan(high)
        result[part] = np.where(valid, share, np.nan).reshape(-1, steps)
        present[part] = (buckets.sizes > 0).reshape(-1, steps)
    return Vector(source.series, result, present, source.unnamed).compact()


def _rank(buckets: _Buckets, value: Values) -> Values:
    """How many observations are not greater than a value, as far as buckets tell."""
    total = buckets.observations
    result, found = total.copy(), np.zeros(len(value), np.bool_)
    before = np.zeros(len(value))
    for number in range(buckets.counts.shape[1]):
        there = number < buckets.sizes
        end, count = buckets.bounds[:, number], buckets.counts[:, number]
        start = buckets.bounds[:, number - 1] if number else np.where(end > 0, 0.0, -np.inf)
        inside = np.where(np.isneginf(start), count, before + (count - before) * (value - start) / (end - start))
        below, within = start >= value, (start < value) & (end > value)
        result = np.where(there & ~found & below, before, np.where(there & ~found & within, inside, result))
        found |= there & (below | within)
        before = np.where(there, count, before)
    return np.minimum(result, total)


def quantile_label(quantile: float) -> str:
    return with_point(quantile)
