"""The classes of retention: which series are kept how long."""

from collections.abc import Iterable

import numpy as np
from pyroaring import BitMap

from netmon_collector.store.chunkfile import ChunkFile
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.match import Matching
from netmon_collector.store.retention import Keep, Retention

BASE = ""
"""The class of the series that no rule is for. Other classes are named as files name them, by how long they keep."""


class Classes:
    """The series by how long they are kept. Belongs to the upkeep's thread."""

    def __init__(self, index: LabelIndex, retention: Retention) -> None:
        self._index = index
        self._base = retention.base
        self._rules = [(Matching(rule.matchers), rule.keep) for rule in retention.rules]
        self._members: dict[Keep, BitMap] = {}
        """Of all classes but the base; no series is in two."""
        self._known = 0

    def refresh(self) -> None:
        """Looks at series that have come since. Without rules there is nothing to look at."""
        known = len(self._index)
        if not self._rules or known == self._known:
            return
        members: dict[Keep, BitMap] = {}
        taken = BitMap()
        for matching, keep in self._rules:
            found = BitMap(self._index.match(matching, gone=True).tolist()) - taken
            taken |= found
            if keep != self._base:
                members[keep] = members.get(keep, BitMap()) | found
        self._members, self._known = members, known

    def of(self, files: Iterable[ChunkFile]) -> list[str]:
        """The classes that some files have series of."""
        if not self._members:
            return [BASE]
        return [self._name(keep) for keep in self._parts(BitMap.union(BitMap(), *(file.series for file in files)))]

    def only(self, kept: str, series: Numbers) -> Numbers:
        """Those of some series (ascending) that are of a class."""
        if not self._members:
            return series
        parts = {self._name(keep): part for keep, part in self._parts(BitMap(series.tolist())).items()}
        return np.array(parts.get(kept, BitMap()).to_array(), np.int64)

    def keeps_ms(self, file: ChunkFile) -> tuple[int, int]:
        """The shortest and the longest time that something in a file is kept."""
        times_ms = [keep.of(file.name.tier) for keep in self._parts(file.series)] or [self._base.of(file.name.tier)]
        return min(times_ms), max(times_ms)

    def kept_less(self, file: ChunkFile, age_ms: int) -> Numbers:
        """The series in a file that are not kept so long."""
        parts = [part for keep, part in self._parts(file.series).items() if keep.of(file.name.tier) < age_ms]
        return np.array(BitMap.union(BitMap(), *parts).to_array(), np.int64)

    def _parts(self, series: BitMap) -> dict[Keep, BitMap]:
        """Series by class; none is empty."""
        rest = series - BitMap.union(BitMap(), *self._members.values())
        parts = {self._base: rest, **{keep: series & members for keep, members in self._members.items()}}
        return {keep: part for keep, part in parts.items() if part}

    def _name(self, keep: Keep) -> str:
        return BASE if keep == self._base else str(keep)
