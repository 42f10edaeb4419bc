"""Blocks: every series has one for ever, its home, so that what is read together is kept together.

A block's newest samples are in its head. Groups come and go with every process and interface that does; blocks stay:
a series that joins a group moves in with the others, and its column is free again when it is not heard of any more.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.groups import Groups
from netmon_collector.store.head import Head, Rows
from netmon_collector.store.labels import Numbers
from netmon_collector.store.record import Bits, GatherGroup, Gathers, Part, Singles

WIDTH: Final = 256
"""So many series of one group are one block; the next begin another."""
_NOWHERE: Final = -1


class Block:
    """Series that share their times, mostly. Changed on one thread."""

    __slots__ = ("generation", "head", "homed", "number", "sealing")

    def __init__(self, number: int, slots: int) -> None:
        self.number = number
        self.head = Head(slots, np.empty(0, np.int64))
        self.sealing: tuple[Head, ...] = ()
        """Heads on their way to the disk, oldest first."""
        self.homed = 0
        self.generation = 0

    def rows(self) -> list[Rows]:
        """What is in memory, oldest first. `head` is read first: so no head is missed that is frozen meanwhile."""
        head = self.head
        heads = [one for one in self.sealing if one is not head]
        return [one.rows() for one in (*heads, head) if one.count]

    def freeze(self) -> Head:
        """Begins another head; columns that were not used are free again. Returns the one before."""
        frozen = self.head
        series = frozen.in_use()
        if len(series) != len(frozen.grid.series):
            self.generation += 1
        self.sealing = (*self.sealing, frozen)
        self.head = Head(len(frozen.grid.times), series)
        return frozen

    def sealed(self, heads: Sequence[Head]) -> None:
        """Lets go of heads that are on the disk."""
        self.sealing = tuple(head for head in self.sealing if head not in heads)


class _Lease:
    """The columns that the series of a group have in a block: `source` in the group's rows, `columns` in the head."""

    __slots__ = ("block", "columns", "generation", "series", "source")

    def __init__(self, block: Block, source: npt.NDArray[np.intp] | None, series: Numbers) -> None:
        self.block = block
        self.source = source
        self.series = series
        self.generation = -1
        self.columns: npt.NDArray[np.intp] | None = None

    def renew(self) -> None:
        """Finds the columns, and takes free ones for series that have none."""
        block, head = self.block, self.block.head
        missing = self.series[~np.isin(self.series, head.grid.series)]
        if len(missing):
            head.widen(missing)
            block.generation += 1
        order = np.argsort(head.grid.series)
        columns = order[np.searchsorted(head.grid.series, self.series, sorter=order)]
        whole = len(columns) == len(order) and bool((columns == np.arange(len(order))).all())
        self.columns = None if whole else columns
        self.generation = block.generation


