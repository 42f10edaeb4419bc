"""Which node or link stands before which: that without which there is no way.

In a network whose links go both ways that is the same for all who look, up to where they look from: nodes and links
whose loss parts the network, and the blocks between them in which there are always two ways, form a tree (the
block-cut tree; Hopcroft and Tarjan, Efficient Algorithms for Graph Manipulation, CACM 1973).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_analytics.cause.network import Bools, Ints, Network, ranges

NONE: Final = -1


@dataclass(frozen=True)
class Hood:
    """What stands before what, seen from one node.

    Nodes come first, links after them. at: the place of each in one order of all, -1 for what cannot be seen from
    there. Behind each is what has a place from `low` to `high`; where that is turned, all that has none there, but
    itself.
    """

    at: Ints
    low: Ints
    high: Ints
    is_turned: Bools

    def counts(self, at: Ints) -> Ints:
        """How many of some places, which are sorted, are behind each node and link."""
        at = at[np.searchsorted(at, 0) :]
        inside = np.searchsorted(at, self.high) - np.searchsorted(at, self.low)
        own = np.searchsorted(at, self.at, side="right") - np.searchsorted(at, self.at)
        found: Ints = np.where(self.is_turned, len(at) - inside - own, inside)
        return found

    def behind(self, subjects: Ints, at: Ints) -> tuple[Ints, Ints]:
        """Which of some places, which are sorted, are behind which subjects: pairs of numbers among these."""
        low, high = np.searchsorted(at, self.low[subjects]), np.searchsorted(at, self.high[subjects])
        turned = np.flatnonzero(self.is_turned[subjects])
        first = np.concatenate([low, high[turned]])
        end = np.concatenate([high, np.full(len(turned), len(at))])
        first[turned], end[turned] = np.searchsorted(at, 0), low[turned]
        rows = np.repeat(np.concatenate([np.arange(len(subjects)), turned]), end - first)
        columns = ranges(first, end)
        others = at[columns] != self.at[subjects[rows]]
        return rows[others], columns[others]

    def behind_nodes(self, subjects: Ints, nodes: int) -> tuple[Ints, Ints]:
        """Which nodes are behind which subjects: pairs of a number among these and a node."""
        order = np.argsort(self.at[:nodes], kind="stable")
        rows, columns = self.behind(subjects, self.at[order])
        return rows, order[columns]


@dataclass(frozen=True)
class Blocks:
    """The tree. Its places are nodes, then links, then blocks. above: of each place the next one towards the root.

    low, high: bounds of the numbers of all that is below each place, itself first, in one order of all. part: which
    tree a place is in, as separate parts of the network have one each.
    """

    nodes: int
    links: int
    above: Ints
    low: Ints
    high: Ints
    part: Ints

    @classmethod
    def of(cls, network: Network) -> "Blocks":
        above, order = _tree(network)
        size, part = [1] * len(above), [NONE] * len(above)
        low, following = [NONE] * len(above), [0] * len(above)
        for one in reversed(order):
            if above[one] >= 0:
                size[above[one]] += size[one]
        begin = 0
        for one in order:
            up = above[one]
            if up < 0:
                low[one], part[one] = begin, one
                begin += size[one]
            else:
                low[one], part[one] = following[up], part[up]
                following[up] += size[one]
            following[one] = low[one] + 1
        lows = np.array(low, np.intp)
        return cls(
            network.nodes, network.links, np.array(above, np.intp), lows, lows + size, np.array(part, np.intp)
        )  # fmt: skip

    def seen_from(self, root: int) -> Hood:
        """Behind a place is what is below it; for those between the root of the tree and who looks it is all but the
        branch from which they are looked at."""
        low, high = self.low + 1, self.high.copy()
        is_turned = np.zeros(len(self.above), np.bool_)
        one, branch = root, (0, 0)
        while one >= 0:
            low[one], high[one] = branch
            is_turned[one] = True
            branch = int(self.low[one]), int(self.high[one])
            one = int(self.above[one])
        is_there = self.part == self.part[root]
        at, low, high = np.where(is_there, self.low, NONE), np.where(is_there, low, 0), np.where(is_there, high, 0)
        places = self.nodes + self.links
        return Hood(at[:places], low[:places], high[:places], is_turned[:places])


def hoods_of(network: Network) -> list[Hood]:
    """What stands before what for each viewer."""
    blocks = Blocks.of(network)
    return [blocks.seen_from(viewer) for viewer in network.viewers.tolist()]


@dataclass(frozen=True)
class _Walk:
    """A walk depth first over all of a network. order: nodes as they were met. came: by which node and link each was,
    NONE where a part begins. number: of each node in this order. least: the smallest number to which a link leads from
    what was met beyond each node, not counting the link by which it was met."""

    order: list[int]
    came: list[tuple[int, int]]
    number: list[int]
    least: list[int]

    @classmethod
    def of(cls, network: Network) -> "_Walk":
        lists, is_open = network.joints.lists, network.open.tolist()
        order: list[int] = []
        came, number, least = [(NONE, NONE)] * network.nodes, [NONE] * network.nodes, [0] * network.nodes
        for root in range(network.nodes):
            if number[root] >= 0:
                continue
            number[root] = least[root] = len(order)
            order.append(root)
            stack = [(root, iter(lists[root]))]
            while stack:
                here, onward = stack[-1]
                back = came[here][1]
                for there, link in onward:
                    if link == back or not is_open[link]:
                        continue
                    if number[there] < 0:
                        came[there] = (here, link)
                        number[there] = least[there] = len(order)
                        order.append(there)
                        stack.append((there, iter(lists[there])))
                        break
                    least[here] = min(least[here], number[there])
                else:
                    stack.pop()
                    if stack:
                        before = stack[-1][0]
                        least[before] = min(least[before], least[here])
        return cls(order, came, number, least)


def _tree(network: Network) -> tuple[list[int], list[int]]:
    """What is above each place, and all places that are in order, none before what is above it."""
    walk, nodes = _Walk.of(network), network.nodes
    above, order = [NONE] * (nodes + network.links), list[int]()
    for node in walk.order:
        before, link = walk.came[node]
        if before >= 0:
            is_new = walk.least[node] >= walk.number[before]
            if walk.least[node] > walk.number[before]:  # there is no other way than this link
                above[nodes + link], above[node] = before, nodes + link
            else:
                if is_new:
                    above.append(before)
                    order.append(len(above) - 1)
                above[node] = above[nodes + link] = len(above) - 1 if is_new else above[before]
            order.append(nodes + link)
        order.append(node)
    for link in np.flatnonzero(network.open).tolist():
        if above[nodes + link] < 0:  # one that the walk did not take leads back within a block
            one, other = network.ends[link].tolist()
            above[nodes + link] = above[one if walk.number[one] > walk.number[other] else other]
            order.append(nodes + link)
    return above, order
