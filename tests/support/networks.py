"""Made networks whose links are known: sites of switches in a tree, unmanaged ones, hosts, and full tables.

Each site is one network of bridges; sites are joined by routers' links of layer 3 only, as larger networks are.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from netmon_collector.topology.told import Forwarding, Heard, Port, Told

Spot = tuple[str, int]


@dataclass
class Made:
    """A network as it was built; `links` are pairs of (device, ifIndex), `segments` sets of them behind one thing."""

    told: list[Told] = field(default_factory=list)
    links: set[frozenset[Spot]] = field(default_factory=set)
    segments: set[frozenset[Spot]] = field(default_factory=set)
    hosts: dict[int, Spot] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(len(one.forwarding) for one in self.told)


@dataclass(frozen=True)
class Plan:
    """How a network is made. Shares are chances between 0 and 1."""

    switches: int
    per_site: int = 40
    hosts_per_switch: int = 12
    unmanaged: float = 0.08
    """Of switches: one below whom another switch hangs by an unmanaged one, with hosts of its own."""
    lldp: float = 0.5
    """Of switches: those that speak LLDP."""
    missing: float = 0.0
    """Of rows of tables: those that have aged out."""
    silent: float = 0.0
    """Of switches: those whose own address nobody has seen."""
    seed: int = 1


_FIRST_MAC = 0x0200_0000_0000
_UPLINK = 49


def make_network(plan: Plan) -> Made:
    """A network after a plan; the same one for the same plan."""
    rng = random.Random(plan.seed)
    made = Made()
    for start in range(0, plan.switches, plan.per_site):
        _Site(plan, rng, made, start, min(plan.per_site, plan.switches - start)).build()
    return made


class _Site:
    def __init__(self, plan: Plan, rng: random.Random, made: Made, start: int, size: int) -> None:
        self.plan, self.rng, self.made = plan, rng, made
        self.names = [f"sw{start + number:05}" for number in range(size)]
        self.base = _FIRST_MAC + start * 4096
        self.parent: dict[int, tuple[int, int]] = {}
        self.next_port: defaultdict[int, int] = defaultdict(lambda: 1)
        self.between: dict[Spot, list[int]] = {}

    def mac(self, switch: int) -> int:
        return self.base + switch * 4096

    def build(self) -> None:
        for switch in range(1, len(self.names)):
            self._hang(switch)
        self._note_links()
        hosts = self._place_hosts()
        ports = self._directions(hosts)
        speaks = [self.rng.random() < self.plan.lldp for _ in self.names]
        for switch, name in enumerate(self.names):
            self.made.told.append(
                Told(
                    name,
                    names=(name,),
                    chassis=self.mac(switch),
                    ports=tuple(Port(index, f"ge{index}") for index in range(1, _UPLINK + 1)),
                    heard=tuple(self._heard(switch, speaks)) if speaks[switch] else (),
                    forwarding=ports[switch],
                )
            )

    def _hang(self, switch: int) -> None:
        """Under one of the last few switches, so that trees are some levels deep; at times behind an unmanaged one."""
        above = self.rng.randrange(max(0, (switch - 1) // 6), max(1, (switch + 3) // 4))
        shared = [spot for spot in self.between if spot[0] == self.names[above]]
        if shared and self.rng.random() < 0.5:
            port = shared[0][1]
        else:
            port = self.next_port[above]
            self.next_port[above] += 1
            if self.rng.random() < self.plan.unmanaged:
                self.between[self.names[above], port] = []
        self.parent[switch] = above, port

    def _note_links(self) -> None:
        below: defaultdict[Spot, list[Spot]] = defaultdict(list)
        for switch, (above, port) in self.parent.items():
            below[self.names[above], port].append((self.names[switch], _UPLINK))
        for spot, ends in below.items():
            if spot in self.between:
                self.made.segments.add(frozenset([spot, *ends]))
            else:
                self.made.links.update(frozenset([spot, end]) for end in ends)

    def _place_hosts(self) -> dict[int, tuple[int, int]]:
        """MAC address -> (switch, port); behind unmanaged switches some too."""
        placed = {}
        spots = {(self.names.index(name), port) for name, port in self.between}
        for switch in range(len(self.names)):
            first = self.next_port[switch]
            for number in range(self.plan.hosts_per_switch):
                mac = self.mac(switch) + 100 + number
                placed[mac] = switch, first + number % max(1, _UPLINK - first)
        for switch, port in sorted(spots):
            for number in range(3):
                placed[self.mac(switch) + 2000 + 10 * port + number] = switch, port
        for mac, (switch, port) in placed.items():
            self.made.hosts[mac] = self.names[switch], port
        return placed

    def _directions(self, hosts: dict[int, tuple[int, int]]) -> list[Forwarding]:
        """What each switch's full table says, less what is missing."""
        size = len(self.names)
        toward = np.full((size, size), _UPLINK, np.int64)  # [switch, switch]: port of the one towards the other
        for switch in range(size):
            below = switch
            while below in self.parent:
                above, port = self.parent[below]
                toward[above, switch] = port
                below = above
        macs = np.array(list(hosts), np.uint64)
        at, behind = (np.array(column, np.int64) for column in zip(*hosts.values(), strict=True))
        silent = np.array([self.rng.random() < self.plan.silent for _ in self.names])
        own = np.array([self.mac(switch) for switch in range(size)], np.uint64)
        noise = np.random.default_rng(self.plan.seed + size + self.base % 65_521)
        tables = []
        for switch in range(size):
            seen = np.where(at == switch, behind, toward[switch, at])
            others = (np.arange(size) != switch) & ~silent
            all_macs = np.concatenate([macs, own[others]])
            all_ports = np.concatenate([seen, toward[switch, others]])
            kept = noise.random(len(all_macs)) >= self.plan.missing
            tables.append(Forwarding(all_macs[kept], all_ports[kept], np.ones(int(kept.sum()), np.int64)))
        return tables

    def _heard(self, switch: int, speaks: list[bool]) -> list[Heard]:
        found = []
        pairs = [(one, port, switch, _UPLINK) for one, (above, port) in self.parent.items() if above == switch]
        ends = [(port, one, _UPLINK) for one, port, _, _ in pairs]
        if switch in self.parent:
            ends.append((_UPLINK, *self.parent[switch]))
        for mine, other, theirs in ends:
            upper = (self.names[switch], mine) if other not in self.parent or mine != _UPLINK else None
            spot = upper or (self.names[other], theirs)
            if speaks[other] and spot not in self.between:
                found.append(
                    Heard("lldp", mine, f"{self.mac(other):012x}", 4, f"ge{theirs}", 5, name=self.names[other])
                )
        return found
