"""What this host knows of its networks without sending anything: addresses, routes, neighbours."""

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from netmon_agent.discovery.link import learned
from netmon_cli.failure import Exit
from netmon_cli.output import Column, Paper, escape, table, write_json, write_lines

MOST_ADDRESSES = 1024
"""Networks of more are not offered for a sweep."""
MOST_SHOWN = 50
_ROUTES = Path("/proc/net/route")


@dataclass(frozen=True, slots=True)
class HostSight:
    """Own addresses as (interface, address/prefix), routes as (network, next hop or "", interface), and neighbours as
    (address, MAC address)."""

    addresses: list[tuple[str, str]]
    routes: list[tuple[str, str, str]]
    neighbours: list[tuple[str, str]]

    @property
    def offered(self) -> list[str]:
        """The networks that this host is in and that are small enough to be swept at a glance."""
        found = dict.fromkeys(str(ipaddress.ip_interface(text).network) for _, text in self.addresses)
        return [one for one in found if 2 < ipaddress.ip_network(one).num_addresses <= MOST_ADDRESSES]


def look_around() -> HostSight:
    """Reads what the kernel knows."""
    return HostSight(list(_addresses()), list(_routes()), sorted(learned().items()))


def show(as_json: bool, on: Paper) -> Exit:
    """What this host knows, and the commands that would find out more. Sends nothing."""
    seen = look_around()
    if as_json:
        write_json({"addresses": seen.addresses, "routes": seen.routes, "neighbours": seen.neighbours})
        return Exit.FINE
    lines: list[str] = []
    for titles, rows in (
        (("INTERFACE", "ADDRESS"), seen.addresses),
        (("NETWORK", "THROUGH", "INTERFACE"), seen.routes),
        (("NEIGHBOUR", "MAC"), seen.neighbours[:MOST_SHOWN]),
    ):
        if rows:
            cells = [[escape(one) for one in row] for row in rows]
            lines += [*table([Column(title) for title in titles], cells, on), ""]
    lines.append("Nothing was sent. To look for more:" if seen.offered else "There is no network to look around in.")
    lines += [f"  netmon discover {network}" for network in seen.offered]
    write_lines(lines)
    return Exit.FINE


def _addresses() -> Iterator[tuple[str, str]]:
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family is socket.AF_INET and one.netmask and not one.address.startswith("127."):
                yield name, str(ipaddress.ip_interface(f"{one.address}/{one.netmask}"))


def _routes(path: Path = _ROUTES) -> Iterator[tuple[str, str, str]]:
    """IPv4 routes of the main table, as /proc/net/route has them: addresses as little-endian hex."""
    try:
        lines = path.read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        interface, destination, gateway, *rest = line.split()
        network = f"{_address(destination)}/{_address(rest[4])}"
        hop = _address(gateway)
        yield str(ipaddress.ip_network(network, strict=False)), "" if hop == "0.0.0.0" else hop, interface  # noqa: S104


def _address(digits: str) -> str:
    return str(ipaddress.IPv4Address(int(digits, 16).to_bytes(4, "little")))
