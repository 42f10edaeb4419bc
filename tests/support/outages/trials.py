"""Many outages, and how well they are explained."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from netmon_analytics.cause import Cause, Fault, Weights, rank
from tests.support.outages.faults import KINDS, damaged
from tests.support.outages.witnesses import Outage, seen
from tests.support.outages.worlds import made

LEAST, MOST = 50, 500
BEGAN_S = -120.0
"""Since when signs count as new: incidents are opened a little after their first sign."""


@dataclass(frozen=True)
class Trial:
    kind: str
    family: str
    outage: Outage

    @property
    def truths(self) -> set[tuple[Fault, int]]:
        """What is wrong, by the numbers of the map."""
        numbers = self.outage.link_numbers
        return {
            (fault, numbers[subject] if fault in (Fault.LINK, Fault.CONGESTION) else subject)
            for fault, subject in self.outage.damage.truths
        }

    def causes(self, weights: Weights) -> list[Cause]:
        outage = self.outage
        return rank(outage.network, outage.observations, outage.changes, since_s=BEGAN_S, weights=weights)


Explained = tuple[Trial, list[Cause]]


def trials(seed: int, families: Sequence[str], each: int, kinds: Iterable[str] = KINDS) -> list[Trial]:
    """So many outages of each kind, over the families by turns."""
    found = []
    for kind in kinds:
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        count = 0
        while count < each:
            family = families[count % len(families)]
            world = made(family, rng, int(rng.integers(LEAST, MOST + 1)))
            try:
                damage = damaged(world, kind, rng)
            except LookupError:
                continue
            found.append(Trial(kind, family, seen(world, damage, rng)))
            count += 1
    return found


@dataclass
class Score:
    """first: the cause in the first place is one that is true. three: all true ones are among the first three."""

    outages: int = 0
    first: int = 0
    three: int = 0

    def count(self, trial: Trial, causes: Sequence[Cause]) -> None:
        named = [(one.fault, one.subject) for one in causes[:3]]
        self.outages += 1
        self.first += bool(named) and named[0] in trial.truths
        self.three += trial.truths <= set(named)

    def add(self, other: "Score") -> None:
        self.outages += other.outages
        self.first += other.first
        self.three += other.three

    def told(self) -> dict[str, float]:
        return {
            "outages": self.outages,
            "first": round(self.first / max(1, self.outages), 3),
            "in_three": round(self.three / max(1, self.outages), 3),
        }


def pooled(scores: Iterable[dict[str, Score]]) -> dict[str, Score]:
    """Those of several seeds as one."""
    found: dict[str, Score] = {}
    for one in scores:
        for name, score in one.items():
            found.setdefault(name, Score()).add(score)
    return found


def explained(chosen: Iterable[Trial], weights: Weights) -> list[Explained]:
    return [(trial, trial.causes(weights)) for trial in chosen]


def scored(chosen: Iterable[Explained]) -> dict[str, Score]:
    """By kind, and all together."""
    scores: dict[str, Score] = {"all": Score()}
    for trial, causes in chosen:
        for name in ("all", trial.kind):
            scores.setdefault(name, Score()).count(trial, causes)
    return scores
