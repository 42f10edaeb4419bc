"""Takes the records of the log back into memory at start."""

from collections.abc import Iterator

import numpy as np

from netmon_collector.store.acks import Acks
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.framing import Record
from netmon_collector.store.groups import Groups
from netmon_collector.store.record import GatherGroup, StoredRow, decode_gathers, decode_notes
from netmon_collector.store.segment import Segment


class Replay:
    """Reads records in the order of writing. The numbers of groups hold within one file."""

    def __init__(self, groups: Groups, acks: Acks, damages: DamageBook) -> None:
        self._groups = groups
        self._acks = acks
        self._damages = damages
        self._segment: Segment | None = None
        self._numbered: dict[int, GatherGroup] = {}

    def take(self, segment: Segment, record: Record) -> Iterator[StoredRow]:
        """The rows of a record, after its groups and batches are known."""
        if segment is not self._segment:
            self._segment, self._numbered = segment, {}
        notes = decode_notes(record.payload)
        self._acks.load(notes.acks)
        for origin in notes.origins:
            self._acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)
        for note in notes.groups:
            self._numbered[note.number] = self._groups.register(note.labels, note.kinds)
        gathers = decode_gathers(record.payload)
        for number in np.unique(gathers.groups).tolist():
            if number not in self._numbered:
                self._damages.found(
                    segment.path, record.offset, f"gathers of group {number}, whose description is damaged"
                )
        columns = (gathers.groups, gathers.times, gathers.starts, gathers.widths)
        for number, time_ms, start, width in zip(*(column.tolist() for column in columns), strict=True):
            group = self._numbered.get(number)
            values = gathers.values[start : start + width]
            if group is not None:
                yield StoredRow(group, time_ms, values.tobytes(), whole=False)
