"""Reads rollups: those that are stored, and for what came since the last merge, made on the way."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np

from netmon_collector.store.base import Rollup, RollupField, is_absent
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.chunkfile import RECENT, Tier
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.match import Matching
from netmon_collector.store.merge import Piece, Table, merge, trimmed
from netmon_collector.store.merging import WIDTH_MS, fresh_rollup, windows_in, windows_of
from netmon_collector.store.rollup import FIELDS, filled
from netmon_collector.store.sealing import piece
from netmon_collector.store.shelf import Shelf

_IS_TIME = np.isin(np.arange(FIELDS), (RollupField.FIRST_MS, RollupField.LAST_MS))


class RollupReader:
    """Reads one tier."""

    def __init__(self, tier: Tier, index: LabelIndex, blocks: Blocks, shelf: Shelf) -> None:
        self._tier = tier
        self._width_ms = WIDTH_MS[tier]
        self._index = index
        self._blocks = blocks
        self._shelf = shelf

    @classmethod
    def of(cls, step_ms: int, index: LabelIndex, blocks: Blocks, shelf: Shelf) -> Self | None:
        """The reader of the coarsest tier that is no wider than a step; None where every tier is wider."""
        tiers = [tier for tier, width_ms in WIDTH_MS.items() if width_ms <= step_ms]
        return cls(tiers[-1], index, blocks, shelf) if tiers else None

    def read(self, matching: Matching, start_ms: int, end_ms: int) -> list[Rollup]:
        """The buckets that overlap a time. Raises StoreError."""
        first_ms = start_ms // self._width_ms * self._width_ms
        last_ms = (end_ms // self._width_ms + 1) * self._width_ms - 1
        found = []
        for block, series in self._blocks.homes.apart(self._index.match(matching, gone=True)):
            rollup = self._of_block(block, series, first_ms, last_ms)
            if rollup is not None:
                found.append(rollup)
        return found

    def _of_block(self, block: int, series: Numbers, start_ms: int, end_ms: int) -> Rollup | None:
        # In the order in which samples move: so that none is missed that moves meanwhile.
        heads = [piece(rows, series) for rows in self._blocks.rows(block)]
        recent = [file for file in self._shelf.files(Tier.RAW) if file.name.span == RECENT]
        windows = self._fresh_windows(heads, windows_of(recent, block, range(start_ms, end_ms + 1)), start_ms, end_ms)
        pieces = self._shelf.pieces(self._tier, block, series, start_ms, end_ms)
        for window in windows:
            fresh = fresh_rollup(self._shelf, self._tier, block, series, window, heads)
            pieces += [] if fresh is None else [_piece(fresh, start_ms, end_ms)]
        table = merge(pieces, len(series) * FIELDS)
        left = None if table is None else trimmed(filled(table), FIELDS)
        if left is None:
            return None
        small, kept = left
        values = small.bits.view(np.float64).reshape(len(kept), FIELDS, -1)
        with np.errstate(invalid="ignore"):  # ABSENT is a signalling NaN
            values = np.where(is_absent(values) | ~_IS_TIME[:, None], values, values + small.times)
        return Rollup(self._index.labels(series[kept].tolist()), self._width_ms, small.times, values)

    @staticmethod
    def _fresh_windows(heads: Sequence[Piece], recent: Sequence[range], start_ms: int, end_ms: int) -> Iterator[range]:
        times = [one.times[(one.times >= start_ms) & (one.times <= end_ms)] for one in heads]
        touched = {window.start for window in recent}
        touched |= {window.start for part in times for window in windows_in(part.tolist())}
        yield from windows_in(sorted(touched))


def _piece(table: Table, start_ms: int, end_ms: int) -> Piece:
    slots = np.flatnonzero((table.times >= start_ms) & (table.times <= end_ms))
    return Piece(table.times[slots], np.arange(len(table.bits)), table.bits[:, slots])
