"""The network as arrays: who is joined to whom, who looks from where, what fails together, who needs whom."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
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
        found = replace(self, gone=self.gone | nodes, cut=self.cut | links)
        vars(found)["joints"] = self.joints  # the links are the same: what is cached of them holds
        return found

    @cached_property
    def joints(self) -> "Joints":
        """Who is joined to whom, in order or not."""
        return Joints.of(self)

    @cached_property
    def open(self) -> Bools:
        """The links over which something may go."""
        standing = np.ones(self.nodes, np.bool_)
        standing[sorted(self.gone)] = False
        found = np.asarray(standing[self.ends].all(axis=1) & (self.ends[:, 0] != self.ends[:, 1]))
        found[sorted(self.cut)] = False
        return found

    def beside(self, node: int) -> list[tuple[int, int]]:
        """A node's neighbours and the links to them, as far as they are in order."""
        return [pair for pair in self.joints.lists[node] if self.open[pair[1]]]

    def distances(self, start: int) -> Ints:
        """How many links away each node is; FAR where there is no way."""
        away = np.full(self.nodes, FAR, np.intp)
        if start in self.gone:
            return away
        away[start] = 0
        front, steps = np.array([start], np.intp), 0
        while len(front):
            steps += 1
            there = self.joints.onward(front, self.open)
            front = np.unique(there[away[there] == FAR])
            away[front] = steps
        return away

    def reached(self, start: int) -> Bools:
        """The nodes to which there is a way."""
        return self.distances(start) < FAR

    def reached_by(self, starts: Ints) -> list[Bools]:
        """The same for each of several starts; those that reach each other reach the same."""
        found: list[Bools] = []
        for start in starts.tolist():
            known = next((one for one in found if one[start]), None)
            found.append(self.reached(start) if known is None else known)
        return found


@dataclass(frozen=True)
class Joints:
    """The ends of links by node: those of node n are at first[n] to first[n + 1]; there, link: the other end, and the
    link. lists: the same for walks that go step by step."""

    first: Ints
    there: Ints
    link: Ints
    lists: list[list[tuple[int, int]]]

    @classmethod
    def of(cls, network: Network) -> "Joints":
        here, there = network.ends.T.ravel(), network.ends[:, ::-1].T.ravel()
        order = np.argsort(here, kind="stable")
        link = np.tile(np.arange(network.links), 2)[order]
        first = np.searchsorted(here[order], np.arange(network.nodes + 1))
        pairs = list(zip(there[order].tolist(), link.tolist(), strict=True))
        bounds = first.tolist()
        lists = [pairs[low:high] for low, high in pairwise(bounds)]
        return cls(first, there[order], link, lists)

    def onward(self, nodes: Ints, is_open: Bools) -> Ints:
        """The neighbours of some nodes over links that are open, some of them again and again."""
        slots = ranges(self.first[nodes], self.first[nodes + 1])
        return self.there[slots[is_open[self.link[slots]]]]


def ranges(first: Ints, end: Ints) -> Ints:
    """All numbers of several ranges, one after another."""
    counts = end - first
    shifts = first - (np.cumsum(counts) - counts)
    found: Ints = np.repeat(shifts, counts) + np.arange(int(counts.sum()))
    return found
