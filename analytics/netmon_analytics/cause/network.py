"""The network as arrays: who is joined to whom, who looks from where, what fails together, who needs whom."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FAR: Final = np.iinfo(np.intp).max // 2
"""The distance of what cannot be reached."""


@dataclass(frozen=True)
class Network:
    """Nodes and links are numbered from 0 on.

    ends: of each link, shape (links, 2). viewers: the nodes from which somebody looks, and those whose services others
    need: a service that fails is a sign at the node that needs it, seen from the node that has it. groups: nodes that
    may fail together, such as all of a site or of a power feed. gone: nodes; cut: links, which are known to be out of
    order.
    """

    nodes: int
    ends: Ints
    viewers: Ints
    groups: tuple[Ints, ...] = ()
    gone: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()

    @property
    def links(self) -> int:
        return len(self.ends)

    def without(self, nodes: frozenset[int], links: frozenset[int]) -> "Network":
        """The same with some of it out of order."""
        return replace(self, gone=self.gone | nodes, cut=self.cut | links)

    @cached_property
    def beside(self) -> list[list[tuple[int, int]]]:
        """For each node its neighbours and the links to them, as far as they are in order."""
        found: list[list[tuple[int, int]]] = [[] for _ in range(self.nodes)]
        for link, (a, b) in enumerate(self.ends.tolist()):
            if link not in self.cut and a not in self.gone and b not in self.gone and a != b:
                found[a].append((b, link))
                found[b].append((a, link))
        return found

    def distances(self, start: int) -> Ints:
        """How many links away each node is; FAR where there is no way."""
        away = [FAR] * self.nodes
        if start in self.gone:
            return np.array(away, np.intp)
        away[start] = 0
        waiting = [start]
        for here in waiting:
            for there, _ in self.beside[here]:
                if away[there] == FAR:
                    away[there] = away[here] + 1
                    waiting.append(there)
        return np.array(away, np.intp)

    def reached(self, start: int) -> Bools:
        """The nodes to which there is a way."""
        return self.distances(start) < FAR

    @cached_property
    def hoods(self) -> list["Hood"]:
        """For each viewer what stands before what."""
        return [Hood.of(self, int(viewer)) for viewer in self.viewers]

    def crossing(self, start: int, goals: Ints) -> Floats:
        """The part of the shortest ways from a node to each goal that goes over each link: (links, goals).

        At each node traffic is spread evenly over the neighbours that are nearer to the start.
        """
        away = self.distances(start)
        share = np.zeros((self.links, len(goals)))
        for column, goal in enumerate(goals.tolist()):
            if away[goal] >= FAR:
                continue
            parts = {goal: 1.0}
            for distance in range(int(away[goal]), 0, -1):
                before: dict[int, float] = {}
                for here, part in parts.items():
                    nearer = [(there, link) for there, link in self.beside[here] if away[there] == distance - 1]
                    for there, link in nearer:
                        share[link, column] += part / len(nearer)
                        before[there] = before.get(there, 0.0) + part / len(nearer)
                parts = before
        return share


@dataclass(frozen=True)
class Hood:
    """Which node or link stands before which, seen from one node: its dominator tree.

    Nodes come first, links after them. `low` and `high` bound the places of what is behind each one, in one order of
    all; both are -1 for what cannot be seen. Cooper, Harvey and Kennedy, A Simple, Fast Dominance Algorithm (2001).
    """

    low: Ints
    high: Ints

    @classmethod
    def of(cls, network: Network, root: int) -> "Hood":
        total = network.nodes + network.links
        around = _around(network)
        order, place = _visits(around, root, total)
        above = _dominators(around, order, place)
        low, high = np.full(total, -1, np.intp), np.full(total, -1, np.intp)
        below: list[list[int]] = [[] for _ in range(total)]
        for one in order[1:]:
            below[above[one]].append(one)
        counter, stack = 0, [(root, False)] if order else []
        while stack:
            one, is_done = stack.pop()
            if is_done:
                high[one] = counter
                continue
            low[one] = counter
            counter += 1
            stack.append((one, True))
            stack += [(next_one, False) for next_one in below[one]]
        return cls(low, high)

    def behind(self, subjects: Ints, places: Ints) -> Bools:
        """Whether each subject stands before each place; none stands before itself: (subjects, places)."""
        low, high, at = self.low[subjects][:, None], self.high[subjects][:, None], self.low[places][None, :]
        return np.asarray((at > low) & (at < high) & (low >= 0))


def _around(network: Network) -> list[list[int]]:
    """A graph in which each link is a place of its own between its ends."""
    around: list[list[int]] = [[] for _ in range(network.nodes + network.links)]
    for here, beside in enumerate(network.beside):
        for _, link in beside:
            around[here].append(network.nodes + link)
            around[network.nodes + link].append(here)
    return around


def _visits(around: list[list[int]], root: int, total: int) -> tuple[list[int], list[int]]:
    """All places in reverse postorder of a walk depth first, and the number of each there; -1: not reached."""
    seen = bytearray(total)
    seen[root] = 1
    stack = [(root, iter(around[root]))]
    order: list[int] = []
    while stack:
        here, onward = stack[-1]
        for there in onward:
            if not seen[there]:
                seen[there] = 1
                stack.append((there, iter(around[there])))
                break
        else:
            order.append(here)
            stack.pop()
    order.reverse()
    place = [-1] * total
    for number, one in enumerate(order):
        place[one] = number
    return order, place


def _dominators(around: list[list[int]], order: list[int], place: list[int]) -> list[int]:
    """For each place the next one that stands before it; -1 where it was not reached."""
    above = [-1] * len(around)
    above[order[0]] = order[0]
    changed = True
    while changed:
        changed = False
        for here in order[1:]:
            new = -1
            for there in around[here]:
                if above[there] < 0:
                    continue
                one, other = there, new
                while other >= 0 and one != other:
                    while place[one] > place[other]:
                        one = above[one]
                    while place[other] > place[one]:
                        other = above[other]
                new = one
            if above[here] != new:
                above[here], changed = new, True
    return above
