"""info(): labels of series such as target_info, taken over by the series of the same instance and job."""

from dataclasses import replace
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask
from netmon_collector.query.errors import refuse, shown
from netmon_collector.query.matching import any_of, signatures
from netmon_collector.query.series import Codes, Column, SeriesSet
from netmon_collector.query.settle import merged
from netmon_collector.query.syntax.nodes import Matching, Selector
from netmon_collector.query.values import Vector
from netmon_collector.store.base import Matcher, Values
from netmon_collector.store.match import Condition
from netmon_collector.store.match import Matching as Conditions
from netmon_proto.model import NAME

IDENTIFYING: Final = ("instance", "job")


def with_info(base: Vector, info: Vector, times: Values, selector: Selector) -> Vector:
    """The base with the labels of the info series at each step. times: of their samples, in the shape of values."""
    names = [matcher for matcher in selector.matchers if matcher.name == NAME]
    data = [matcher for matcher in selector.matchers if matcher.name != NAME]
    is_info = np.array([Conditions(names).accepts(((NAME, name),)) for name in base.series.column(NAME).values])
    itself = is_info[base.series.column(NAME).codes]
    result = base.take(~itself)
    asked = _asked(result.series, info.series)
    info, times = replace(info.take(asked), present=info.present[asked] & base.present.any(axis=0)), times[asked]
    own, origin = result.series, np.arange(len(result.series))
    matched = np.zeros(result.present.shape, np.bool_)
    column = info.series.column(NAME)
    for code in np.unique(column.codes).tolist():
        rows = np.flatnonzero(column.codes == code)
        result, matched, origin = _joined(result, matched, origin, own, info.take(rows), times[rows], data)
    if not all(Condition(matcher).accepts("") for matcher in data):
        result = replace(result, present=result.present & matched)
    return merged(_both(base.take(itself), result).compact())


def _asked(base: SeriesSet, info: SeriesSet) -> Mask:
    """The info series that are looked at: their identifying labels are those of base series, each by itself."""
    known = [({value for value in base.values(name) if value}, info.column(name)) for name in IDENTIFYING]
    masks = [np.array([text in own for text in column.values])[column.codes] for own, column in known if own]
    return np.asarray(np.logical_and.reduce(masks)) if masks else np.zeros(len(info), np.bool_)


def _joined(
    base: Vector, matched: Mask, origin: Codes, own: SeriesSet, info: Vector, times: Values, data: list[Matcher]
) -> tuple[Vector, Mask, Codes]:
    """The base, each series split by the info series that it meets; where it has met one; and which series of the first
    base, which are `own`, each one is.
    """
    groups = signatures(base.series, info.series, Matching(on=True, labels=IDENTIFYING))
    ours, other = groups.ids[: len(base.series)], groups.ids[len(base.series) :]
    info = replace(info, present=_newest(info, times, other, len(groups)))
    left, right = _pairs(ours, other, len(groups))
    met = base.present[left] & info.present[right]
    alone = base.present & ~any_of(info.present, other, len(groups))[ours]
    wanted = ({matcher.name for matcher in data} or set(info.series.names)) - {NAME, *IDENTIFYING}
    _refuse_conflicts(own.take(origin[left]), base.series.take(left), info.series.take(right), wanted, met)
    series = _labelled(base.series.take(left), info.series.take(right), wanted)
    joined = Vector(series, base.values[left], met, base.unnamed[left])
    result = _both(joined, replace(base, present=alone, ordered=False))
    return result, np.concatenate([met | matched[left], alone & matched]), np.concatenate([origin[left], origin])


def _refuse_conflicts(own: SeriesSet, base: SeriesSet, info: SeriesSet, names: set[str], met: Mask) -> None:
    """Raises QueryError where two info series of one series say different things; what it says itself counts more."""
    for name in sorted(names):
        old, new = base.column(name), info.column(name)
        rows = met.any(axis=1) & (own.column(name).codes == 0) & (old.codes > 0) & (new.codes > 0)
        if any(old.values[old.codes[row]] != new.values[new.codes[row]] for row in np.flatnonzero(rows).tolist()):
            refuse(f"conflicting label: {name}")


def _newest(info: Vector, times: Values, ids: Codes, groups: int) -> Mask:
    """Where an info series is the one of its group; of two at one step the one with the newer sample."""
    latest = np.full((groups, times.shape[1]), -np.inf)
    np.maximum.at(latest, ids, np.where(info.present, times, -np.inf))
    chosen: Mask = info.present & (times == latest[ids])
    count = np.zeros((groups, times.shape[1]), np.int64)
    np.add.at(count, ids, chosen)
    if (count > 1).any():
        group, step = np.argwhere(count > 1)[0]
        rows = np.flatnonzero((ids == group) & chosen[:, step])
        first, second = info.series.one(int(rows[0])), info.series.one(int(rows[1]))
        at = f"@ {round(float(latest[group, step]) * 1000)}"
        refuse(f"found duplicate series for info metric: existing {shown(first)} {at}, new {shown(second)} {at}")
    return chosen


def _pairs(own: Codes, other: Codes, groups: int) -> tuple[Codes, Codes]:
    """Rows of both sides that are in one group."""
    by_group = np.argsort(other, kind="stable")
    counts = np.bincount(other, minlength=groups)
    each = counts[own]
    left = np.repeat(np.arange(len(own)), each)
    place = np.arange(len(left)) - np.repeat(np.cumsum(each) - each, each)
    return left, by_group[(np.cumsum(counts) - counts)[own[left]] + place]


def _labelled(base: SeriesSet, info: SeriesSet, names: set[str]) -> SeriesSet:
    """The base's labels, and of the info series those that it does not have."""
    for name in sorted(names):
        old, new = base.column(name), info.column(name)
        codes = np.where(old.codes > 0, old.codes, np.where(new.codes > 0, new.codes + len(old.values) - 1, 0))
        base = base.with_column(name, Column(codes, [*old.values, *new.values[1:]]))
    return base


def _both(one: Vector, other: Vector) -> Vector:
    return Vector(
        SeriesSet.joined([one.series, other.series]),
        np.concatenate([one.values, other.values]),
        np.concatenate([one.present, other.present]),
        np.concatenate([one.unnamed, other.unnamed]),
    )
