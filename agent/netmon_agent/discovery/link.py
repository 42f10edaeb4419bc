"""Who answers ARP on the networks that this machine is in: by scapy where it may open raw sockets, and what the kernel
has learned by itself."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from netmon_agent.surroundings import netlink


@dataclass(frozen=True, slots=True)
class Attached:
    """A network that an interface is in, by an address of its own."""

    interface: str
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    network: ipaddress.IPv4Network | ipaddress.IPv6Network


def attached() -> list[Attached]:
    """The networks of this machine, without loopback."""
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.netmask:
                prefix = int(ipaddress.ip_address(one.netmask)).bit_count()
                interface = ipaddress.ip_interface(f"{one.address.partition('%')[0]}/{prefix}")
                if not interface.ip.is_loopback:
                    found.append(Attached(name, interface.ip, interface.network))
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


def beside(addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that are reached without a router and are not our own: they answer ARP, or not at all."""
    ours = attached()
    own = {str(one.address) for one in ours}
    return {address for found in near(addresses, ours).values() for address in found} - own


async def ask(addresses: Sequence[str], packets_per_s: float, timeout_s: float = 1.0) -> dict[str, str]:
    """The MAC addresses of those that answer ARP; empty where scapy is not installed or raw sockets are not allowed."""
    by_interface = near((one for one in addresses if ":" not in one), attached())
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


def learned() -> Mapping[str, str]:
    """What the kernel knows: MAC addresses by address, IPv4 and IPv6."""
    return {one.address: one.mac for one in netlink.neighbours()}
