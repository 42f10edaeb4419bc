"""Sees to it that the catalog has every series before the log has a sample of it."""

from collections.abc import Callable, Sequence

import numpy as np
from pyroaring import BitMap

from netmon_collector.store.catalog import Catalog
from netmon_collector.store.entries import Entry, columns
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

    def keep(self, held: BitMap) -> None:
        """Takes all series out of the catalog but those that are held somewhere. Raises StoreError.

        The highest number stays, whatever it is: so no number is ever given to a second series. A group that is heard
        of again enters its series again.
        """
        entered = BitMap(self._catalog.entered().tolist())
        kept = entered & held
        kept.add(entered.max())
        self._entered.clear()
        self._catalog.keep(list(columns(self._entries(np.array(kept.to_array(), np.int64)))))

    def _entries(self, numbers: Numbers) -> list[Entry]:
        plain = numbers.tolist()
        return [
            Entry(number, self._home(number), labels)
            for number, labels in zip(plain, self._index.labels(plain), strict=True)
        ]
