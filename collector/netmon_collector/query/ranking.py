"""Aggregations that choose among the series of a group: topk, bottomk, limitk, limit_ratio; and count_values."""

from dataclasses import replace
from typing import Final

import numpy as np

from netmon_collector.query.aggregate import aggregated, grouped, grouping_labels
from netmon_collector.query.answer import Mask
from netmon_collector.query.errors import refuse
from netmon_collector.query.hashes import share_of
from netmon_collector.query.notes import Notes
from netmon_collector.query.numbers import general, plain
from netmon_collector.query.series import Codes, SeriesSet, encoded
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.nodes import Aggregation, Node
from netmon_collector.query.values import METADATA, Vector
from netmon_collector.store.base import Values
from netmon_proto.model import NAME

RANKED: Final = frozenset({"topk", "bottomk", "limitk"})


def _check_count(count: Values) -> None:
    """Raises QueryError for a number of series that is none."""
    if np.isnan(count).any():
        refuse("Parameter value is NaN")
    if (count >= 2.0**63).any():
        refuse(f"Scalar value {general(float(count.max()))} overflows int64")
    if (count <= -(2.0**63)).any():
        refuse(f"Scalar value {general(float(count.min()))} underflows int64")


def ranked(node: Aggregation, vector: Vector, count: Values) -> Vector:
    """So many of the series of each group: the greatest, the least, or any. count: float64 (T,)."""
    if (count < 1).all():
        return vector.with_values(vector.values, np.zeros_like(vector.present)).compact()
    _check_count(count)
    if not len(vector.series):
        return vector
    vector = vector.sorted()  # so that of equals the same is chosen at every step
    groups, _ = grouped(node, vector)
    keys = {"topk": -vector.values, "bottomk": vector.values, "limitk": np.zeros(vector.values.shape)}[node.op]
    most = int(np.trunc(count.max()))
    present = _hopeful(keys, vector.present, most) if len(groups) == 1 else vector.present
    ranks = _ranks(keys, present, groups.ids)
    result = replace(vector, present=present & (ranks < np.trunc(count)))
    if vector.values.shape[1] == 1:
        result = result.take(np.lexsort((ranks[:, 0], groups.ids)))
    return replace(result.compact(), ordered=node.op != "limitk")


def _hopeful(keys: Values, present: Mask, most: int) -> Mask:
    """Of series that are one group, those that may be among the first so many at a step."""
    if not 0 < most < len(keys):
        return present
    last = np.partition(np.where(present, keys, np.nan), most - 1, axis=0)[most - 1]  # a NaN comes last
    return np.asarray(present & ((keys <= last) | np.isnan(last)))


def _ranks(keys: Values, present: Mask, ids: Codes) -> Codes:
    """The place of each series in its group at each step, from 0: the least key first, NaN behind, the absent last."""
    step, row = np.nonzero(present.T)
    order = np.lexsort((keys[row, step], ids[row], step))  # a NaN is sorted last
    step, row = step[order], row[order]
    cell = step * (int(ids.max()) + 1) + ids[row]
    begins = np.ones(len(cell), np.bool_)
    begins[1:] = cell[1:] != cell[:-1]
    places = np.arange(len(cell))
    ranks = np.full(keys.shape, len(keys))
    ranks[row, step] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return ranks


def sampled(param: Node, vector: Vector, ratio: Values, notes: Notes) -> Vector:
    """limit_ratio: a share of the series, always the same ones; with a negative ratio the others."""
    if np.isnan(ratio).any():
        refuse("Ratio value is NaN")
    for value, nearest in ((float(ratio.max()), 1), (float(ratio.min()), -1)):
        if value * nearest > 1:
            told = f"ratio value should be between -1 and 1, got {general(value)}, capping to {nearest}"
            notes.warn(param, told)
    share = np.clip(ratio, -1, 1)
    series = vector.series.cleared(METADATA, vector.unnamed)
    offsets = series.once("shares", lambda: np.array([share_of(labels) for labels in series.labels()]))[:, None]
    chosen = np.where(share >= 0, offsets < share, offsets >= 1 + share)
    return replace(vector, present=vector.present & chosen, ordered=False).compact()


def counted_values(node: Aggregation, vector: Vector, label: str) -> Vector:
    """A series for each value that occurs in a group: how often."""
    if not label or any("\udc80" <= character <= "\udcff" for character in label):
        refuse(f"invalid label name {go_quoted(label)}")
    if node.without and label in (*node.grouping, NAME):  # the values would be told in a label that is dropped again
        return aggregated(replace(node, op="count", param=None), vector, None).compact()
    kept = grouping_labels(node, vector.series).without([label])
    groups = kept.grouped()
    rows, steps = np.nonzero(vector.present)
    found = vector.values[rows, steps]
    bits = np.where(np.isnan(found), np.nan, found).view(np.int64)  # 0 and -0 are two values, all NaN are one
    values, codes = np.unique(bits, return_inverse=True)
    keys, series = np.unique(groups.ids[rows] * max(len(values), 1) + codes, return_inverse=True)
    counts = np.zeros((len(keys), vector.values.shape[1]))
    np.add.at(counts, (series, steps), 1)
    column = encoded([plain(value) for value in values.view(np.float64).tolist()])
    labels = kept.take(groups.first[keys // max(len(values), 1)]) if len(keys) else SeriesSet.empty(0)
    labels = labels.with_values(label, [column.values[code] for code in column.codes[keys % max(len(values), 1)]])
    unnamed = np.zeros(len(groups), np.bool_)
    if label != NAME:  # else it was given on purpose
        np.logical_or.at(unnamed, groups.ids, vector.unnamed)
    return Vector(labels, counts, counts > 0, unnamed[keys // max(len(values), 1)] if len(keys) else unnamed[:0])
