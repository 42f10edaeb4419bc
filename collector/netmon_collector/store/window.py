"""A window: samples of the log in the order of writing, as long columns, to be sorted by block all at once."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.head import Rows
from netmon_collector.store.labels import Numbers, runs
from netmon_collector.store.merge import Piece, merge
from netmon_collector.store.record import Bits, Gathers, Part

_MOST_MIXED: Final = 1 << 14
"""So many samples of a block that come from several groups are put into a matrix at once, which may be mostly empty."""


class Lease(NamedTuple):
    """What of a group is in one block: its series, and their places in a gather of the group."""

    block: int
    places: npt.NDArray[np.intp]
    series: Numbers


_SINGLE: Final = Lease(-1, np.zeros(1, np.intp), np.zeros(1, np.int64))
_IN_TURN: Final = -1


class Leases:
    """Of every group of the log, what is in which block. A group is known by the numbers of its series."""

    def __init__(self, homes: npt.NDArray[np.int32]) -> None:
        self.homes = homes
        """By the number of a series, its block; less than 0 where it is not known."""
        self.all: list[Lease] = []
        self.incomplete: set[int] = set()
        """The groups of which not all series are known."""
        self.disputed: set[int] = set()
        """The blocks of which a series is in several groups."""
        self._leased = np.zeros(len(homes), np.bool_)
        self._first: list[int] = []
        self._known: dict[bytes, int] = {}

    def group(self, series: Numbers) -> int:
        """The place of a group in the list of all groups."""
        key = series.tobytes()
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = len(self._first)
            self._first.append(len(self.all))
            homes = self.homes_of(series)
            if (homes < 0).any():
                self.incomplete.add(place)
            for block in np.unique(homes[homes >= 0]).tolist():
                places = np.flatnonzero(homes == block)
                own = series[places]
                self.all.append(Lease(block, places, own))
                if self._leased[own].any():
                    self.disputed.add(block)
                self._leased[own] = True
        return place

    def homes_of(self, series: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """The blocks of series; less than 0 where one is not known."""
        homes = self.homes[np.minimum(series, len(self.homes) - 1)]
        return np.where(series < len(self.homes), homes, -1)

    def of(self, groups: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
        """The leases of gathers of some groups: for each which of the gathers it is, and which lease."""
        bounds = np.array([*self._first, len(self.all)])
        first, counts = bounds[:-1][groups], np.diff(bounds)[groups]
        return np.repeat(np.arange(len(groups)), counts), runs(first, counts)


class Window:
    """Belongs to one thread. A row is a gather, or one sample: then its `group` is less than 0."""

    def __init__(self, leases: Leases, capacity_bytes: int) -> None:
        self._leases = leases
        self._flat: Bits = np.empty(capacity_bytes // 8, np.uint64)
        self._filled = 0
        self._groups: list[npt.NDArray[np.int64]] = []
        self._series: list[npt.NDArray[np.int64]] = []
        self._times: list[Times] = []
        self._starts: list[Numbers] = []

    @property
    def size_bytes(self) -> int:
        return 8 * self._filled

    def clear(self) -> None:
        """Lets go of all samples."""
        self._filled = 0
        self._groups, self._series, self._times, self._starts = [], [], [], []

    def has_room(self, parts: Sequence[Part]) -> bool:
        """Whether these parts fit; they always do if nothing is here yet."""
        return not self._filled or self._filled + sum(len(part.values) for part in parts) <= len(self._flat)

    def add(self, parts: Sequence[Part], numbered: npt.NDArray[np.int64]) -> None:
        """Takes the samples of a record; `numbered` has the place of a group by its number in the file."""
        for part in parts:
            end = self._filled + len(part.values)
            if end > len(self._flat):
                self._flat = np.concatenate((self._flat[: self._filled], np.empty(end, np.uint64)))
            self._flat[self._filled : end] = part.values
            if isinstance(part, Gathers):
                self._groups.append(numbered[part.groups])
                self._series.append(np.zeros(len(part.groups), np.int64))
                self._starts.append(part.starts + self._filled)
            else:
                self._groups.append(np.full(len(part.series), -1))
                self._series.append(part.series.astype(np.int64))
                self._starts.append(np.arange(self._filled, end))
            self._times.append(part.times.copy())  # so that the record is not kept for them
            self._filled = end

    def by_block(self) -> Iterator[tuple[int, Rows]]:
        """All that is here, block by block, in one matrix or several; of each series in the order of writing."""
        if not self._groups:
            return
        groups, series = np.concatenate(self._groups), np.concatenate(self._series)
        times, starts = np.concatenate(self._times), np.concatenate(self._starts)
        singles = np.flatnonzero(groups < 0)
        gathers = np.flatnonzero(groups >= 0)
        which, leases = self._leases.of(groups[gathers])
        rows = np.concatenate((gathers[which], singles))
        leases = np.concatenate((leases, np.full(len(singles), -1)))
        blocks = np.concatenate(
            (
                np.array([lease.block for lease in self._leases.all], np.int64)[leases[: len(which)]],
                self._leases.homes_of(series[singles]),
            )
        )
        if not len(rows):
            return
        mixed = np.isin(blocks, [*self._leases.disputed, *np.unique(blocks[len(which) :]).tolist()])
        order = np.lexsort((rows, np.where(mixed, _IN_TURN, leases), blocks))
        rows, leases, blocks, mixed = rows[order], leases[order], blocks[order], mixed[order]
        starts, times, series = starts[rows], times[rows], series[rows]
        edges = np.flatnonzero(blocks[1:] != blocks[:-1]) + 1
        for first, last in pairwise([0, *edges.tolist(), len(rows)]):
            own = leases[first:last]
            if mixed[first] and (own[0] < 0 or bool((own != own[0]).any())):
                matrices = self._mixed(own, series[first:last], starts[first:last], times[first:last])
            else:
                matrices = self._gathered(own, starts[first:last], times[first:last])
            for matrix in matrices:
                yield int(blocks[first]), matrix

    def _gathered(self, leases: Numbers, starts: Numbers, times: Times) -> Iterator[Rows]:
        """Gathers of groups (leases ascend) that have no series in common: all together if they keep step."""
        firsts = np.append(0, np.flatnonzero(leases[1:] != leases[:-1]) + 1)
        length = len(leases) // len(firsts)
        alike = np.array_equal(firsts, np.arange(0, len(leases), length))
        if alike and bool((times.reshape(-1, length) == times[:length]).all()):
            yield self._side_by_side(leases[firsts], starts.reshape(-1, length), times[:length])
            return
        for first, last in pairwise([*firsts.tolist(), len(leases)]):
            yield self._side_by_side(leases[first : first + 1], starts[None, first:last], times[first:last])

    def _side_by_side(self, leases: Numbers, starts: Numbers, times: Times) -> Rows:
        """Of each lease [L] the gathers at some times [T]: these start at starts [L, T]."""
        used = [self._leases.all[number] for number in leases.tolist()]
        series = np.concatenate([one.series for one in used])
        places = np.concatenate([one.places for one in used])
        at = np.repeat(starts.T, [len(one.places) for one in used], axis=1)
        at += places
        bits = self._flat[at]
        if bool((times[1:] > times[:-1]).all()):
            return Rows(times, series, bits)
        return _rows(Piece(times, np.arange(len(series)), bits.T), series)

    def _mixed(self, leases: Numbers, series: Numbers, starts: Numbers, times: Times) -> Iterator[Rows]:
        """Gathers of several groups, and samples that came one by one: all of them one by one."""
        distinct, lease = np.unique(leases, return_inverse=True)
        used = [self._leases.all[number] if number >= 0 else _SINGLE for number in distinct.tolist()]
        lengths = np.array([len(one.places) for one in used])
        counts = lengths[lease]
        at = runs((np.cumsum(lengths) - lengths)[lease], counts)
        own = np.concatenate([one.series for one in used])[at]
        flat_series = np.where(np.repeat(leases, counts) < 0, np.repeat(series, counts), own)
        bits = self._flat[np.repeat(starts, counts) + np.concatenate([one.places for one in used])[at]]
        flat_times = np.repeat(times, counts)
        given = bits != ABSENT_BITS
        flat_series, bits, flat_times = flat_series[given], bits[given], flat_times[given]
        for first in range(0, len(bits), _MOST_MIXED):
            part = slice(first, first + _MOST_MIXED)
            yield _matrix(flat_series[part], flat_times[part], bits[part])


def _matrix(series: Numbers, times: Times, bits: Bits) -> Rows:
    """Samples one by one, as a matrix; of two of a series at one time the later stays."""
    columns, column = np.unique(series, return_inverse=True)
    slots, slot = np.unique(times, return_inverse=True)
    matrix = np.full((len(slots), len(columns)), ABSENT_BITS, np.uint64)
    matrix[slot, column] = bits  # numpy: of repeated indices the last assignment stays
    return Rows(slots, columns, matrix)


def _rows(piece: Piece, series: Numbers) -> Rows:
    table = merge([piece], len(series))
    assert table is not None, "there is at least one time"
    return Rows(table.times, series, np.ascontiguousarray(table.bits.T))
