"""Reads the queue for a query, so that what is acked is seen before the server has it or shows it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, StoreError, Times
from netmon_collector.store.match import Matching
from netmon_collector.store.outside.base import Piece
from netmon_collector.store.outside.queue import Entry, Queue
from netmon_collector.store.record import Bits, GatherGroup, Gathers, decode_parts
from netmon_proto.model import Labels

ANSWER_BYTES: Final = 1 << 30
"""No more is read at once."""

Columns = npt.NDArray[np.intp]


class _Found:
    """The samples found, in the order of writing, as columns: series, times, bits."""

    def __init__(self) -> None:
        self._series: list[npt.NDArray[np.int64]] = []
        self._times: list[Times] = []
        self._values: list[Bits] = []
        self._size_bytes = 0

    def add(self, series: npt.NDArray[np.int64], times: Times, values: Bits) -> None:
        """Raises StoreError where there are too many."""
        if not len(series):
            return
        self._size_bytes += values.nbytes
        if self._size_bytes > ANSWER_BYTES:
            raise StoreError(f"more than {ANSWER_BYTES} bytes of the answer are in the queue: ask for less")
        self._series.append(series)
        self._times.append(times)
        self._values.append(values)

    def pieces(self, labels: Callable[[int], Labels]) -> Iterator[Piece]:
        """One for each series."""
        if not self._series:
            return
        series, times = np.concatenate(self._series), np.concatenate(self._times)
        values = np.concatenate(self._values)
        order = np.lexsort((times, series))
        series, times, floats = series[order], times[order], values[order].view(np.float64)
        edges = np.flatnonzero(np.diff(series)) + 1
        for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(series)], strict=True):
            yield Piece(labels(int(series[first])), times[first:last], floats[first:last], order[first:last])


class _Chosen:
    """Which columns of a group a query wants; each group is judged once."""

    def __init__(self, wanted: npt.NDArray[np.int64]) -> None:
        self._wanted = wanted
        self._columns: dict[GatherGroup, Columns] = {}

    def columns(self, group: GatherGroup) -> Columns:
        columns = self._columns.get(group)
        if columns is None:
            columns = self._columns[group] = np.flatnonzero(np.isin(group.series, self._wanted))
        return columns


def pieces(queue: Queue, entries: Iterable[Entry], matching: Matching, start_ms: int, end_ms: int) -> list[Piece]:
    """What entries hold with start_ms <= time <= end_ms of the series that all matchers accept. Raises StoreError."""
    wanted = queue.match(matching)
    chosen = _Chosen(wanted)
    found = _Found()
    overlapping = (entry for entry in entries if entry.oldest_ms <= end_ms and entry.newest_ms >= start_ms)
    for entry, record in queue.read(overlapping):
        for part in decode_parts(record.payload):
            within = (part.times >= start_ms) & (part.times <= end_ms)
            if isinstance(part, Gathers):
                _find_gathers(part, np.flatnonzero(within), entry.file.groups, chosen, found)
            else:
                at = np.flatnonzero(within & np.isin(part.series, wanted))
                found.add(part.series[at].astype(np.int64), part.times[at], part.values[at])
    return list(found.pieces(queue.labels))


def _find_gathers(
    part: Gathers, places: Columns, groups: Mapping[int, GatherGroup], chosen: _Chosen, found: _Found
) -> None:
    starts = part.starts
    for at in places.tolist():
        group = groups.get(int(part.groups[at]))
        if group is not None and len(columns := chosen.columns(group)):
            values = part.values[int(starts[at]) + columns]
            given = values != ABSENT_BITS
            times = np.full(np.count_nonzero(given), part.times[at])
            found.add(group.series[columns[given]], times, values[given])


def series(queue: Queue, entries: Iterable[Entry], matching: Matching) -> set[Labels]:
    """The series of which entries hold a sample, and that all matchers accept. Raises StoreError."""
    ever = (-(1 << 63), (1 << 63) - 1)
    return {piece.labels for piece in pieces(queue, entries, matching, *ever)}
