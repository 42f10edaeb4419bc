"""Networks of several families: who is joined to whom, where, fed from where, looked at by whom."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.support.outages.ways import Ways

UNKNOWN = 0.005
"""The part of links that are not on the map: tests/bench/topology.py finds 0.998 and more of them."""
SWITCH, ROUTER, HOST = "switch", "router", "host"


@dataclass
class World:
    """nodes: roles; sites, feeds: a number for each node. ends: all links that there are. known: those on the map.

    viewers: the collector's node first, then pollers. looked_at: pairs of viewer and node. needs: pairs of a host and
    the server that it needs; names: the servers that answer names, the others have a service.
    """

    family: str
    roles: list[str] = field(default_factory=list)
    sites: list[int] = field(default_factory=list)
    feeds: list[int] = field(default_factory=list)
    ends: list[tuple[int, int]] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    viewers: list[int] = field(default_factory=list)
    looked_at: list[tuple[int, int]] = field(default_factory=list)
    needs: list[tuple[int, int]] = field(default_factory=list)
    names: set[int] = field(default_factory=set)
    servers: list[int] = field(default_factory=list)
    demands: list[tuple[int, int, float]] = field(default_factory=list)
    capacity: np.ndarray[tuple[int], np.dtype[np.float64]] = field(default_factory=lambda: np.empty(0))

    def add(self, role: str, site: int, feed: int, *joined: int) -> int:
        self.roles.append(role)
        self.sites.append(site)
        self.feeds.append(feed)
        node = len(self.roles) - 1
        self.ends += [(one, node) for one in joined]
        return node

    def of(self, *roles: str) -> list[int]:
        return [node for node, role in enumerate(self.roles) if role in roles]

    def backbone(self) -> list[int]:
        """Links with no host at either end."""
        return [link for link, ends in enumerate(self.ends) if HOST not in (self.roles[ends[0]], self.roles[ends[1]])]


Rng = np.random.Generator


def _hosts(world: World, rng: Rng, most: int, *at: int) -> None:
    """Some hosts behind the same switches."""
    for _ in range(int(rng.integers(1, most + 1))):
        world.add(HOST, world.sites[at[0]], world.feeds[at[0]], *at)


def campus(rng: Rng, size: int) -> World:
    """A redundant core, pairs of distribution switches, access switches that hang on one or both of a pair."""
    world = World("campus")
    core = [world.add(ROUTER, 0, 0), world.add(ROUTER, 0, 1)]
    world.ends.append((core[0], core[1]))
    block = 1
    _hosts(world, rng, 6, world.add(SWITCH, 0, 0, *core))
    while len(world.roles) < size:
        pair = [world.add(ROUTER, block, 2 * block, *core), world.add(ROUTER, block, 2 * block, *core)]
        world.ends.append((pair[0], pair[1]))
        for _ in range(int(rng.integers(2, 7))):
            up = pair if rng.random() < 0.7 else [pair[int(rng.integers(2))]]
            feed = 2 * block + int(rng.integers(2))
            _hosts(world, rng, 6, world.add(SWITCH, block, feed, *up))
        block += 1
    return world


def leaf_spine(rng: Rng, size: int) -> World:
    """Spines, leaves that hang on all of them, racks of servers, some on two leaves; a feed for each rack."""
    world = World("leaf-spine")
    spines = [world.add(ROUTER, 0, one % 2) for one in range(int(rng.integers(2, 5)))]
    rack = 2
    while len(world.roles) < size:
        leaf = world.add(ROUTER, rack // 4, rack, *spines)
        if rng.random() < 0.3:
            second = world.add(ROUTER, rack // 4, rack, *spines)
            world.ends.append((leaf, second))
            _hosts(world, rng, 12, leaf, second)
        else:
            _hosts(world, rng, 12, leaf)
        rack += 1
    return world


def branches(rng: Rng, size: int) -> World:
    """A head office with two routers, and branches that hang on one or both of them; a feed for each branch."""
    world = World("branches")
    core = [world.add(ROUTER, 0, 0), world.add(ROUTER, 0, 1)]
    world.ends.append((core[0], core[1]))
    for one in range(2):
        _hosts(world, rng, 8, world.add(SWITCH, 0, one, *core))
    site = 1
    while len(world.roles) < size:
        up = core if rng.random() < 0.6 else [core[int(rng.integers(2))]]
        router = world.add(ROUTER, site, site + 1, *up)
        switches = [world.add(SWITCH, site, site + 1, router)]
        _hosts(world, rng, 5, switches[0])
        for _ in range(int(rng.integers(0, 3))):
            switches.append(world.add(SWITCH, site, site + 1, switches[int(rng.integers(len(switches)))]))
            _hosts(world, rng, 5, switches[-1])
        site += 1
    return world


def rings(rng: Rng, size: int) -> World:
    """Two hubs, rings of routers between them, a site at each router."""
    world = World("rings")
    hubs = [world.add(ROUTER, 0, 0), world.add(ROUTER, 0, 1)]
    world.ends.append((hubs[0], hubs[1]))
    _hosts(world, rng, 8, world.add(SWITCH, 0, 0, *hubs))
    site = 1
    while len(world.roles) < size:
        before = hubs[0]
        for _ in range(int(rng.integers(3, 8))):
            before = world.add(ROUTER, site, site + 1, before)
            for _ in range(int(rng.integers(1, 3))):
                _hosts(world, rng, 5, world.add(SWITCH, site, site + 1, before))
            site += 1
        world.ends.append((hubs[1], before))
    return world


def grown(rng: Rng, size: int) -> World:
    """Switches and routers that joined one by one those with most links already, as nobody planned it."""
    world = World("grown")
    first = world.add(ROUTER, 0, 0)
    second = world.add(ROUTER, 0, 0, first)
    switches, weights = [first, second], [1.0, 1.0]
    while len(world.roles) < size:
        chances = np.array(weights) / sum(weights)
        up = rng.choice(len(switches), size=min(len(switches), int(rng.integers(1, 3))), replace=False, p=chances)
        site = len(switches) // 3
        role = ROUTER if rng.random() < 0.5 else SWITCH
        switches.append(world.add(role, site, site, *(switches[int(one)] for one in up)))
        for one in up:
            weights[int(one)] += 1.0
        weights.append(float(len(up)))
        _hosts(world, rng, 5, switches[-1])
    return world


def mesh(rng: Rng, size: int) -> World:
    """Routers of a country, each joined to those that are nearest, and a few houses at each."""
    world = World("mesh")
    count = max(6, size // 9)
    places = rng.random((count, 2))
    routers = [world.add(ROUTER, one, one) for one in range(count)]
    for one in range(1, count):
        away = np.hypot(*(places[:one] - places[one]).T)
        world.ends += [(routers[int(other)], routers[one]) for other in np.argsort(away)[: int(rng.integers(1, 4))]]
    for one in routers:
        _hosts(world, rng, 8, world.add(SWITCH, world.sites[one], world.feeds[one], one))
    return world


FAMILIES: dict[str, Callable[[Rng, int], World]] = {
    "campus": campus,
    "leaf-spine": leaf_spine,
    "branches": branches,
    "rings": rings,
    "grown": grown,
    "mesh": mesh,
}


def made(family: str, rng: Rng, size: int) -> World:
    """A network with servers, traffic, pollers and a map on which a few links are missing."""
    world = FAMILIES[family](rng, size)
    hosts = world.of(HOST)
    _place_servers(world, rng, hosts)
    _place_viewers(world, rng, hosts)
    world.known = {link for link in range(len(world.ends)) if rng.random() > UNKNOWN}
    _load(world, rng, hosts)
    return world


def _place_servers(world: World, rng: Rng, hosts: list[int]) -> None:
    near = [one for one in hosts if world.sites[one] == 0] or hosts[:8]
    chosen = [int(one) for one in rng.choice(near, size=min(len(near), 4), replace=False)]
    chosen += [int(one) for one in rng.choice([one for one in hosts if one not in chosen], size=2, replace=False)]
    world.servers, world.names = chosen, set(chosen[:1] + chosen[-1:])
    names, apps = sorted(world.names), [one for one in chosen if one not in world.names]
    for host in hosts:
        if host not in chosen:
            world.needs.append((host, names[int(rng.integers(len(names)))]))
            if rng.random() < 0.6:
                world.needs.append((host, apps[int(rng.integers(len(apps)))]))


def _place_viewers(world: World, rng: Rng, hosts: list[int]) -> None:
    free = [one for one in hosts if one not in world.servers]
    chosen = rng.choice(free, size=1 + int(rng.integers(1, 4)), replace=False)
    world.viewers = [int(one) for one in chosen]
    pollers = range(1, len(world.viewers))
    for node, role in enumerate(world.roles):
        if role == HOST:
            world.looked_at.append((0, node))
        if role != HOST or rng.random() < 0.4:
            first = int(rng.choice(pollers))
            world.looked_at.append((first, node))
            if rng.random() < 0.3 and len(pollers) > 1:
                world.looked_at.append((int(rng.choice([one for one in pollers if one != first])), node))


def _load(world: World, rng: Rng, hosts: list[int]) -> None:
    """Traffic from hosts to servers and to some others, and lines that carry it with room to spare."""
    weight = rng.lognormal(0.0, 1.0, len(world.roles))
    some = [int(one) for one in rng.choice(hosts, size=min(len(hosts), 20), replace=False)]
    for host in hosts:
        targets = rng.choice(world.servers, size=2, replace=False).tolist() + rng.choice(some, size=2).tolist()
        for target in targets:
            if target != host:
                world.demands.append((host, int(target), 10.0 * float(weight[host] * weight[target])))
    load = Ways(len(world.roles), world.ends).loads(world.demands)
    wanted = np.maximum(load / rng.uniform(0.3, 0.7, len(load)), 1.0)
    world.capacity = np.maximum(wanted, 100.0)
