"""Which row of the detector's state each series has; the same for the same labels, whoever gathers them.

A series has one from its first value on, as long as there is one that is free, until it is taken from it.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Kind
from netmon_collector.store.base import Group, Points, Row
from netmon_proto.model import NAME, Labels

Rows = NDArray[np.intp]
Counts = NDArray[np.int64]

NOT_JUDGED = -1
_UNKNOWN = -2
_LEFT_OUT = -3
_NOBODY = np.zeros(0, np.int32)
FREE: Labels = ()
"""Instead of labels: the row is nobody's."""
_COUNTERS = ("_total", "_count", "_sum")
_SNMP_COUNTERS = ("Octets", "Pkts", "Errors", "Discards")
_OWN = ("netmon_anomaly_", "netmon_metric_anomaly_", "netmon_combination_", "netmon_model_", "ALERTS")
MOST_GROUPS = 100_000
"""Groups whose rows are remembered; they come and go with agents."""


@dataclass(slots=True)
class _Known:
    """rows: of each column of a group, below 0 where there is none. is_open: whether some are not known yet."""

    group: Group
    rows: Rows
    is_open: bool = True


class Roster:
    def __init__(self, most: int, labels: Sequence[Labels] = ()) -> None:
        self._most = most
        self.labels: list[Labels] = []
        """Of the series of each row, FREE where there is none."""
        self.families = {"instance": Family("instance"), NAME: Family(NAME)}
        """The same series by device and by metric."""
        self._rows: dict[Labels, int] = {}
        self._free: list[int] = []
        self._given: list[int] = []
        for row, one in enumerate(labels):
            self._put(row, one)
        self._groups: dict[int, _Known] = {}
        self._pools: dict[int, tuple[Group, NDArray[np.int32]]] = {}
        self.left_out = 0
        """Series that were not taken because there are too many, since rows were taken away last."""

    @property
    def series(self) -> int:
        return len(self._rows)

    def rows(self, source: Row) -> Rows:
        """The row of each column, below 0 where there is none."""
        group = source.group
        known = self._groups.get(id(group))
        if known is None:
            if len(self._groups) >= MOST_GROUPS:
                self._groups.clear()
            known = _Known(group, np.full(len(group.labels), _UNKNOWN, np.intp))
            self._groups[id(group)] = known  # holding the group keeps its id() from being given to another
        if known.is_open:
            for column in np.flatnonzero((known.rows == _UNKNOWN) & np.isfinite(source.values)).tolist():
                known.rows[column] = self._row(group.labels[column])
            known.is_open = bool((known.rows == _UNKNOWN).any())
        return known.rows

    def rows_of(self, points: Points) -> Rows:
        """The row of each sample, below 0 where there is none."""
        group, known = self._pools.get(id(points.group), (points.group, _NOBODY))
        missing = len(group.labels) - len(known)
        if missing > 0:
            known = np.concatenate([known, np.full(missing + len(known), _UNKNOWN, np.int32)])
            self._pools[id(group)] = (group, known)
        unknown = known[points.columns] == _UNKNOWN
        if unknown.any():
            for column in np.unique(points.columns[unknown & np.isfinite(points.values)]).tolist():
                known[column] = self._row(group.labels[column])
        return known[points.columns].astype(np.intp)

    def row_of(self, labels: Labels) -> int:
        """NOT_JUDGED where it has none."""
        return self._rows.get(labels, NOT_JUDGED)

    def known(self, labels: Sequence[Labels]) -> list[int]:
        """The rows of those of some series that have one."""
        return [row for one in labels if (row := self.row_of(one)) != NOT_JUDGED]

    def given(self) -> list[int]:
        """The rows that were given to series since this was asked last."""
        given, self._given = self._given, []
        return given

    @property
    def is_nearly_full(self) -> bool:
        """Less than a tenth is free."""
        return self.series > 0.9 * self._most

    def take_away(self, rows: Rows) -> dict[str, Rows]:
        """Has these rows free for other series. Of each of `families` it gives the numbers of the values that are left,
        which are numbered anew in this order."""
        for row in rows.tolist():
            del self._rows[self.labels[row]]
            self.labels[row] = FREE
        self._free += rows.tolist()
        is_free = np.zeros(len(self.labels), np.bool_)
        is_free[rows] = True
        for known in self._groups.values():
            known.is_open |= _forget(known.rows, is_free)
        for _, places in self._pools.values():
            _forget(places, is_free)
        self.left_out = 0
        return {label: family.leave(rows) for label, family in self.families.items()}

    def _row(self, labels: Labels) -> int:
        row = self._rows.get(labels)
        if row is not None:
            return row
        name = name_of(labels)
        if labels == FREE or name.startswith(_OWN) or name.endswith("_bucket"):
            return NOT_JUDGED
        if self.series >= self._most:
            self.left_out += 1
            return _LEFT_OUT
        row = self._free.pop() if self._free else len(self.labels)
        self._put(row, labels)
        return row

    def _put(self, row: int, labels: Labels) -> None:
        self.labels[row : row + 1] = [labels]
        for family in self.families.values():
            family.put(row, labels)
        if labels == FREE:
            self._free.append(row)
        else:
            self._rows[labels] = row
            self._given.append(row)


