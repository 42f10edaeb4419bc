"""Which row of the detector's state each series has; the same for the same labels, whoever gathers them."""

from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Kind
from netmon_collector.store.base import Group, Points
from netmon_proto.model import NAME, Labels

Rows = NDArray[np.intp]
Counts = NDArray[np.int64]

NOT_JUDGED = -1
_UNKNOWN = -2
_NOBODY = np.zeros(0, np.int32)
_COUNTERS = ("_total", "_count", "_sum")
_SNMP_COUNTERS = ("Octets", "Pkts", "Errors", "Discards")
_OWN = ("netmon_anomaly_", "netmon_metric_anomaly_", "netmon_combination_", "netmon_model_", "ALERTS")
MOST_GROUPS = 100_000
"""Groups whose rows are remembered; they come and go with agents."""


class Roster:
    def __init__(self, most: int, labels: Sequence[Labels] = ()) -> None:
        self._most = most
        self.labels: list[Labels] = []
        """Of the series of each row."""
        self.families = {"instance": Family("instance"), NAME: Family(NAME)}
        """The same series by device and by metric."""
        self._rows: dict[Labels, int] = {}
        for one in labels:
            self._add(one)
        self._groups: dict[int, tuple[Group, Rows]] = {}
        self._pools: dict[int, tuple[Group, NDArray[np.int32]]] = {}
        self.left_out = 0
        """Series that were not taken because there are too many."""

    def rows(self, group: Group) -> Rows:
        """The row of each column, NOT_JUDGED where there is none."""
        known = self._groups.get(id(group))
        if known is None:
            if len(self._groups) >= MOST_GROUPS:
                self._groups.clear()
            known = (group, np.array([self._row(labels) for labels in group.labels], np.intp))
            self._groups[id(group)] = known  # holding the group keeps its id() from being given to another
        return known[1]

    def rows_of(self, points: Points) -> Rows:
        """The row of each sample, NOT_JUDGED where there is none."""
        group, known = self._pools.get(id(points.group), (points.group, _NOBODY))
        missing = len(group.labels) - len(known)
        if missing > 0:
            known = np.concatenate([known, np.full(missing + len(known), _UNKNOWN, np.int32)])
            self._pools[id(group)] = (group, known)
        for column in np.unique(points.columns[known[points.columns] == _UNKNOWN]).tolist():
            known[column] = self._row(group.labels[column])
        return known[points.columns].astype(np.intp)

    def row_of(self, labels: Labels) -> int:
        """NOT_JUDGED where it has none."""
        return self._rows.get(labels, NOT_JUDGED)

    def known(self, labels: Sequence[Labels]) -> list[int]:
        """The rows of those of some series that have one."""
        return [row for one in labels if (row := self.row_of(one)) != NOT_JUDGED]

    def _row(self, labels: Labels) -> int:
        row = self._rows.get(labels)
        if row is not None:
            return row
        name = name_of(labels)
        if name.startswith(_OWN) or name.endswith("_bucket"):
            return NOT_JUDGED
        if len(self.labels) >= self._most:
            self.left_out += 1
            return NOT_JUDGED
        return self._add(labels)

    def _add(self, labels: Labels) -> int:
        row = len(self.labels)
        self._rows[labels] = row
        self.labels.append(labels)
        for family in self.families.values():
            family.add(labels)
        return row


class Family:
    """Which value of a label each row has, as numbers."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._numbers: dict[str, int] = {}
        self._of_rows: list[int] = []
        self._array = np.empty(0, np.intp)

    def add(self, labels: Labels) -> None:
        value = next((value for name, value in labels if name == self._label), "")
        self._of_rows.append(self._numbers.setdefault(value, len(self._numbers)))

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
        if len(self._array) != len(self._of_rows):
            self._array = np.array(self._of_rows, np.intp)
        return self._array


def name_of(labels: Labels) -> str:
    return next((value for name, value in labels if name == NAME), "")


def kind_of(labels: Labels) -> Kind:
    """What a series is, by its name: the conventions of Prometheus' and of SNMP's names."""
    name = name_of(labels)
    if name.endswith(_COUNTERS) or (name.startswith("if") and name.endswith(_SNMP_COUNTERS)):
        return Kind.COUNTER
    return Kind.STATE if name == "up" or name.endswith(("_success", "Status")) else Kind.GAUGE
