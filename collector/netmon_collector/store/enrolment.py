"""Sees to it that the catalog has every series before the log has a sample of it."""

from collections.abc import Callable, Sequence

import numpy as np

from netmon_collector.store.catalog import Catalog, Entry
from netmon_collector.store.groups import Groups
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.record import Part, Singles


class Enrolment:
    """Belongs to the thread that writes the log. `home` tells the block of a series."""

    def __init__(self, catalog: Catalog, index: LabelIndex, groups: Groups, home: Callable[[int], int]) -> None:
        self._catalog = catalog
        self._index = index
        self._groups = groups
        self._home = home
        self._entered: set[int] = set()
        """The numbers of groups of which the catalog has all series."""

    def enter(self, parts: Sequence[Part]) -> None:
        """Enters the series of some samples that are new. Raises StoreError."""
        for part in parts:
            if isinstance(part, Singles):
                self._catalog.enter(part.series, self._entries)
            elif new := set(part.groups.tolist()) - self._entered:
                self._catalog.enter(np.concatenate([self._groups[number].series for number in new]), self._entries)
                self._entered |= new

    def _entries(self, numbers: Numbers) -> list[Entry]:
        plain = numbers.tolist()
        return [
            Entry(number, self._home(number), labels)
            for number, labels in zip(plain, self._index.labels(plain), strict=True)
        ]
