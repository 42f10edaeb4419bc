"""How good a model is: false alarms against those asked for, how its scores have moved, how often an interval holds."""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.models.interfaces import Arrays, Float64, Mask, Outlook

EDGES: Final = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5])
"""Between the bins of scores, which are natural logarithms of one over a probability."""
FEWEST: Final = 2000
"""Scores, without which a distribution says nothing."""
WEEK_S: Final = 604_800.0
MOST_APART_S: Final = 3600.0
"""Values further apart are a gap, which is not counted as time that was watched."""


@dataclass
class Tally:
    """What a detector said, counted.

    counts: scores in the bins between EDGES. alarms: those that began. watched_s: for how long, over all series.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(EDGES) + 1, np.int64))
    alarms: int = 0
    watched_s: float = 0.0

    def add(self, scores: Float64, began: Mask, apart_s: Float64 | float) -> None:
        """scores: NaN where nothing was judged. began: alarms that were not there a moment ago. apart_s: since the
        value before, one for all or one for each score."""
        judged = np.isfinite(scores)
        self.counts += np.bincount(np.searchsorted(EDGES, scores[judged], side="right"), minlength=len(EDGES) + 1)
        self.alarms += int(np.count_nonzero(began))
        apart = np.broadcast_to(apart_s, scores.shape)[judged]
        self.watched_s += float(apart[(apart > 0) & (apart <= MOST_APART_S)].sum())

    @property
    def scores(self) -> int:
        return int(self.counts.sum())

    @property
    def weeks(self) -> float:
        """Weeks of series that were watched."""
        return self.watched_s / WEEK_S

    def __add__(self, other: Self) -> "Tally":
        return Tally(self.counts + other.counts, self.alarms + other.alarms, self.watched_s + other.watched_s)

    def arrays(self) -> Arrays:
        return {"counts": self.counts.copy(), "alarmed": np.array([self.alarms, self.watched_s], np.float64)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Raises KeyError, ValueError for others."""
        counts, alarmed = np.array(arrays["counts"], np.int64), np.array(arrays["alarmed"], np.float64)
        if counts.shape != (len(EDGES) + 1,) or alarmed.shape != (2,):
            raise ValueError("scores counted by another version")
        return cls(counts, int(alarmed[0]), float(alarmed[1]))


def stability(before: Tally, now: Tally) -> float | None:
    """The population stability index of scores: below 0.1 nothing has changed, above 0.25 much has.

    None where either has too few. Half a score is added to each bin, so that an empty one is no infinity.
    """
    if min(before.scores, now.scores) < FEWEST:
        return None
    expected, actual = ((one.counts + 0.5) / (one.counts + 0.5).sum() for one in (before, now))
    return float(((actual - expected) * np.log(actual / expected)).sum())


@dataclass
class Accuracy:
    """How a forecast did: values that came, those within the interval, and how far off the middle was, summed."""

    values: int = 0
    within: int = 0
    off: float = 0.0
    """In units of the usual error of each series."""

    def add(self, actual: Float64, told: Outlook, usual: Float64, steps: slice) -> None:
        """actual: (S, steps), NaN where nothing came. usual: (S,), the mean error of each series that is expected."""
        low, middle, high = (one[:, steps] for one in (told.low, told.middle, told.high))
        there = np.isfinite(actual) & np.isfinite(middle)
        self.values += int(np.count_nonzero(there))
        self.within += int(np.count_nonzero(there & (actual >= low) & (actual <= high)))
        error = np.abs(actual - middle) / np.maximum(usual, np.finfo(np.float64).tiny)[:, None]
        self.off += float(np.minimum(error, MOST_OFF)[there].sum())

    @property
    def coverage(self) -> float | None:
        """The part of the values that were within their interval."""
        return self.within / self.values if self.values else None

    @property
    def error(self) -> float | None:
        """The mean error, in units of the usual one: 1 is as good as it was."""
        return self.off / self.values if self.values else None


MOST_OFF: Final = 100.0
"""A series that did not move at all before must not make the mean of all others unreadable."""
