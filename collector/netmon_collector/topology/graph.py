"""The network as a value: devices, what lies between them, and links that carry their evidence."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from itertools import pairwise
from math import prod

from netmon_collector.topology.reach import Web
from netmon_collector.topology.vlans import Vlans


class Kind(Enum):
    """What a node of the graph is."""

    DEVICE = "device"
    """Known to us, by its handle."""
    UNMANAGED = "unmanaged"
    """Named by a neighbour; nobody asks it."""
    SEGMENT = "segment"
    """Something that joins several ports and says nothing: an unmanaged switch, a hub, a subnet."""


class Layer(IntEnum):
    """Which of OSI's layers a link joins."""

    LINK = 2
    NETWORK = 3


@dataclass(frozen=True, slots=True)
class Node:
    """A device, or what lies between devices. `id` is a device's handle, else a name that no handle can have."""

    id: str
    kind: Kind = Kind.DEVICE
    name: str = ""
    detail: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True, order=True)
class End:
    """One end of a link: a node, and the name of its port; empty where that is not known."""

    node: str
    port: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """Why a link is believed: the source (lldp, cdp, stp, fdb, ospf, …), who told, how sure that makes us (0 to 1)."""

    source: str
    told_by: str
    confidence: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Two ends that are joined. The lower end comes first; times are Unix milliseconds.

    `is_blocked`: spanning tree holds it in reserve; `states` are what each end says of that, empty where it is silent.
    `bundle` names the aggregate that the first end's port is part of. `vlans` pass from one end to the other.
    """

    a: End
    b: End
    layer: Layer = Layer.LINK
    evidence: tuple[Evidence, ...] = ()
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    is_blocked: bool = False
    bundle: str = ""
    vlans: Vlans = Vlans()
    states: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        if self.b < self.a:
            lower, higher = self.b, self.a
            object.__setattr__(self, "a", lower)
            object.__setattr__(self, "b", higher)
            object.__setattr__(self, "states", self.states[::-1])

    @property
    def confidence(self) -> float:
        """How sure the link is, 0 to 1: pieces of evidence are taken as independent of each other."""
        return 1.0 - prod(1.0 - one.confidence for one in self.evidence)

    @property
    def key(self) -> tuple[End, End, Layer]:
        return self.a, self.b, self.layer

    def other(self, node: str) -> str:
        return self.b.node if self.a.node == node else self.a.node


@dataclass(frozen=True)
class Path:
    """A way from one node to another: the nodes in order, and for each step the links that it may take.

    `cuts` are the nodes between the two that no way can avoid, in order.
    """

    nodes: tuple[str, ...]
    steps: tuple[tuple[Link, ...], ...]
    cuts: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """All nodes and links at one time. Asked about nodes that it does not have, it knows of no way.

    A link of layer 3 is a way of its own only where layer 2 knows none: else a routing neighbour across a switch
    would make that switch look redundant. For the same reason a subnet is entered from each such part by one device
    alone, the one with the most links. A blocked link is a way: it takes over when another fails.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    links: tuple[Link, ...] = ()

    @classmethod
    def of(cls, nodes: Iterable[Node], links: Iterable[Link]) -> "Graph":
        """A graph of these; an end of which there is no node becomes a device."""
        links = tuple(links)
        known = {one.id: one for one in nodes}
        for link in links:
            for end in (link.a, link.b):
                known.setdefault(end.node, Node(end.node))
        return cls(known, links)

    def __contains__(self, node: object) -> bool:
        return node in self.nodes

    def within(self, vlan: int) -> "Graph":
        """The links of layer 2 that carry a VLAN, or of which nobody tells what they carry."""
        below = (one for one in self.links if one.layer is Layer.LINK)
        return Graph(self.nodes, tuple(one for one in below if not one.vlans or vlan in one.vlans))

    @cached_property
    def islands(self) -> Mapping[str, int]:
        """For each node a number that those share which links of layer 2 join."""
        below = ((one.a.node, one.b.node) for one in self.links if one.layer is Layer.LINK)
        return Web(self.nodes, below).islands()

    @cached_property
    def ways(self) -> tuple[Link, ...]:
        """The links that traffic can take, without those of layer 3 that run over links of layer 2."""
        below = tuple(one for one in self.links if one.layer is Layer.LINK)
        island = self.islands
        over = [one for one in self.links if one.layer is not Layer.LINK and island[one.a.node] != island[one.b.node]]
        joins = Counter(node for one in below for node in (one.a.node, one.b.node))
        entries: dict[tuple[str, int], Link] = {}
        for link in sorted(over, key=lambda one: max(joins[one.a.node], joins[one.b.node])):
            for end, far in ((link.a, link.b), (link.b, link.a)):
                if self.nodes[end.node].kind is Kind.SEGMENT:
                    entries[end.node, island[far.node]] = link
        once = {one.key for one in entries.values()}
        segments = {node for node, _ in entries}
        return below + tuple(one for one in over if one.key in once or not {one.a.node, one.b.node} & segments)

    @cached_property
    def _web(self) -> Web:
        return Web(self.nodes, ((one.a.node, one.b.node) for one in self.ways))

    @cached_property
    def _at(self) -> Mapping[str, list[Link]]:
        found: dict[str, list[Link]] = {node: [] for node in self.nodes}
        for link in self.links:
            found[link.a.node].append(link)
            if link.b.node != link.a.node:
                found[link.b.node].append(link)
        return found

    def at(self, node: str) -> list[Link]:
        """All links of a node, of both layers."""
        return list(self._at.get(node, ()))

    def reachable(self, seen_from: str, without: Set[str] = frozenset()) -> set[str]:
        """The nodes that can be reached from one node when others are gone; empty where that one is gone itself."""
        return self._web.reachable(seen_from, without)

    def downstream(self, of: str, seen_from: str) -> set[str]:
        """The nodes that can be reached from `seen_from` through `of` only; those with a way around it are not."""
        if of == seen_from:
            return self.reachable(seen_from) - {of}
        return self.reachable(seen_from) - self.reachable(seen_from, {of}) - {of}

    def cut_off(self, by: Set[str], seen_from: str) -> set[str]:
        """The nodes that cannot be reached from `seen_from` when all of these are gone at once, without these."""
        return self.reachable(seen_from) - self.reachable(seen_from, by) - by

    def cuts(self) -> set[str]:
        """The nodes whose loss parts others that are joined now (articulation points)."""
        return self._web.cuts()

    def bridges(self) -> list[Link]:
        """The links whose loss parts nodes that are joined now; one of several between two nodes is none."""
        pairs = {frozenset(pair) for pair in self._web.bridges()}
        many = Counter(frozenset((one.a.node, one.b.node)) for one in self.ways)
        return [one for one in self.ways if (pair := frozenset((one.a.node, one.b.node))) in pairs and many[pair] == 1]

    def between(self, start: str, goal: str) -> Path | None:
        """A shortest way from one node to another that avoids blocked links where it can; None: there is no way."""
        open_pairs = ((one.a.node, one.b.node) for one in self.ways if not one.is_blocked)
        nodes = Web(self.nodes, open_pairs).shortest(start, goal) or self._web.shortest(start, goal)
        if nodes is None:
            return None
        steps = tuple(tuple(self._joining(one, another)) for one, another in pairwise(nodes))
        return Path(tuple(nodes), steps, tuple(self._web.unavoidable(nodes)))

    def _joining(self, one: str, another: str) -> Iterator[Link]:
        ways = self._way_set
        return (link for link in self._at[one] if link.other(one) == another and link.key in ways)

    @cached_property
    def _way_set(self) -> Set[tuple[End, End, Layer]]:
        return {one.key for one in self.ways}
