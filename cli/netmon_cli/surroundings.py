"""What this host knows of its networks without sending anything: addresses, routes, neighbours, LLDP."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psutil

from netmon_agent.surroundings.ears import ask_lldpd
from netmon_agent.surroundings.netlink import neighbours, routes
from netmon_cli.failure import Exit
from netmon_cli.output import Column, Paper, escape, table, write_json, write_lines

MOST_ADDRESSES: Final = 1024
"""Networks of IPv4 of more are not offered for a sweep."""
_LINK: Final = 64
MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class HostSight:
    """Own addresses as (interface, address/prefix), routes as (network, next hop or "", interface), neighbours as
    (address, MAC address), and whom lldpd hears as (interface, name, port)."""

    addresses: list[tuple[str, str]]
    routes: list[tuple[str, str, str]]
    neighbours: list[tuple[str, str]]
    heard: list[tuple[str, str, str]]

    @property
    def offered(self) -> list[str]:
        """The networks that this host is in and that are small enough to be swept at a glance."""
        found = dict.fromkeys(ipaddress.ip_interface(text).network for _, text in self.addresses)
        return [str(one) for one in found if 2 < one.num_addresses <= MOST_ADDRESSES or _is_link(one)]


def look_around() -> HostSight:
    """Reads what the kernel and lldpd know."""
    names = dict(socket.if_nameindex())
    ways = [(f"{one.destination}/{one.prefix}", one.next_hop, names.get(one.index, "")) for one in routes()]
    near = sorted((one.address, one.mac) for one in neighbours())
    heard = [(interface, one.name or one.chassis, one.port) for interface, one in asyncio.run(ask_lldpd())]
    return HostSight(list(_addresses()), ways, near, heard)


def show(as_json: bool, on: Paper) -> Exit:
    """What this host knows, and the commands that would find out more. Sends nothing."""
    seen = look_around()
    if as_json:
        known = {name: getattr(seen, name) for name in ("addresses", "routes", "neighbours", "heard")}
        write_json(known)
        return Exit.FINE
    lines: list[str] = []
    for titles, rows in (
        (("INTERFACE", "ADDRESS"), seen.addresses),
        (("NETWORK", "THROUGH", "INTERFACE"), seen.routes[:MOST_SHOWN]),
        (("NEIGHBOUR", "MAC"), seen.neighbours[:MOST_SHOWN]),
        (("INTERFACE", "HEARS", "PORT"), seen.heard[:MOST_SHOWN]),
    ):
        if rows:
            cells = [[escape(one) for one in row] for row in rows]
            lines += [*table([Column(title) for title in titles], cells, on), ""]
    lines.append("Nothing was sent. To look for more:" if seen.offered else "There is no network to look around in.")
    lines += [f"  netmon discover {network}" for network in seen.offered]
    write_lines(lines)
    return Exit.FINE


def _is_link(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether it is a link of IPv6, whose hosts are asked all at once."""
    return network.version == 6 and network.prefixlen == _LINK and not network.is_link_local


def _addresses() -> Iterator[tuple[str, str]]:
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family not in (socket.AF_INET, socket.AF_INET6) or not one.netmask:
                continue
            prefix = int(ipaddress.ip_address(one.netmask)).bit_count()
            address = ipaddress.ip_interface(f"{one.address.partition('%')[0]}/{prefix}")
            if not address.ip.is_loopback:
                yield name, str(address)
