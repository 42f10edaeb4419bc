"""Arithmetic, comparison and set operators."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from netmon_collector.query.matching import any_of, pair_up, signatures
from netmon_collector.query.series import SeriesSet
from netmon_collector.query.syntax.nodes import Matching
from netmon_collector.query.values import METADATA, Vector
from netmon_collector.store.base import Values

ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.float_power,  # np.power takes the root of one number instead, which differs for -0 and -Inf
    "atan2": np.arctan2,
}
COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def scalars(op: str, left: Values, right: Values) -> Values:
    """Both sides are numbers; comparisons give 0 or 1."""
    if op in ARITHMETIC:
        return np.asarray(ARITHMETIC[op](left, right))
    return np.asarray(COMPARISONS[op](left, right)).astype(np.float64)


def with_scalar(op: str, vector: Vector, number: Values, *, number_left: bool, returns_bool: bool) -> Vector:
    """One side is a number. A comparison keeps what it is true for, with the vector's value."""
    sides = (number, vector.values) if number_left else (vector.values, number)
    if op in ARITHMETIC:
        return vector.with_values(np.asarray(ARITHMETIC[op](*sides)))
    true = np.asarray(COMPARISONS[op](*sides))
    if returns_bool:
        return vector.with_values(true.astype(np.float64))
    return vector.with_values(vector.values, vector.present & true).compact()


def sets(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """`and`, `or`, `unless`: series of the left side, by what there is on the right side at each step."""
    groups = signatures(left.series, right.series, matching)
    own, other = groups.ids[: len(left.series)], groups.ids[len(left.series) :]
    if op == "or":
        covered = any_of(left.present, own, len(groups))
        rest = replace(right, present=right.present & ~covered[other]).compact()
        return _stacked(left, rest)
    there = any_of(right.present, other, len(groups))[own]
    return left.with_values(left.values, left.present & (there if op == "and" else ~there)).compact()


def _stacked(left: Vector, right: Vector) -> Vector:
    """The series of both."""
    if not len(right.series):
        return left
    return Vector(
        SeriesSet.joined([left.series, right.series]),
        np.concatenate([left.values, right.values]),
        np.concatenate([left.present, right.present]),
        np.concatenate([left.unnamed, right.unnamed]),
    )


def vectors(op: str, left: Vector, right: Vector, matching: Matching, *, returns_bool: bool) -> Vector:
    """Both sides are vectors: each series with its partners."""
    if op in ARITHMETIC:
        return pair_up(left, right, matching, lambda a, b: (ARITHMETIC[op](a, b), None), drops=METADATA)
    compare = COMPARISONS[op]
    if returns_bool:
        result = pair_up(left, right, matching, lambda a, b: (compare(a, b).astype(np.float64), None), drops=())
        return replace(result, unnamed=np.ones(len(result.series), np.bool_))
    return pair_up(left, right, matching, lambda a, b: (a, compare(a, b)), drops=())
