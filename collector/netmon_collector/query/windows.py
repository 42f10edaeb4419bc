"""Which samples of each series are in the window of each step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.query.answer import Mask
from netmon_collector.store.base import ABSENT_BITS, Times, Values
from netmon_proto.model import STALE_BITS

Indices = npt.NDArray[np.int64]

_BLOCK_SERIES: Final = 256
_BLOCK_SAMPLES: Final = 1 << 19
"""So much of the samples fits into a processor's cache."""


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """Samples of S series that share their times (N,): values float64 (S, N), ABSENT or stale where there is none."""

    times: Times
    values: Values


@dataclass(frozen=True, eq=False, slots=True)
class Windows:
    """The samples of S series, one series after the other, and the windows of T steps.

    times int64 (N,), values float64 (N,). lo and hi, int64 (S, T): the window of a series at a step has the samples
    lo:hi. starts and ends, int64 (T,): the window is the time after `starts`, up to and with `ends`.
    """

    times: Times
    values: Values
    lo: Indices
    hi: Indices
    starts: Times
    ends: Times
    check: Callable[[], None] = lambda: None
    """To be called by whoever takes long; may raise."""
    begins: Indices | None = None
    """int64 (S,), where the samples of each series begin; None where that is not known."""

    @property
    def counts(self) -> Indices:
        return self.hi - self.lo


def newest(times: Times, values: Values, after_ms: int, until_ms: int) -> Windows:
    """The windows of one step, of which only the newest sample of each series is known."""
    lo = np.arange(len(times), dtype=np.int64)[:, None]
    return Windows(times, values, lo, lo + 1, np.array([after_ms]), np.array([until_ms]))


Kernel = Callable[[Windows], tuple[Values, Mask]]
"""From windows to a value for each series and step, and whether there is one; both (S, T)."""


def over_windows(
    grids: Sequence[Grid], starts: Times, ends: Times, kernel: Kernel, *, stale: bool, check: Callable[[], None]
) -> tuple[Values, Mask]:
    """Applies a kernel to the windows of all series of some grids, block by block; (S, T) each.

    stale: whether stale markers are among the samples. check: called before each block, may raise.
    """
    count = sum(len(grid.values) for grid in grids)
    values, present = np.empty((count, len(ends))), np.empty((count, len(ends)), np.bool_)
    row = 0
    for block in _blocks(grids):
        check()
        windows = windows_of(block, starts, ends, stale=stale)
        rows = slice(row, row + len(windows.lo))
        values[rows], present[rows] = kernel(replace(windows, check=check))
        row = rows.stop
    return values, present


def windows_of(grids: Sequence[Grid], starts: Times, ends: Times, *, stale: bool) -> Windows:
    """The windows of the series of some grids."""
    values = np.concatenate([grid.values.reshape(-1) for grid in grids])
    if np.isnan(values).any():
        return _windows_with_gaps(grids, starts, ends, stale=stale)
    lengths = np.array([len(grid.times) for grid in grids], np.int64)
    series = np.array([len(grid.values) for grid in grids], np.int64)
    lo, hi = _bounds([grid.times for grid in grids], lengths, starts, ends)
    own = np.repeat(np.arange(len(grids)), series)
    begins = np.concatenate([[0], np.cumsum(lengths[own])[:-1]])[:, None]
    times = _repeated(grids, len(values))
    return Windows(times, values, begins + lo[own], begins + hi[own], starts, ends, begins=begins[:, 0])


