"""One file of the log, as it is known in memory: its size, and how often each group was described in it."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.framing import NOTHING
from netmon_collector.store.labels import Numbers

_DESCRIPTIONS: Final = 2
_NONE: Final = np.empty(0, np.int64)


class Segment:
    """A file of the log; files are numbered in the order of writing."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.number = number
        self.size_bytes = 0
        self.oldest_ms, self.newest_ms = NOTHING
        self._described = np.zeros(64, np.uint8)

    def add(self, oldest_ms: int, newest_ms: int, described: npt.NDArray[np.int64] = _NONE) -> None:
        """Notes a record: its oldest and newest time, and the numbers of the groups that it describes."""
        self.oldest_ms = min(self.oldest_ms, oldest_ms)
        self.newest_ms = max(self.newest_ms, newest_ms)
        if len(described):
            self._reserve(int(described.max()) + 1)
            self._described[described] += 1

    def described(self) -> Numbers:
        """The groups that this file describes."""
        return np.flatnonzero(self._described)

    def undescribed(self, groups: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """Which of some groups a record that uses them is to describe, none twice.

        Each group is described twice in a file, in two records, so that no single damage makes the rest unreadable.
        """
        if not len(groups):
            return _NONE
        self._reserve(int(groups.max()) + 1)
        missing = groups[self._described[groups] < _DESCRIPTIONS]
        return np.unique(missing).astype(np.int64) if len(missing) else _NONE

    def _reserve(self, count: int) -> None:
        if count > len(self._described):
            grown = np.zeros(2 * count, np.uint8)
            grown[: len(self._described)] = self._described
            self._described = grown
