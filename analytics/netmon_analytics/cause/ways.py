"""The shortest ways to one node, over which traffic is spread evenly at each step."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from netmon_analytics.cause.network import FAR, Bools, Floats, Ints, Network


@dataclass(frozen=True)
class Ways:
    """Steps towards a goal, the farthest first. here, there, link: of each step; part: of the traffic at `here` that
    takes it. bounds: where the steps of each distance begin, and the end."""

    network: Network
    away: Ints
    here: Ints
    there: Ints
    link: Ints
    part: Floats
    bounds: Ints

    @classmethod
    def of(cls, network: Network, goal: int) -> "Ways":
        away = network.distances(goal)
        one, other = network.ends.T
        near, far = away[one], away[other]
        out, back = (np.flatnonzero(network.open & step) for step in ((near == far + 1), (far == near + 1)))
        here, there = np.concatenate([one[out], other[back]]), np.concatenate([other[out], one[back]])
        link = np.concatenate([out, back])
        order = np.argsort(-away[here], kind="stable")
        here, there, link = here[order], there[order], link[order]
        part = 1.0 / np.bincount(here, minlength=network.nodes)[here] if len(here) else np.empty(0)
        changes = np.flatnonzero(np.diff(away[here])) + 1
        return cls(network, away, here, there, link, part, np.array([0, *changes.tolist(), len(here)], np.intp))

    @cached_property
    def levels(self) -> list[slice]:
        """The steps of each distance, the farthest first."""
        bounds = self.bounds.tolist()
        return [slice(low, high) for low, high in pairwise(bounds) if high > low]

    def over(self, marked: Bools) -> Floats:
        """How much of each node's traffic goes over links that are marked; what goes over two of them counts twice."""
        found = np.zeros(self.network.nodes)
        for level in reversed(self.levels):
            onward = marked[self.link[level]] + found[self.there[level]]
            np.add.at(found, self.here[level], self.part[level] * onward)
        return found

    def carried(self, sent: Floats) -> Floats:
        """What each link carries when each node sends so much to the goal."""
        flow, total = sent.copy(), np.zeros(self.network.links)
        for level in self.levels:
            moved = flow[self.here[level]] * self.part[level]
            total[self.link[level]] = moved
            np.add.at(flow, self.there[level], moved)
        return total

    def shares(self, starts: Ints) -> tuple[Ints, Floats]:
        """The links that carry something from some nodes, sorted, and the part of each node's traffic that goes over
        each: (links, starts)."""
        used = self._used(starts)
        nodes, numbers = np.unique(np.concatenate([starts, self.here[used], self.there[used]]), return_inverse=True)
        links = np.sort(self.link[used])
        flow, share = np.zeros((len(nodes), len(starts))), np.zeros((len(links), len(starts)))
        here, there = numbers[len(starts) : len(starts) + len(used)], numbers[len(starts) + len(used) :]
        row, part = np.searchsorted(links, self.link[used]), self.part[used]
        flow[numbers[: len(starts)], np.arange(len(starts))] = 1.0
        bounds = np.searchsorted(used, self.bounds)
        for low, high in pairwise(bounds.tolist()):
            moved = flow[here[low:high]] * part[low:high, None]
            share[row[low:high]] = moved
            np.add.at(flow, there[low:high], moved)
        return links, share

    def _used(self, starts: Ints) -> Ints:
        """The steps that something from some nodes takes."""
        is_passed = np.zeros(self.network.nodes, np.bool_)
        is_passed[starts] = self.away[starts] < FAR
        found = []
        for level in self.levels:
            steps = np.flatnonzero(is_passed[self.here[level]]) + level.start
            is_passed[self.there[steps]] = True
            found.append(steps)
        return np.concatenate(found) if found else np.empty(0, np.intp)
