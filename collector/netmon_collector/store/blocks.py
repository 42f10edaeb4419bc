"""Blocks: every series has one for ever, its home, so that what is read together is kept together.

A block's newest samples are in heads: of groups in strands, of series that come one by one in lanes. Small groups that
were first heard of in the same moment share a block, and as long as they keep step also their chunks.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.assigned import NONE, Assigned
from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.block import NO_SERIES, Block
from netmon_collector.store.groups import Groups
from netmon_collector.store.head import Head, Rows
from netmon_collector.store.labels import Numbers
from netmon_collector.store.lanes import LaneHead, Lanes, Used
from netmon_collector.store.record import Bits, GatherGroup, Gathers, Part, Singles
from netmon_collector.store.strands import Lease, Strand
from netmon_collector.store.taking import RowTaker
from netmon_collector.store.verdicts import Late, Marks

WIDTH: Final = 256
"""So many series of one group are one block; the next begin another."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
"""Its multiples fall evenly between the whole numbers, however many there are."""
_AT_ONCE: Final = 64
"""So many heads are made or frozen before others have their turn on the event loop."""
_SERIES_AT_ONCE: Final = 1000
_LATE_BYTES: Final = 64 << 20
"""So much of verdicts on samples that are on their way to the disk already may wait."""
_head_of: Final[Callable[[Strand], Head]] = attrgetter("head")


@dataclass(frozen=True, eq=False, slots=True)
class _Pooled:
    """The series of a group that are in lanes: `source` in the group's rows."""

    source: npt.NDArray[np.intp]
    series: npt.NDArray[np.uint32]


