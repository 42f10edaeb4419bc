"""Where traffic goes: shortest ways, evenly spread over equal ones, around what is dead or forwards nothing."""

from collections.abc import Iterable, Set

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Ways:
    """dead: nodes that are gone. cut: links. mute: nodes that are there and forward nothing. barred: pairs of a node
    and a neighbour to which it forwards nothing."""

    def __init__(
        self,
        nodes: int,
        ends: Iterable[tuple[int, int]],
        dead: Set[int] = frozenset(),
        cut: Set[int] = frozenset(),
        mute: Set[int] = frozenset(),
    ) -> None:
        self.nodes = nodes
        self.ends = list(ends)
        self.dead, self.mute = dead, mute
        self.beside: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
        for link, (a, b) in enumerate(self.ends):
            if link not in cut and a not in dead and b not in dead:
                self.beside[a].append((b, link))
                self.beside[b].append((a, link))
        self._away: dict[int, list[int]] = {}

    def away(self, goal: int) -> list[int]:
        """How many links each node is from a goal; -1 where there is no way."""
        known = self._away.get(goal)
        if known is not None:
            return known
        away = [-1] * self.nodes
        if goal not in self.dead:
            away[goal] = 0
            waiting = [goal]
            for here in waiting:
                if here != goal and here in self.mute:
                    continue
                for there, _ in self.beside[here]:
                    if away[there] < 0:
                        away[there] = away[here] + 1
                        waiting.append(there)
        self._away[goal] = away
        return away

    def joined(self, one: int, other: int) -> bool:
        return one not in self.dead and self.away(other)[one] >= 0

    def shares(self, start: int, goal: int) -> dict[int, float]:
        """The part of the traffic from one node to another that each link carries."""
        away, found = self.away(goal), dict[int, float]()
        if start in self.dead or away[start] < 0:
            return found
        parts = {start: 1.0}
        while parts:
            further: dict[int, float] = {}
            for here, part in parts.items():
                onward = self._onward(here, goal, away)
                for there, link in onward:
                    found[link] = found.get(link, 0.0) + part / len(onward)
                    if there != goal:
                        further[there] = further.get(there, 0.0) + part / len(onward)
            parts = further
        return found

    def loads(self, demands: Iterable[tuple[int, int, float]]) -> Floats:
        """What each link carries of all demands that get through."""
        load = np.zeros(len(self.ends))
        by_goal: dict[int, dict[int, float]] = {}
        for start, goal, rate in demands:
            if self.joined(start, goal):
                at = by_goal.setdefault(goal, {})
                at[start] = at.get(start, 0.0) + rate
        for goal, flow in by_goal.items():
            away = self.away(goal)
            waiting = [set[int]() for _ in range(max(away) + 1)]
            for start in flow:
                waiting[away[start]].add(start)
            for distance in range(len(waiting) - 1, 0, -1):
                for here in waiting[distance]:
                    onward = self._onward(here, goal, away)
                    for there, link in onward:
                        load[link] += flow[here] / len(onward)
                        flow[there] = flow.get(there, 0.0) + flow[here] / len(onward)
                        waiting[distance - 1].add(there)
        return load

    def _onward(self, here: int, goal: int, away: list[int]) -> list[tuple[int, int]]:
        """The next nodes on the shortest ways."""
        return [
            (there, link)
            for there, link in self.beside[here]
            if away[there] == away[here] - 1 and (there == goal or there not in self.mute)
        ]
