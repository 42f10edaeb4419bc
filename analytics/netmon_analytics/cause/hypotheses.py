"""Which causes are worth a thought, and how each observation stands to each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.cause.evidence import NOBODY, Changed, Observations
from netmon_analytics.cause.network import Bools, Floats, Ints, Network
from netmon_analytics.cause.nouns import Fault, Relation, Sign

NONE: Final = -1
PARTLY: Final = 0.1
"""A node is behind a link for its traffic if so much of it goes there."""
MOST_LOOKED_AT: Final = 400
"""Nodes for which the ways of their traffic are looked at: all that have lost some, and some that have not."""
MOST_SUBJECTS: Final = 250
MOST_GROUPS: Final = 30

Codes = NDArray[np.int8]

_TRAFFIC = [int(one) for one in (Sign.LOSS, Sign.LATENCY, Sign.SERVICE, Sign.NAMES)]
_OF_NODES = (Fault.DEVICE, Fault.ROUTING, Fault.HOST)


@dataclass(frozen=True)
class Scene:
    """All that is known of an incident, and what follows of how its places stand to each other."""

    network: Network
    seen: Observations
    changes: tuple[Changed, ...] = ()
    since_s: float = -np.inf
    """Signs from before count less."""
    about: frozenset[int] | None = None
    """The nodes whose signs are to be explained; those elsewhere count less. None: all."""

    @cached_property
    def wrong(self) -> Bools:
        """The signs that are there and want to be explained."""
        return self.seen.seen & self.seen.alive

    @cached_property
    def concerned(self) -> Bools:
        """The observations at the nodes whose signs are to be explained."""
        if self.about is None:
            return np.ones(len(self.seen), np.bool_)
        return np.isin(self.seen.node, sorted(self.about))

    @cached_property
    def far(self) -> Ints:
        """The node at the other end of each observation's link; NONE where it is not about one."""
        link, node = self.seen.link, self.seen.node
        if not self.network.links:
            return np.full(len(self.seen), NONE, np.intp)
        ends = self.network.ends[np.maximum(link, 0)]
        return np.where(link >= 0, np.where(ends[:, 0] == node, ends[:, 1], ends[:, 0]), NONE)

    @cached_property
    def crowds(self) -> tuple[int, Ints]:
        """How many heaps the signs form of which each is at the place of another or next to it, and that of each."""
        places = set(self.seen.node[self.wrong].tolist())
        heap_of: dict[int, int] = {}
        for start in sorted(places):
            if start in heap_of:
                continue
            number = max(heap_of.values(), default=-1) + 1
            heap_of[start] = number
            waiting = [start]
            for here in waiting:
                for there, _ in self.network.beside[here]:
                    if there in places and there not in heap_of:
                        heap_of[there] = number
                        waiting.append(there)
        heaps = np.array([heap_of.get(node, 0) for node in self.seen.node.tolist()], np.intp)
        return max(heap_of.values(), default=0) + 1, heaps

    def behind(self, subjects: Ints) -> Bools:
        """Whether the way of who looked to each observation's node leads over each subject, a node or nodes + link."""
        found = np.zeros((len(subjects), len(self.seen)), np.bool_)
        for viewer, hood in enumerate(self.network.hoods):
            fits = (self.seen.viewer == viewer) | (self.seen.viewer == NOBODY)
            if fits.any():
                found[:, fits] |= hood.behind(subjects, self.seen.node[fits])
        return found

    @cached_property
    def traffic(self) -> tuple[Ints, Floats]:
        """Observations of traffic, and the part of each one's that goes over each link."""
        about = np.isin(self.seen.sign, _TRAFFIC) & (self.seen.viewer >= 0)
        rows = np.flatnonzero(about)
        worst = np.argsort(~self.wrong[rows], kind="stable")[:MOST_LOOKED_AT]
        rows = rows[worst]
        return rows, self._shares(self.network, rows)

    def _shares(self, network: Network, rows: Ints) -> Floats:
        share = np.zeros((network.links, len(rows)))
        for viewer, node in enumerate(network.viewers.tolist()):
            mine = np.flatnonzero(self.seen.viewer[rows] == viewer)
            if len(mine):
                goals, where = np.unique(self.seen.node[rows[mine]], return_inverse=True)
                share[:, mine] = network.crossing(node, goals)[:, where]
        return share

    def without(self, fault: Fault, subject: int) -> Network:
        """The network as a fault leaves it, as far as that takes something out of it."""
        if fault is Fault.LINK:
            return self.network.without(frozenset(), frozenset({subject}))
        if fault is Fault.POWER:
            return self.network.without(frozenset(self.network.groups[subject].tolist()), frozenset())
        if fault is Fault.DEVICE:
            return self.network.without(frozenset({subject}), frozenset())
        return self.network

    def moved(self, fault: Fault, subject: int) -> Bools:
        """The observations of traffic that takes other ways without a subject, or of links that then carry more."""
        rows, share = self.traffic
        passed = self.without(Fault.DEVICE if fault is Fault.ROUTING else fault, subject)
        more = self._shares(passed, rows)
        onto = (more - share >= PARTLY).any(axis=1)
        found = np.isin(self.seen.link, np.flatnonzero(onto))
        found[rows] |= (more[onto] >= PARTLY).any(axis=0)
        return found

    def subjects(self) -> dict[Fault, Ints]:
        """The subjects of each kind of fault that could explain anything, those that are nearest to most first."""
        nodes, links = self._touched()
        wrong_nodes = set(self.seen.node[self.wrong].tolist())
        within = [len(wrong_nodes.intersection(one.tolist())) for one in self.network.groups]
        groups = [number for number in np.argsort(within)[::-1][:MOST_GROUPS].tolist() if within[number] > 1]
        viewers = set(self.seen.viewer[self.wrong].tolist()) - {NOBODY}
        late = self.seen.node[self.wrong & (self.seen.sign == int(Sign.LATE))]
        viewers.update(np.flatnonzero(np.isin(self.network.viewers, late)).tolist())
        names = self.seen.node[self.wrong & (self.seen.sign == int(Sign.NAMES))]
        asked = self.seen.viewer[(self.seen.sign == int(Sign.NAMES)) & (self.seen.viewer >= 0)]
        changed = {one.node for one in self.changes}
        return {
            Fault.LINK: links,
            **dict.fromkeys(_OF_NODES, nodes),
            Fault.CONFIGURATION: np.array(sorted(changed), np.intp),
            Fault.NAMES: np.union1d(self.network.viewers[np.unique(asked)], names),
            Fault.CONGESTION: np.union1d(links, self._crossed()),
            Fault.POWER: np.array(sorted(groups), np.intp),
            Fault.VIEW: np.array(sorted(viewers), np.intp),
        }

    def relations(self, fault: Fault, subjects: Ints) -> Codes:
        """How each observation stands to each subject, NONE where it does not: (subjects, observations)."""
        if fault is Fault.VIEW:
            return self._of_views(subjects)
        if fault is Fault.POWER:
            return self._of_groups(subjects)
        if fault in (Fault.LINK, Fault.CONGESTION):
            return self._of_links(fault, subjects)
        found = np.full((len(subjects), len(self.seen)), NONE, np.int8)
        if fault is Fault.CONFIGURATION:
            rows, share = self.traffic
            for number, node in enumerate(subjects.tolist()):
                over = share[(self.network.ends == node).any(axis=1)].sum(axis=0) / 2
                found[number, rows[over >= PARTLY]] = Relation.CROSSING
        found[self.behind(subjects)] = Relation.BEHIND
        found[self._needing(subjects[:, None])] = Relation.NEEDING
        found[self.far[None, :] == subjects[:, None]] = Relation.FACING
        found[self.seen.node[None, :] == subjects[:, None]] = Relation.OWN
        return found

    def _touched(self) -> tuple[Ints, Ints]:
        """Nodes and links with a sign of their own, next to one, or before one."""
        wrong = np.flatnonzero(self.wrong)
        network = self.network
        weight = np.zeros(network.nodes + network.links)
        np.add.at(weight, self.seen.node[wrong], 2.0)
        ports = wrong[self.seen.link[wrong] >= 0]
        np.add.at(weight, network.nodes + self.seen.link[ports], 2.0)
        np.add.at(weight, self.far[ports], 1.0)
        every = np.arange(len(weight))
        for viewer, hood in enumerate(network.hoods):
            mine = wrong[np.isin(self.seen.viewer[wrong], (viewer, NOBODY))]
            at = np.sort(hood.low[self.seen.node[mine]])
            count = np.searchsorted(at, hood.high[every]) - np.searchsorted(at, hood.low[every], side="right")
            weight += np.where(hood.low[every] >= 0, count, 0)
        chosen = np.flatnonzero(weight)
        chosen = chosen[np.argsort(-weight[chosen], kind="stable")][:MOST_SUBJECTS]
        return chosen[chosen < network.nodes], chosen[chosen >= network.nodes] - network.nodes

    def _crossed(self) -> Ints:
        rows, share = self.traffic
        return np.flatnonzero((share[:, self.wrong[rows]] >= PARTLY).any(axis=1))

    def _needing(self, subjects: Ints) -> Bools:
        """Whether each observation was seen from one of the subjects in a row."""
        if not len(self.network.viewers):
            return np.zeros((len(subjects), len(self.seen)), np.bool_)
        asked = np.where(self.seen.viewer >= 0, self.network.viewers[np.maximum(self.seen.viewer, 0)], NONE)
        found = np.zeros((len(subjects), len(self.seen)), np.bool_)
        for row, ones in enumerate(subjects):
            found[row] = np.isin(asked, ones)
        return found

    def _of_links(self, fault: Fault, subjects: Ints) -> Codes:
        found = np.full((len(subjects), len(self.seen)), NONE, np.int8)
        if fault is Fault.CONGESTION:
            rows, share = self.traffic
            found[:, rows] = np.where(share[subjects] >= PARTLY, Relation.CROSSING, NONE)
        else:
            found[self.behind(subjects + self.network.nodes)] = Relation.BEHIND
        found[self.seen.link[None, :] == subjects[:, None]] = Relation.OWN
        return found

    def _of_groups(self, subjects: Ints) -> Codes:
        found = np.full((len(subjects), len(self.seen)), NONE, np.int8)
        for row, number in enumerate(subjects.tolist()):
            members = self.network.groups[number]
            found[row, self._cut_off(members)] = Relation.BEHIND
            found[row, self._needing(members[None, :])[0]] = Relation.NEEDING
            found[row, np.isin(self.far, members)] = Relation.FACING
            found[row, np.isin(self.seen.node, members)] = Relation.OWN
        return found

    def _cut_off(self, members: Ints) -> Bools:
        without = self.network.without(frozenset(members.tolist()), frozenset())
        found = np.zeros(len(self.seen), np.bool_)
        for viewer, node in enumerate(self.network.viewers.tolist()):
            lost = self.network.reached(node) & ~without.reached(node)
            found |= np.isin(self.seen.viewer, (viewer, NOBODY)) & lost[self.seen.node]
        return found

    def _of_views(self, subjects: Ints) -> Codes:
        found = np.full((len(subjects), len(self.seen)), NONE, np.int8)
        found[self.seen.viewer[None, :] == subjects[:, None]] = Relation.VIEWED
        own = (self.seen.node[None, :] == self.network.viewers[subjects][:, None]) & (self.seen.viewer == NOBODY)
        found[own] = Relation.OWN
        return found


def changes_at(changes: Sequence[Changed], node: int) -> list[Changed]:
    return [one for one in changes if one.node == node]
