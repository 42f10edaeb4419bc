"""One file of the log, as it is known in memory: its size, and how often each group was described in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from netmon_collector.store.framing import NOTHING
from netmon_collector.store.record import GatherGroup, StoredRow

_DESCRIPTIONS: Final = 2


class Segment:
    """A file of the log; files are numbered in the order of writing."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.number = number
        self.size_bytes = 0
        self.oldest_ms, self.newest_ms = NOTHING
        self._described: dict[int, int] = {}

    def add(self, oldest_ms: int, newest_ms: int, described: Sequence[int] = ()) -> None:
        """Notes a record: its oldest and newest time, and the numbers of the groups that it describes."""
        self.oldest_ms = min(self.oldest_ms, oldest_ms)
        self.newest_ms = max(self.newest_ms, newest_ms)
        for number in described:
            self._described[number] = self._described.get(number, 0) + 1

    def undescribed(self, rows: Sequence[StoredRow]) -> list[GatherGroup]:
        """The groups that the record of these rows is to describe.

        Each group is described twice in a file, in two records, so that no single damage makes the rest unreadable.
        """
        groups = {row.group.number: row.group for row in rows}
        return [group for number, group in groups.items() if self._described.get(number, 0) < _DESCRIPTIONS]
