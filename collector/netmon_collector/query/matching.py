"""Which series of one side of an operator meets which of the other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from netmon_collector.query.answer import Mask
from netmon_collector.query.errors import refuse, shown
from netmon_collector.query.record import record
from netmon_collector.query.series import Codes, Grouping, SeriesSet
from netmon_collector.query.settle import merged
from netmon_collector.query.syntax.nodes import Card, Matching
from netmon_collector.query.values import Vector
from netmon_collector.store.base import Values
from netmon_proto.model import NAME

Number = TypeVar("Number", np.int64, np.bool_)
Operation = Callable[[Values, Values], tuple[Values, Mask | None]]
"""Of the values of the left and of the right side: the result, and where to keep it (everywhere, if None)."""


@record
class _Sides:
    """Both sides by their roles: the "one" side may have one series per group and step. Ids say the group of each."""

    many: Vector
    one: Vector
    many_ids: Codes
    one_ids: Codes
    groups: int
    fill_many: float | None
    fill_one: float | None
    swapped: bool


@record
class _Pairs:
    """Rows of both sides that meet, (P,) each; -1 where the side is filled in. present: bool (P, T)."""

    many: Codes
    one: Codes
    groups: Codes
    present: Mask


def signatures(left: SeriesSet, right: SeriesSet, matching: Matching) -> Grouping:
    """The series of both sides, right behind left, in groups that match."""

    def make() -> tuple[SeriesSet, Grouping]:  # kept with `right`, so that nothing else can get its id
        both = SeriesSet.joined([left, right])
        return right, (both.only(matching.labels) if matching.on else both.without((*matching.labels, NAME))).grouped()

    return left.once(("matched", id(right), matching.on, tuple(matching.labels)), make)[1]


def any_of(present: Mask, ids: Codes, groups: int) -> Mask:
    """Whether any series of each group is there: (G, T)."""
    result = np.zeros((groups, present.shape[1]), np.bool_)
    if len(ids) == len(np.unique(ids)):
        result[ids] = present
    else:
        np.logical_or.at(result, ids, present)
    return result


def pair_up(left: Vector, right: Vector, matching: Matching, operation: Operation, drops: Sequence[str]) -> Vector:
    """The result of an operation on each pair of series that match. drops: labels that the result does not have."""
    couples = _couples(left.series, right.series, matching, tuple(drops))
    if couples is not None:
        return _coupled(left, right, couples, operation, drops)
    sides = _sides(left, right, matching)
    _refuse_second(sides, matching)
    pairs = _pairs(sides)
    many, one = _values(sides.many, pairs.many, sides.fill_many), _values(sides.one, pairs.one, sides.fill_one)
    values, kept = operation(one, many) if sides.swapped else operation(many, one)
    present = pairs.present if kept is None else pairs.present & kept
    labels = _labels(sides, pairs, matching, drops)
    _refuse_ambiguous(labels, pairs, matching)
    unnamed = np.where(pairs.many >= 0, _taken(sides.many.unnamed, pairs.many), False)
    result = Vector(labels, values, present, np.zeros_like(unnamed) if drops else unnamed).compact()
    return merged(result)


@record
class _Couples:
    """Series of which none has more than one partner: their rows on the left and on the right, and their labels."""

    left: Codes | slice
    right: Codes | slice
    labels: SeriesSet


def _couples(left: SeriesSet, right: SeriesSet, matching: Matching, drops: tuple[str, ...]) -> _Couples | None:
    """None where one has several partners, or may be there without one. Series that meet again are kept in pairs."""
    if matching.card is not Card.ONE_TO_ONE or (matching.fill_left, matching.fill_right) != (None, None):
        return None

    def make() -> tuple[SeriesSet, _Couples | None]:  # kept with `right`, so that nothing else can get its id
        return right, _paired_off(left, right, matching, drops)

    return left.once(("couples", id(right), matching.on, tuple(matching.labels), drops), make)[1]


def _paired_off(left: SeriesSet, right: SeriesSet, matching: Matching, drops: tuple[str, ...]) -> _Couples | None:
    groups = signatures(left, right, matching)
    own, other = groups.ids[: len(left)], groups.ids[len(left) :]
    if max(np.bincount(ids, minlength=1).max(initial=0) for ids in (own, other)) > 1:
        return None
    partners = np.full(len(groups), -1)
    partners[other] = np.arange(len(other))
    partners = partners[own]
    rows = np.flatnonzero(partners >= 0)
    labels = _common_labels(left.take(rows), matching, drops)
    return _Couples(_whole_or(rows, len(left)), _whole_or(partners[rows], len(right)), labels)


def _whole_or(rows: Codes, count: int) -> Codes | slice:
    """All rows as a slice, which takes no copy."""
    return slice(None) if len(rows) == count and bool((rows == np.arange(count)).all()) else rows


def _coupled(left: Vector, right: Vector, couples: _Couples, operation: Operation, drops: Sequence[str]) -> Vector:
    values, kept = operation(left.values[couples.left], right.values[couples.right])
    present = left.present[couples.left] & right.present[couples.right]
    unnamed = np.zeros(len(couples.labels), np.bool_) if drops else left.unnamed[couples.left]
    return merged(Vector(couples.labels, values, present if kept is None else present & kept, unnamed).compact())


def _sides(left: Vector, right: Vector, matching: Matching) -> _Sides:
    swapped = matching.card is Card.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    fills = matching.fill_left, matching.fill_right  # of the many side and of the one, also where these are swapped
    groups = signatures(many.series, one.series, matching)
    split = len(many.series)
    return _Sides(many, one, groups.ids[:split], groups.ids[split:], len(groups), *fills, swapped)


def _refuse_second(sides: _Sides, matching: Matching) -> None:
    """Raises QueryError where two series of the one side are there at one step in one group."""
    if np.bincount(sides.one_ids, minlength=1).max(initial=0) < 2:
        return
    together = np.zeros((sides.groups, sides.one.present.shape[1]), np.int64)
    np.add.at(together, sides.one_ids, sides.one.present)
    clashing = together > 1
    if sides.fill_many is None and sides.fill_one is None:
        clashing &= sides.many.present.any(axis=0)
    if not clashing.any():
        return
    group, step = np.argwhere(clashing)[0]
    rows = np.flatnonzero((sides.one_ids == group) & sides.one.present[:, step])
    first, second = sides.one.series.one(int(rows[0])), sides.one.series.one(int(rows[1]))
    matched = tuple(
        pair for pair in first if (pair[0] in matching.labels) == matching.on and (matching.on or pair[0] != NAME)
    )
    refuse(
        f"found duplicate series for the match group {shown(matched)} on the {'left' if sides.swapped else 'right'} "
        f"hand-side of the operation: [{shown(second)}, {shown(first)}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _pairs(sides: _Sides) -> _Pairs:
    by_group = np.argsort(sides.one_ids, kind="stable")
    counts = np.bincount(sides.one_ids, minlength=sides.groups)
    starts = np.cumsum(counts) - counts
    own = counts[sides.many_ids]
    many = np.repeat(np.arange(len(own)), own)
    offset = np.arange(len(many)) - np.repeat(np.cumsum(own) - own, own)
    one = by_group[starts[sides.many_ids[many]] + offset]
    present = sides.many.present[many] & sides.one.present[one]
    if sides.fill_one is not None:
        lonely = sides.many.present & ~any_of(sides.one.present, sides.one_ids, sides.groups)[sides.many_ids]
        rows = np.flatnonzero(lonely.any(axis=1))
        many, one = np.concatenate([many, rows]), np.concatenate([one, np.full(len(rows), -1)])
        present = np.concatenate([present, lonely[rows]])
    if sides.fill_many is not None:
        lonely = sides.one.present & ~any_of(sides.many.present, sides.many_ids, sides.groups)[sides.one_ids]
        rows = np.flatnonzero(lonely.any(axis=1))
        many, one = np.concatenate([many, np.full(len(rows), -1)]), np.concatenate([one, rows])
        present = np.concatenate([present, lonely[rows]])
    groups = np.where(many >= 0, _taken(sides.many_ids, many), _taken(sides.one_ids, one))
    return _Pairs(many, one, groups, present)


def _taken(array: npt.NDArray[Number], rows: Codes) -> npt.NDArray[Number]:
    """array[rows], with anything where a row is -1."""
    return array[np.maximum(rows, 0)] if len(array) else np.zeros(len(rows), array.dtype)


def _values(side: Vector, rows: Codes, fill: float | None) -> Values:
    if fill is None or (rows >= 0).all():
        return side.values[rows]
    if not len(side.series):
        return np.full((len(rows), side.values.shape[1]), fill)
    return np.where((rows >= 0)[:, None], side.values[np.maximum(rows, 0)], fill)


def _labels(sides: _Sides, pairs: _Pairs, matching: Matching, drops: Sequence[str]) -> SeriesSet:
    """Those of the many side, with what group_left or group_right takes over from the one side."""
    filled = pairs.many < 0
    if filled.any():
        both = SeriesSet.joined([sides.many.series, _matched(sides.one.series, matching)])
        series = both.take(np.where(filled, pairs.one + len(sides.many.series), pairs.many))
    else:
        series = sides.many.series.take(pairs.many)
    series = _common_labels(series, matching, drops)
    if not matching.include:
        return series
    source = SeriesSet.joined([sides.one.series, _matched(sides.many.series, matching)])  # the latter where filled in
    taken = source.take(np.where(pairs.one >= 0, pairs.one, pairs.many + len(sides.one.series)))
    for name in matching.include:
        series = series.with_column(name, taken.column(name))
    return series


def _common_labels(series: SeriesSet, matching: Matching, drops: Sequence[str]) -> SeriesSet:
    series = series.without(drops) if drops else series
    if matching.card is not Card.ONE_TO_ONE:
        return series
    return series.only(matching.labels) if matching.on else series.without(matching.labels)


def _matched(series: SeriesSet, matching: Matching) -> SeriesSet:
    return series.only(matching.labels) if matching.on else series.without((*matching.labels, NAME))


def _refuse_ambiguous(labels: SeriesSet, pairs: _Pairs, matching: Matching) -> None:
    """Raises QueryError where one step has two results that cannot be told apart, also ones that a comparison drops."""
    ids = pairs.groups
    one_to_one = matching.card is Card.ONE_TO_ONE
    if not one_to_one:
        ids = labels.with_values("\0group", [str(group) for group in pairs.groups.tolist()]).grouped().ids
    if np.bincount(ids, minlength=1).max(initial=0) < 2:
        return
    together = np.zeros((int(ids.max()) + 1, pairs.present.shape[1]), np.int64)
    np.add.at(together, ids, pairs.present)
    if (together > 1).any():
        refuse(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            if one_to_one
            else "multiple matches for labels: grouping labels must ensure unique matches"
        )
