"""Heads for series that come one by one: each has a lane of its own, with times of its own.

Points of thousands of series are put by a handful of operations on whole arrays. Lanes are in shelves of fixed size, so
that nothing is ever moved; the lanes of a block are frozen together when the first of them is full.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Times
from netmon_collector.store.head import Rows
from netmon_collector.store.judged import Verdicts
from netmon_collector.store.labels import Numbers
from netmon_collector.store.record import Bits
from netmon_collector.store.verdicts import Marks

_SHIFT: Final = 16
_LANES: Final = 1 << _SHIFT
"""So many lanes are in a shelf; of its 63 MB what was never used takes no memory."""
_NONE: Final = -1


@dataclass(eq=False, slots=True)
class LaneHead:
    """Lanes that are not added to any more: of each its series, how many samples it has, and these, by time.

    `segment`: the number of the log's first file that has samples of them. `overwritten`: how many samples took the
    place of another value. `verdicts` as `times`, once there is one; none is taken any more when it is `closed`.
    """

    series: Numbers
    counts: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    bits: Bits
    segment: int
    overwritten: int
    verdicts: Verdicts | None = None
    closed: bool = False

    @property
    def count(self) -> int:
        """How many samples the longest lane has."""
        return int(self.counts.max(initial=0))

    def in_use(self) -> Numbers:
        """The series that have a sample here."""
        return self.series

    def rows(self) -> Iterator[Rows]:
        """The samples, those of all series that have the same times together."""
        count = int(self.counts[0]) if len(self.counts) else 0
        if (self.counts == count).all() and (self.times[:, :count] == self.times[0, :count]).all():
            yield Rows(self.times[0, :count], self.series, self.bits[:, :count].T)
            return
        for own, lanes in self._alike():
            yield Rows(own, self.series[lanes], self.bits[lanes, : len(own)].T)

    def _alike(self) -> Iterator[tuple[Times, list[int]]]:
        """The lanes that have the same times."""
        alike: dict[bytes, list[int]] = {}
        for lane, length in enumerate(self.counts.tolist()):
            alike.setdefault(self.times[lane, :length].tobytes(), []).append(lane)
        for times, lanes in alike.items():
            yield np.frombuffer(times, np.int64), lanes

    def judge(self, series: Numbers, times: Times, verdicts: Verdicts) -> npt.NDArray[np.bool_]:
        """Takes verdicts [N] on samples that are here; says on which."""
        taken = np.zeros(len(series), np.bool_)
        if self.closed or not len(self.series):
            return taken
        rows = np.minimum(np.searchsorted(self.series, series), len(self.series) - 1)
        own = np.flatnonzero(self.series[rows] == series)
        rows = rows[own]
        point, slot = _found(self.times[rows], self.counts[rows], times[own])
        if self.verdicts is None:
            self.verdicts = np.zeros(self.times.shape, np.uint8)
        self.verdicts[rows[point], slot] = verdicts[own[point]]
        taken[own[point]] = True
        return taken

    def marks(self) -> Iterator[Marks]:
        """The verdicts that are here."""
        if self.verdicts is not None:
            for own, lanes in self._alike():
                yield Marks(self.series[lanes], own, self.verdicts[lanes, : len(own)])


class Lanes:
    """All lanes. Changed on one thread; another that copies looks afterwards whether they were changed meanwhile."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._lanes = np.full(1024, _NONE, np.int32)
        """By series, its lane."""
        self._fill = np.zeros(0, np.int64)
        self._last_ms = np.zeros(0, np.int64)
        self._unruly = np.zeros(0, np.bool_)
        """By lane, whether its samples may not be in the order of time, or several are of one time."""
        self._scratch = np.zeros(0, np.int64)
        self._free = np.empty(0, np.int32)
        self._times: list[npt.NDArray[np.int64]] = []
        self._bits: list[Bits] = []
        self._verdicts: list[Verdicts] = []
        """As the times, once there is one."""

    def reserve(self, count: int) -> None:
        """Makes room for series with numbers below that."""
        if count > len(self._lanes):
            grown = np.full(max(count, 2 * len(self._lanes)), _NONE, np.int32)
            grown[: len(self._lanes)] = self._lanes
            self._lanes = grown

    def put(self, series: Numbers, times: Times, bits: Bits) -> npt.NDArray[np.intp]:
        """Adds points, as far as there is room in their lanes; returns the places of the others, in their order."""
        lanes = self._lanes_of(series)
        ranks = self._ranks(lanes, times)
        slots = self._fill[lanes] if ranks is None else self._fill[lanes] + ranks
        late = slots >= self._slots
        if late.any():
            fit = np.flatnonzero(~late)
            lanes, slots, times, bits = lanes[fit], slots[fit], times[fit], bits[fit]
        for number in np.unique(lanes >> _SHIFT).tolist() if len(self._times) > 1 else range(len(self._times)):
            own = slice(None) if len(self._times) == 1 else lanes >> _SHIFT == number
            at = (lanes[own] & (_LANES - 1)) * self._slots + slots[own]
            self._times[number].reshape(-1)[at] = times[own]
            self._bits[number].reshape(-1)[at] = bits[own]
        self._unruly[lanes[times <= self._last_ms[lanes]]] = True
        if ranks is None:
            self._last_ms[lanes] = np.maximum(self._last_ms[lanes], times)
            self._fill[lanes] = slots + 1
        else:
            np.maximum.at(self._last_ms, lanes, times)
            np.maximum.at(self._fill, lanes, slots + 1)
        return np.flatnonzero(late)

    def judge(self, series: Numbers, times: Times, verdicts: Verdicts) -> npt.NDArray[np.bool_]:
        """Takes verdicts [N] on samples that are here; says on which."""
        taken = np.zeros(len(series), np.bool_)
        while len(self._verdicts) < len(self._times):
            self._verdicts.append(np.zeros((_LANES, self._slots), np.uint8))
        lanes = self._lanes[series]
        for number in np.unique(lanes[lanes != _NONE] >> _SHIFT).tolist():
            own = np.flatnonzero(lanes >> _SHIFT == number)
            inside = lanes[own] & (_LANES - 1)
            point, slot = _found(self._times[number][inside], self._fill[lanes[own]], times[own])
            self._verdicts[number][inside[point], slot] = verdicts[own[point]]
            taken[own[point]] = True
        return taken

    @property
    def judged(self) -> bool:
        """Whether there ever was a verdict."""
        return bool(self._verdicts)

    def full(self, series: Numbers) -> Numbers:
        """Those of some series whose lanes have no room."""
        lanes = self._lanes[series]
        return series[self._fill[lanes] >= self._slots]

    def copy(self, series: Numbers, segment: int) -> LaneHead:
        """What is in the lanes of some series; any order, none twice."""
        lanes = self._lanes[series]
        used = lanes != _NONE
        lanes, series = lanes[used], series[used]
        counts = self._fill[lanes]
        used = counts > 0
        lanes, series, counts = lanes[used], series[used], counts[used]
        width = int(counts.max(initial=0))
        times = np.empty((len(lanes), width), np.int64)
        bits = np.empty((len(lanes), width), np.uint64)
        verdicts = np.zeros((len(lanes), width), np.uint8) if self._verdicts else None
        for number in np.unique(lanes >> _SHIFT).tolist():
            own = np.flatnonzero(lanes >> _SHIFT == number)
            inside = lanes[own] & (_LANES - 1)
            times[own], bits[own] = self._times[number][inside, :width], self._bits[number][inside, :width]
            if verdicts is not None and number < len(self._verdicts):
                verdicts[own] = self._verdicts[number][inside, :width]
        unruly = np.flatnonzero(self._unruly[lanes])
        doubled = sum(_tidy(row, counts, times, bits, verdicts) for row in unruly.tolist())
        if len(lanes) and (counts == width).all() and (times == times[0]).all():
            times = np.broadcast_to(times[0].copy(), times.shape)
        told = verdicts if verdicts is not None and verdicts.any() else None
        return LaneHead(series, counts, times, bits, segment, doubled, told)

    def clear(self, series: Numbers, used: Numbers) -> None:
        """Empties the lanes of some series; those that were not used are free for others."""
        lanes = self._lanes[series]
        self._fill[lanes] = 0
        self._unruly[lanes] = False
        self._last_ms[lanes] = -(2**63)
        for number, verdicts in enumerate(self._verdicts):
            verdicts[lanes[lanes >> _SHIFT == number] & (_LANES - 1)] = 0
        idle = series[~np.isin(series, used)]
        self._free = np.concatenate((self._free, self._lanes[idle]))
        self._lanes[idle] = _NONE

    def have(self, series: Numbers) -> npt.NDArray[np.bool_]:
        """Which of some series have lanes."""
        given: npt.NDArray[np.bool_] = self._lanes[series] != _NONE
        return given

    def _ranks(self, lanes: npt.NDArray[np.int32], times: Times) -> npt.NDArray[np.int64] | None:
        """The how manieth of its lane each point is; None where no lane has two."""
        places = np.arange(len(lanes))
        self._scratch[lanes] = places
        if (self._scratch[lanes] == places).all():
            return None
        order = np.argsort(lanes, kind="stable")
        first = np.append(True, np.diff(lanes[order]) != 0)
        backwards = np.append(False, np.diff(times[order]) <= 0) & ~first
        self._unruly[lanes[order[backwards]]] = True
        ranks = np.empty(len(lanes), np.int64)
        ranks[order] = places - np.maximum.accumulate(np.where(first, places, 0))
        return ranks

    def _lanes_of(self, series: Numbers) -> npt.NDArray[np.int32]:
        lanes = self._lanes[series]
        without = lanes == _NONE
        if without.any():
            new = np.unique(series[without])
            while len(self._free) < len(new):
                self._grow()
            self._lanes[new], self._free = self._free[: len(new)], self._free[len(new) :]
            lanes = self._lanes[series]
        return lanes

    def _grow(self) -> None:
        """Another shelf of free lanes; its memory is taken when it is used."""
        first = len(self._fill)
        self._times.append(np.empty((_LANES, self._slots), np.int64))
        self._bits.append(np.empty((_LANES, self._slots), np.uint64))
        self._fill = np.append(self._fill, np.zeros(_LANES, np.int64))
        self._last_ms = np.append(self._last_ms, np.full(_LANES, -(2**63)))
        self._unruly = np.append(self._unruly, np.zeros(_LANES, np.bool_))
        self._scratch = np.append(self._scratch, np.zeros(_LANES, np.int64))
        self._free = np.append(self._free, np.arange(first, first + _LANES, dtype=np.int32))


