"""From rows in memory to chunks, and from chunks to tables."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.chunkfile import Packed
from netmon_collector.store.head import Rows
from netmon_collector.store.judged import Verdict
from netmon_collector.store.labels import Numbers
from netmon_collector.store.layout import Matrix
from netmon_collector.store.merge import Piece, Table, table_of, trimmed
from netmon_collector.store.packing import encode
from netmon_collector.store.record import Bits
from netmon_collector.store.verdicts import Marks, placed
from netmon_collector.store.weaving import Strip, woven

_MOST_NUMBERS: Final = 1 << 20
"""Of a chunk: a day of a hundred series at ten seconds."""
EVER: Final = (-(2**63), 2**63 - 1)


def seal(
    blocks: Mapping[int, Sequence[Rows]], slice_ms: int, marks: Mapping[int, Sequence[Marks]] | None = None
) -> Iterator[Packed]:
    """The chunks of heads, and verdicts on them, by block; what is of another slice of time is another chunk.

    They are merged soon.
    """
    for block, parts in blocks.items():
        strips = [Strip(part.series, table_of(part.times, part.bits.T)) for part in parts]
        for strip in woven(strips):
            for part in cut(strip.table, slice_ms):
                yield from packed(block, strip.series, part, 1, (marks or {}).get(block, ()), lasts=False)


def piece(rows: Rows, series: Numbers, start_ms: int = EVER[0], end_ms: int = EVER[1]) -> Piece:
    """What rows have of some series (ascending) in some time; a copy, if not of all."""
    times, bits = _between(rows, start_ms, end_ms)
    if len(series) <= len(rows.series):
        own = np.minimum(rows.series.searchsorted(series), len(rows.series) - 1)
        if (rows.series[own] == series).all():  # as nearly always: columns are in the order of their series
            return Piece(times, np.arange(len(series)), bits[:, own].T, is_ascending=True)
    at = np.minimum(np.searchsorted(series, rows.series), len(series) - 1)
    own = np.flatnonzero(series[at] == rows.series)
    return Piece(times, at[own], bits[:, own].T)


def _between(rows: Rows, start_ms: int, end_ms: int) -> tuple[Times, Bits]:
    """The times in a time, and what they have."""
    times = rows.times
    if (times[1:] > times[:-1]).all():
        inside = slice(times.searchsorted(start_ms), times.searchsorted(end_ms, "right"))
        return times[inside], rows.bits[inside]
    slots = np.flatnonzero((times >= start_ms) & (times <= end_ms))
    return times[slots], rows.bits[slots]


def packed(
    block: int, series: Numbers, table: Table, fields: int = 1, marks: Sequence[Marks] = (), *, lasts: bool = True
) -> Iterator[Packed]:
    """A table as a chunk; none where it holds no sample. Columns are those of the series, field by field.

    `marks`: verdicts on samples of the block, later ones count. `lasts`: see `encode`.
    """
    left = trimmed(table, fields)
    if left is not None:
        small, kept = left
        bits = np.ascontiguousarray(small.bits) if lasts else small.bits
        matrix = Matrix(block, small.times, series[kept], bits, fields)
        verdicts = placed(marks, series[kept], small.times) if marks else None
        if verdicts is not None:
            verdicts[small.bits == ABSENT_BITS] = Verdict.UNKNOWN
        yield Packed(
            block,
            int(small.times[0]),
            int(small.times[-1]),
            series[kept],
            *encode(matrix, verdicts, lasts=lasts, decimals=small.decimals),
        )


def cut(table: Table, slice_ms: int) -> Iterator[Table]:
    """The table in slices of time, and these in parts that are not too large to work on."""
    if table.times[0] // slice_ms == table.times[-1] // slice_ms and table.bits.size <= _MOST_NUMBERS:
        yield table
        return
    edges = np.flatnonzero(np.diff(table.times // slice_ms)) + 1
    for first, last in pairwise([0, *edges.tolist(), len(table.times)]):
        parts = -(-(last - first) * len(table.bits) // _MOST_NUMBERS)
        for begin, end in pairwise(np.linspace(first, last, parts + 1).astype(int).tolist()):
            yield Table(table.times[begin:end], table.bits[:, begin:end], table.decimals)
