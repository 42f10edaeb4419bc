"""Reads raw samples: what heads and chunk files hold of some series, in frames."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from netmon_collector.store.base import ABSENT_BITS, Frame, Lines
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.chunkfile import ChunkFile, Tier
from netmon_collector.store.head import Rows
from netmon_collector.store.judged import JudgedFrame, Verdicts
from netmon_collector.store.labels import LabelIndex, Numbers, SeriesView
from netmon_collector.store.merge import Piece, Table, merge, trimmed
from netmon_collector.store.sealing import piece
from netmon_collector.store.shelf import Shelf
from netmon_collector.store.verdicts import placed
from netmon_collector.store.weaving import Strip, woven

_SOME_BLOCKS: Final = 500
"""So many are looked at together, so that a large answer does not hold on to all heads."""


class Selector:
    """Finds samples. Any thread may use it."""

    def __init__(self, index: LabelIndex, blocks: Blocks, shelf: Shelf) -> None:
        self._index = index
        self._blocks = blocks
        self._shelf = shelf

    def scan(self, series: Numbers, start_ms: int, end_ms: int) -> Iterator[Frame]:
        """Samples of some series (ascending) in a time, block by block. Raises StoreError."""
        homes = list(self._blocks.homes.apart(series))
        for first in range(0, len(homes), _SOME_BLOCKS):
            yield from self._scan(homes[first : first + _SOME_BLOCKS], start_ms, end_ms)

    def _scan(self, homes: list[tuple[int, Numbers]], start_ms: int, end_ms: int) -> Iterator[Frame]:
        rows_of = self._blocks.rows
        heads = [rows_of(block) for block, _ in homes]  # first: a head is on the shelf before it is let go
        numbers = np.array([block for block, _ in homes])
        found = self._shelf.find(Tier.RAW, numbers, start_ms, end_ms)
        if len(homes) > 1:
            self._shelf.reader.read_ahead(
                [(file, at, own) for (_, own), chunks in zip(homes, found, strict=True) for file, at in chunks]
            )
        for (_, own), rows, chunks in zip(homes, heads, found, strict=True):
            yield from self.frames_of(own, rows, chunks, start_ms, end_ms)

    def frames_of(
        self, series: Numbers, rows: Sequence[Rows], chunks: Sequence[tuple[ChunkFile, int]], start_ms: int, end_ms: int
    ) -> Iterator[Frame]:
        """What rows and chunks of a block have of some series in a time. Raises StoreError."""
        found = [self._shelf.reader.piece(file, at, series, start_ms, end_ms) for file, at in chunks]
        pieces = [one for one in found if one is not None]
        pieces += [one for part in rows if len((one := piece(part, series, start_ms, end_ms)).columns)]
        yield from self._frames(series, pieces)

    def framed(self, lines: Lines, start_ms: int, end_ms: int) -> Iterator[Frame]:
        """What lines of this store have in a time, as frames."""
        assert isinstance(lines.labels, SeriesView)
        bits, begins = lines.values.view(np.uint64), lines.begins
        for axis, (begin, end) in enumerate(pairwise(lines.axis_begins.tolist())):
            times = lines.times[begin:end]
            first, last = times.searchsorted(start_ms), times.searchsorted(end_ms, "right")
            rows = np.flatnonzero(lines.axis == axis)
            if first < last and len(rows):
                table = Table(
                    times[first:last], np.stack([bits[at + first : at + last] for at in begins[rows].tolist()])
                )
                yield from self._frame(lines.labels.numbers[rows], table)

    def scan_judged(self, series: Numbers, start_ms: int, end_ms: int) -> Iterator[JudgedFrame]:
        """As `scan`, with verdicts."""
        for block, own in self._blocks.homes.apart(series):
            marks = self._blocks.marks(block)  # first: these are in files before they are let go
            (chunks,) = self._shelf.find(Tier.RAW, np.array([block]), start_ms, end_ms)
            marks = [*self._shelf.reader.marks(chunks), *marks]
            for frame in self._scan([(block, own)], start_ms, end_ms):
                assert isinstance(frame.labels, SeriesView)
                verdicts: Verdicts = np.zeros(frame.values.shape, np.uint8)
                told = placed(marks, frame.labels.numbers, frame.times)
                if told is not None:
                    there = frame.values.view(np.uint64) != ABSENT_BITS
                    verdicts[there] = told.T[there]
                yield JudgedFrame(frame, verdicts)

    def _frames(self, series: Numbers, pieces: Sequence[Piece]) -> Iterator[Frame]:
        """Samples of a block as one frame, or if its series do not share their times, as several."""
        if all(len(one.columns) == len(series) for one in pieces):
            table = merge(pieces, len(series))
            if table is not None:
                yield from self._frame(series, table)
            return
        for strip in woven(
            [Strip(series[one.columns], Table(one.times, one.bits)) for one in pieces if len(one.times)]
        ):
            yield from self._frame(strip.series, strip.table)

    def _frame(self, series: Numbers, table: Table) -> Iterator[Frame]:
        left = trimmed(table)
        if left is not None:
            small, kept = left
            own = series if len(kept) == len(series) else series[kept]
            bits = np.ascontiguousarray(small.bits)
            yield Frame(self._index.view(own), small.times, bits.view(np.float64).T)
