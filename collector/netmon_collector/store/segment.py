"""One file of the log, as it is known in memory: where its records are, and which groups and series it holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import StoreError
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.framing import NOTHING, Record, read_record
from netmon_collector.store.labels import Numbers
from netmon_collector.store.record import GatherGroup, StoredRow

_PLACE: Final = np.dtype([("offset", "<i8"), ("oldest_ms", "<i8"), ("newest_ms", "<i8")])
_DESCRIPTIONS: Final = 2


@dataclass(slots=True)
class Use:
    """A group within one segment: which columns have a sample there, and in how many records it was described."""

    group: GatherGroup
    present: npt.NDArray[np.bool_]
    described: int = 0


class Segment:
    """A file of the log. Changed on one thread; `records` may run on another meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self.oldest_ms, self.newest_ms = NOTHING
        self.uses: dict[int, Use] = {}
        """By the number that the group has in this file."""
        self.dropped = False
        self._places = bytearray()

    def add(self, offset: int, oldest_ms: int, newest_ms: int) -> None:
        """Notes where a record is."""
        self._places += np.array((offset, oldest_ms, newest_ms), _PLACE).tobytes()
        self.oldest_ms = min(self.oldest_ms, oldest_ms)
        self.newest_ms = max(self.newest_ms, newest_ms)

    def use(self, number: int, group: GatherGroup, present: npt.NDArray[np.bool_]) -> Numbers | None:
        """Notes which columns of a group bring samples; the series that are new to this segment, if any."""
        use = self.uses.get(number)
        if use is None:
            use = self.uses[number] = Use(group, np.zeros(len(present), np.bool_))
        new = present & ~use.present
        if not new.any():
            return None
        use.present |= new
        return group.series[new]

    def undescribed(self, rows: Sequence[StoredRow]) -> list[GatherGroup]:
        """The groups that the record of these rows is to describe.

        Each group is described twice in a file, in two records, so that no single damage makes the rest unreadable.
        """
        groups = {row.group.number: row.group for row in rows}
        return [group for number, group in groups.items() if self._described(number) < _DESCRIPTIONS]

    def _described(self, number: int) -> int:
        return self.uses[number].described if number in self.uses else 0

    def series(self) -> Iterator[Numbers]:
        """The series of which there is a sample, by group."""
        for use in list(self.uses.values()):
            yield use.group.series[use.present]

    def columns(self, wanted: npt.NDArray[np.bool_]) -> dict[int, tuple[GatherGroup, npt.NDArray[np.intp]]]:
        """By number, the groups that have samples of wanted series here, and the columns of all wanted series.

        `wanted` has an entry per series and a last one, False, that stands for series of which it does not know yet.
        """
        found = {}
        for number, use in list(self.uses.items()):
            mask = wanted.take(use.group.series, mode="clip")
            if (mask & use.present).any():
                found[number] = (use.group, np.flatnonzero(mask))
        return found

    def records(self, start_ms: int, end_ms: int, damages: DamageBook) -> Iterator[Record]:
        """The records that overlap a time. Raises StoreError if the file cannot be read."""
        places = np.frombuffer(bytes(self._places), _PLACE)
        places = places[(places["oldest_ms"] <= end_ms) & (places["newest_ms"] >= start_ms)]
        if not len(places):
            return
        try:
            with self.path.open("rb") as file:
                for offset in places["offset"].tolist():
                    record = read_record(file, offset)
                    if record is None:
                        damages.found(self.path, offset, "a record that was good when it was written")
                    else:
                        yield record
        except OSError as error:
            if not self.dropped:
                raise StoreError(f"cannot read {self.path}: {error.strerror}") from error