class Used:
    """By block, since when there is something in its lanes. Changed on one thread."""

    def __init__(self) -> None:
        self._segments = np.zeros(1024, np.int64)
        """The number of the log's first file that has samples of what is there; 0 where nothing is."""
        self._since_s = np.zeros(1024)

    def reserve(self, count: int) -> None:
        """Makes room for blocks with numbers below that."""
        if count > len(self._segments):
            more = np.zeros(2 * count - len(self._segments), np.int64)
            self._segments = np.append(self._segments, more)
            self._since_s = np.append(self._since_s, more)

    def begin(self, blocks: npt.NDArray[np.int32], segment: int, now_s: float) -> None:
        """Notes that there is something now, where there was nothing."""
        empty = blocks[self._segments[blocks] == 0]
        self._segments[empty], self._since_s[empty] = segment, now_s

    def end(self, block: int) -> None:
        """Notes that nothing is there any more."""
        self._segments[block] = 0

    def segment(self, block: int) -> int:
        """The number of the log's first file that has samples of what is there; 0 if nothing is."""
        return int(self._segments[block])

    def segments(self) -> list[int]:
        """Those of all blocks that have something."""
        used: list[int] = self._segments[self._segments > 0].tolist()
        return used

    def due(self, before_s: float, segment: int) -> list[int]:
        """The blocks that have had something since a time, or since a file of the log."""
        due = (self._segments > 0) & ((self._since_s <= before_s) | (self._segments <= segment))
        found: list[int] = np.flatnonzero(due).tolist()
        return found


def _found(
    lanes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], times: Times
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where each of some times [N] is in its lane [N, slots], which has so many; as pairs of point and slot."""
    point, slot = np.nonzero((lanes == times[:, None]) & (np.arange(lanes.shape[1]) < counts[:, None]))
    return point, slot


def _tidy(row: int, counts: npt.NDArray[np.int64], times: Times, bits: Bits, verdicts: Verdicts | None) -> int:
    """Puts a row into the order of time; of several samples at one time the last stays. How many had another value."""
    order = np.argsort(times[row, : counts[row]], kind="stable")
    sorted_times, sorted_bits = times[row, order], bits[row, order]
    same = sorted_times[1:] == sorted_times[:-1]
    kept = np.append(~same, True)
    counts[row] = np.count_nonzero(kept)
    times[row, : counts[row]], bits[row, : counts[row]] = sorted_times[kept], sorted_bits[kept]
    if verdicts is not None:  # a verdict on a time is on all its samples that there were: on the first, if there is one
        verdicts[row, : counts[row]] = verdicts[row, order][np.append(True, ~same)]
    return int(np.count_nonzero(same & (sorted_bits[1:] != sorted_bits[:-1])))
