"""What this host knows, as tables of facts: docs/facts.md has their fields."""

import ipaddress
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from netmon_agent.surroundings import netlink
from netmon_agent.surroundings.lldp import Heard
from netmon_proto.model import FactTable

MOST_ROWS: Final = 4096
"""Of a table; a host with more containers than that is not told of in full."""
_SYS: Final = Path("/sys/class/net")
_UP, _DOWN = "1", "2"
_CONNECTED, _THROUGH_OTHERS = "3", "4"
_PLACES: Final = {
    "port": ("ifIndex", "name", "mac", "mtu", "type", "speed_mbps", "admin", "oper"),
    "address": ("address", "prefix", "ifIndex"),
    "arp": ("address", "mac", "ifIndex"),
    "route": ("destination", "prefix", "next_hop", "ifIndex", "type"),
    "neighbour": (
        *("protocol", "ifIndex", "local_port", "chassis", "chassis_type", "port", "port_type", "port_descr"),
        *("name", "descr", "address"),
    ),
}


def tables(hostname: str, machine: str, heard: Sequence[tuple[str, Heard]]) -> tuple[FactTable, ...]:
    """All that this host knows of its network, and whom it has heard. Reads files; sends nothing."""
    indexes = _indexes()
    return (
        FactTable("device", {"machine_id": (machine,), "hostname": (hostname,)}),
        _table("port", _ports(indexes)),
        _table("address", _addresses(indexes)),
        _table("arp", ((one.address, one.mac, str(one.index)) for one in netlink.neighbours())),
        _table("route", _routes()),
        _table("neighbour", (_neighbour(interface, one, indexes) for interface, one in heard)),
    )


def _table(kind: str, rows: Iterable[Sequence[str]]) -> FactTable:
    every = sorted(map(tuple, rows))
    fields = _PLACES[kind]
    columns = {name: tuple(row[place] for row in every[:MOST_ROWS]) for place, name in enumerate(fields)}
    return FactTable(kind, columns, is_complete=len(every) <= MOST_ROWS)


def _indexes() -> Mapping[str, str]:
    return {name: str(index) for index, name in socket.if_nameindex()}


def _ports(indexes: Mapping[str, str]) -> Iterable[Sequence[str]]:
    stats = psutil.net_if_stats()
    macs = {
        name: next((one.address.lower() for one in addresses if one.family == psutil.AF_LINK), "")
        for name, addresses in psutil.net_if_addrs().items()
    }
    for name, index in indexes.items():
        known = stats.get(name)
        speed = str(known.speed) if known and known.speed else ""
        state = _UP if known and known.isup else _DOWN
        admin = _UP if known and "up" in known.flags.split(",") else _DOWN
        mtu = str(known.mtu) if known else ""
        yield index, name, macs.get(name, ""), mtu, _kind(name), speed, admin, state


def _kind(name: str) -> str:
    """ifType: 24 for loopback, 6 for what looks like Ethernet (ARPHRD numbers, if_arp.h); else empty."""
    try:
        return {"772": "24", "1": "6"}.get((_SYS / name / "type").read_text().strip(), "")
    except OSError:
        return ""


def _addresses(indexes: Mapping[str, str]) -> Iterable[Sequence[str]]:
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.netmask:
                yield one.address.partition("%")[0], str(_length(one.netmask)), indexes.get(name, "")


def _length(netmask: str) -> int:
    return int(ipaddress.ip_address(netmask)).bit_count()


def _routes() -> Iterable[Sequence[str]]:
    for one in netlink.routes():
        kind = _THROUGH_OTHERS if one.next_hop else _CONNECTED
        yield one.destination, str(one.prefix), one.next_hop, str(one.index), kind


def _neighbour(interface: str, heard: Heard, indexes: Mapping[str, str]) -> Sequence[str]:
    return (
        *("lldp", indexes.get(interface, ""), interface, heard.chassis, str(heard.chassis_type)),
        *(heard.port, str(heard.port_type), heard.port_descr, heard.name, heard.descr, heard.address),
    )