class Family:
    """Which value of a label each row has, as numbers."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._numbers: dict[str, int] = {}
        self._of_rows = np.zeros(0, np.intp)
        self._rows = 0

    def put(self, row: int, labels: Labels) -> None:
        """A row that there is, or the next one."""
        value = next((value for name, value in labels if name == self._label), "")
        if row >= len(self._of_rows):
            self._of_rows = np.concatenate([self._of_rows, np.zeros(max(256, row), np.intp)])
        self._of_rows[row] = self._numbers.setdefault(value, len(self._numbers))
        self._rows = max(self._rows, row + 1)

    def leave(self, rows: Rows) -> Rows:
        """These rows have no value any more. Values without a row are forgotten: gives the numbers of those that stay,
        in the order in which they are numbered anew."""
        self._of_rows[rows] = self._numbers.setdefault("", len(self._numbers))
        is_used = self.count(np.arange(self._rows)) > 0
        kept = np.flatnonzero(is_used)
        values = self.values
        self._numbers = {values[before]: number for number, before in enumerate(kept.tolist())}
        self.numbers[:] = (np.cumsum(is_used) - 1)[self.numbers]
        return kept

    @property
    def values(self) -> list[str]:
        return list(self._numbers)

    def count(self, rows: Rows) -> Counts:
        """How many of these rows have each of `values`."""
        return np.bincount(self.numbers[rows], minlength=len(self._numbers))

    def are_in(self, values: Set[str]) -> NDArray[np.bool_]:
        """Whether each row has one of these values."""
        chosen = np.array([value in values for value in self._numbers], np.bool_)
        found: NDArray[np.bool_] = chosen[self.numbers]
        return found

    @property
    def numbers(self) -> Rows:
        """For each row, which of `values`."""
        return self._of_rows[: self._rows]


def _forget(known: Rows | NDArray[np.int32], is_free: NDArray[np.bool_]) -> bool:
    """Has rows that are free, and series that were left out, looked for again: whether there are any."""
    stale = (known == _LEFT_OUT) | ((known >= 0) & is_free[np.maximum(known, 0)])
    known[stale] = _UNKNOWN
    return bool(stale.any())


def name_of(labels: Labels) -> str:
    return next((value for name, value in labels if name == NAME), "")


def kind_of(labels: Labels) -> Kind:
    """What a series is, by its name: the conventions of Prometheus' and of SNMP's names."""
    name = name_of(labels)
    if name.endswith(_COUNTERS) or (name.startswith("if") and name.endswith(_SNMP_COUNTERS)):
        return Kind.COUNTER
    return Kind.STATE if name == "up" or name.endswith(("_success", "Status")) else Kind.GAUGE
