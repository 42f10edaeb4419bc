"""Reads the queue for a query, so that what is acked is seen before the server has it or shows it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, StoreError
from netmon_collector.store.match import Matching
from netmon_collector.store.outside.base import Piece
from netmon_collector.store.outside.queue import Entry, Queue
from netmon_collector.store.record import Bits, GatherGroup, decode_gathers
from netmon_proto.model import Labels

ANSWER_BYTES: Final = 1 << 30
"""No more is read at once."""

Columns = npt.NDArray[np.intp]


class _Gathered:
    """The gathers found of one group, in the order of writing."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.orders: list[int] = []
        self.values: list[Bits] = []

    def pieces(self, group: GatherGroup, columns: Columns) -> Iterable[Piece]:
        times, orders = np.array(self.times, np.int64), np.array(self.orders, np.int64)
        matrix = np.stack(self.values)
        sorting = np.lexsort((orders, times))
        times, orders, matrix = times[sorting], orders[sorting], matrix[sorting]
        present = matrix != ABSENT_BITS
        for at, column in enumerate(columns.tolist()):
            there = present[:, at]
            if there.any():
                values = np.ascontiguousarray(matrix[there, at]).view(np.float64)
                yield Piece(group.labels[column], times[there], values, orders[there])


class _Chosen:
    """Which columns of a group a query wants; each group is judged once."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._columns: dict[GatherGroup, Columns] = {}

    def __call__(self, group: GatherGroup) -> Columns:
        columns = self._columns.get(group)
        if columns is None:
            accepted = [self._matching.accepts(labels) for labels in group.labels]
            columns = self._columns[group] = np.flatnonzero(accepted)
        return columns


def pieces(queue: Queue, entries: Iterable[Entry], matching: Matching, start_ms: int, end_ms: int) -> list[Piece]:
    """What entries hold with start_ms <= time <= end_ms of the series that all matchers accept. Raises StoreError."""
    chosen = _Chosen(matching)
    found: defaultdict[GatherGroup, _Gathered] = defaultdict(_Gathered)
    order = size_bytes = 0
    overlapping = (entry for entry in entries if entry.oldest_ms <= end_ms and entry.newest_ms >= start_ms)
    for entry, record in queue.read(overlapping):
        gathers = decode_gathers(record.payload)
        for at in np.flatnonzero((gathers.times >= start_ms) & (gathers.times <= end_ms)).tolist():
            group = entry.file.groups.get(int(gathers.groups[at]))
            if group is not None and len(columns := chosen(group)):
                order += 1
                size_bytes += columns.nbytes
                if size_bytes > ANSWER_BYTES:
                    raise StoreError(f"more than {ANSWER_BYTES} bytes of the answer are in the queue: ask for less")
                gathered = found[group]
                gathered.times.append(int(gathers.times[at]))
                gathered.orders.append(order)
                gathered.values.append(gathers.values[int(gathers.starts[at]) + columns])
    return [piece for group, gathered in found.items() for piece in gathered.pieces(group, chosen(group))]


def series(queue: Queue, entries: Iterable[Entry], matching: Matching) -> set[Labels]:
    """The series of which entries hold a sample, and that all matchers accept. Raises StoreError."""
    ever = (-(1 << 63), (1 << 63) - 1)
    return {piece.labels for piece in pieces(queue, entries, matching, *ever)}