class Blocks:
    """All blocks, and where each series lives. Changed on one thread."""

    def __init__(
        self, groups: Groups, *, slots: int, lane_slots: int, head_s: float, kind_of: Callable[[int], object]
    ) -> None:
        """`head_s`: how old a head becomes."""
        self._groups = groups
        self._slots = slots
        self._head_s = head_s
        self._kind_of = kind_of
        self.homes = Assigned()
        """By series, the number of the block where it lives, if it ever had a sample."""
        self._in_strand = Assigned()
        """By series, the number of its strand."""
        self._strands: list[Strand] = []
        self._rows = RowTaker(slots, self._freeze_strand)
        self._pooled: dict[int, _Pooled] = {}
        self.lanes = Lanes(min(slots, lane_slots))
        self._lanes_used = Used()
        self._single: set[int] = set()
        """The blocks of which series come one by one."""
        self._shared: dict[object, Block] = {}
        self.all: dict[int, Block] = {}
        self.frozen: list[tuple[Block, Head | LaneHead]] = []
        """Heads that are to be sealed, oldest first."""
        self._overwritten = 0
        """Of what came one by one."""
        self.late = Late(_LATE_BYTES)

    @property
    def overwritten(self) -> int:
        """How many samples had another value before."""
        return self._overwritten + self._rows.overwritten

    def settle(self, series: npt.NDArray[np.uint32], numbers: npt.NDArray[np.uint32]) -> None:
        """Notes where series live, as the catalog has it."""
        self._reserve(int(series.max(initial=0)) + 1)
        self.homes[series] = numbers
        for number, count in zip(*(column.tolist() for column in np.unique(numbers, return_counts=True)), strict=True):
            block = self.all.get(number) or self._block(number)
            block.homed += count

    def rows(self, number: int, strand: int = NONE) -> Sequence[Rows]:
        """What a block has in memory, oldest first; from any thread. With a strand maybe only what is of its series.

        What may be frozen meanwhile is read before what is frozen: so nothing is missed.
        """
        block = self.all[number]
        if not len(block.singles):
            strands = block.strands if strand == NONE else (self._strands[strand],)
            heads: Sequence[Head | LaneHead] = tuple(map(_head_of, strands))
            if block.sealing:
                heads = [*(head for head in block.sealing if head not in heads), *heads] if heads else block.sealing
            if len(heads) == 1 and isinstance(heads[0], Head):  # as nearly always
                return heads[0].rows() if heads[0].count else ()
            return [rows for head in heads if head.count for rows in head.rows()]
        return [rows for head in self._heads(number) if head.count for rows in head.rows()]

    def marks(self, number: int) -> list[Marks]:
        """The verdicts that are in memory on samples of a block, as `rows`; later ones count."""
        late = self.late.of(number)
        return [*(marks for head in self._heads(number) for marks in head.marks()), *late]

    def _heads(self, number: int) -> list[Head | LaneHead]:
        block = self.all[number]
        heads = [strand.head for strand in block.strands]
        live = self._in_lanes(block)
        frozen = [head for head in block.sealing if head not in heads]
        return [*frozen, *heads, *live]

    def strands_of(self, series: Numbers) -> npt.NDArray[np.int32]:
        """By series, the number of its strand; less than 0 where it has none."""
        return self._in_strand.of(series)

    @property
    def strand_count(self) -> int:
        """How many strands there are; none goes away."""
        return len(self._strands)

    def strand(self, number: int) -> Strand:
        return self._strands[number]

    @property
    def judged(self) -> bool:
        """Whether verdicts are in memory."""
        heads = (strand.head for strand in self._strands)
        return self.lanes.judged or bool(self.late.all()) or any(head.plane is not None for head in heads)

    def _in_lanes(self, block: Block) -> list[LaneHead]:
        while len(block.singles):
            turns = block.turns
            head = self.lanes.copy(block.singles, 0)
            if turns % 2 == 0 and turns == block.turns:
                return [head]
        return []

    async def house(self, parts: Sequence[Part]) -> None:
        """Finds a home for each series that has none; for some at a time."""
        for part in parts:
            if isinstance(part, Gathers):
                if not self._rows.leased.has_all(part.groups):
                    await self._house_groups(part)
            else:
                self._reserve(int(part.series.max(initial=0)) + 1)
                homeless = np.unique(part.series[self.homes[part.series] == NONE])
                for at, series in enumerate(homeless.tolist()):
                    self._move_in(self._single_block(series), np.array([series]))
                    if at % _SERIES_AT_ONCE == _SERIES_AT_ONCE - 1:
                        await asyncio.sleep(0)

    async def _house_groups(self, gathers: Gathers) -> None:
        open_at: dict[int, Block] = {}
        for number, time_ms in zip(gathers.groups.tolist(), gathers.times.tolist(), strict=True):
            if number not in self._rows.leases:
                self._lease(self._groups[number], time_ms, open_at)
                if len(self._rows.leases) % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    def put(self, part: Part, segment: int, now_s: float) -> None:
        """Takes samples that are in the log's file of that number, after their series were housed."""
        if isinstance(part, Singles):
            self._put_singles(part, segment, now_s)
            return
        self._rows.put(part, segment, now_s)
        if self._pooled and not self._pooled.keys().isdisjoint(part.groups.tolist()):
            self._put_singles(self._singled(part), segment, now_s)

    def _singled(self, gathers: Gathers) -> Singles:
        """The samples of gathers that go into lanes."""
        found = [
            (one.series, time_ms, start + one.source)
            for number, time_ms, start in zip(
                gathers.groups.tolist(), gathers.times.tolist(), gathers.starts.tolist(), strict=True
            )
            if (one := self._pooled.get(number)) is not None
        ]
        series = np.concatenate([one for one, _, _ in found])
        times = np.repeat([time_ms for _, time_ms, _ in found], [len(one) for one, _, _ in found])
        bits = gathers.values[np.concatenate([places for _, _, places in found])]
        given = bits != ABSENT_BITS
        return Singles(series[given], times[given], bits[given])

    def _put_singles(self, singles: Singles, segment: int, now_s: float) -> None:
        series, times, bits = singles.series.astype(np.int64), singles.times, singles.values
        stranded = self._in_strand[series] != NONE
        if stranded.any():
            self._put_stranded(series[stranded], times[stranded], bits[stranded], segment, now_s)
            series, times, bits = series[~stranded], times[~stranded], bits[~stranded]
        while len(series):
            self._open_lanes(series, segment, now_s)
            left = self.lanes.put(series, times, bits)
            full = self.lanes.full(series)
            for number in np.unique(self.homes[full]).tolist() if len(full) else []:
                self._freeze_lanes(self.all[number])
            series, times, bits = series[left], times[left], bits[left]

    def _open_lanes(self, series: Numbers, segment: int, now_s: float) -> None:
        """Sees to it that the blocks of series know of them, and since when there is something in their lanes."""
        self._lanes_used.begin(self.homes[series], segment, now_s)
        without = series[~self.lanes.have(series)]
        for number, own in self.homes.apart(np.unique(without)) if len(without) else ():
            self._single.add(number)
            self.all[number].singles = np.union1d(self.all[number].singles, own)

    def _freeze_lanes(self, block: Block) -> None:
        """A reader that copies meanwhile sees the turns change, or finds what it misses among what is sealed."""
        head = self.lanes.copy(block.singles, self._lanes_used.segment(block.number))
        self._overwritten += head.overwritten
        self.frozen.append((block, head))
        block.sealing = (*block.sealing, head)
        block.turns += 1
        self.lanes.clear(block.singles, head.series)
        block.singles = head.series
        block.turns += 1
        self._lanes_used.end(block.number)

    def _put_stranded(self, series: Numbers, times: Numbers, bits: Bits, segment: int, now_s: float) -> None:
        """Points of series that else come in groups: those of one strand and time together."""
        strands = self._in_strand[series]
        order = np.lexsort((series, times, strands))
        series, times, strands, bits = series[order], times[order], strands[order], bits[order]
        kept = np.append((series[1:] != series[:-1]) | (times[1:] != times[:-1]), True)
        series, times, strands, bits = series[kept], times[kept], strands[kept], bits[kept]
        edges = np.flatnonzero((np.diff(times) != 0) | (np.diff(strands) != 0)) + 1
        for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(series)], strict=True):
            lease = Lease(self._strands[int(strands[first])], None, series[first:last])
            self._rows.put_row(lease, int(times[first]), bits[first:last], segment, now_s)

    def adopt(self, heads: Sequence[tuple[int, Head]]) -> None:
        """Takes heads, by the number of their block, that are older than all there are; they are to be sealed."""
        by_block: dict[int, list[Head]] = {}
        for number, head in heads:
            by_block.setdefault(number, []).append(head)
        for number, own in by_block.items():
            block = self.all[number]
            block.sealing = (*own, *block.sealing)
        self.frozen = [*((self.all[number], head) for number, head in heads), *self.frozen]

    async def freeze(self, *, before_s: float, segment: int, most_bytes: int | None = None) -> None:
        """Freezes every head that has had samples since a time, or since a file of the log; some at a time.

        Where heads take more than `most_bytes`, the oldest too, until a quarter of that is free.
        """
        crowded_s = -math.inf if most_bytes is None else self._crowded_since_s(most_bytes)
        for at, strand in enumerate(list(self._strands)):
            head = strand.head
            due_s = max(crowded_s, before_s + strand.lead_s)
            if head.count and (head.since_s <= due_s or head.segment <= segment):
                for one in strand.in_step():
                    self._freeze_strand(one)
            if at % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        for at, number in enumerate(self._lanes_used.due(max(crowded_s, before_s), segment)):
            if self._lanes_used.segment(number):
                self._freeze_lanes(self.all[number])
            if at % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)

    def _freeze_strand(self, strand: Strand) -> None:
        self.frozen.append((strand.block, strand.freeze()))

    def _crowded_since_s(self, most_bytes: int) -> float:
        """Since when heads have had samples that are to make room."""
        heads = sorted((strand.head.since_s, strand.head.used_bytes) for strand in self._strands if strand.head.count)
        held = sum(size for _, size in heads)
        if held > most_bytes:
            for since_s, size in heads:
                held -= size
                if held <= most_bytes * 3 // 4:
                    return since_s
        return -math.inf

    def sealed(self, done: Sequence[tuple[Block, Head | LaneHead]]) -> None:
        """Lets go of heads that are on the disk."""
        for block, head in done:
            block.sealed([head])
        heads = {id(head) for _, head in done}
        self.frozen = [one for one in self.frozen if id(one[1]) not in heads]

    def oldest_segment(self) -> int | None:
        """The number of the log's first file that is still needed; None where none is."""
        needed = [head.segment for block in self.all.values() for head in block.sealing]
        needed += [strand.head.segment for strand in self._strands if strand.head.count]
        needed += self._lanes_used.segments()
        return min(needed, default=None)

    def held(self) -> Iterator[Numbers]:
        """The series that have a sample in memory, in parts."""
        for strand in list(self._strands):
            yield strand.head.in_use()
        for block in list(self.all.values()):
            yield from (head.in_use() for head in block.sealing)
            yield from (head.in_use() for head in self._in_lanes(block))

    def _lease(self, group: GatherGroup, time_ms: int, open_at: dict[int, Block]) -> None:
        """Finds the homes of a group's series and strands for them, or new ones for those that have none."""
        self._reserve(int(group.series.max(initial=0)) + 1)
        homeless = group.series[self.homes[group.series] == NONE]
        if len(homeless):
            self._house(homeless, group.series, time_ms, open_at)
        if 1 < len(homeless) == len(group.series) <= WIDTH:  # as nearly always: all are new, and of one block
            block = self.all[int(self.homes[homeless[0]])]
            self._in_strand[group.series] = len(self._strands)
            self._rows.lease(group.number, [Lease.of_all(self._strand(block, group.series))])
            return
        stranded = self._in_strand[group.series] != NONE
        in_lanes = [number for number in np.unique(self.homes[group.series]).tolist() if self._is_single(number, group)]
        single = ~stranded & np.isin(self.homes[group.series], in_lanes)
        self._find_strands(group.series[~single])
        strands = np.where(single, NONE, self._in_strand[group.series])
        leases = [
            Lease.of_some(self._strands[number], group.series, np.flatnonzero(strands == number))
            for number in np.unique(strands[~single]).tolist()
        ]
        self._rows.lease(group.number, leases)
        if single.any():
            self._pooled[group.number] = _Pooled(np.flatnonzero(single), group.series[single].astype(np.uint32))

    def _is_single(self, number: int, group: GatherGroup) -> bool:
        """Whether a block's series come one by one; a block of which nothing was heard yet is as the group is."""
        if len(group.series) == 1 and not self.all[number].strands:
            self._single.add(number)
        return number in self._single

    def _find_strands(self, series: Numbers) -> None:
        """Gives series that have no strand that of others in their block, or a new one."""
        without = series[self._in_strand[series] == NONE]
        for number, own in self.homes.apart(np.sort(without)):
            mates = self._in_strand[series[self.homes[series] == number]]
            mates = mates[mates != NONE]
            if not len(mates):
                self._strand(self.all[number], NO_SERIES)
                mates = np.array([len(self._strands) - 1])
            self._in_strand[own] = np.bincount(mates).argmax()

    def _strand(self, block: Block, series: Numbers) -> Strand:
        strand = Strand(block, self._slots, series, self._head_s * (block.number * _GOLDEN % 1))
        block.strands = [*block.strands, strand]
        self._strands.append(strand)
        return strand

    def _house(self, homeless: Numbers, group: Numbers, time_ms: int, open_at: dict[int, Block]) -> None:
        known = self.homes[group]
        known = known[known != NONE]
        if len(known) >= len(homeless):
            block = self.all[int(np.bincount(known).argmax())]
            if block.homed + len(homeless) <= 4 * WIDTH:
                self._move_in(block, homeless)
                return
        if len(group) == 1:
            self._move_in(self._single_block(int(homeless[0])), homeless)
            return
        for start in range(0, len(homeless), WIDTH):
            part = homeless[start : start + WIDTH]
            shared = open_at.get(time_ms)
            if shared is None or shared.homed + len(part) > WIDTH:
                shared = open_at[time_ms] = self._block(len(self.all))
            self._move_in(shared, part)

    def _single_block(self, series: int) -> Block:
        """A block for series that come one by one, as by remote write; those of a kind share their times, mostly."""
        kind = self._kind_of(series)
        block = self._shared.get(kind)
        if block is None or block.homed >= WIDTH // 2:
            block = self._shared[kind] = self._block(len(self.all))
            self._single.add(block.number)
        return block

    def _move_in(self, block: Block, series: Numbers) -> None:
        self.homes[series] = block.number
        block.homed += len(series)

    def _block(self, number: int) -> Block:
        while number in self.all:
            number += 1
        self._lanes_used.reserve(number + 1)
        block = self.all[number] = Block(number)
        return block

    def _reserve(self, count: int) -> None:
        self.homes.reserve(count)
        self._in_strand.reserve(count)
        self.lanes.reserve(count)
