"""What was seen and when, what was changed, and what happened before: columns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from netmon_analytics.cause.network import Bools, Floats, Ints
from netmon_analytics.cause.nouns import Change, Fault, Sign

NOBODY = -1


class Observation(NamedTuple):
    """A sign that was there, or that was looked for and was not.

    node: where. link: of which link the port there is, NOBODY: it is about the whole node. viewer: who looked, by its
    number among the network's viewers; NOBODY: the node told it itself, or nobody knows. at_s: since when, any epoch.
    """

    node: int
    sign: Sign
    seen: bool = True
    at_s: float = 0.0
    link: int = NOBODY
    viewer: int = NOBODY


class Changed(NamedTuple):
    """A change at a node, by the same clock. detail: what it was before and is now, in words."""

    node: int
    kind: Change
    at_s: float
    detail: str = ""


class Earlier(NamedTuple):
    """How often a subject was the cause of an earlier incident."""

    fault: Fault
    subject: int
    times: int


@dataclass(frozen=True)
class Observations:
    """Observations as columns of equal length."""

    node: Ints
    sign: Ints
    seen: Bools
    at_s: Floats
    link: Ints
    viewer: Ints
    alive: Bools = field(default_factory=lambda: np.empty(0, np.bool_))
    """Those that no cause has explained yet."""

    @classmethod
    def of(cls, ones: Iterable[Observation]) -> "Observations":
        rows = list(ones)
        return cls(
            np.array([one.node for one in rows], np.intp),
            np.array([int(one.sign) for one in rows], np.intp),
            np.array([one.seen for one in rows], np.bool_),
            np.array([one.at_s for one in rows], np.float64),
            np.array([one.link for one in rows], np.intp),
            np.array([one.viewer for one in rows], np.intp),
            np.ones(len(rows), np.bool_),
        )

    def __len__(self) -> int:
        return len(self.node)
