"""The last-value table: the newest sample of every series, in flat arrays by the series' numbers, 17 bytes each.

Rows that are appended go into it as columns. What it was not told of - what was there at start, what is left after a
delete or after retention - it finds in heads and files when it is asked, and then knows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Latest, Times
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.chunkfile import Tier
from netmon_collector.store.head import Rows
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.record import Bits, Run, Samples
from netmon_collector.store.sealing import EVER
from netmon_collector.store.shelf import Shelf

_GROWTH: Final = 4
"""The table grows by a part in so many: each has its price in memory, as long as it lasts."""
NEVER_MS: Final = -(2**63)
"""Stands where a series has no sample."""


@dataclass(frozen=True, eq=False, slots=True)
class Newest:
    """The newest sample of each of some series: times [S], NEVER_MS where there is none; bits [S]."""

    times: Times
    bits: Bits

    @classmethod
    def none(cls, count: int) -> "Newest":
        return cls(np.full(count, NEVER_MS, np.int64), np.full(count, ABSENT_BITS, np.uint64))

    def take(self, places: npt.NDArray[np.intp], times: Times, bits: Bits) -> None:
        """Takes what is newer, or as new: of two samples at one time the one that is told later counts."""
        newer = times >= self.times[places]
        if not newer.all():
            places, times, bits = places[newer], times[newer], bits[newer]
        self.times[places] = times
        self.bits[places] = bits


class LatestTable:
    """Rows are put on one thread; any thread may read. `find` looks the newest samples of series up where they are."""

    def __init__(self, index: LabelIndex, find: Callable[[Numbers], Newest]) -> None:
        self._index = index
        self._find = find
        self._table = Newest.none(1024)
        self._known = np.zeros(1024, np.bool_)
        self._doubts = 0
        self._lock = Lock()

    def put(self, samples: Samples) -> None:
        """Takes samples that are in the heads already, in the order in which they count."""
        series, times = samples.series, samples.times
        with self._lock:
            self._reserve(int(series.max(initial=0)) + 1)
            self._table.take(series, times, samples.values)
            if bool((times > self._table.times[series]).any()):  # one that came again with an older sample
                order = np.argsort(times, kind="stable")
                self._table.take(series[order], times[order], samples.values[order])

    def put_runs(self, runs: Iterable[Run]) -> None:
        """As `put`."""
        with self._lock:
            for run in runs:
                own = slice(run.first, run.first + len(run.times))
                self._reserve(own.stop)
                if bool((self._table.times[own] <= run.times).all()):
                    self._table.times[own], self._table.bits[own] = run.times, run.values
                else:
                    self._table.take(np.arange(own.start, own.stop), run.times, run.values)

    def doubt(self, series: Numbers, start_ms: int, end_ms: int) -> None:
        """Forgets the samples of some series in some time, which may be gone."""
        with self._lock:
            self._doubts += 1
            series = series[series < len(self._known)]
            times = self._table.times[series]
            gone = series[(times >= start_ms) & (times <= end_ms)]
            self._known[gone] = False
            self._table.times[gone] = NEVER_MS
            self._table.bits[gone] = ABSENT_BITS

    def of(self, series: Numbers) -> Newest:
        """The newest samples of some series. Raises StoreError."""
        with self._lock:
            self._reserve(int(series.max(initial=0)) + 1)
        while True:
            with self._lock:
                known = self._known.take(series)
                doubts = self._doubts
                if known.all():
                    return Newest(self._table.times.take(series), self._table.bits.take(series))
                unknown = series[~known]
            found = self._find(unknown)
            with self._lock:
                if doubts == self._doubts:  # else some of it may be gone already
                    newer = found.times > self._table.times[unknown]  # what was put meanwhile came later
                    self._table.times[unknown[newer]] = found.times[newer]
                    self._table.bits[unknown[newer]] = found.bits[newer]
                    self._known[unknown] = True

    def told(self, series: Numbers) -> Latest:
        """The newest samples of some series, without those that have none. Raises StoreError."""
        return self._told(series, self.of(series))

    def at_hand(self, series: Numbers) -> Latest | None:
        """As `told`; None where some of them are not in the table."""
        with self._lock:
            if int(series.max(initial=0)) >= len(self._known) or not self._known.take(series).all():
                return None
            newest = Newest(self._table.times.take(series), self._table.bits.take(series))
        return self._told(series, newest)

    def _told(self, series: Numbers, newest: Newest) -> Latest:
        there = newest.times != NEVER_MS
        if there.all():
            return Latest(self._index.view(series), newest.times, newest.bits.view(np.float64))
        return Latest(self._index.view(series[there]), newest.times[there], newest.bits[there].view(np.float64))

    def _reserve(self, count: int) -> None:
        if count > len(self._known):
            room = max(count, len(self._known) + len(self._known) // _GROWTH)
            old, self._table = self._table, Newest.none(room)
            self._table.times[: len(old.times)] = old.times
            self._table.bits[: len(old.bits)] = old.bits
            self._known = np.append(self._known, np.zeros(room - len(self._known), np.bool_))


def find_newest(blocks: Blocks, shelf: Shelf, series: Numbers) -> Newest:
    """The newest samples of series (ascending) in heads and files. Raises StoreError."""
    found = Newest.none(len(series))
    for block, own in blocks.homes.apart(series):
        heads = blocks.rows(block)  # before the files: a head is on the shelf before it is let go
        newest = _newest_in(heads, shelf, block, own)
        places = np.searchsorted(series, own)
        found.times[places], found.bits[places] = newest.times, newest.bits
    return found


def _newest_in(heads: Sequence[Rows], shelf: Shelf, block: int, series: Numbers) -> Newest:
    """Of one block. Chunks are read from the newest on, for as long as one may have something newer.

    Of two samples at one time a head's counts before a chunk's, and a later file's before an earlier one's.
    """
    found = Newest.none(len(series))
    for rows in heads:
        _take(found, series, rows.times, rows.series, rows.bits)
    (chunks,) = shelf.find(Tier.RAW, np.array([block]), int(found.times.min()), EVER[1])
    ordered = [(int(file.entries["newest_ms"][at]), rank, file, at) for rank, (file, at) in enumerate(chunks)]
    ranks = np.full(len(series), len(chunks))
    for newest_ms, rank, file, at in sorted(ordered, key=lambda one: one[:2], reverse=True):
        open_to = np.flatnonzero((found.times < newest_ms) | ((found.times == newest_ms) & (ranks < rank)))
        has_some = len(open_to) and file.has(series[open_to])
        piece = shelf.reader.piece(file, at, series[open_to], *EVER) if has_some else None
        if piece is not None:
            inside = Newest.none(len(open_to))
            columns = series[open_to][piece.columns]
            _take(inside, series[open_to], piece.times, columns, piece.bits.T)
            as_new = (inside.times == found.times[open_to]) & (ranks[open_to] < rank) & (inside.times != NEVER_MS)
            newer = (inside.times > found.times[open_to]) | as_new
            found.times[open_to[newer]] = inside.times[newer]
            found.bits[open_to[newer]] = inside.bits[newer]
            ranks[open_to[newer]] = rank
    return found


def _take(found: Newest, series: Numbers, times: Times, columns: Numbers, bits: Bits) -> None:
    """Takes the newest sample of each of `series` (ascending) from rows: bits [T, C] of the series `columns`."""
    at = np.minimum(np.searchsorted(series, columns), len(series) - 1)
    own = np.flatnonzero(series[at] == columns)
    if not len(own) or not len(times):
        return
    bits = bits if len(own) == bits.shape[1] else bits[:, own]
    when = np.where(bits != ABSENT_BITS, times[:, None], NEVER_MS)
    last = when.argmax(axis=0)
    newest = when[last, np.arange(len(own))]
    there = newest != NEVER_MS
    found.take(at[own[there]], newest[there], bits[last, np.arange(len(own))][there])
