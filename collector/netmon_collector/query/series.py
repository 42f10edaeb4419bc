"""The labels of many series as columns of codes, so that grouping and matching are done on arrays."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any, Final, Self, TypeVar

import numpy as np
import numpy.typing as npt

from netmon_collector.store.labels import LabelIndex, SeriesView
from netmon_proto.model import Labels

Codes = npt.NDArray[np.int64]
"""One number per series."""

T = TypeVar("T")

_WIDEST: Final = 1 << 62
_MOST_MADE: Final = 16
_FEW: Final = 4
"""The labels of so few series are found one by one."""


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """One label of all series: series s has values[codes[s]]. values[0] is "", which is a label that is not there."""

    codes: Codes
    values: Sequence[str]


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which group each series is in: ids (S,), numbered by first appearance; first (G,) is a series of each group."""

    ids: Codes
    first: Codes

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def order(self) -> Codes:
        """The series, those of a group together."""
        return np.argsort(self.ids, kind="stable")

    @cached_property
    def counts(self) -> Codes:
        """How many series each group has."""
        return np.bincount(self.ids, minlength=len(self))

    @cached_property
    def sizes(self) -> npt.NDArray[np.float64]:
        """The same for dividing by it, (G, 1)."""
        return self.counts.astype(np.float64)[:, None]

    @cached_property
    def starts(self) -> Codes:
        """Where each group begins in that order; at the end, how many series there are."""
        return np.concatenate([[0], np.cumsum(self.counts)])


