"""Who is on a link of IPv6, which is too large to be asked address by address: the kernel's neighbours, and whoever
answers a ping to all nodes (RFC 4291, 2.7.1)."""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
from ipaddress import IPv6Network
from typing import Final

from netmon_agent.discovery.link import attached
from netmon_agent.surroundings import netlink

ALL_NODES: Final = "ff02::1"
MOST_ANSWERS: Final = 4096
ASKED: Final = 2
"""Times that all nodes are asked: a multicast is not repeated by anybody else."""
_REQUEST, _REPLY = 128, 129


class NotAttached(Exception):
    """No interface is in the network."""


async def on_link(network: IPv6Network, timeout_s: float) -> list[str]:
    """The addresses of a network that somebody has, sorted. Raises NotAttached, OSError."""
    ours = [one for one in attached() if isinstance(one.network, IPv6Network) and one.network.subnet_of(network)]
    if not ours:
        raise NotAttached(f"{network} is too large to be asked address by address, and this agent is not in it")
    found = {one.address for one in netlink.neighbours()}
    for one in ours:
        # From our own address in that network, so that others answer from theirs (RFC 6724, rule 8).
        found |= await _ask(socket.if_nametoindex(one.interface), str(one.address), timeout_s)
    mine = {one.address for one in ours}
    every = {ipaddress.ip_address(text) for text in found}
    return [str(one) for one in sorted(every, key=int) if one in network and one not in mine]


async def _ask(index: int, source: str, timeout_s: float) -> set[str]:
    loop, found = asyncio.get_running_loop(), set[str]()
    with contextlib.closing(_open(index, source)) as opened:
        for number in range(ASKED):
            request = struct.pack(">BBHHH", _REQUEST, 0, 0, os.getpid() & 0xFFFF, number)
            await loop.sock_sendto(opened, request, (ALL_NODES, 0, 0, index))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s / ASKED):
                    while len(found) < MOST_ANSWERS:
                        answer, sender = await loop.sock_recvfrom(opened, 2048)
                        if answer[:1] == bytes([_REPLY]):
                            found.add(sender[0].partition("%")[0])
    return found


def _open(index: int, source: str) -> socket.socket:
    """A socket for pings, without special rights where the system lets it."""
    try:
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)
    except PermissionError:
        opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
    opened.bind((source, 0))
    return opened