def _windows_with_gaps(grids: Sequence[Grid], starts: Times, ends: Times, *, stale: bool) -> Windows:
    """As windows_of, where series may have no samples at times of their grid."""
    solid = [_solid(grid, stale=stale) for grid in grids]
    lengths = np.array([len(grid.times) for grid, _ in solid], np.int64)
    lo, hi = _bounds([grid.times for grid, _ in solid], lengths, starts, ends)
    los, his, times, values = [], [], [], []
    base = 0
    for number, (grid, present) in enumerate(solid):
        series = len(grid.values)
        if present is None:
            rows = base + len(grid.times) * np.arange(series, dtype=np.int64)[:, None]
            los.append(rows + lo[number])
            his.append(rows + hi[number])
            values.append(grid.values.reshape(-1))
            times.append(_repeated([grid], grid.values.size))
        else:
            before = np.zeros((series, len(grid.times) + 1), np.int64)
            np.cumsum(present, axis=1, out=before[:, 1:])
            rows = base + np.concatenate([[0], np.cumsum(before[:-1, -1])])[:, None]
            los.append(rows + before[:, lo[number]])
            his.append(rows + before[:, hi[number]])
            values.append(grid.values[present])
            times.append(np.broadcast_to(grid.times, present.shape)[present])
        base += len(values[-1])
    return Windows(
        np.concatenate(times), np.concatenate(values), np.concatenate(los), np.concatenate(his), starts, ends
    )


def _repeated(grids: Sequence[Grid], count: int) -> Times:
    """The times of all samples of some grids, which are so many, one series after the other."""
    times = np.empty(count, np.int64)
    at = 0
    for grid in grids:
        end = at + grid.values.size
        times[at:end].reshape(grid.values.shape)[:] = grid.times
        at = end
    return times


def _blocks(grids: Sequence[Grid]) -> Iterator[list[Grid]]:
    """The series of some grids, in their order, in parts of a size that is good to work on."""
    rows, cells = sum([len(grid.values) for grid in grids]), sum([grid.values.size for grid in grids])
    if 0 < rows <= _BLOCK_SERIES and cells <= _BLOCK_SAMPLES:
        yield list(grids)
        return
    block: list[Grid] = []
    series = samples = 0
    for grid in grids:
        most = max(1, min(_BLOCK_SERIES, _BLOCK_SAMPLES // max(1, len(grid.times))))
        for start in range(0, len(grid.values), most):
            part = grid if len(grid.values) <= most else Grid(grid.times, grid.values[start : start + most])
            if block and (series + len(part.values) > _BLOCK_SERIES or samples + part.values.size > _BLOCK_SAMPLES):
                yield block
                block, series, samples = [], 0, 0
            block.append(part)
            series += len(part.values)
            samples += part.values.size
    if block:
        yield block


def _solid(grid: Grid, *, stale: bool) -> tuple[Grid, Mask | None]:
    """The grid, and where it has samples; None where that is everywhere."""
    if not np.isnan(grid.values).any():
        return grid, None
    bits = (
        grid.values.view(np.uint64)
        if grid.values.flags.c_contiguous
        else np.ascontiguousarray(grid.values).view(np.uint64)
    )
    present: Mask = bits != ABSENT_BITS
    if not stale:
        present &= bits != STALE_BITS
    if present.all():
        return grid, None
    if len(grid.values) == 1:
        return Grid(grid.times[present[0]], grid.values[:, present[0]]), None
    return grid, present


def _bounds(axes: Sequence[Times], lengths: Indices, starts: Times, ends: Times) -> tuple[Indices, Indices]:
    """Which of the times of each axis are in each window, as first and behind the last: (number of axes, T) each.

    All axes are searched at once: each is moved to a range of numbers of its own.
    """
    flat = np.concatenate(axes)
    if not len(flat):
        empty = np.zeros((len(axes), len(ends)), np.int64)
        return empty, empty
    least, most = int(flat.min()), int(flat.max())
    width = most - least + 2
    moves = np.arange(len(axes), dtype=np.int64) * width
    keys = flat - least + np.repeat(moves, lengths)
    bases = np.cumsum(lengths) - lengths

    def positions(bounds: Times) -> Indices:
        needles = np.clip(bounds, least - 1, most) - least
        found = np.searchsorted(keys, (moves[:, None] + needles).reshape(-1), "right").reshape(len(axes), -1)
        return np.asarray(found - bases[:, None])

    return positions(starts), positions(ends)
