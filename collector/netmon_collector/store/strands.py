"""Strands: series of a block that are read together, which have a head of their own, as their times are their own.

Groups come and go with every process and interface that does; strands stay: a series that joins a group moves in with
the others, and its column is free again when it is not heard of any more.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from netmon_collector.store.head import Head, Rows
from netmon_collector.store.judged import Verdicts
from netmon_collector.store.labels import Numbers

if TYPE_CHECKING:
    from netmon_collector.store.block import Block


class Strand:
    """A head after another, for the same series. Changed on one thread."""

    __slots__ = ("block", "generation", "head", "lead_s")

    def __init__(self, block: "Block", slots: int, series: Numbers, lead_s: float) -> None:
        """`lead_s`: by how much sooner its first head is old, so that not all strands are sealed at the same time."""
        self.block = block
        self.lead_s = lead_s
        self.head = Head(slots, series)
        self.generation = 0

    def in_step(self) -> Sequence["Strand"]:
        """Those that keep step with it, and itself."""
        cohort = self.head.cohort
        return (self,) if cohort is None else cohort.strands

    def judge(self, series: Numbers, time_ms: int, verdicts: Verdicts) -> Verdicts:
        """Takes verdicts [C] on samples of one time; returns them with UNKNOWN for what was taken."""
        left = self.head.judge(series, time_ms, verdicts)
        for head in reversed(self.block.sealing):
            if left.any() and isinstance(head, Head):
                left = head.judge(series, time_ms, left)
        return left

    def freeze(self) -> Head:
        """Begins another head; columns that were not used are free again. Returns the one before."""
        frozen = self.head
        frozen.leave()
        series = frozen.in_use()
        if len(series) == len(frozen.grid.series):
            series = frozen.grid.series
        else:
            self.generation += 1
        self.block.sealing = (*self.block.sealing, frozen)
        self.head = Head(frozen.slots, series)
        self.lead_s = 0.0
        return frozen


class Lease:
    """The columns that the series of a group have in a strand: `source` in the group's rows, `columns` in the head.

    Where both follow one another they are no copies.

    `grid`: that of a head which takes the group's rows as they are, and has one already.
    """

    __slots__ = ("columns", "generation", "grid", "series", "source", "strand")

    def __init__(self, strand: Strand, source: npt.NDArray[np.intp] | slice | None, series: Numbers) -> None:
        self.strand = strand
        self.source = source
        self.series = series
        self.generation = -1
        self.grid: Rows | None = None
        self.columns: npt.NDArray[np.intp] | None = None

    @classmethod
    def of_all(cls, strand: Strand) -> Self:
        """The lease of a group that has all columns of a new strand."""
        lease = cls(strand, None, strand.head.grid.series)
        lease.generation = strand.generation
        return lease

    @classmethod
    def of_some(cls, strand: Strand, group: Numbers, places: npt.NDArray[np.intp]) -> Self:
        """The lease of the series at some places (ascending) of a group."""
        source = _run(places)
        series = group[source]
        return cls(strand, None if len(series) == len(group) else source, series)

    @property
    def is_whole(self) -> bool:
        """Whether the head's columns are those of the group's rows."""
        return self.source is None and self.columns is None and self.generation == self.strand.generation

    def renew(self) -> None:
        """Finds the columns, and takes free ones for series that have none."""
        strand, head = self.strand, self.strand.head
        self.grid = None
        known = head.grid.series
        missing = self.series[~np.isin(self.series, known)] if len(known) else self.series
        if len(missing):
            head.widen(missing)
            strand.generation += 1
        order = np.argsort(head.grid.series)
        columns = order[np.searchsorted(head.grid.series, self.series, sorter=order)]
        whole = len(columns) == len(order) and bool((columns == np.arange(len(order))).all())
        self.columns = None if whole else columns
        self.generation = strand.generation


def _run(places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp] | slice:
    """Places (ascending), as a slice if they follow one another: what it takes of an array is no copy."""
    first, end = int(places[0]), int(places[-1]) + 1
    return slice(first, end) if end - first == len(places) else places
