"""The map as the arrays that causes are found on, and the way back from numbers to names. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_analytics.cause import NOBODY, Cause, Fault, Network
from netmon_analytics.cause.words import subject_name
from netmon_collector.topology.graph import Graph

MOST_VIEWERS: Final = 12
FEWEST_SITES: Final = 2


@dataclass(frozen=True)
class Plan:
    """names: of nodes. viewers: names, in the network's order. sites: names of the network's groups. site_of: the
    number of each node's group, -1 for none. ports: links by a node's name and that of its port. known_links: so many
    of the network's links are on the map, the others are taken to be."""

    names: Sequence[str]
    network: Network
    viewers: Sequence[str]
    sites: Sequence[str]
    site_of: Sequence[int]
    ports: Mapping[tuple[str, str], int]
    numbers: Mapping[str, int]
    known_links: int

    @classmethod
    def of(cls, graph: Graph, answers: Mapping[str, bool], viewers: Sequence[str], sites: Mapping[str, str]) -> "Plan":
        """`answers`: whether each device does. Who looks and is not on the map is taken to be where most links meet, of
        what answers."""
        names = sorted({*graph.nodes, *answers, *viewers})
        numbers = {name: number for number, name in enumerate(names)}
        ways = graph.ways
        ends = [(numbers[one.a.node], numbers[one.b.node]) for one in ways]
        meets = Counter(end for pair in ends for end in pair)
        if meets:
            centre = min(meets, key=lambda one: (not answers.get(names[one], False), -meets[one], one))
            ends += [(numbers[one], centre) for one in viewers if numbers[one] not in meets]
        chosen = list(dict.fromkeys(viewers))[:MOST_VIEWERS]
        groups = _groups(names, sites)
        places = {name: number for number, name in enumerate(groups)}
        site_of = [places.get(sites.get(one, ""), -1) for one in names]
        network = Network(
            len(names),
            np.array(ends, np.intp).reshape(-1, 2),
            np.array([numbers[one] for one in chosen], np.intp),
            tuple(np.flatnonzero(np.array(site_of) == number) for number in range(len(groups))),
        )
        ports = {(end.node, end.port): link for link, one in enumerate(ways) for end in (one.a, one.b) if end.port}
        return cls(names, network, chosen, groups, site_of, ports, numbers, len(ways))

    def viewer(self, name: str) -> int:
        return self.viewers.index(name) if name in self.viewers else NOBODY

    def is_known(self, cause: Cause) -> bool:
        """Whether the subject of a cause is on the map, and not only taken to be there."""
        return cause.fault not in (Fault.LINK, Fault.CONGESTION) or cause.subject < self.known_links

    def subject(self, cause: Cause) -> str:
        """What the subject of a cause is called."""
        return subject_name(cause, self.network, self.names, self.sites)

    def devices(self, cause: Cause) -> tuple[str, ...]:
        """The nodes that a cause is at."""
        if cause.fault in (Fault.LINK, Fault.CONGESTION):
            return tuple(self.names[int(one)] for one in self.network.ends[cause.subject])
        if cause.fault is Fault.POWER:
            return tuple(self.names[int(one)] for one in self.network.groups[cause.subject])
        return (self.subject(cause),)

    def find(self, fault: Fault, subject: str) -> int | None:
        """The number of a subject by its name; None where there is none any more."""
        if fault in (Fault.LINK, Fault.CONGESTION):
            pairs = (f"{self.names[a]} - {self.names[b]}" for a, b in self.network.ends.tolist())
            return next((number for number, name in enumerate(pairs) if name == subject), None)
        if fault is Fault.POWER:
            return self.sites.index(subject) if subject in self.sites else None
        if fault is Fault.VIEW:
            return self.viewers.index(subject) if subject in self.viewers else None
        return self.numbers.get(subject)

    def link_name(self, link: int) -> str:
        """A link by its ends and their ports, as far as these are known."""
        at = {node: port for (node, port), number in self.ports.items() if number == link}
        ends = (self.names[int(one)] for one in self.network.ends[link])
        return " - ".join(f"{one} {at[one]}" if one in at else one for one in ends)


def _groups(names: Sequence[str], sites: Mapping[str, str]) -> list[str]:
    """Sites of at least two devices; none where all is one site, which tells nothing."""
    sizes = Counter(site for name in names if (site := sites.get(name)))
    found = sorted(site for site, size in sizes.items() if size > 1)
    return found if len(sizes) >= FEWEST_SITES else []
