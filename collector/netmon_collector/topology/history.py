"""The map over time: links have a first and a last day, hosts move from port to port. Pure; knows no clock, no disk."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from netmon_collector.topology.draw import Drawing, Place
from netmon_collector.topology.graph import End, Graph, Layer, Link, Node
from netmon_collector.topology.told import Told

QUIET_MS: Final = 30 * 60_000
"""How long a link that tables alone told of is believed when they are silent: addresses age out of them."""
MOST_HOSTS: Final = 500_000

Key = tuple[End, End, Layer]


@dataclass(frozen=True)
class Changes:
    """What a new drawing changed: links that came, links that went, links whose evidence or state is another."""

    came: tuple[Link, ...] = ()
    went: tuple[Link, ...] = ()
    changed: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """A time that a host spent at a port; the newest one may go on."""

    mac: int
    device: str
    port: str
    is_sure: bool
    first_seen_ms: int
    last_seen_ms: int


@dataclass
class LinkBook:
    """The links that are believed now."""

    links: dict[Key, Link] = field(default_factory=dict)

    def enter(self, drawing: Drawing, down: frozenset[End], now_ms: int) -> Changes:
        """Takes a new drawing; `down` are ports without a signal, on which no silent link is believed."""
        fresh = {one.key: one for one in drawing.graph.links}
        busy = {end for one in fresh.values() if one.layer is Layer.LINK for end in (one.a, one.b) if end.port}
        came, changed, went = [], [], []
        for key, link in fresh.items():
            known = self.links.get(key)
            if known is None:
                came.append(link)
            else:
                link = replace(link, first_seen_ms=known.first_seen_ms)
                if replace(link, last_seen_ms=known.last_seen_ms) != known:
                    changed.append(link)
            self.links[key] = link
        for key, link in list(self.links.items()):
            if key not in fresh and not _may_be_silent(link, busy | down, now_ms):
                went.append(self.links.pop(key))
        return Changes(tuple(came), tuple(went), tuple(changed))

    def graph(self, nodes: Iterable[Node]) -> Graph:
        """All that is believed now; of nodes that are no devices those that a link needs."""
        needed = {end.node for one in self.links.values() for end in (one.a, one.b)}
        return Graph.of((one for one in nodes if one.kind.value == "device" or one.id in needed), self.links.values())


def _may_be_silent(link: Link, busy: frozenset[End] | set[End], now_ms: int) -> bool:
    is_quiet = all(one.source == "fdb" for one in link.evidence)
    return is_quiet and now_ms - link.last_seen_ms < QUIET_MS and link.a not in busy and link.b not in busy


@dataclass
class HostBook:
    """Where each host was seen last. Hosts that say nothing for a time stay where they were."""

    stays: dict[int, Stay] = field(default_factory=dict)

    def enter(self, places: Mapping[int, Place], now_ms: int) -> list[Stay]:
        """Takes the places of a new drawing; the stays that began with it. A guess never ends a stay that was sure."""
        began = []
        for mac, place in places.items():
            known = self.stays.get(mac)
            if known is not None and (known.device, known.port) == (place.device, place.port):
                self.stays[mac] = replace(known, last_seen_ms=now_ms, is_sure=known.is_sure or place.is_sure)
            elif known is None or place.is_sure or not known.is_sure:
                self.stays[mac] = Stay(mac, place.device, place.port, place.is_sure, now_ms, now_ms)
                began.append(self.stays[mac])
        self._drop_quietest()
        return began

    def _drop_quietest(self) -> None:
        """Forgets hosts that were not seen for the longest time, where there are too many."""
        if len(self.stays) > MOST_HOSTS:
            quietest = sorted(self.stays.values(), key=lambda one: one.last_seen_ms)
            for one in quietest[: len(self.stays) - MOST_HOSTS * 9 // 10]:
                del self.stays[one.mac]

    def at(self, device: str, port: str | None = None) -> list[Stay]:
        """The hosts at a device, or at one port of it, by port and address."""
        found = [one for one in self.stays.values() if one.device == device and port in (None, one.port)]
        return sorted(found, key=lambda one: (one.port, one.mac))


@dataclass
class AddressBook:
    """Which MAC address answers for which network address, by site, as devices told it last."""

    by_address: dict[tuple[str, str], int] = field(default_factory=dict)
    by_mac: defaultdict[int, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    _sites: set[str] = field(default_factory=set)

    def enter(self, told: Told) -> None:
        """Takes the neighbours of a device, and its own addresses."""
        self._sites.add(told.site)
        own = {port.index: port.mac for port in told.ports if port.mac}
        pairs = [(near.address, near.mac) for near in told.near]
        pairs += [(one.address, mac) for one in told.addresses if (mac := own.get(one.index))]
        for address, mac in pairs:
            key = (told.site, address)
            self._drop(key)
            if len(self.by_address) >= MOST_HOSTS:
                self._drop(next(iter(self.by_address)))
            self.by_address[key] = mac
            self.by_mac[mac].add(key)

    def _drop(self, key: tuple[str, str]) -> None:
        mac = self.by_address.pop(key, None)
        if mac is not None:
            self.by_mac[mac].discard(key)
            if not self.by_mac[mac]:
                del self.by_mac[mac]

    def macs(self, address: str) -> list[int]:
        """Who answers for an address, at any site."""
        return sorted({mac for site in self._sites if (mac := self.by_address.get((site, address)))})

    def addresses(self, mac: int) -> list[str]:
        return sorted({address for _, address in self.by_mac.get(mac, ())})
