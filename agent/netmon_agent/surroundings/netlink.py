"""What the kernel knows of neighbours and routes, IPv4 and IPv6: rtnetlink(7), which needs no right."""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

MOST: Final = 10_000
"""A router of the Internet has a million routes: they are not read every few seconds."""
_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_NEIGHBOUR: Final = struct.Struct("=BBHiHBB")
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_DONE, _ERROR = 3, 2
_REQUEST_DUMP: Final = 0x301
_GET_NEIGHBOURS, _GET_ROUTES = 30, 26
_NDA_DST, _NDA_LLADDR = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_KNOWN_STATES: Final = 0x02 | 0x04 | 0x08 | 0x10 | 0x80
"""NUD_REACHABLE, STALE, DELAY, PROBE, PERMANENT: somebody answered, or people said so."""
_MAIN, _UNICAST = 254, 1
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An address and the MAC address that answers for it, on an interface by its number."""

    address: str
    mac: str
    index: int


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table; without a `next_hop` the network is on the interface itself."""

    destination: str
    prefix: int
    next_hop: str
    index: int


def neighbours() -> list[Neighbour]:
    """The neighbour cache, of each family the first MOST; empty where there is no rtnetlink."""
    return [one for payload in _dump(_GET_NEIGHBOURS) if (one := read_neighbour(payload))]


def routes() -> list[Route]:
    """Unicast routes of the main table, of each family the first MOST; empty where there is no rtnetlink."""
    return [one for payload in _dump(_GET_ROUTES) if (one := read_route(payload))]


def read_neighbour(payload: bytes) -> Neighbour | None:
    """A message RTM_NEWNEIGH; None for what is no neighbour that is known."""
    family, _, _, index, state, _, _ = _NEIGHBOUR.unpack_from(payload)
    found = dict(_attributes(payload[_NEIGHBOUR.size :]))
    mac = found.get(_NDA_LLADDR, b"")
    if family not in _FAMILIES or not state & _KNOWN_STATES or len(mac) != 6 or not any(mac) or mac[0] & 1:
        return None
    return Neighbour(_address(family, found.get(_NDA_DST, b"")), mac.hex(":"), index)


def read_route(payload: bytes) -> Route | None:
    """A message RTM_NEWROUTE; None for what is no way for packets to others."""
    family, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(payload)
    found = dict(_attributes(payload[_ROUTE.size :]))
    if _RTA_TABLE in found:
        table = int.from_bytes(found[_RTA_TABLE], "little")
    if family not in _FAMILIES or table != _MAIN or kind != _UNICAST or _RTA_OIF not in found:
        return None
    size = 4 if family == socket.AF_INET else 16
    destination = _address(family, found.get(_RTA_DST, bytes(size)))
    next_hop = _address(family, found[_RTA_GATEWAY]) if _RTA_GATEWAY in found else ""
    return Route(destination, prefix, next_hop, int.from_bytes(found[_RTA_OIF], "little"))


def _dump(kind: int) -> Iterator[bytes]:
    """The payloads of all objects of a kind, of both families."""
    if not hasattr(socket, "AF_NETLINK"):
        return
    for family in _FAMILIES:
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as asked:
                asked.settimeout(_TIMEOUT_S)
                body = struct.pack("=B15x", family)
                asked.sendto(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body, (0, 0))
                yield from islice(_answers(asked), MOST)
        except OSError:  # no such family in this kernel, or it was asked to be left alone
            continue


def _answers(asked: socket.socket) -> Iterator[bytes]:
    while True:
        received = asked.recv(1 << 18)
        place = 0
        while place + _HEADER.size <= len(received):
            length, kind, _, _, _ = _HEADER.unpack_from(received, place)
            if kind in (_DONE, _ERROR) or length < _HEADER.size:
                return
            yield received[place + _HEADER.size : place + length]
            place += (length + 3) & ~3


def _attributes(rest: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + _ATTRIBUTE.size <= len(rest):
        length, kind = _ATTRIBUTE.unpack_from(rest, place)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, rest[place + _ATTRIBUTE.size : place + length]
        place += (length + 3) & ~3


def _address(family: int, packed: bytes) -> str:
    return socket.inet_ntop(family, packed)
