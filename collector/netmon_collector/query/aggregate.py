"""Aggregations that make one series of a group of series."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask
from netmon_collector.query.masks import everywhere, is_anywhere, is_everywhere
from netmon_collector.query.over_time import quantiles
from netmon_collector.query.record import record
from netmon_collector.query.series import Grouping, SeriesSet
from netmon_collector.query.sums import Indices, means, sums
from netmon_collector.query.syntax.nodes import Aggregation
from netmon_collector.query.values import Vector
from netmon_collector.store.base import Values, quiet
from netmon_proto.model import NAME


def grouped(node: Aggregation, vector: Vector) -> tuple[Grouping, SeriesSet]:
    """The groups that `by` or `without` asks for, and their labels."""

    def make() -> tuple[Grouping, SeriesSet]:
        kept = grouping_labels(node, vector.series)
        return kept.grouped(), kept.distinct()

    return vector.series.once(("grouped", node.without, node.grouping), make)


def grouping_labels(node: Aggregation, series: SeriesSet) -> SeriesSet:
    """The series with no other labels than those that make the groups."""
    return series.without((*node.grouping, NAME)) if node.without else series.only(node.grouping)


@record
class Cells:
    """Values of all groups at all steps: the cell of group g at step t has values[lo[t, g]:hi[t, g]], absent ones left
    out, in the order of the series. Cells follow each other without gaps, which reducing them needs to be fast.
    """

    values: Values
    lo: Indices
    hi: Indices

    @classmethod
    def of(cls, vector: Vector, groups: Grouping) -> "Cells":
        steps = vector.values.shape[1]
        order, starts = groups.order, groups.starts
        values, present = vector.values[order], vector.present[order]
        if is_everywhere(present):  # column by column, so that a cell's values are neighbours
            base = np.arange(steps)[:, None] * len(order)
            return cls(np.ascontiguousarray(values.T).reshape(-1), base + starts[:-1], base + starts[1:])
        before = np.zeros(steps * len(order) + 1, np.int64)
        there = present.T.reshape(-1)
        np.cumsum(there, out=before[1:])
        base = np.arange(steps)[:, None] * len(order)
        return cls(values.T.reshape(-1)[there], before[base + starts[:-1]], before[base + starts[1:]])

    @property
    def counts(self) -> Indices:
        return self.hi - self.lo


def aggregated(node: Aggregation, vector: Vector, param: Values | None) -> Vector:
    """sum, avg, min, max, count, group, stddev, stdvar and quantile. param: float64 (T,)."""
    groups, labels = grouped(node, vector)
    if is_everywhere(vector.unnamed):
        unnamed = everywhere(len(groups))
    else:
        unnamed = np.asarray(np.bincount(groups.ids, vector.unnamed, len(groups)) > 0)
    plain = _plain_sums(vector, groups) if node.op in ("sum", "avg") else None
    if plain is not None:
        values = plain / groups.sizes if node.op == "avg" else plain
        present = everywhere(*values.shape)
    elif node.op in _REDUCTIONS:
        values, present = _REDUCTIONS[node.op](vector, groups)
    else:
        cells = Cells.of(vector, groups)
        values = (_quantile(cells, param) if param is not None else _CELLWISE[node.op](cells)).T
        present = (cells.counts > 0).T
    return Vector(labels, values, present, unnamed)


def _plain_sums(vector: Vector, groups: Grouping) -> Values | None:
    """The sums, where nothing is absent or cancels out another; None elsewhere."""
    if not len(vector.series) or not is_everywhere(vector.present) or is_anywhere(vector.values < 0):
        return None
    total = _reduced(np.add, vector.values, groups) + 0.0  # of -0 alone it is 0
    return total if math.isfinite(np.add.reduce(total, axis=None)) else None  # which no NaN among them lets it be


def _reduced(ufunc: np.ufunc, values: Values | Mask, groups: Grouping) -> Values:
    """ufunc over the series of each group, (G, T)."""
    if len(groups) == len(values):  # numbered by first appearance, so in the same order
        return np.asarray(values)
    if len(groups) == 1:
        return np.asarray(ufunc.reduce(values, axis=0, keepdims=True))
    return np.asarray(ufunc.reduceat(values[groups.order], groups.starts[:-1], axis=0))


def _counted(vector: Vector, groups: Grouping) -> Values:
    return _reduced(np.add, vector.present.astype(np.float64), groups)


def _count(vector: Vector, groups: Grouping) -> tuple[Values, Mask]:
    counts = _counted(vector, groups)
    return counts, counts > 0


def _group(vector: Vector, groups: Grouping) -> tuple[Values, Mask]:
    present = _reduced(np.logical_or, vector.present, groups).astype(np.bool_)
    return np.ones(present.shape), present


def _extreme(ufunc: np.ufunc) -> Callable[[Vector, Grouping], tuple[Values, Mask]]:
    """The least or greatest; NaN only where there is nothing else."""

    def reduce(vector: Vector, groups: Grouping) -> tuple[Values, Mask]:
        if is_everywhere(vector.present) and len(groups):
            values = _reduced(ufunc, quiet(vector.values), groups)
            return values, everywhere(*values.shape)
        values = _reduced(ufunc, quiet(np.where(vector.present, vector.values, np.nan)), groups)
        return values, _reduced(np.logical_or, vector.present, groups).astype(np.bool_)

    return reduce


def _deviation(cells: Cells) -> Values:
    """The variance; measured from each cell's first value, so that equal values have none."""
    there = cells.counts > 0
    lo, hi = np.where(there, cells.lo, 0), np.where(there, cells.hi, 0)
    origin = cells.values[np.minimum(lo, max(len(cells.values) - 1, 0))] if len(cells.values) else np.zeros(lo.shape)
    counts = (hi - lo)[there]
    apart = cells.values - np.repeat(origin[there], counts)
    mean = means(apart, lo, hi)
    squares = (apart - np.repeat(mean[there], counts)) ** 2
    return np.asarray(sums(squares, lo, hi) / np.maximum(hi - lo, 1))


def _quantile(cells: Cells, quantile: Values) -> Values:
    result = np.full(cells.lo.shape, np.nan)
    by_cell = np.broadcast_to(quantile[:, None], cells.lo.shape)
    for count in np.unique(cells.counts[cells.counts > 0]):
        rows = cells.counts == count
        index = cells.lo[rows][:, None] + np.arange(count)
        values = cells.values[index]
        result[rows] = quantiles(values, np.ones(values.shape, np.bool_), by_cell[rows])
    return result


_CELLWISE: Final[dict[str, Callable[[Cells], Values]]] = {
    "sum": lambda cells: sums(cells.values, cells.lo, cells.hi),
    "avg": lambda cells: means(cells.values, cells.lo, cells.hi),
    "stdvar": _deviation,
    "stddev": lambda cells: np.sqrt(_deviation(cells)),
}
_REDUCTIONS: Final[dict[str, Callable[[Vector, Grouping], tuple[Values, Mask]]]] = {
    "count": _count,
    "group": _group,
    "max": _extreme(np.fmax),
    "min": _extreme(np.fmin),
}
