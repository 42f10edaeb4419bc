"""label_replace, label_join, sort_by_label, absent: functions that are about labels."""

import re
from dataclasses import replace
from functools import cmp_to_key
from typing import Any, Final

import numpy as np
import re2

from netmon_collector.query.errors import refuse
from netmon_collector.query.series import Column, SeriesSet, encoded
from netmon_collector.query.settle import merged
from netmon_collector.query.syntax.nodes import Node, Selector, bare
from netmon_collector.query.values import Vector
from netmon_proto.model import NAME, Labels

_REFERENCE: Final = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)
_DIGITS_OF_A_GROUP: Final = 9
_DIGITS: Final = re.compile(r"\d+|\D+", re.ASCII)
_MOST_DIGITS: Final = 18


def label_replace(vector: Vector, target: str, template: str, source: str, expression: str) -> Vector:
    """Where the whole source label matches, the target label becomes the template, $1 being the first group."""
    pattern = _compiled(expression)
    _check_name(target, "destination", "label_replace")
    column, old = vector.series.column(source), vector.series.column(target)
    found = [pattern.fullmatch(value) for value in column.values]
    made = encoded([_expanded(template, one) if one is not None else "" for one in found])
    matched = np.array([one is not None for one in found])[column.codes]
    fresh = Column(made.codes[column.codes], made.values)
    return _labelled(vector, target, _either(matched, fresh, old), matched)


def label_join(vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    """The target label becomes the others' values, one after the other."""
    for source in sources:
        _check_name(source, "source", "label_join")
    _check_name(target, "destination", "label_join")
    groups = vector.series.only(sources).grouped()
    columns = [vector.series.column(source) for source in sources]
    texts = [separator.join([column.values[column.codes[row]] for column in columns]) for row in groups.first.tolist()]
    made = encoded(texts)
    joined = Column(made.codes[groups.ids], made.values) if texts else made
    return _labelled(vector, target, joined, np.ones(len(vector.series), np.bool_))


def _labelled(vector: Vector, target: str, column: Column, changed: "np.ndarray[Any, np.dtype[np.bool_]]") -> Vector:
    """A name that was given on purpose stays."""
    unnamed = vector.unnamed & ~changed if target == NAME else vector.unnamed
    series = vector.series.with_column(target, column)
    return merged(replace(vector, series=series, unnamed=unnamed, ordered=False))


def _either(first: "np.ndarray[Any, np.dtype[np.bool_]]", one: Column, other: Column) -> Column:
    codes = np.where(first, one.codes, other.codes + len(one.values))
    values = [*one.values, *other.values]
    renamed = encoded(values)
    return Column(renamed.codes[codes], renamed.values)


def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = 8 << 20
    try:
        return re2.compile(expression, options)
    except (re2.error, UnicodeEncodeError):
        refuse(f"invalid regular expression in label_replace(): {expression}")


def _expanded(template: str, found: Any) -> str:
    """The template with the groups of a match; an unknown group is the empty text."""

    def resolve(reference: re.Match[str]) -> str:
        dollar, *names = reference.groups()
        if dollar:
            return "$"
        name = names[0] or names[1]
        try:
            is_number = name.isdigit() and (name == "0" or name[0] != "0")
            return found.group(int(name[:_DIGITS_OF_A_GROUP]) if is_number else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(resolve, template)


def _check_name(name: str, role: str, function: str) -> None:
    if not name or any("\udc80" <= character <= "\udcff" for character in name):
        refuse(f"invalid {role} label name in {function}(): {name.encode(errors='replace').decode()}"[:200])


def by_label(vector: Vector, names: tuple[str, ...], *, descending: bool) -> Vector:
    """The series in the order of some labels, numbers within them by value; then by all labels."""
    keys = [np.argsort(vector.series.order())]
    for name in reversed(names):
        column = vector.series.column(name)
        parts = [(_DIGITS.findall(value), code) for code, value in enumerate(column.values)]
        ranks = np.empty(len(parts), np.int64)
        ranks[[code for _, code in sorted(parts, key=_NATURALLY)]] = np.arange(len(ranks))
        keys.append(ranks[column.codes])
    order = np.lexsort(keys)
    return replace(vector.take(order[::-1] if descending else order), ordered=True)


def _compared(one: tuple[list[str], int], other: tuple[list[str], int]) -> int:
    """Which of two texts in parts comes first, v9 before v10: below 0 if it is the first. Two numbers are compared as
    such, all else as text.
    """
    for left, right in zip(one[0], other[0], strict=False):
        if len(left) <= _MOST_DIGITS and len(right) <= _MOST_DIGITS and (left + right).isdecimal():
            difference = int(left) - int(right)
        else:
            difference = (left > right) - (left < right)
        if difference:
            return difference
    return len(one[0]) - len(other[0])


_NATURALLY: Final = cmp_to_key(_compared)


def absent_labels(node: Node) -> Labels:
    """The labels that series of a selector are sure to have."""
    selector = bare(node)
    if not isinstance(selector, Selector):
        return ()
    sure: dict[str, str] = {}
    seen = set()
    for matcher in selector.matchers:
        if matcher.name != NAME:
            if matcher.op == "=" and matcher.name not in seen:
                sure[matcher.name] = matcher.value
            else:
                sure.pop(matcher.name, None)
            if matcher.op == "=":
                seen.add(matcher.name)
    return tuple(sorted((name, value) for name, value in sure.items() if value))


def absent(vector: Vector, node: Node) -> Vector:
    """1 at the steps where no series has a value."""
    present = np.asarray(~np.any(vector.present, axis=0, keepdims=True))
    return Vector.of(SeriesSet.of([absent_labels(node)]), np.ones(present.shape), present).compact()
