"""Puts gathers into the heads of strands: those of groups that keep step as one row, all others one by one."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from netmon_collector.store.assigned import NONE, Assigned
from netmon_collector.store.cohort import Cohort, may_join, neighbours
from netmon_collector.store.labels import Numbers
from netmon_collector.store.numberset import NumberSet
from netmon_collector.store.record import Bits, Gathers
from netmon_collector.store.strands import Lease, Strand


class RowTaker:
    """Knows which groups are in which strands. Belongs to one thread."""

    def __init__(self, slots: int, freeze: Callable[[Strand], None]) -> None:
        """`freeze` is told of strands whose heads are full."""
        self.leases: dict[int, list[Lease]] = {}
        """By group."""
        self.leased = NumberSet()
        """The groups that have leases."""
        self.overwritten = 0
        self._slots = slots
        self._freeze = freeze
        self._blocks = Assigned()
        """By group, the block that has all of its series in one strand."""
        self._cohorts: dict[bytes, Cohort] = {}
        """By the numbers of their groups, those that keep step."""

    def lease(self, group: int, leases: list[Lease]) -> None:
        """Notes in which strands the series of a group are."""
        self.leases[group] = leases
        self.leased.add(np.array([group]))
        self._blocks.reserve(group + 1)
        whole = len(leases) == 1 and leases[0].source is None
        self._blocks[np.array([group])] = leases[0].strand.block.number if whole else NONE

    def put(self, gathers: Gathers, segment: int, now_s: float) -> None:
        """Takes gathers that are in the log's file of that number, of groups with leases."""
        groups, times = gathers.groups, gathers.times
        ends = np.append(0, np.cumsum(gathers.widths, dtype=np.int64))
        done = 0
        for first, last in neighbours(self._blocks[groups], times):
            cohort = self._cohort(groups[first:last], segment, now_s)
            if cohort is not None:
                self._put_each(gathers, ends, slice(done, first), segment, now_s)
                done = last if cohort.put(int(times[first]), gathers.values[ends[first] : ends[last]]) else first
                if cohort.count == self._slots:
                    for strand in cohort.strands:
                        self._freeze(strand)
        self._put_each(gathers, ends, slice(done, len(groups)), segment, now_s)

    def _cohort(self, groups: npt.NDArray[np.uint32], segment: int, now_s: float) -> Cohort | None:
        """That of the groups that some gathers are of, or a new one; None where these do not keep step."""
        key = groups.tobytes()
        cohort = self._cohorts.get(key)
        if cohort is not None or self.leases[int(groups[0])][0].strand.head.count:
            return cohort
        leases = [self.leases[number][0] for number in groups.tolist()]
        if not may_join(leases):
            return None
        for lease in leases:
            lease.strand.head.segment, lease.strand.head.since_s = segment, now_s
        return Cohort(key, leases, self._slots, self._cohorts)

    def _put_each(self, gathers: Gathers, ends: Numbers, which: slice, segment: int, now_s: float) -> None:
        """Puts some gathers, one by one; the values of gather i are those from `ends[i]` to before `ends[i + 1]`."""
        values = gathers.values
        edges = ends[which.start : which.stop + 1].tolist()
        rows = zip(gathers.groups[which].tolist(), pairwise(edges), gathers.times[which].tolist(), strict=True)
        for number, (start, end), time_ms in rows:
            for lease in self.leases[number]:
                head = lease.strand.head
                if lease.grid is head.grid and head.last_ms < time_ms:  # as nearly always: the next row, of all columns
                    if head.add(time_ms, values[start:end]) == self._slots:
                        self._freeze(lease.strand)
                else:
                    bits = values[start:end]
                    self.put_row(lease, time_ms, bits if lease.source is None else bits[lease.source], segment, now_s)

    def put_row(self, lease: Lease, time_ms: int, bits: Bits, segment: int, now_s: float) -> None:
        """Puts samples of one time into the columns of a lease."""
        strand = lease.strand
        if lease.generation != strand.generation:
            lease.renew()
        head = strand.head
        if not head.count:
            head.segment, head.since_s = segment, now_s
        self.overwritten += head.put(time_ms, lease.columns, bits)
        if lease.columns is None and lease.source is None:
            lease.grid = head.grid
        if head.count == self._slots:
            self._freeze(strand)
