"""The lab's network as it is built, which is what the map must come to.

Four routers in a ring, each with an AS of its own; two of them join a LAN of three switches in a triangle, which
spanning tree opens. A port is called after what is at its other end.
"""

from collections.abc import Sequence
from typing import Final

ROUTERS: Final = ("r1", "r2", "r3", "r4")
SWITCHES: Final = ("s1", "s2", "s3")
POLLERS: Final = ("p1", "p2")
HOSTS: Final = tuple(f"h{number}" for number in range(1, 11))
NODES: Final = (*ROUTERS, *SWITCHES, *POLLERS, *HOSTS)

RING: Final = {("r1", "r2"): "10.1.12", ("r2", "r4"): "10.1.24", ("r3", "r4"): "10.1.34", ("r1", "r3"): "10.1.13"}
"""Cables between routers, and the beginnings of their networks."""
TRUNKS: Final = (("r1", "s1"), ("r2", "s2"), ("s1", "s2"), ("s2", "s3"), ("s1", "s3"))
AT: Final = {
    **dict.fromkeys(("p1", "h1", "h2", "h3", "h4"), "s1"),
    **dict.fromkeys(("h5", "h6", "h7"), "s2"),
    **dict.fromkeys(("p2", "h8", "h9", "h10"), "s3"),
}
"""The switch of each host."""
LAN: Final = {
    **{name: f"10.20.0.{number}" for number, name in enumerate(ROUTERS[:2], 1)},
    **{name: f"10.20.0.{number}" for number, name in enumerate(SWITCHES, 11)},
    **{name: f"10.20.0.{number}" for number, name in enumerate(POLLERS, 21)},
    **{name: f"10.20.0.{number}" for number, name in enumerate(HOSTS, 101)},
}
LAN_PREFIX: Final = 24
GATEWAY: Final = {"p1": "r1", "p2": "r2"}


def cables() -> list[tuple[str, str]]:
    """All cables, each once."""
    return [*RING, *TRUNKS, *AT.items()]


def ring_address(router: str, other: str) -> str:
    """A router's address on its cable to another one."""
    pair = (router, other) if (router, other) in RING else (other, router)
    return f"{RING[pair]}.{1 + pair.index(router)}"


def loopback(router: str) -> str:
    return f"10.0.0.{ROUTERS.index(router) + 1}"


def ring_neighbours(router: str) -> list[str]:
    return [other for pair in RING for other in pair if router in pair and other != router]


def mac(node: str, port: int = 0) -> str:
    """The address of a node's port, counted from 1; 0 is that of a switch itself."""
    return f"02:1a:b0:00:{NODES.index(node):02x}:{port:02x}"


def addresses_polled() -> dict[str, str]:
    """Where the pollers ask each device."""
    return {**{name: loopback(name) for name in ROUTERS}, **{name: LAN[name] for name in SWITCHES}}


def links_of_cables(hosts: Sequence[str] = ()) -> set[frozenset[str]]:
    """All links of layer 2 between devices and to some hosts, as `Monitoring.links` gives them."""
    known = (*RING, *TRUNKS, *((host, AT[host]) for host in hosts))
    return {frozenset({f"{one} to-{other}", f"{other} to-{one}"}) for one, other in known}


def links_of_networks(hosts: Sequence[str] = ()) -> set[frozenset[str]]:
    """All links of layer 3: the ring's, a spoke for each address in the LAN, and from hosts to their routers."""
    ring = {frozenset({f"{one} to-{other}", f"{other} to-{one}"}) for one, other in RING}
    near = {"r1": "to-s1", "r2": "to-s2", **dict.fromkeys(SWITCHES, "br0")}
    ports = near | {host: f"to-{AT[host]}" for host in hosts}
    spokes = {frozenset({f"{node} {port}", "subnet::10.20.0.0/24"}) for node, port in ports.items()}
    routes = {frozenset({f"{host} {ports[host]}", f"{GATEWAY[host]} {near[GATEWAY[host]]}"}) for host in hosts}
    return ring | spokes | routes
