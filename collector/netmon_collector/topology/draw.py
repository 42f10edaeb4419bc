"""Draws the map: all that devices told becomes one graph, and a place for every host."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from netmon_collector.topology.claims import Claims, Joined, Shared, Spot
from netmon_collector.topology.columns import MOST_HIGH
from netmon_collector.topology.directory import Directory, plain_name
from netmon_collector.topology.fdb import Inferred, Rows, infer
from netmon_collector.topology.graph import End, Evidence, Graph, Kind, Layer, Link, Node
from netmon_collector.topology.layer3 import merged, routing_links, subnet_links
from netmon_collector.topology.told import Heard, Told, mac_number, mac_text
from netmon_collector.topology.vlans import Vlans, ranges

HEARD_SURENESS: Final = 0.9
STP_SURENESS: Final = 0.6
FDB_SURENESS: Final = 0.7
_BLOCKING: Final = 2
_STATES: Final = {1: "disabled", 2: "blocking", 3: "listening", 4: "learning", 5: "forwarding", 6: "broken"}
"""dot1dStpPortState (RFC 4188)"""
_MOST_NOTES: Final = 100
_STAND_IN: Final = 0xFFFF_0000_0000
"""From here on addresses are of no station, and stand for bridges."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is: the device and port that it is nearest to.

    Not `is_sure`: other bridges are behind that port, so that it may be at one of them.
    """

    mac: int
    device: str
    port: str
    is_sure: bool


@dataclass(frozen=True)
class Drawing:
    """The graph, hosts by MAC address, and what could not be made sense of, for people."""

    graph: Graph
    places: Mapping[int, Place]
    notes: tuple[str, ...]


def draw(told: Sequence[Told], now_ms: int) -> Drawing:
    """The map of what all devices told last; links are seen first and last at `now_ms`."""
    return _Drawer(sorted(told, key=lambda one: one.device), now_ms).draw()


class _Drawer:
    def __init__(self, told: Sequence[Told], now_ms: int) -> None:
        self._told = told
        self._by_device = {one.device: one for one in told}
        self._now_ms = now_ms
        self._directory = Directory(told)
        self._groups = {(one.device, port.index): port.group for one in told for port in one.ports if port.group}
        self._claims = Claims(self._groups)
        self._nodes = {
            one.device: Node(one.device, Kind.DEVICE, one.names[0] if one.names else "", site=one.site) for one in told
        }
        self._labels = _labels(told)
        self._states = {(one.device, port.index): port.state for one in told for port in one.spanning}
        self._notes: list[str] = []

    def draw(self) -> Drawing:
        for one in self._told:
            self._hear(one)
            self._follow_spanning_tree(one)
        inferred, names = self._read_tables()
        joined, shared = self._claims.settle()
        links = [self._link(one) for one in joined]
        for segment in shared:
            self._nodes[segment.id] = Node(segment.id, Kind.SEGMENT, "unmanaged", f"joins {len(segment.spots)} ports")
            links += self._spokes(segment)
        subnets, over = subnet_links(self._told)
        links += merged([*routing_links(self._told, self._directory), *over])
        nodes = [*self._nodes.values(), *subnets]
        seen = [replace(one, first_seen_ms=self._now_ms, last_seen_ms=self._now_ms) for one in links]
        return Drawing(Graph.of(nodes, seen), self._places(inferred, names), tuple(self._notes[:_MOST_NOTES]))

    def _hear(self, teller: Told) -> None:
        for heard in teller.heard:
            known = self._directory.find(heard, teller)
            if known is not None and known.device == teller.device:
                self._note(f"{teller.device} hears itself on {teller.label(heard.index) or 'some port'}: a loop?")
                continue
            if known is None:
                there, by = self._unmanaged(heard, teller), "unknown here"
            else:
                there, by = Spot(known.device, known.index), f"known by {', '.join(sorted(set(known.by)))}"
            if there is not None:
                evidence = Evidence(heard.protocol, teller.device, HEARD_SURENESS, by)
                self._claims.add(Spot(teller.device, heard.index), there, evidence)

    def _unmanaged(self, heard: Heard, teller: Told) -> Spot | None:
        """A node for a neighbour that nobody asks: the same one for all that hear it."""
        mac = mac_number(heard.chassis) or mac_number(heard.name)
        name = plain_name(heard.name)
        what = (mac_text(mac) if mac else "") or heard.chassis or name or next(iter(heard.addresses), "")
        if not what:
            self._note(f"{teller.device} hears a neighbour on {teller.label(heard.index)} that says nothing of itself")
            return None
        twin = self._twin(teller, heard, name)
        node = twin or _unmanaged_id(what, teller.site, is_mac=bool(mac))
        if node not in self._nodes or (name and not self._nodes[node].name):
            self._nodes[node] = Node(node, Kind.UNMANAGED, heard.name or heard.chassis, heard.descr[:200])
        return Spot(node, 0, heard.port)

    def _twin(self, teller: Told, heard: Heard, name: str) -> str | None:
        """The node of the neighbour that another protocol tells of on the same port, under the same name."""
        for other in teller.heard:
            if other.index == heard.index and other.protocol != heard.protocol and name == plain_name(other.name):
                first = min(heard, other, key=lambda one: (not mac_number(one.chassis), one.protocol))
                mac = mac_number(first.chassis)
                what = mac_text(mac) if mac else first.chassis or name
                return _unmanaged_id(what, teller.site, is_mac=bool(mac)) if name else None
        return None

    def _follow_spanning_tree(self, teller: Told) -> None:
        """Who is named as designated bridge on a port is next to it, or shares an unmanaged switch with it."""
        for port in teller.spanning:
            designated = port.designated_bridge
            if not designated or designated in teller.macs or port.state not in (_BLOCKING, 5):
                continue
            other = self._directory.by_mac(designated)
            if other is not None and other != teller.device:
                evidence = Evidence("stp", teller.device, STP_SURENESS, f"designated bridge {mac_text(designated)}")
                self._claims.add(Spot(teller.device, port.index), Spot(other), evidence)

    def _read_tables(self) -> tuple[Inferred, list[Told]]:
        bridges = [one for one in self._told if len(one.forwarding)]
        if len(bridges) >= MOST_HIGH:
            self._note(f"only the first {MOST_HIGH - 1:,} forwarding tables were read, of {len(bridges):,}")
            bridges = bridges[: MOST_HIGH - 1]
        inferred = infer(_rows(bridges, self._claims.heard_pairs()))
        if inferred.dropped_rows:
            self._note(f"{inferred.dropped_rows:,} rows of forwarding tables name two ports for one address")
        if inferred.unplaced:
            names = ", ".join(bridges[number].device for number in inferred.unplaced[:5])
            self._note(f"{len(inferred.unplaced):,} forwarding tables could not be related to others: {names}")
        for join in inferred.joins:
            spots = [Spot(bridges[number].device, port) for number, port in ((join.bridge, join.port), *join.below)]
            evidence = Evidence("fdb", spots[0].node, FDB_SURENESS, _reading(join.hosts_between))
            if len(spots) == 2 and not join.hosts_between:
                self._claims.add(spots[0], spots[1], evidence)
            else:
                self._claims.add_shared(spots, evidence)
        self._place_devices(inferred, bridges)
        return inferred, bridges

    def _place_devices(self, inferred: Inferred, bridges: Sequence[Told]) -> None:
        """Devices without a forwarding table are where their addresses were seen."""
        have_tables = {one.device for one in bridges}
        own = {mac: one.device for one in self._told if one.device not in have_tables for mac in one.macs}
        wanted = np.isin(inferred.macs, np.array(sorted(own), np.uint64)) & inferred.is_sure
        at: defaultdict[Spot, dict[str, Spot]] = defaultdict(dict)
        for mac, number, index in zip(
            inferred.macs[wanted].tolist(),
            inferred.bridges[wanted].tolist(),
            inferred.ports[wanted].tolist(),
            strict=True,
        ):
            device = self._directory.by_mac(mac)
            if device is not None:
                port = next((port.index for port in self._by_device[device].ports if port.mac == mac), 0)
                at[Spot(bridges[number].device, index)].setdefault(device, Spot(device, port))
        for spot, found in at.items():
            evidence = Evidence("fdb", spot.node, FDB_SURENESS, "its address was seen there")
            if len(found) == 1:
                self._claims.add(spot, next(iter(found.values())), evidence)
            else:
                self._claims.add_shared([spot, *found.values()], evidence)

    def _places(self, inferred: Inferred, bridges: Sequence[Told]) -> Mapping[int, Place]:
        columns = (
            inferred.macs.tolist(),
            inferred.bridges.tolist(),
            inferred.ports.tolist(),
            inferred.is_sure.tolist(),
        )
        return {
            mac: Place(mac, bridges[number].device, self._labels.get((bridges[number].device, index), str(index)), sure)
            for mac, number, index, sure in zip(*columns, strict=True)
        }

    def _link(self, joined: Joined) -> Link:
        spots = (joined.a, joined.b)
        return Link(
            self._end(joined.a),
            self._end(joined.b),
            Layer.LINK,
            joined.evidence,
            is_blocked=_BLOCKING in (self._state(joined.a), self._state(joined.b)),
            bundle=next((group for one in spots if (group := self._bundle(one))), ""),
            vlans=self._carried(joined),
            states=(_STATES.get(self._state(joined.a), ""), _STATES.get(self._state(joined.b), "")),
        )

    def _state(self, spot: Spot) -> int:
        """How a port stands in the spanning tree, of a member of an aggregate as that does; 0: nobody tells."""
        group = self._groups.get((spot.node, spot.index), 0)
        return self._states.get((spot.node, spot.index)) or self._states.get((spot.node, group), 0)

    def _vlans_at(self, spot: Spot) -> Vlans:
        one = self._by_device.get(spot.node)
        if one is None:
            return Vlans()
        group = self._groups.get((spot.node, spot.index), 0)
        return one.vlans.get(spot.index) or one.vlans.get(group) or Vlans()

    def _carried(self, joined: Joined) -> Vlans:
        """The VLANs that pass; frames without a tag that change their VLAN on the way are told of."""
        a, b = self._vlans_at(joined.a), self._vlans_at(joined.b)
        if a.untagged and b.untagged and not a.untagged & b.untagged:
            ends = " and ".join(f"{end.node} {end.port}" for end in map(self._end, (joined.a, joined.b)))
            self._note(f"{ends} take frames without a tag for VLAN {ranges(a.untagged)} and {ranges(b.untagged)}")
        return a.common(b)

    def _bundle(self, spot: Spot) -> str:
        group = self._groups.get((spot.node, spot.index), 0)
        return f"{spot.node} {self._labels.get((spot.node, group), str(group))}" if group else ""

    def _spokes(self, segment: Shared) -> list[Link]:
        return [
            Link(
                self._end(spot),
                End(segment.id),
                Layer.LINK,
                segment.evidence,
                is_blocked=self._state(spot) == _BLOCKING,
                vlans=self._vlans_at(spot),
                states=(_STATES.get(self._state(spot), ""), ""),
            )
            for spot in segment.spots
        ]

    def _end(self, spot: Spot) -> End:
        return End(spot.node, spot.port or (self._labels.get((spot.node, spot.index)) or str(spot.index or "")))

    def _note(self, text: str) -> None:
        if len(self._notes) < _MOST_NOTES:
            self._notes.append(text)


def _unmanaged_id(what: str, site: str, *, is_mac: bool) -> str:
    """Names and addresses mean something within one site only."""
    return f"unmanaged:{site}/{what}" if site and not is_mac else f"unmanaged:{what}"


def _reading(hosts_between: int) -> str:
    return f"{hosts_between} hosts in between" if hosts_between else "forwarding tables complete each other"


def _labels(told: Sequence[Told]) -> dict[tuple[str, int], str]:
    """What each port is called on the map: no two of a device alike."""
    labels = {}
    for one in told:
        many = Counter(port.label for port in one.ports)
        for port in one.ports:
            labels[one.device, port.index] = port.label if many[port.label] == 1 else f"{port.label} ({port.index})"
    return labels


def _rows(bridges: Sequence[Told], heard: Iterable[tuple[Spot, Spot]]) -> Rows:
    """All forwarding tables as one, with aggregates in place of their members.

    A bridge that another one hears on a port is as good as seen there: a row with an address that stands for it.
    """
    owners: defaultdict[int, set[int]] = defaultdict(set)
    numbers = {one.device: number for number, one in enumerate(bridges)}
    groups = {(one.device, port.index): port.group for one in bridges for port in one.ports if port.group}
    hints = [
        (numbers[here.node], groups.get((here.node, here.index), here.index), _STAND_IN + numbers[there.node])
        for here, there in heard
        if here.node in numbers and there.node in numbers and here.index
    ]
    ports = []
    for number, one in enumerate(bridges):
        for mac in one.macs:
            owners[mac].add(number)
        column = one.forwarding.ports
        for port in one.ports:
            if port.group:
                column = np.where(column == port.index, port.group, column)
        ports.append(column)
    hinted = np.array(hints, np.int64).reshape(-1, 3)
    owners.update((_STAND_IN + number, {number}) for number in range(len(bridges)))
    sole = [(mac, next(iter(numbers))) for mac, numbers in owners.items() if len(numbers) == 1]
    return Rows(
        np.concatenate([np.repeat(np.arange(len(bridges)), [len(one.forwarding) for one in bridges]), hinted[:, 0]]),
        np.concatenate([*ports, hinted[:, 1]]),
        np.concatenate([*(one.forwarding.macs for one in bridges), hinted[:, 2].astype(np.uint64)]),
        np.array([mac for mac, _ in sole], np.uint64),
        np.array([number for _, number in sole], np.int64),
        len(bridges),
    )
