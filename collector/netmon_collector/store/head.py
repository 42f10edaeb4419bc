"""A head: the newest samples of a block in memory, one row per time. Rows are added by one thread while others read."""

import mmap
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.judged import Verdict, Verdicts
from netmon_collector.store.labels import Numbers
from netmon_collector.store.record import Bits
from netmon_collector.store.verdicts import Marks, Plane

if TYPE_CHECKING:
    from netmon_collector.store.cohort import Cohort

_ABSENT: Final = np.uint64(ABSENT_BITS)
_PAGES_FROM: Final = 64 << 10
"""Bytes of a matrix from which on it has pages of its own."""
_NO_TIMES: Final = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Samples of some series: times int64 [T], none twice; series [C], none twice; bits uint64 [T, C].

    state: of a head, as long as it is the very same one none of these samples has changed.
    """

    times: Times
    series: Numbers
    bits: Bits
    state: object | None = None


class Head:
    """A matrix of `slots` times. A column is leased to a series for as long as the head lasts.

    A reader takes `count` before `grid`: rows below it never move, only single samples of them are replaced.
    """

    __slots__ = (
        "_count",
        "_tail_ms",
        "_told",
        "closed",
        "cohort",
        "grid",
        "last_ms",
        "plane",
        "segment",
        "since_s",
        "slots",
    )

    def __init__(self, slots: int, series: Numbers) -> None:
        self.slots = slots
        self.grid = Rows(_NO_TIMES, series, matrix(0, len(series)))
        """Has room for a row only once there is one: a cohort brings its own."""
        self._count = 0
        self._tail_ms: int | None = None
        self.last_ms = -(2**63)
        self.segment = 0
        """The number of the log's first file that has samples of this head."""
        self.since_s = 0.0
        self.plane: Plane | None = None
        """Verdicts, once there is one."""
        self.closed = False
        """Whether it is being sealed: then no verdict is taken any more."""
        self.cohort: Cohort | None = None
        """With whom it keeps step, if with any; then that knows how many rows there are, and their times."""
        self._told: tuple[int, Rows, tuple[Rows]] | None = None
        """What was told last, with its count and its grid: many may read before another row comes."""

    @classmethod
    def of(cls, rows: Rows, segment: int) -> Self:
        """A head of samples that are in the log's files from that number on; nothing is to be put into it."""
        head = cls(0, rows.series)
        head.grid, head._count, head.segment = rows, len(rows.times), segment
        return head

    @property
    def count(self) -> int:
        """How many rows there are."""
        cohort = self.cohort
        return self._count if cohort is None else cohort.count

    @property
    def tail_ms(self) -> int | None:
        """The time of the last row."""
        cohort = self.cohort
        return self._tail_ms if cohort is None else cohort.last_ms

    def go_on(self, count: int, last_ms: int) -> None:
        """Is alone from now on, with so many rows up to a time."""
        grid = self.grid
        if count < self.slots:  # the times of the cohort are of all its heads
            self.grid = Rows(grid.times.copy(), grid.series, grid.bits)
        self._count, self._tail_ms, self.last_ms = count, last_ms, last_ms
        self.cohort = None

    def leave(self) -> None:
        """Ends the cohort, if it is in one."""
        if self.cohort is not None:
            self.cohort.end()

    def add(self, time_ms: int, bits: Bits) -> int:
        """Adds a row that is newer than all, of all columns, to a head that is alone; returns how many there are."""
        count = self._count
        self.grid.bits[count] = bits
        self.grid.times[count] = self.last_ms = self._tail_ms = time_ms
        self._count = count + 1
        return count + 1

    @property
    def used_bytes(self) -> int:
        """What its samples take."""
        return 8 * self.count * len(self.grid.series)

    def put(self, time_ms: int, columns: npt.NDArray[np.intp] | None, bits: Bits) -> int:
        """Adds a row, of all columns or of some; returns how many samples had another value before.

        The head is not full.
        """
        self.leave()
        if not len(self.grid.times):
            series = self.grid.series
            self.grid = Rows(np.empty(self.slots, np.int64), series, matrix(self.slots, len(series)))
        count, grid = self._count, self.grid
        if time_ms == self._tail_ms:
            return self._replace(count - 1, columns, bits)
        if time_ms <= self.last_ms:
            slots = np.flatnonzero(grid.times[:count] == time_ms)
            if len(slots):
                return self._replace(int(slots[0]), columns, bits)
        else:
            self.last_ms = time_ms
        if columns is None:
            grid.bits[count] = bits
        else:
            row = grid.bits[count]
            row.fill(_ABSENT)
            row[columns] = bits
        grid.times[count] = self._tail_ms = time_ms
        self._count = count + 1
        return 0

    def _replace(self, slot: int, columns: npt.NDArray[np.intp] | None, bits: Bits) -> int:
        """Puts samples into a row that is there."""
        row = self.grid.bits[slot]
        if columns is not None and len(columns) == 1:  # the way of series that come one by one
            column, value = columns[0], bits[0]
            before = row[column]
            if value == _ABSENT:
                return 0
            row[column] = value
            self._told = None
            return int(before != _ABSENT and before != value)
        earlier = row if columns is None else row[columns]
        given = bits != _ABSENT
        row[slice(None) if columns is None else columns] = np.where(given, bits, earlier)
        self._told = None
        return int(np.count_nonzero(given & (earlier != _ABSENT) & (earlier != bits)))

    def widen(self, series: Numbers) -> None:
        """Leases further columns to series that have none."""
        self.leave()
        old = self.grid
        bits = matrix(len(old.times), len(old.series) + len(series))
        bits[: self.count, : len(old.series)] = old.bits[: self.count]
        bits[: self.count, len(old.series) :] = _ABSENT
        self.grid = Rows(old.times, np.concatenate((old.series, series)) if len(old.series) else series, bits)

    def judge(self, series: Numbers, time_ms: int, verdicts: Verdicts) -> Verdicts:
        """Takes verdicts [C] on samples of one time that are here; returns them with UNKNOWN for what was taken."""
        count, grid = self.count, self.grid
        if self.closed or not count:
            return verdicts
        slot = count - 1
        if time_ms != self.tail_ms:
            slots = np.flatnonzero(grid.times[:count] == time_ms)
            if not len(slots):
                return verdicts
            slot = int(slots[0])
        if self.plane is None:
            self.plane = Plane(len(grid.times), len(grid.series))
        if grid.series is series or np.array_equal(grid.series, series):  # as nearly always
            taken: Verdicts = verdicts * (grid.bits[slot] != _ABSENT)
            left: Verdicts = verdicts - taken
            self.plane.put(slot, taken)
            return left
        columns = _columns(grid.series, series)
        own = np.where((columns >= 0) & (grid.bits[slot, columns] != _ABSENT), verdicts, np.uint8(Verdict.UNKNOWN))
        row = np.zeros(len(grid.series), np.uint8)
        row[columns[columns >= 0]] = own[columns >= 0]
        self.plane.put(slot, row)
        return verdicts - own

    def marks(self) -> Iterator[Marks]:
        """The verdicts that are here."""
        plane, count, grid = self.plane, self.count, self.grid
        if plane is not None:
            yield Marks(grid.series, grid.times[:count], plane.table(count, len(grid.series)))

    def rows(self) -> tuple[Rows]:
        """What is in the head, in any order; not a copy."""
        count = self.count
        grid = self.grid
        told = self._told
        if told is None or told[0] != count or told[1] is not grid:
            self._told = told = count, grid, (Rows(grid.times[:count], grid.series, grid.bits[:count], object()),)
        return told[2]

    def in_use(self) -> Numbers:
        """The series that have a sample here."""
        (rows,) = self.rows()
        if len(rows.bits) and bool((rows.bits[0] != _ABSENT).all()):
            return rows.series
        used: Numbers = rows.series[(rows.bits != _ABSENT).any(axis=0)]
        return used


def matrix(slots: int, width: int) -> Bits:
    """Room for rows, which takes memory as it is filled, and gives it back when nobody has it any more.

    What malloc hands out is often memory that was used before, and stays with the process.
    """
    size = 8 * slots * width
    if size < _PAGES_FROM or sys.platform == "win32":
        return np.empty((slots, width), np.uint64)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, np.uint64).reshape(slots, width)


def _columns(all_: Numbers, some: Numbers) -> npt.NDArray[np.intp]:
    """The places of some series among all, none of which is there twice; less than 0 where one is not there."""
    if not len(all_):
        return np.full(len(some), -1)
    order = np.argsort(all_)
    places = order[np.minimum(np.searchsorted(all_, some, sorter=order), len(all_) - 1)]
    return np.where(all_[places] == some, places, -1)
