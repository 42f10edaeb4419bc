"""Who answers ARP on the networks that this machine is in: by scapy where it may open raw sockets, and what the kernel
has learned by itself."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_TABLE: Final = Path("/proc/net/arp")
_COMPLETE: Final = 0x2
_NOBODY: Final = "00:00:00:00:00:00"


@dataclass(frozen=True, slots=True)
class Attached:
    """A network that an interface is in."""

    interface: str
    network: ipaddress.IPv4Network


def attached() -> list[Attached]:
    """The IPv4 networks of this machine, without loopback."""
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family is socket.AF_INET and one.netmask:
                interface = ipaddress.ip_interface(f"{one.address}/{one.netmask}")
                if isinstance(interface, ipaddress.IPv4Interface) and not interface.ip.is_loopback:
                    found.append(Attached(name, interface.network))
    return found


def near(addresses: Iterable[str], networks: Sequence[Attached]) -> dict[str, list[str]]:
    """Those of the addresses that are on a network of ours, by interface."""
    found: dict[str, list[str]] = {}
    for text in addresses:
        address = ipaddress.ip_address(text)
        for one in networks:
            if address in one.network:
                found.setdefault(one.interface, []).append(text)
                break
    return found


async def ask(addresses: Sequence[str], packets_per_s: float, timeout_s: float = 1.0) -> dict[str, str]:
    """The MAC addresses of those that answer ARP; empty where scapy is not installed or raw sockets are not allowed."""
    by_interface = near(addresses, attached())
    found: dict[str, str] = {}
    for interface, wanted in by_interface.items():
        try:
            found |= await asyncio.to_thread(_ask, interface, wanted, packets_per_s, timeout_s)
        except (ImportError, OSError):  # what the kernel learns from pings is left
            break
    return found


def _ask(interface: str, addresses: Sequence[str], packets_per_s: float, timeout_s: float) -> dict[str, str]:
    logging.getLogger("scapy").setLevel(logging.ERROR)  # else it writes of routes that this machine has not
    from scapy.layers.l2 import ARP, Ether
    from scapy.sendrecv import srp

    requests = [Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=address) for address in addresses]
    answered, _ = srp(requests, iface=interface, timeout=timeout_s, inter=1 / packets_per_s, verbose=0)
    wanted = set(addresses)
    return {reply.psrc: reply.hwsrc.lower() for _, reply in answered if reply.psrc in wanted}


def learned(path: Path = _TABLE) -> Mapping[str, str]:
    """What the kernel knows: MAC addresses by IPv4 address (proc(5), /proc/net/arp)."""
    try:
        lines = path.read_text().splitlines()[1:]
    except OSError:
        return {}
    rows = [line.split() for line in lines]
    return {row[0]: row[3] for row in rows if len(row) > 3 and int(row[2], 16) & _COMPLETE and row[3] != _NOBODY}
