"""Takes the records of the log back into memory at start."""

from collections.abc import Iterator

import numpy as np

from netmon_collector.store.acks import Acks
from netmon_collector.store.catalog import Catalog
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.framing import Record
from netmon_collector.store.groups import Groups
from netmon_collector.store.record import GatherGroup, Gathers, Part, Singles, decode_notes, decode_parts
from netmon_collector.store.segment import Segment


class Replay:
    """Reads records in the order of writing. The numbers of groups hold within one file."""

    def __init__(self, catalog: Catalog, groups: Groups, acks: Acks, damages: DamageBook) -> None:
        self._catalog = catalog
        self._groups = groups
        self._acks = acks
        self._damages = damages
        self._segment: Segment | None = None
        self.numbered: dict[int, GatherGroup] = {}
        """The groups of the file that was read last, by the numbers that they have there."""

    def take(self, segment: Segment, record: Record) -> Iterator[Part]:
        """The samples of a record, with the numbers of groups as they are now, after its batches are known."""
        if segment is not self._segment:
            self._segment, self.numbered = segment, {}
        notes = decode_notes(record.payload)
        self._acks.load(notes.acks)
        for origin in notes.origins:
            self._acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)
        for note in notes.groups:
            if self._catalog.has(note.series).all():
                self.numbered[note.number] = self._groups.of_series(note.series, note.kinds)
        for part in decode_parts(record.payload):
            if isinstance(part, Gathers):
                left: Part = self._renumbered(part, segment, record)
            else:
                left = self._known(part, segment, record)
            if len(left.times):
                yield left

    def _renumbered(self, part: Gathers, segment: Segment, record: Record) -> Gathers:
        places, inverse = np.unique(part.groups, return_inverse=True)
        for number in places.tolist():
            if number not in self.numbered:
                self._damages.found(
                    segment.path, record.offset, f"gathers of group {number}, whose description is damaged"
                )
        groups = [self.numbered.get(number) for number in places.tolist()]
        kept = np.array([group is not None for group in groups], np.bool_)[inverse]
        numbers = np.array([0 if group is None else group.number for group in groups], np.uint32)[inverse]
        if kept.all():
            return Gathers(numbers, part.widths, part.times, part.values)
        return Gathers(numbers[kept], part.widths[kept], part.times[kept], part.values[np.repeat(kept, part.widths)])

    def _known(self, part: Singles, segment: Segment, record: Record) -> Singles:
        entered = self._catalog.has(part.series)
        if entered.all():
            return part
        self._damages.found(segment.path, record.offset, "samples of series whose entries in the catalog are damaged")
        return Singles(part.series[entered], part.times[entered], part.values[entered])
