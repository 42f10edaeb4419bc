"""A block: series that are kept together, and what of them is in memory."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from netmon_collector.store.head import Head
from netmon_collector.store.labels import Numbers
from netmon_collector.store.lanes import LaneHead
from netmon_collector.store.strands import Strand

NO_SERIES: Final[Numbers] = np.empty(0, np.int64)


class Block:
    """Series that are kept together. Changed on one thread."""

    __slots__ = ("homed", "number", "sealing", "singles", "strands", "turns")

    def __init__(self, number: int) -> None:
        self.number = number
        self.homed = 0
        self.strands: list[Strand] = []
        self.singles = NO_SERIES
        """The series that have lanes."""
        self.turns = 0
        """How often freezing the lanes was begun or ended."""
        self.sealing: tuple[Head | LaneHead, ...] = ()
        """Heads on their way to the disk, oldest first."""

    def sealed(self, heads: Sequence[Head | LaneHead]) -> None:
        """Lets go of heads that are on the disk."""
        self.sealing = tuple(head for head in self.sealing if head not in heads)
