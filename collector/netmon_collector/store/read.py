"""Reads the log: all of it at start, and for a query what it holds of some series in some time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from netmon_collector.store.acks import Acks
from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.framing import Record
from netmon_collector.store.groups import Groups
from netmon_collector.store.merge import Found
from netmon_collector.store.record import GatherGroup, Gathers, decode_gathers, decode_notes
from netmon_collector.store.segment import Segment


def replay(segment: Segment, record: Record, groups: Groups, acks: Acks, damages: DamageBook) -> None:
    """Takes a record back into memory: its groups, its batches, and which series it holds."""
    notes = decode_notes(record.payload)
    acks.load(notes.acks)
    for origin in notes.origins:
        acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)
    for note in notes.groups:
        group = groups.register(note.labels, note.kinds)
        segment.use(note.number, group, np.zeros(len(group.labels), np.bool_))
    gathers = decode_gathers(record.payload)
    for number in np.unique(gathers.groups).tolist():
        use = segment.uses.get(number)
        if use is None:
            damages.found(segment.path, record.offset, f"gathers of group {number}, whose description is damaged")
        elif not use.present.all():
            segment.use(number, use.group, _present(gathers, number))


def _present(gathers: Gathers, number: int) -> npt.NDArray[np.bool_]:
    """In which columns a group has a sample."""
    at = np.flatnonzero(gathers.groups == number)
    columns = gathers.starts[at][:, None] + np.arange(gathers.widths[at[0]])
    present: npt.NDArray[np.bool_] = (gathers.values[columns] != ABSENT_BITS).any(axis=0)
    return present


def read(
    segments: Sequence[Segment], wanted: npt.NDArray[np.bool_], start_ms: int, end_ms: int, damages: DamageBook
) -> list[Found]:
    """Gathers with start_ms <= time <= end_ms of wanted series, as the files hold them. Raises StoreError."""
    found: dict[GatherGroup, Found] = {}
    count = 0
    for segment in segments:
        columns = segment.columns(wanted)
        if not columns:
            continue
        numbers = np.fromiter(columns, np.uint32)
        for record in segment.records(start_ms, end_ms, damages):
            gathers = decode_gathers(record.payload)
            in_time = (gathers.times >= start_ms) & (gathers.times <= end_ms)
            for at in np.flatnonzero(in_time & np.isin(gathers.groups, numbers)).tolist():
                group, picked = columns[int(gathers.groups[at])]
                start = int(gathers.starts[at])
                one = found.setdefault(group, Found(group.series[picked]))
                one.times.append(int(gathers.times[at]))
                one.order.append(count)
                one.values.append(gathers.values[start + picked])
                count += 1
    return list(found.values())
