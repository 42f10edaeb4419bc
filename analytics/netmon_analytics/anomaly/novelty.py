"""How far a value lies from all that were ever seen, on a grid of bits that grows with the series' range.

The grid has 256 cells. It begins small around the first value; where a value falls outside, cells are merged in pairs
and the range doubles. Whether a value is new costs one look-up; only new ones are measured: the distance to the nearest
cell that was ever occupied, against the mean such distance, a known value counting as no distance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly.columns import Bytes, Columns, Float32, Int32, Mask, Rows, column
from netmon_analytics.anomaly.constants import Constants
from netmon_analytics.anomaly.moment import Moment

CELLS = 256
FIRST_CELLS = np.arange(0, CELLS, 64)  # of each word of 64 bits
MOST_DOUBLINGS = 256
FIRST_RANGE = np.float32(0.01)  # of the first value's size
Words = NDArray[np.uint64]
Int64 = NDArray[np.int64]
TINY = np.float32(1e-30)
FARTHEST = np.float32(64)  # mean distances: beyond, all is equally new


@dataclass
class Novelty(Columns):
    low: Float32 = column()
    cell: Float32 = column()  # the width of a cell; 0 while there is no grid
    usual: Float32 = column()  # mean distance, in the unit of the values
    seen: Bytes = column(width=CELLS // 8, dtype=np.uint8)

    def step(self, x: Float32, moment: Moment, judged: Mask, c: Constants) -> Float32:
        """How new a value is for a series that is as often new as this one; 0 for a value that was there before."""
        self.lay(np.flatnonzero(moment.ok & (self.cell == 0)), x)
        distance = np.zeros(len(x), np.float32)
        place = self.place(x, moment.ok)
        outside = np.flatnonzero((place < 0) | (place >= CELLS))
        if len(outside):
            self.widen(outside, x[outside])
            place = self.place(x, moment.ok)
        whole = np.clip(place, 0, CELLS - 1).astype(np.int32)  # rounding may end one cell further
        known = self.seen[whole >> 3, np.arange(len(x))] >> (whole & 7).astype(np.uint8) & 1
        new = np.flatnonzero((known == 0) & moment.ok)
        if len(new):
            distance[new] = self.nearest(new, whole[new]) * self.cell[new]
            self.seen[whole[new] >> 3, new] |= np.left_shift(1, whole[new] & 7).astype(np.uint8)
        ratio = np.minimum(distance / np.maximum(self.usual, TINY), FARTHEST)
        self.usual += moment.gain(c.novelty_s) * (distance - self.usual)
        surprise = np.float32(c.novelty_steepness) * np.log(np.maximum(ratio, 1))
        return np.where(judged, surprise, np.float32(0))

    def place(self, x: Float32, ok: Mask) -> Float32:
        """The cell of each value; 0 where there is none."""
        return np.where(ok, np.floor((x - self.low) / np.maximum(self.cell, TINY)), np.float32(0))

    def lay(self, rows: Rows, x: Float32) -> None:
        """A small grid around the first value."""
        if len(rows):
            span = np.maximum(FIRST_RANGE, FIRST_RANGE * np.abs(x[rows]))
            self.cell[rows] = span / CELLS
            self.low[rows] = x[rows] - span / 2
            self.seen[CELLS // 16, rows] = 1

    def widen(self, rows: Rows, x: Float32) -> None:
        """Doubles the range of these rows, towards the value, until it lies inside."""
        for _ in range(MOST_DOUBLINGS):
            below = x < self.low[rows]
            out = below | (x >= self.low[rows] + CELLS * self.cell[rows])
            rows, x, below = rows[out], x[out], below[out]
            if not len(rows):
                return
            bits = np.unpackbits(self.seen[:, rows], axis=0, bitorder="little")
            merged = bits[0::2] | bits[1::2]
            wide = np.zeros_like(bits)
            half = CELLS // 2
            wide[half:] = np.where(below, merged, 0)
            wide[:half] = np.where(below, 0, merged)
            self.seen[:, rows] = np.packbits(wide, axis=0, bitorder="little")
            self.low[rows] -= np.where(below, CELLS * self.cell[rows], 0)
            self.cell[rows] *= 2

    def nearest(self, rows: Rows, place: Int32) -> Float32:
        """Cells to the nearest one that is occupied; CELLS where none is."""
        words = np.ascontiguousarray(self.seen[:, rows].T).view(np.dtype("<u8"))
        at = place.astype(np.int64)[:, None] - FIRST_CELLS
        before, after = words & _lowest_bits(at + 1), words & ~_lowest_bits(at)
        down = np.where(before > 0, FIRST_CELLS + _highest(before), -CELLS).max(axis=1)
        up = np.where(after > 0, FIRST_CELLS + _lowest(after), 2 * CELLS).min(axis=1)
        least: Float32 = np.minimum(np.minimum(place - down, up - place), CELLS).astype(np.float32)
        return least


def _lowest_bits(count: Int64) -> Words:
    """Words of which so many bits are set, the lowest ones."""
    bits = np.left_shift(np.uint64(1), np.clip(count, 0, 63).astype(np.uint64)) - np.uint64(1)
    return np.where(count >= 64, ~np.uint64(0), bits)


def _highest(words: Words) -> Int64:
    """The number of the highest bit that is set."""
    alone = words & ~(words >> np.uint64(1))  # so that no float rounds up to the next power of two
    return np.frexp(alone.astype(np.float64))[1].astype(np.int64) - 1


def _lowest(words: Words) -> Int64:
    """The number of the lowest bit that is set."""
    return _highest(words & (~words + np.uint64(1)))