class Blocks:
    """All blocks, and where each series lives. Changed on one thread."""

    def __init__(self, groups: Groups, *, slots: int, kind_of: Callable[[int], object]) -> None:
        self._groups = groups
        self._slots = slots
        self._kind_of = kind_of
        self._homes = np.full(1024, _NOWHERE, np.int32)
        self._leases: dict[int, list[_Lease]] = {}
        self._shared: dict[object, Block] = {}
        self.all: dict[int, Block] = {}
        self.frozen: list[tuple[Block, Head]] = []
        """Heads that are to be sealed, oldest first."""
        self.overwritten = 0

    def settle(self, series: int, number: int) -> None:
        """Notes where a series lives, as the catalog has it."""
        self._reserve(series + 1)
        self._homes[series] = number
        block = self.all.get(number) or self._block(number)
        block.homed += 1

    def home(self, series: int) -> int:
        """The number of the block where a series lives that has had a sample."""
        return int(self._homes[series])

    def by_home(self, series: Numbers) -> Iterator[tuple[int, Numbers]]:
        """Series (ascending), by the number of the block where they live; without those that never had a sample."""
        series = series[series < len(self._homes)]
        series = series[self._homes[series] != _NOWHERE]
        homes = self._homes[series]
        order = np.argsort(homes, kind="stable")
        edges = np.flatnonzero(np.diff(homes[order])) + 1
        for part in np.split(order, edges) if len(order) else []:
            yield int(homes[part[0]]), series[part]

    def house(self, parts: Sequence[Part]) -> None:
        """Finds a home for each series that has none."""
        for part in parts:
            if isinstance(part, Gathers):
                for number in np.unique(part.groups).tolist():
                    if number not in self._leases:
                        self._lease(self._groups[number])
            else:
                self._reserve(int(part.series.max(initial=0)) + 1)
                homeless = np.unique(part.series[self._homes[part.series] == _NOWHERE])
                for series in homeless.tolist():
                    self._move_in(self._shared_block(series), np.array([series]))

    def put(self, parts: Sequence[Part], segment: int, now_s: float) -> None:
        """Takes samples that are in the log's file of that number, after their series were housed."""
        for part in parts:
            if isinstance(part, Gathers):
                self._put_gathers(part, segment, now_s)
            else:
                self._put_singles(part, segment, now_s)

    def _put_gathers(self, gathers: Gathers, segment: int, now_s: float) -> None:
        values, leases = gathers.values, self._leases
        start = 0
        for number, width, time_ms in zip(
            gathers.groups.tolist(), gathers.widths.tolist(), gathers.times.tolist(), strict=True
        ):
            end = start + width
            bits = values[start:end]
            start = end
            for lease in leases[number]:
                source = lease.source
                self._put_row(lease, time_ms, bits if source is None else bits[source], segment, now_s)

    def _put_row(self, lease: _Lease, time_ms: int, bits: Bits, segment: int, now_s: float) -> None:
        block = lease.block
        if lease.generation != block.generation:
            lease.renew()
        head = block.head
        if not head.count:
            head.segment, head.since_s = segment, now_s
        self.overwritten += head.put(time_ms, lease.columns, bits)
        if head.count == self._slots:
            self.frozen.append((block, block.freeze()))

    def _put_singles(self, singles: Singles, segment: int, now_s: float) -> None:
        """Sample by sample, but those of one block and time together."""
        homes = self._homes[singles.series]
        order = np.lexsort((singles.series, singles.times, homes))
        series, times, homes, bits = (
            singles.series[order].astype(np.int64), singles.times[order], homes[order], singles.values[order]
        )  # fmt: skip
        later = (series[1:] == series[:-1]) & (times[1:] == times[:-1])
        kept = np.append(~later, True)
        series, times, homes, bits = series[kept], times[kept], homes[kept], bits[kept]
        edges = np.flatnonzero((np.diff(times) != 0) | (np.diff(homes) != 0)) + 1
        for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(series)], strict=True):
            lease = _Lease(self.all[int(homes[first])], None, series[first:last])
            self._put_row(lease, int(times[first]), bits[first:last], segment, now_s)

    def age_from(self, now_s: float) -> None:
        """Takes what is there for as old as this: what the log brought back says nothing of when it came."""
        for block in self.all.values():
            block.head.since_s = max(block.head.since_s, now_s)

    def freeze(self, *, before_s: float, segment: int) -> None:
        """Freezes every head that has had samples since a time, or since a file of the log."""
        for block in self.all.values():
            head = block.head
            if head.count and (head.since_s <= before_s or head.segment <= segment):
                self.frozen.append((block, block.freeze()))

    def sealed(self, done: Sequence[tuple[Block, Head]]) -> None:
        """Lets go of heads that are on the disk."""
        for block, head in done:
            block.sealed([head])
        heads = {id(head) for _, head in done}
        self.frozen = [one for one in self.frozen if id(one[1]) not in heads]

    def oldest_segment(self) -> int | None:
        """The number of the log's first file that is still needed; None where none is."""
        return min((head.segment for head in self.heads()), default=None)

    def heads(self) -> Iterator[Head]:
        """All heads that hold samples."""
        for block in self.all.values():
            yield from (head for head in (*block.sealing, block.head) if head.count)

    def _lease(self, group: GatherGroup) -> list[_Lease]:
        """Finds the homes of a group's series, and homes for those that have none."""
        self._reserve(int(group.series.max(initial=0)) + 1)
        homeless = group.series[self._homes[group.series] == _NOWHERE]
        if len(homeless):
            self._house(homeless, group.series)
        homes = self._homes[group.series]
        leases = []
        for number in np.unique(homes).tolist():
            source = np.flatnonzero(homes == number)
            whole = len(source) == len(homes)
            leases.append(_Lease(self.all[number], None if whole else source, group.series[source]))
        self._leases[group.number] = leases
        return leases

    def _house(self, homeless: Numbers, group: Numbers) -> None:
        known = self._homes[group]
        known = known[known != _NOWHERE]
        if len(known) >= len(homeless):
            block = self.all[int(np.bincount(known).argmax())]
            if block.homed + len(homeless) <= 4 * WIDTH:
                self._move_in(block, homeless)
                return
        if len(group) == 1:
            self._move_in(self._shared_block(int(homeless[0])), homeless)
            return
        for start in range(0, len(homeless), WIDTH):
            self._move_in(self._block(len(self.all)), homeless[start : start + WIDTH])

    def _shared_block(self, series: int) -> Block:
        """A block for series that come one by one, as by remote write; those of a kind share their times, mostly."""
        kind = self._kind_of(series)
        block = self._shared.get(kind)
        if block is None or block.homed >= WIDTH // 2:
            block = self._shared[kind] = self._block(len(self.all))
        return block

    def _move_in(self, block: Block, series: Numbers) -> None:
        self._homes[series] = block.number
        block.homed += len(series)

    def _block(self, number: int) -> Block:
        while number in self.all:
            number += 1
        block = self.all[number] = Block(number, self._slots)
        return block

    def _reserve(self, count: int) -> None:
        if count > len(self._homes):
            grown = np.full(max(count, 2 * len(self._homes)), _NOWHERE, np.int32)
            grown[: len(self._homes)] = self._homes
            self._homes = grown
