"""What part of a device's, and of a metric's, series is odd: series of their own, once a minute."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from netmon_collector.anomaly.roster import Counts, Roster, Rows
from netmon_collector.store.base import Group, Row, Store
from netmon_proto.model import NAME, Kind

NAMES: Final = {"instance": ("netmon_anomaly_rate", "instance"), NAME: ("netmon_metric_anomaly_rate", "metric")}


class Rates:
    """Counts what was judged and what alarmed since the last time that it was told."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._counted: dict[str, tuple[Counts, Counts]] = {}
        self._groups: dict[str, tuple[list[str], Group]] = {}

    def count(self, judged: Rows, alarmed: Rows) -> None:
        for label, family in self._roster.families.items():
            nothing = np.zeros(0, np.int64)
            before, odd_before = self._counted.get(label, (nothing, nothing))
            now, odd_now = family.count(judged), family.count(alarmed)
            self._counted[label] = (_sum(before, now), _sum(odd_before, odd_now))

    def renumber(self, kept: Mapping[str, Rows]) -> None:
        """Values were forgotten: by label, the numbers of those that are left, in the order of their new ones."""
        for label, (judged, odd) in self._counted.items():
            known = kept[label][kept[label] < len(judged)]
            self._counted[label] = judged[known], odd[known]

    def rows(self, store: Store, now_ms: int) -> list[Row]:
        """One value for each device and metric with a judged sample since the last call; then counting begins anew.

        What does not fit is counted when its step is over, which may be after its samples were told: no more than all.
        """
        counted, self._counted = self._counted, {}
        told = []
        for label, (judged, odd) in counted.items():
            there = np.flatnonzero(judged)
            if len(there):
                values = self._roster.families[label].values
                group = self._group(store, label, [values[at] for at in there])
                told.append(Row(group, now_ms, np.minimum(odd[there] / judged[there], 1)))
        return told

    def _group(self, store: Store, label: str, values: list[str]) -> Group:
        known = self._groups.get(label)
        if known is None or known[0] != values:
            name, own = NAMES[label]
            labels = [tuple(sorted(((NAME, name), (own, value)))) for value in values]
            known = (values, store.register(labels, [Kind.GAUGE] * len(labels)))
            self._groups[label] = known
        return known[1]


def _sum(one: Counts, other: Counts) -> Counts:
    """Of counts of which the later may have more places."""
    made = other.copy()
    made[: len(one)] += one
    return made
