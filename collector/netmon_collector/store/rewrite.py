"""What is left of a file when samples are deleted from it."""

from collections.abc import Iterator

import numpy as np

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.chunk import Chunk
from netmon_collector.store.chunkfile import ChunkFile, Packed
from netmon_collector.store.labels import Numbers
from netmon_collector.store.merge import Table
from netmon_collector.store.sealing import packed


def without(file: ChunkFile, series: Numbers, start_ms: int, end_ms: int) -> Iterator[Packed] | None:
    """The chunks of a file without some series (ascending) in some time; None where it has nothing of them."""
    touched = file.oldest_ms <= end_ms and file.newest_ms >= start_ms
    if not touched or not file.has(series):
        return None
    return _without(file, series, start_ms, end_ms)


def _without(file: ChunkFile, series: Numbers, start_ms: int, end_ms: int) -> Iterator[Packed]:
    for at in range(len(file.entries)):
        chunk = file.read(at)
        if chunk is None:
            continue
        columns = chunk.columns_of(series)[1]
        slots = np.flatnonzero((chunk.times >= start_ms) & (chunk.times <= end_ms))
        if len(columns) and len(slots):
            yield from _erased(chunk, columns, slots)
        else:
            yield Packed.whole(chunk)


def _erased(chunk: Chunk, columns: np.ndarray[tuple[int], np.dtype[np.intp]], slots: Numbers) -> Iterator[Packed]:
    matrix = chunk.matrix()
    matrix.bits[np.ix_(columns, slots)] = ABSENT_BITS
    yield from packed(chunk.block, chunk.series, Table(chunk.times, matrix.bits), chunk.fields, list(chunk.marks()))