class SeriesSet:
    """The labels of S series. Never changed once made; so what was made of them is kept, a few things of each."""

    __slots__ = ("_columns", "_made", "_part_of", "_size")

    def __init__(self, size: int, columns: dict[str, Column]) -> None:
        self._size = size
        self._columns = columns
        self._made: dict[Hashable, Any] = {}
        self._part_of: tuple[SeriesSet, npt.NDArray[np.bool_]] | None = None
        """The set of which these are some series, in the same order, where that is kept."""

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made of these series before under this key, or is made now."""
        known: T | None = self._made.get(key)
        if known is None:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            known = self._made[key] = make()
        return known

    @classmethod
    def of(cls, series: Sequence[Labels]) -> Self:
        codes: dict[str, Codes] = {}
        known: dict[str, dict[str, int]] = {}
        for row, labels in enumerate(series):
            for name, value in labels:
                if name not in known:
                    known[name], codes[name] = {"": 0}, np.zeros(len(series), np.int64)
                values = known[name]
                codes[name][row] = values.setdefault(value, len(values))
        return cls(len(series), {name: Column(codes[name], list(known[name])) for name in codes})

    @classmethod
    def of_parts(cls, parts: Sequence[Sequence[Labels]]) -> Self:
        """The series of all parts, one part after the other; parts of one index are not read label by label."""
        views = [part for part in parts if isinstance(part, SeriesView)]
        if views and len(views) == len(parts) and all(view.source is views[0].source for view in views):
            return cls._indexed(views[0].source, np.concatenate([view.numbers for view in views]))
        return cls.of([labels for part in parts for labels in part])

    @classmethod
    def _indexed(cls, index: LabelIndex, numbers: Codes) -> Self:
        sizes, pairs = index.pairs(numbers)
        used = np.zeros(int(pairs.max(initial=-1)) + 1, np.bool_)
        used[pairs] = True
        distinct = np.flatnonzero(used)
        texts = index.texts(distinct.tolist())
        places = {name: place for place, name in enumerate(dict.fromkeys(name for name, _ in texts))}
        values: dict[str, list[str]] = {name: [""] for name in places}
        codes, names = np.empty(len(used), np.int64), np.empty(len(used), np.int64)
        names[distinct] = [places[name] for name, _ in texts]
        codes[distinct] = [_appended(values[name], value) for name, value in texts]
        table = np.zeros((len(values), len(numbers)), np.int64)
        table[names[pairs], np.repeat(np.arange(len(numbers)), sizes)] = codes[pairs]
        return cls(len(numbers), {name: Column(table[place], values[name]) for name, place in places.items()})

    @classmethod
    def empty(cls, size: int = 1) -> Self:
        """Series without labels."""
        return cls(size, {})

    @classmethod
    def joined(cls, sets: "Sequence[SeriesSet]") -> Self:
        """The series of some sets, one set after the other."""
        size = sum(len(one) for one in sets)
        names = dict.fromkeys(name for one in sets for name in one._columns)
        return cls(size, {name: _joined([one.column(name) for one in sets]) for name in names})

    def __len__(self) -> int:
        return self._size

    @property
    def names(self) -> Iterable[str]:
        return self._columns.keys()

    def column(self, name: str) -> Column:
        """A label; of empty values where no series has it."""
        return self._columns.get(name) or Column(np.zeros(self._size, np.int64), [""])

    def values(self, name: str) -> Sequence[str]:
        """The different values of a label, "" among them where a series does not have it."""
        return self.once(f"values of {name}", lambda: self._values(self.column(name)))

    @staticmethod
    def _values(column: Column) -> list[str]:
        return [column.values[code] for code in np.unique(column.codes).tolist()]

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "SeriesSet":
        if rows.dtype == np.bool_:
            return self._part(np.asarray(rows, np.bool_))
        return SeriesSet(len(rows), {name: Column(one.codes[rows], one.values) for name, one in self._columns.items()})

    def _part(self, rows: npt.NDArray[np.bool_]) -> "SeriesSet":
        part = self.take(rows.nonzero()[0])
        part._part_of = self, rows
        return part

    def _whole_with(self, key: Hashable) -> "tuple[SeriesSet, npt.NDArray[np.bool_]] | None":
        """The set that these are a part of, where something is made of it already, or soon is."""
        if self._part_of is None:
            return None
        whole = self._part_of[0]
        return self._part_of if key in whole._made or len(whole) <= 2 * self._size else None

    def only(self, names: Iterable[str]) -> "SeriesSet":
        """The same series with no other labels than these."""
        own = tuple([name for name in dict.fromkeys(names) if name in self._columns])
        if len(own) == len(self._columns):
            return self
        if self._part_of is not None:
            whole, rows = self._part_of
            return self.once(own, lambda: whole.only(own).take(rows))
        return self.once(own, lambda: SeriesSet(self._size, {name: self._columns[name] for name in own}))

    def without(self, names: Iterable[str]) -> "SeriesSet":
        left = set(self._columns).difference(names)
        return self.only([name for name in self._columns if name in left])

    def cleared(self, names: Iterable[str], rows: npt.NDArray[np.bool_]) -> "SeriesSet":
        """The same series, of which some lose some labels."""
        if not rows.any():
            return self
        if rows.all():
            return self.without(names)
        columns = dict(self._columns)
        for name in names:
            if name in columns:
                columns[name] = Column(np.where(rows, 0, columns[name].codes), columns[name].values)
        return SeriesSet(self._size, columns)

    def with_column(self, name: str, column: Column) -> "SeriesSet":
        return SeriesSet(self._size, {**self._columns, name: column})

    def with_values(self, name: str, values: Sequence[str]) -> "SeriesSet":
        """The same series with a value each for one label."""
        return self.with_column(name, encoded(values))

    def grouped(self) -> Grouping:
        """Series with the same labels are in one group."""
        return self.once("grouped", self._grouped)

    def distinct(self) -> "SeriesSet":
        """One series of each group of those with the same labels."""
        return self.once("distinct", lambda: self.take(self.grouped().first))

    @property
    def is_distinct(self) -> bool:
        """Whether no two have the same labels."""
        if self._size < 2 or (self._part_of is not None and self._part_of[0].is_distinct):
            return True
        return len(self.grouped()) == self._size

    def _grouped(self) -> Grouping:
        if self._size < 2 or (self._part_of is not None and self._part_of[0].is_distinct):
            return Grouping(np.arange(self._size), np.arange(self._size))
        columns = [one for one in self._columns.values() if len(one.values) > 1]
        key = np.zeros(self._size, np.int64)
        span = 1
        for column in columns:
            if span * len(column.values) > _WIDEST:
                distinct, key = np.unique(key, return_inverse=True)
                span = len(distinct)
            key = key * len(column.values) + column.codes
            span *= len(column.values)
        if not columns:
            return Grouping(key, np.zeros(min(1, self._size), np.int64))
        _, first, ids = np.unique(key, return_index=True, return_inverse=True)
        order = np.argsort(first)
        numbers = np.empty(len(order), np.int64)
        numbers[order] = np.arange(len(order))
        return Grouping(numbers[ids], first[order])

    def order(self) -> npt.NDArray[np.int64]:
        """The rows in the order of their labels, as Prometheus sorts them: by pairs of name and value."""
        return self.once("order", self._order)

    @property
    def is_sorted(self) -> bool:
        """Whether they are in that order."""
        if self._size < 2 or (self._part_of is not None and self._part_of[0].is_sorted):
            return True
        return self.once("is sorted", lambda: bool((np.diff(self.order()) > 0).all()))

    def sorted(self) -> "SeriesSet":
        return self.once("sorted", lambda: self.take(self.order()))

    def _order(self) -> npt.NDArray[np.int64]:
        if self._size < 2 or (self._part_of is not None and self._part_of[0].is_sorted):
            return np.arange(self._size)
        if (of := self._whole_with("order")) is not None:
            whole, rows = of
            order = whole.order()
            return (np.cumsum(rows) - 1)[order[rows[order]]]
        later = np.zeros(self._size, np.bool_)
        keys = []
        for name in sorted(self._columns, reverse=True):
            column = self._columns[name]
            ranks = np.empty(len(column.values), np.int64)
            ranks[np.argsort(np.array(column.values, object), kind="stable")] = np.arange(len(column.values))
            there = column.codes > 0
            keys.append(np.where(there, ranks[column.codes], np.where(later, len(ranks) + 1, -1)))
            later |= there
        return np.lexsort(keys) if keys else np.arange(self._size)

    def labels(self) -> Sequence[Labels]:
        """All series as tuples of pairs."""
        return self.once("labels", self._labels)

    def _labels(self) -> list[Labels]:
        if (of := self._whole_with("labels")) is not None:
            whole, chosen = of
            return list(compress(whole.labels(), chosen.tolist()))
        if self._size <= _FEW:
            return [self.one(row) for row in range(self._size)]
        names = sorted(self._columns)
        if not names:
            return [()] * self._size
        pairs = [_pairs(name, self._columns[name]) for name in names]
        rows = zip(*(own for own, _ in pairs), strict=True)
        return list(rows) if all(whole for _, whole in pairs) else [tuple(filter(None, row)) for row in rows]

    def one(self, row: int) -> Labels:
        """The labels of one series."""
        found = ((name, column.values[column.codes[row]]) for name, column in sorted(self._columns.items()))
        return tuple([pair for pair in found if pair[1]])


def encoded(values: Sequence[str]) -> Column:
    """A column of given values."""
    known = {"": 0}
    codes = np.fromiter((known.setdefault(value, len(known)) for value in values), np.int64, len(values))
    return Column(codes, list(known))


def mapped(column: Column, values: Sequence[str]) -> Column:
    """A column in which other values stand in place of a column's; they may repeat, and be empty."""
    renamed = encoded(values)
    return Column(renamed.codes[column.codes], renamed.values)


def _pairs(name: str, column: Column) -> tuple[Iterable[tuple[str, str]], bool]:
    """The label and the value of each series, nothing where it does not have the label; and whether all have it."""
    codes = column.codes.tolist()
    pairs: dict[int, Any] = {code: (name, value) if (value := column.values[code]) else () for code in set(codes)}
    return map(pairs.__getitem__, codes), all(pairs.values())


def _appended(values: list[str], value: str) -> int:
    values.append(value)
    return len(values) - 1


def _joined(columns: Sequence[Column]) -> Column:
    known = {"": 0}
    parts = []
    for column in columns:
        numbers = np.array([known.setdefault(value, len(known)) for value in column.values], np.int64)
        parts.append(numbers[column.codes])
    return Column(np.concatenate(parts) if parts else np.empty(0, np.int64), list(known))
