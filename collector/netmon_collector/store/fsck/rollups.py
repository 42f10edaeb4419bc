"""Checks rollups against the raw samples that there are."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import RollupField, is_absent
from netmon_collector.store.chunkfile import RECENT, ChunkFile, Tier
from netmon_collector.store.fsck.finding import Finding
from netmon_collector.store.labels import Numbers
from netmon_collector.store.merge import Table, merge
from netmon_collector.store.merging import WIDTH_MS, blocks_of, windows_of
from netmon_collector.store.rollup import FIELDS, roll
from netmon_collector.store.sealing import EVER
from netmon_collector.store.shelf import Shelf

_HOUR_MS: Final = 3_600_000
_ROUNDED: Final = (RollupField.SUM, RollupField.INC)
"""What depends on the order of additions in its last digits."""


def check_rollups(shelf: Shelf, pending: Collection[int]) -> Iterator[Finding]:
    """Hour by hour; hours with samples that were not merged yet are left out: `pending`, and those of recent files."""
    raw = shelf.files(Tier.RAW)
    merged = [file for file in raw if file.name.span != RECENT and len(file.entries)]
    recent = [file for file in raw if file.name.span == RECENT and len(file.entries)]
    for block in blocks_of(merged) if merged else []:
        series = _series_of(raw, block)
        fresh = {window.start for window in windows_of(recent, block, range(*EVER))}
        for window in windows_of(merged, block, range(*EVER)):
            if window.start not in fresh and window.start // _HOUR_MS not in pending:
                yield from _check_window(shelf, block, series, window)


def _series_of(files: Sequence[ChunkFile], block: int) -> Numbers:
    chunks = [chunk.series for file in files for chunk in file.chunks(block, *EVER)]
    return np.unique(np.concatenate([np.empty(0, np.int64), *chunks]))


def _check_window(shelf: Shelf, block: int, series: Numbers, window: range) -> Iterator[Finding]:
    bounds = (window.start, window.stop - 1)
    raw = merge(shelf.pieces(Tier.RAW, block, series, *bounds), len(series))
    if raw is None:
        return
    for tier, width_ms in WIDTH_MS.items():
        stored = merge(shelf.pieces(tier, block, series, *bounds), len(series) * FIELDS)
        wrong = _differing(roll(raw, width_ms), stored)
        if wrong:
            text = f"{tier} rollups of {wrong} series of block {block} do not say what the samples say"
            yield Finding(f"hour {window.start // _HOUR_MS}", None, text, window.start)


def _differing(fresh: Table, stored: Table | None) -> int:
    """How many series have a bucket that is not what is stored. One of more samples is right: some are gone since."""
    buckets = fresh.bits.view(np.float64).reshape(-1, FIELDS, len(fresh.times))
    there = ~is_absent(buckets[:, 0])
    if stored is None:
        return int(np.count_nonzero(there.any(axis=1)))
    aligned = np.full_like(buckets, np.nan)
    _, ours, theirs = np.intersect1d(fresh.times, stored.times, return_indices=True)
    kept = stored.bits.view(np.float64).reshape(-1, FIELDS, len(stored.times))[:, :, theirs]
    aligned[:, :, ours] = np.where(is_absent(kept), np.nan, kept)
    counts = aligned[:, RollupField.COUNT]
    fuller = counts > buckets[:, RollupField.COUNT]
    wrong = there & ~fuller & ~_same(buckets, aligned)
    return int(np.count_nonzero(wrong.any(axis=1)))


def _same(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which buckets are the same: [C, W]."""
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore", over="ignore"):
        same[:, _ROUNDED] |= np.isclose(one[:, _ROUNDED], other[:, _ROUNDED], rtol=1e-9, atol=1e-9)
    same[:, RollupField.COUNT] = one[:, RollupField.COUNT] == other[:, RollupField.COUNT]
    whole: npt.NDArray[np.bool_] = same.all(axis=1)
    return whole
