"""Which causes are worth a thought, and how each observation stands to each of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from netmon_analytics.cause.blocks import Hood, hoods_of
from netmon_analytics.cause.evidence import NOBODY, Changed, Observations
from netmon_analytics.cause.network import Bools, Floats, Ints, Network
from netmon_analytics.cause.nouns import Fault, Relation, Sign
from netmon_analytics.cause.related import Pairs, Related, matching
from netmon_analytics.cause.ways import Ways

PARTLY: Final = 0.0999
"""A node is behind a link for its traffic if so much of it goes there: a tenth, however that is rounded."""
MOST_LOOKED_AT: Final = 400
"""Nodes for which the ways of their traffic are looked at: all that have lost some, and some that have not."""
MOST_SUBJECTS: Final = 250
MOST_GROUPS: Final = 30

_TRAFFIC = [int(one) for one in (Sign.LOSS, Sign.LATENCY, Sign.SERVICE, Sign.NAMES)]
_OF_WAYS = [int(one) for one in (Sign.UNREACHABLE, Sign.LOSS, Sign.SERVICE, Sign.NAMES)]
"""Signs of nodes to which there is no way."""
_OF_NODES = (Fault.DEVICE, Fault.ROUTING, Fault.HOST)


@dataclass(frozen=True)
class Traffic:
    """Observations of traffic, and the part of each one's that goes over each link: (links, rows). Both are sorted;
    other links carry nothing of it."""

    rows: Ints
    links: Ints
    share: Floats

    def over(self, links: Ints) -> Floats:
        """The shares of some links, zeros where they carry nothing."""
        found = np.zeros((len(links), len(self.rows)))
        known = np.flatnonzero(np.isin(links, self.links))
        found[known] = self.share[np.searchsorted(self.links, links[known])]
        return found


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
        """The node at the other end of each observation's link; NOBODY where it is not about one."""
        link, node = self.seen.link, self.seen.node
        if not self.network.links:
            return np.full(len(self.seen), NOBODY, np.intp)
        ends = self.network.ends[np.maximum(link, 0)]
        return np.where(link >= 0, np.where(ends[:, 0] == node, ends[:, 1], ends[:, 0]), NOBODY)

    @cached_property
    def asked(self) -> Ints:
        """The node from which each observation was seen, NOBODY where none is known."""
        if not len(self.network.viewers):
            return np.full(len(self.seen), NOBODY, np.intp)
        return np.where(self.seen.viewer >= 0, self.network.viewers[np.maximum(self.seen.viewer, 0)], NOBODY)

    @cached_property
    def crowds(self) -> tuple[int, Ints]:
        """How many heaps the signs form of which each is at the place of another or next to it, and that of each sign
        that is wrong."""
        wrong_nodes = self.seen.node[self.wrong]
        places = set(wrong_nodes.tolist())
        heap_of: dict[int, int] = {}
        count = 0
        for start in sorted(places):
            if start in heap_of:
                continue
            heap_of[start] = count
            waiting = [start]
            for here in waiting:
                for there, _ in self.network.beside(here):
                    if there in places and there not in heap_of:
                        heap_of[there] = count
                        waiting.append(there)
            count += 1
        return count, np.array([heap_of[node] for node in wrong_nodes.tolist()], np.intp)

    @cached_property
    def hoods(self) -> list[Hood]:
        """For each viewer what stands before what."""
        return hoods_of(self.network)

    def behind(self, subjects: Ints) -> Pairs:
        """Observations to whose nodes the way of who looked leads over subjects, which are nodes or nodes + link."""
        found = [(np.empty(0, np.intp), np.empty(0, np.intp))]
        about_ways = np.flatnonzero(np.isin(self.seen.sign, _OF_WAYS) & self.seen.alive)
        for viewer, hood in enumerate(self.hoods):
            mine = about_ways[np.isin(self.seen.viewer[about_ways], (viewer, NOBODY))]
            at = hood.at[self.seen.node[mine]]
            order = np.argsort(at, kind="stable")
            rows, columns = hood.behind(subjects, at[order])
            found.append((rows, mine[order[columns]]))
        return np.concatenate([rows for rows, _ in found]), np.concatenate([columns for _, columns in found])

    @cached_property
    def traffic(self) -> Traffic:
        """Where the traffic goes of which there are observations."""
        about = np.isin(self.seen.sign, _TRAFFIC) & (self.seen.viewer >= 0)
        rows = np.flatnonzero(about)
        worst = np.argsort(~self.wrong[rows], kind="stable")[:MOST_LOOKED_AT]
        return self._traffic(self.network, np.sort(rows[worst]))

    def _traffic(self, network: Network, rows: Ints) -> Traffic:
        parts = []
        for viewer, node in enumerate(network.viewers.tolist()):
            mine = np.flatnonzero(self.seen.viewer[rows] == viewer)
            if len(mine):
                goals, where = np.unique(self.seen.node[rows[mine]], return_inverse=True)
                parts.append((mine, *Ways.of(network, node).shares(goals), where))
        links = np.unique(np.concatenate([np.empty(0, np.intp), *(used for _, used, _, _ in parts)]))
        share = np.zeros((len(links), len(rows)))
        for mine, used, part, where in parts:
            share[np.ix_(np.searchsorted(links, used), mine)] = part[:, where]
        return Traffic(rows, links, share)

    def without(self, fault: Fault, subject: int) -> Network:
        """The network as a fault leaves it, as far as that takes something out of it."""
        if fault is Fault.LINK:
            return self.network.without(frozenset(), frozenset({subject}))
        if fault is Fault.POWER:
            return self.network.without(frozenset(self.network.groups[subject].tolist()), frozenset())
        if fault is Fault.DEVICE:
            return self.network.without(frozenset({subject}), frozenset())
        return self.network

    def moved(self, fault: Fault, subject: int) -> Ints:
        """The observations of traffic that takes other ways without a subject, or of links that then carry more."""
        before = self.traffic
        passed = self.without(Fault.DEVICE if fault is Fault.ROUTING else fault, subject)
        lost = np.flatnonzero(self.network.open & ~passed.open)
        changed = np.flatnonzero((before.over(lost) > 0).any(axis=0))  # what went elsewhere goes as it did
        after = self._traffic(passed, before.rows[changed])
        more = after.share - before.over(after.links)[:, changed]
        onto = after.links[(more >= PARTLY).any(axis=1)]
        crosses = np.asarray((before.over(onto) >= PARTLY).any(axis=0))
        crosses[changed] = (after.over(onto) >= PARTLY).any(axis=0)
        found = np.isin(self.seen.link, onto)
        found[before.rows[crosses]] = True
        return np.flatnonzero(found & self.seen.alive)

    def subjects(self) -> dict[Fault, Ints]:
        """The subjects of each kind of fault that could explain anything, those that are nearest to most first."""
        nodes, links = self.touched
        wrong_nodes = np.zeros(self.network.nodes, np.bool_)
        wrong_nodes[self.seen.node[self.wrong]] = True
        within = [int(np.count_nonzero(wrong_nodes[one])) for one in self.network.groups]
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

    def at_changes(self, links: Ints) -> Ints:
        """Those links of which an end was changed."""
        changed = [one.node for one in self.changes]
        return links[np.isin(self.network.ends[links], changed).any(axis=1)]

    def relations(self, fault: Fault, subjects: Ints) -> Related:
        """How the observations stand to the subjects, those apart that are explained already."""
        if fault in _OF_NODES:
            return self._of_touched
        if fault is Fault.VIEW:
            return self._related(subjects, self._of_views(subjects))
        if fault is Fault.POWER:
            return self._related(subjects, self._of_groups(subjects))
        if fault in (Fault.LINK, Fault.CONGESTION):
            return self._related(subjects, self._of_links(fault, subjects))
        found = self._of_nodes(subjects)
        if fault is Fault.CONFIGURATION:
            found.append((Relation.CROSSING, self._crossing(subjects)))
        return self._related(subjects, found)

    @cached_property
    def _of_touched(self) -> Related:
        return self._related(self.touched[0], self._of_nodes(self.touched[0]))

    def _related(self, subjects: Ints, found: list[tuple[Relation, Pairs]]) -> Related:
        alive = self.seen.alive
        kept = [(one, (rows[alive[columns]], columns[alive[columns]])) for one, (rows, columns) in found]
        return Related.of(len(subjects), len(self.seen), kept)

    @cached_property
    def touched(self) -> tuple[Ints, Ints]:
        """Nodes and links with a sign of their own that is to be explained, next to one, or before one."""
        wrong = np.flatnonzero(self.wrong & self.concerned)
        network = self.network
        weight = np.zeros(network.nodes + network.links)
        np.add.at(weight, self.seen.node[wrong], 2.0)
        ports = wrong[self.seen.link[wrong] >= 0]
        np.add.at(weight, network.nodes + self.seen.link[ports], 2.0)
        np.add.at(weight, self.far[ports], 1.0)
        for viewer, hood in enumerate(self.hoods):
            mine = wrong[np.isin(self.seen.viewer[wrong], (viewer, NOBODY))]
            weight += hood.counts(np.sort(hood.at[self.seen.node[mine]]))
        chosen = np.flatnonzero(weight)
        chosen = chosen[np.argsort(-weight[chosen], kind="stable")][:MOST_SUBJECTS]
        return chosen[chosen < network.nodes], chosen[chosen >= network.nodes] - network.nodes

    def _crossed(self) -> Ints:
        traffic = self.traffic
        return traffic.links[(traffic.share[:, self.wrong[traffic.rows]] >= PARTLY).any(axis=1)]

    def _of_nodes(self, subjects: Ints) -> list[tuple[Relation, Pairs]]:
        return [
            (Relation.OWN, matching(self.seen.node, subjects)),
            (Relation.FACING, matching(self.far, subjects)),
            (Relation.NEEDING, matching(self.asked, subjects)),
            (Relation.BEHIND, self.behind(subjects)),
        ]

    def _crossing(self, nodes: Ints) -> Pairs:
        """Observations of traffic that goes over nodes."""
        traffic, ends = self.traffic, self.network.ends
        over = [traffic.share[(ends[traffic.links] == node).any(axis=1)].sum(axis=0) / 2 for node in nodes.tolist()]
        rows, columns = np.nonzero(np.array(over).reshape(len(nodes), len(traffic.rows)) >= PARTLY)
        return rows, traffic.rows[columns]

    def _of_links(self, fault: Fault, subjects: Ints) -> list[tuple[Relation, Pairs]]:
        own = Relation.OWN, matching(self.seen.link, subjects)
        if fault is Fault.LINK:
            return [own, (Relation.BEHIND, self.behind(subjects + self.network.nodes))]
        rows, columns = np.nonzero(self.traffic.over(subjects) >= PARTLY)
        return [own, (Relation.CROSSING, (rows, self.traffic.rows[columns]))]

    def _of_groups(self, subjects: Ints) -> list[tuple[Relation, Pairs]]:
        found: list[tuple[Relation, Pairs]] = []
        before = self.network.reached_by(self.network.viewers)
        for row, number in enumerate(subjects.tolist()):
            members = np.zeros(self.network.nodes + 1, np.bool_)  # the last is nobody
            members[self.network.groups[number]] = True
            for relation, chosen in (
                (Relation.OWN, members[self.seen.node]),
                (Relation.FACING, members[self.far]),
                (Relation.NEEDING, members[self.asked]),
                (Relation.BEHIND, self._cut_off(number, before)),
            ):
                columns = np.flatnonzero(chosen)
                found.append((relation, (np.full(len(columns), row, np.intp), columns)))
        return found

    def _cut_off(self, group: int, before: list[Bools]) -> Bools:
        """The observations to whose nodes there is no way without a group."""
        after = self.without(Fault.POWER, group).reached_by(self.network.viewers)
        found = np.zeros(len(self.seen), np.bool_)
        for viewer, (known, left) in enumerate(zip(before, after, strict=True)):
            found |= ((self.seen.viewer == viewer) | (self.seen.viewer == NOBODY)) & (known & ~left)[self.seen.node]
        return found

    def _of_views(self, subjects: Ints) -> list[tuple[Relation, Pairs]]:
        found = [(Relation.VIEWED, matching(self.seen.viewer, subjects))]
        for row, viewer in enumerate(subjects.tolist()):
            columns = np.flatnonzero((self.seen.node == self.network.viewers[viewer]) & (self.seen.viewer == NOBODY))
            found.append((Relation.OWN, (np.full(len(columns), row, np.intp), columns)))
        return found
