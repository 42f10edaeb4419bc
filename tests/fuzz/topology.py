"""Random facts of devices that lie, loop, contradict each other and hate us: a map and identities come of them, in
bounded time and memory, and what is asked of the map is answered.

    python tests/fuzz/topology.py [SECONDS [SEED]]

One in a hundred inputs has a table of forwarding or of ARP of 200,000 rows or two million, over few ports or very many.
"""

import json
import random
from collections.abc import Callable

from netmon_collector.identity.ports import KnownPort, know_again
from netmon_collector.identity.reading import read_ports, read_witnesses
from netmon_collector.identity.registry import Registry
from netmon_collector.topology.draw import draw
from netmon_collector.topology.graph import End, Graph
from netmon_collector.topology.history import AddressBook, HostBook, LinkBook
from netmon_collector.topology.reading import read_told
from netmon_proto.model import DeviceFacts, FactTable
from tests.support.fuzzing import main

TEXTS = [
    *"ge1 Gi1/0/1 GigabitEthernet1/0/1 sw1 sw1.example.net <script> ../.. %s%n {} FOC1111A unmanaged:sw1".split(),
    *"00:1a:00:00:00:01 ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01 00:00:00:00:00:00 10.0.0.1 fe80::1 :: 1.1.1".split(),
    *"-1 0 1 2 3 4 5 24 33 4294967295 \uff11 subnet::10.0.0.0/24 \u00e9 \u202e".split(),
    *("", "a" * 1024, "9" * 30, "'; DROP TABLE", "\x00", "\n\r\t", "\U0001d54f"),
]
KINDS = {
    "device": ("engine_id", "bridge_address", "router_id", "forwarding"),
    "port": ("ifIndex", "name", "descr", "alias", "type", "mac", "oper", "speed_bps", "speed_mbps"),
    "lag": ("ifIndex", "group", "partner"),
    "address": ("address", "prefix", "ifIndex"),
    "virtual-address": ("protocol", "ifIndex", "address"),
    "arp": ("address", "mac", "ifIndex"),
    "route": ("destination", "prefix", "next_hop", "ifIndex", "type"),
    "bridge": ("address", "root"),
    "vlan-port": ("vlan", "ifIndex", "tagged"),
    "bridge-port": ("port", "ifIndex", "pvid"),
    "stp-port": ("ifIndex", "state", "designated_bridge", "designated_port"),
    "fdb": ("mac", "vlan", "ifIndex", "status"),
    "neighbour": ("protocol", "ifIndex", "chassis", "chassis_type", "port", "port_type", "port_descr", "name"),
    "ospf-neighbour": ("address", "router", "state"),
    "bgp-peer": ("address", "as", "state"),
    "part": ("index", "within", "class", "serial", "ifIndex", "name"),
}


def text(rng: random.Random, field: str) -> str:
    if rng.random() < 0.2:
        return rng.choice(TEXTS)
    if field in ("mac", "chassis", "bridge_address", "designated_bridge", "root"):
        return f"00:1a:00:00:00:{rng.randrange(24):02x}"
    if field in ("address", "next_hop", "router", "router_id", "destination"):
        return f"10.0.{rng.randrange(3)}.{rng.randrange(8)}"
    if field in ("ifIndex", "group", "index", "within"):
        return str(rng.randrange(10))
    if field in ("name", "port", "descr", "alias", "port_descr"):
        return rng.choice([f"ge{rng.randrange(10)}", f"sw{rng.randrange(6)}"])
    return str(rng.randrange(12))


def facts(rng: random.Random, device: str) -> DeviceFacts:
    tables = []
    for kind, fields in KINDS.items():
        rows = rng.choice([0, 1, 3, 8, 30])
        chosen = [field for field in fields if rng.random() < 0.95]
        columns = {field: tuple(text(rng, field) for _ in range(rows)) for field in chosen}
        if rng.random() < 0.95:
            tables.append(FactTable(kind, columns, rng.random() < 0.9))
    return DeviceFacts(device, rng.randrange(1 << 40), tuple(tables))


def huge(rng: random.Random, device: str) -> DeviceFacts:
    """A large table of forwarding or of ARP, over few or very many ports."""
    rows, ports = rng.choice([200_000, 2_000_000]), rng.choice([1, 48, 100_000])
    start = rng.randrange(1 << 30)
    macs = tuple(
        f"02:00:{n >> 24 & 255:02x}:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
        for n in range(start, start + rows)
    )
    indexes = tuple(str(1 + n % ports) for n in range(rows))
    columns = {"mac": macs, "ifIndex": indexes}
    if rng.random() < 0.5:
        return DeviceFacts(device, 0, (FactTable("fdb", columns),))
    addresses = tuple(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(start, start + rows))
    return DeviceFacts(device, 0, (FactTable("arp", {"address": addresses, **columns}),))


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    seed = rng.randrange(1 << 62)
    return json.dumps({"seed": seed}).encode(), work


def work(data: bytes) -> bool:
    """Draws two maps of the same devices, which tell something else at the second time, and asks for ways."""
    rng = random.Random(json.loads(data)["seed"])
    names = [f"sw{number}" for number in range(rng.randrange(1, 8))]
    is_huge = rng.random() < 0.01
    links, hosts, addresses, registry = LinkBook(), HostBook(), AddressBook(), Registry()
    ports: dict[str, dict[str, KnownPort]] = {}
    for now_ms in (0, 60_000):
        told = []
        for name in names:
            given = huge(rng, name) if is_huge and name == names[0] else facts(rng, name)
            told.append(read_told(given, [rng.choice(TEXTS), name], rng.choice(["", "north"])))
            addresses.enter(told[-1])
            ports[name], keys = know_again(ports.get(name, {}), read_ports(given), now_ms)
            assert len(set(keys.values())) == len(keys), "two ports are one"
            known = {"serial": text(rng, "serial"), "sys_name": rng.choice(TEXTS)}
            registry.see(name, "", read_witnesses(given, known), now_ms)
        drawing = draw(told, now_ms)
        links.enter(drawing, frozenset([End("sw0", "ge1")]), now_ms)
        hosts.enter(drawing.places, now_ms)
        check(drawing.graph, names)
        check(links.graph(drawing.graph.nodes.values()), names)
    return True


def check(graph: Graph, names: list[str]) -> None:
    """Ways end where they should, avoid nobody that they cannot, and all text can be shown."""
    cuts = graph.cuts()
    for link in graph.links:
        assert link.a <= link.b
        assert 0.0 <= link.confidence <= 1.0
        assert (link.a.node + link.a.port + link.b.node + link.b.port).isprintable()
    for goal in names:
        path = graph.between(names[0], goal)
        if path is not None:
            assert (path.nodes[0], path.nodes[-1]) == (names[0], goal)
            assert set(path.cuts) <= cuts
            assert all(goal in graph.downstream(one, names[0]) for one in path.cuts)


if __name__ == "__main__":
    main("topology", make)
