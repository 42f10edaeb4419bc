"""Cohorts: heads that lie side by side in one matrix, where gathers that come at one time are one row.

As long as heads keep step, nothing is noted of each. Who falls out of step ends the cohort, and each head goes on
alone, in its part of the matrix.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.assigned import NONE
from netmon_collector.store.base import Times
from netmon_collector.store.head import Rows, matrix
from netmon_collector.store.record import Bits
from netmon_collector.store.strands import Lease, Strand

_BLOCKS: Final = 16
"""So many blocks that follow one another may share a matrix, of 4,096 series at most."""


class Cohort:
    """The heads of some groups, that have as many rows each, and become old together. Changed on one thread; whoever
    reads sees heads only.

    `count`: how many rows there are. `last_ms`: the time of the last, which is the newest.
    """

    __slots__ = ("_bits", "_groups", "_known", "_times", "count", "last_ms", "strands")

    def __init__(self, groups: bytes, leases: Sequence[Lease], slots: int, known: dict[bytes, "Cohort"]) -> None:
        """The heads are empty and take the rows of their groups as they are; `known` lists cohorts by their groups."""
        self.count = 0
        self.last_ms = -(2**63)
        self.strands: Sequence[Strand] = [lease.strand for lease in leases]
        self._groups = groups
        self._known = known
        known[groups] = self
        widths = [len(lease.series) for lease in leases]
        self._bits = matrix(slots, sum(widths))
        self._times = np.empty(slots, np.int64)
        ends = np.cumsum(widths).tolist()
        for lease, first, end in zip(leases, [0, *ends], ends, strict=False):
            head = lease.strand.head
            lease.grid = None
            head.grid = Rows(self._times, head.grid.series, self._bits[:, first:end])
            head.cohort = self
            lease.strand.lead_s = self.strands[0].lead_s

    def put(self, time_ms: int, bits: Bits) -> bool:
        """Adds a row of all groups, if it is newer than all there are."""
        if time_ms <= self.last_ms:
            return False
        self._bits[self.count] = bits
        self._times[self.count] = self.last_ms = time_ms
        self.count += 1
        return True

    def end(self) -> None:
        """Has each head go on alone."""
        del self._known[self._groups]
        for strand in self.strands:
            strand.head.go_on(self.count, self.last_ms)


def may_join(leases: Sequence[Lease]) -> bool:
    """Whether the heads of some groups are empty and take rows as they are."""
    if any(lease.strand.head.count or not lease.is_whole for lease in leases):
        return False
    return len({lease.strand for lease in leases}) == len(leases)


def neighbours(blocks: npt.NDArray[np.int32], times: Times) -> Iterator[tuple[int, int]]:
    """From gathers, by the block that has all of one, or NONE: runs of several, of one time, that may be a cohort.

    Which blocks may share one depends on their numbers alone, so not on what else comes in the same commit.
    """
    sets = blocks // _BLOCKS  # of NONE, which is less than nought, NONE
    near = (sets[1:] == sets[:-1]) & (sets[1:] != NONE) & (times[1:] == times[:-1])
    if near.any():
        edges = (np.flatnonzero(~near) + 1).tolist()
        for first, last in pairwise([0, *edges, len(blocks)]):
            if last - first > 1:
                yield first, last
