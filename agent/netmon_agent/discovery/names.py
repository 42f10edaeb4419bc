"""What an address is called: by its name server, and by what the host itself says (mDNS, NetBIOS, SSDP).

All but the name server's question goes to the host alone, never to a group: nobody else is bothered.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Final

LONGEST: Final = 253
_NETBIOS_ASKED: Final = (
    b"\x6e\x6d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20" + b"CK" + b"A" * 30 + b"\x00\x00\x21\x00\x01"
)
"""NODE STATUS REQUEST for the name * (RFC 1002, 4.2.17)."""
_NETBIOS_NAMES: Final = 56
"""Where the number of names stands in the answer."""
_PTR: Final = 12
_SEARCH: Final = 'M-SEARCH * HTTP/1.1\r\nHOST: {host}\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n\r\n'
"""UPnP Device Architecture 1.1, 1.3.2."""


async def names_of(address: str, timeout_s: float) -> dict[str, str]:
    """The names of a host by their source: dns, mdns, netbios, ssdp; those that nobody tells are not there."""
    ways: dict[str, Callable[[str], Awaitable[str]]] = {
        "dns": _dns,
        "mdns": _mdns,
        "netbios": _netbios,
        "ssdp": _ssdp,
    }

    async def ask(way: Callable[[str], Awaitable[str]]) -> str:
        try:
            async with asyncio.timeout(timeout_s):
                return _clean(await way(address))
        except (OSError, ValueError, LookupError):
            return ""

    found = await asyncio.gather(*(ask(way) for way in ways.values()))
    return {source: name for source, name in zip(ways, found, strict=True) if name}


def _clean(text: str) -> str:
    return "".join(one for one in text if one.isprintable()).strip().rstrip(".")[:LONGEST]


async def _dns(address: str) -> str:
    from dns.asyncresolver import resolve_address
    from dns.exception import DNSException

    try:
        return str((await resolve_address(address))[0])
    except DNSException:
        return ""


async def _mdns(address: str) -> str:
    """A question by unicast (RFC 6762, 5.5), which a responder answers like a name server."""
    from dns.message import make_query
    from dns.reversename import from_address

    return read_mdns(await _exchange(address, 5353, make_query(from_address(address), "PTR").to_wire()))


def read_mdns(answer: bytes) -> str:
    """The first name in an answer; empty where there is none."""
    from dns.exception import DNSException
    from dns.message import from_wire

    try:
        message = from_wire(answer)
    except DNSException:
        return ""
    return next((str(one) for rows in message.answer for one in rows if one.rdtype == _PTR), "")


async def _netbios(address: str) -> str:
    return read_node_status(await _exchange(address, 137, _NETBIOS_ASKED))


def read_node_status(answer: bytes) -> str:
    """The first name of the host's own in a NODE STATUS RESPONSE (RFC 1002, 4.2.18)."""
    if len(answer) <= _NETBIOS_NAMES:
        return ""
    for number in range(answer[_NETBIOS_NAMES]):
        row = answer[_NETBIOS_NAMES + 1 + 18 * number :][:18]
        if len(row) == 18 and row[15] == 0 and not row[16] & 0x80:
            return row[:15].decode("ascii", "replace")
    return ""


async def _ssdp(address: str) -> str:
    host = f"[{address}]:1900" if ":" in address else f"{address}:1900"
    return read_ssdp(await _exchange(address, 1900, _SEARCH.format(host=host).encode()))


def read_ssdp(answer: bytes) -> str:
    """What answers a search calls itself: its operating system, UPnP's version, its product."""
    lines = answer.decode("utf-8", "replace").splitlines()[1:]
    headers = dict(line.partition(":")[::2] for line in lines if ":" in line)
    return next((value for name, value in headers.items() if name.strip().lower() == "server"), "")


async def _exchange(address: str, port: int, question: bytes) -> bytes:
    """The first datagram that comes back from this very address."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as opened:
        opened.setblocking(False)
        opened.connect((address, port))
        await loop.sock_sendall(opened, question)
        return await loop.sock_recv(opened, 65_535)
