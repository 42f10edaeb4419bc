"""Sees to it that the catalog has every series before the log has a sample of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from netmon_collector.store.catalog import Catalog
from netmon_collector.store.entries import Entries
from netmon_collector.store.groups import Groups
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.numberset import NumberSet
from netmon_collector.store.record import Part, Singles

_Homes = Callable[[Numbers], npt.NDArray[Any]]
_AT_ONCE: Final = 10_000
"""So many entries are one record."""


class Enrolment:
    """Belongs to the thread that writes the log. `homes` tells the blocks of series."""

    def __init__(self, catalog: Catalog, index: LabelIndex, groups: Groups, homes: _Homes) -> None:
        self._catalog = catalog
        self._index = index
        self._groups = groups
        self._homes = homes
        self._entered = NumberSet()
        """The numbers of groups of which the catalog has all series."""

    def enter(self, parts: Sequence[Part]) -> None:
        """Enters the series of some samples that are new. Raises StoreError."""
        for part in parts:
            if isinstance(part, Singles):
                self._catalog.enter(part.series, self._entries)
            elif not self._entered.has_all(part.groups):
                new = np.unique(self._entered.without(part.groups))
                series = [self._groups[number].series for number in new.tolist()]
                self._catalog.enter(np.concatenate(series), self._entries)
                self._entered.add(new)

    def keep(self, held: BitMap) -> None:
        """Takes all series out of the catalog but those that are held somewhere. Raises StoreError.

        The highest number stays, whatever it is: so no number is ever given to a second series. A group that is heard
        of again enters its series again.
        """
        entered = BitMap(self._catalog.entered().tolist())
        kept = entered & held
        kept.add(entered.max())
        self._entered.clear()
        self._catalog.keep(list(self._entries(np.array(kept.to_array(), np.int64))))

    def _entries(self, numbers: Numbers) -> Iterator[Entries]:
        for first in range(0, len(numbers), _AT_ONCE):
            own = numbers[first : first + _AT_ONCE]
            widths, pairs = self._index.pairs(own)
            distinct, references = np.unique(pairs, return_inverse=True)
            columns = [column.astype(np.uint32) for column in (own, self._homes(own), widths, references)]
            yield Entries(columns[0], columns[1], columns[2], columns[3], self._index.texts(distinct.tolist()))
