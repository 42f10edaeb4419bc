"""Verdicts on samples, in memory: two bits for each sample of a head, and as tables on their way to a chunk."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Times
from netmon_collector.store.judged import Verdict, Verdicts
from netmon_collector.store.labels import Numbers


@dataclass(frozen=True, eq=False, slots=True)
class Marks:
    """Verdicts on samples of a block: series [C], none twice; times [T], none twice; verdicts [C, T], any order."""

    series: Numbers
    times: Times
    verdicts: Verdicts

    @property
    def size_bytes(self) -> int:
        return self.series.nbytes + self.times.nbytes + self.verdicts.nbytes

    @classmethod
    def of_points(cls, series: Numbers, times: Times, verdicts: Verdicts) -> "Marks":
        """Verdicts that come one by one; of two on one sample the later counts."""
        columns, column = np.unique(series, return_inverse=True)
        slots, slot = np.unique(times, return_inverse=True)
        table = np.zeros((len(columns), len(slots)), np.uint8)
        table[column, slot] = verdicts  # numpy: of repeated indices the last assignment stays
        return cls(columns, slots, table)

    def without(self, series: Numbers, times: Times) -> "Marks | None":
        """Less those on some series at some times, both in any order; None where nothing is left."""
        rows, slots = np.isin(self.series, series), np.isin(self.times, times)
        return self._only(~(rows[:, None] & slots))

    def ascending(self) -> "Marks":
        """The same, series and times in their order."""
        series, times = np.argsort(self.series), np.argsort(self.times)
        return Marks(self.series[series], self.times[times], self.verdicts[np.ix_(series, times)])

    def without_those_on(self, series: Numbers, times: Times, present: npt.NDArray[np.bool_]) -> "Marks | None":
        """Less those on samples [C, T] of some series and times, which are `present`, both in any order; None where
        nothing is left. These marks ascend.
        """
        rows, their_rows = _shared(self.series, series)
        slots, their_slots = _shared(self.times, times)
        left = np.ones(self.verdicts.shape, np.bool_)
        left[np.ix_(rows, slots)] = ~present[np.ix_(their_rows, their_slots)]
        return self if left.all() else self._only(left)

    def _only(self, kept: npt.NDArray[np.bool_]) -> "Marks | None":
        verdicts = np.where(kept, self.verdicts, np.uint8(Verdict.UNKNOWN))
        return Marks(self.series, self.times, verdicts) if verdicts.any() else None


class Plane:
    """Verdicts on the samples of a head: a row of bits that say what is known, and one of those that are anomalies.

    Series are added on the right only, so rows never move. Changed on one thread.
    """

    __slots__ = ("_bits",)

    def __init__(self, slots: int, width: int) -> None:
        self._bits = np.zeros((2, slots, -(-width // 8)), np.uint8)

    def put(self, slot: int, verdicts: Verdicts) -> None:
        """Takes verdicts on the first columns of a row."""
        known = np.packbits(verdicts != Verdict.UNKNOWN)
        anomalous = np.packbits(verdicts == Verdict.ANOMALOUS)
        missing = len(known) - self._bits.shape[2]
        if missing > 0:
            self._bits = np.pad(self._bits, ((0, 0), (0, 0), (0, missing)))
        row = self._bits[:, slot, : len(known)]
        row[1] = (row[1] & ~known) | anomalous
        row[0] |= known

    def table(self, count: int, width: int) -> Verdicts:
        """Those on the first rows and columns, [C, T]."""
        bits = self._bits[:, :count]
        known, anomalous = np.unpackbits(bits, axis=2, count=min(width, 8 * bits.shape[2]))
        verdicts = np.zeros((width, count), np.uint8)
        verdicts[: known.shape[1]] = (known + (known & anomalous)).T  # who reads while it is put sees UNKNOWN
        return verdicts


def placed(marks: Iterable[Marks], series: Numbers, times: Times) -> Verdicts | None:
    """Verdicts on series (ascending) at times (ascending), [C, T]; of two on one sample that of the later marks counts.

    None where there is none.
    """
    found: Verdicts | None = None
    for one in marks:
        rows, own_rows = _shared(series, one.series)
        slots, own_slots = _shared(times, one.times)
        if len(rows) and len(slots):
            if found is None:
                found = np.zeros((len(series), len(times)), np.uint8)
            told = one.verdicts[np.ix_(own_rows, own_slots)]
            where = np.ix_(rows, slots)
            found[where] = np.where(told != Verdict.UNKNOWN, told, found[where])
    return found if found is not None and found.any() else None


def _shared(all_: npt.NDArray[np.int64], some: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], ...]:
    """Which of ascending numbers are among some others: their places here and there."""
    at = np.minimum(np.searchsorted(all_, some), len(all_) - 1)
    own = np.flatnonzero(all_[at] == some)
    return at[own], own


class Late:
    """Verdicts that came when their samples were on the way to the disk already, by block. Belongs to the event loop,
    but any thread may read it.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._size_bytes = 0
        self._by_block: dict[int, tuple[Marks, ...]] = {}
        self.lost = 0
        """How many did not fit since the last look."""

    def add(self, block: int, marks: Marks) -> None:
        if self._size_bytes + marks.size_bytes > self._most_bytes:
            self.lost += int(np.count_nonzero(marks.verdicts))
            return
        self._size_bytes += marks.size_bytes
        self._by_block[block] = (*self._by_block.get(block, ()), marks)

    def forget(self, block: int, series: Numbers, times: Times) -> None:
        """Forgets those on some series at some times, of which something else was said since."""
        marks = self._by_block.get(block, ())
        if marks:
            left = tuple(one for earlier in marks if (one := earlier.without(series, times)) is not None)
            self._size_bytes += sum(one.size_bytes for one in left) - sum(one.size_bytes for one in marks)
            self._by_block[block] = left

    def of(self, block: int) -> tuple[Marks, ...]:
        return self._by_block.get(block, ())

    def all(self) -> dict[int, tuple[Marks, ...]]:
        """Those of all blocks."""
        return dict(self._by_block)

    def done(self, blocks: dict[int, tuple[Marks, ...]]) -> None:
        """Lets go of those that are on the disk."""
        for block, marks in blocks.items():
            own = self._by_block[block]
            left = tuple(one for one in own if not any(one is done for done in marks))
            if left:
                self._by_block[block] = left  # in one step: who reads meanwhile misses none
            else:
                del self._by_block[block]
            self._size_bytes += sum(one.size_bytes for one in left) - sum(one.size_bytes for one in own)
