"""LLDP frames (IEEE 802.1AB), which switches send to whoever listens. What is in them is hostile text."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ETHERTYPE: Final = b"\x88\xcc"
_LONGEST: Final = 255
_END, _CHASSIS, _PORT, _TTL, _PORT_DESCR, _NAME, _DESCR, _CAPABILITIES, _ADDRESS = range(9)
_BY_MAC: Final = {_CHASSIS: 4, _PORT: 3}
_BY_ADDRESS: Final = {_CHASSIS: 5, _PORT: 4}
"""Subtypes of chassis and port ids that are MAC addresses, and network addresses."""
_FAMILIES: Final = {1: socket.AF_INET, 2: socket.AF_INET6}
"""IANA address family numbers, as in LLDP."""


class Malformed(ValueError):
    """It is no LLDP frame."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a neighbour says of itself, by the fields of the table `neighbour`; gone after `ttl_s`, 0: at once."""

    ttl_s: int
    chassis: str
    chassis_type: int
    port: str
    port_type: int
    port_descr: str = ""
    name: str = ""
    descr: str = ""
    address: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Who it is: the same in all frames of a neighbour (MSAP identifier)."""
        return self.chassis, self.port


def decode(frame: bytes) -> Heard:
    """An Ethernet frame's LLDP, with or without a VLAN tag. Raises Malformed."""
    start = 16 if frame[12:14] == b"\x81\x00" else 12
    if frame[start : start + 2] != _ETHERTYPE:
        raise Malformed("no LLDP")
    found: dict[int, bytes] = {}
    for kind, value in _items(frame[start + 2 :]):
        found.setdefault(kind, value)
    if not {_CHASSIS, _PORT, _TTL} <= found.keys() or len(found[_TTL]) < 2:
        raise Malformed("one of chassis, port and time to live is missing")
    chassis, chassis_type = _identifier(_CHASSIS, found[_CHASSIS])
    port, port_type = _identifier(_PORT, found[_PORT])
    return Heard(
        int.from_bytes(found[_TTL][:2], "big"),
        chassis,
        chassis_type,
        port,
        port_type,
        port_descr=_text(found.get(_PORT_DESCR, b"")),
        name=_text(found.get(_NAME, b"")),
        descr=_text(found.get(_DESCR, b"")),
        address=_management(found.get(_ADDRESS, b"")),
    )


def _items(rest: bytes) -> Iterator[tuple[int, bytes]]:
    """Types and values; 7 bits of type, 9 of length. Raises Malformed."""
    place = 0
    while place + 2 <= len(rest):
        head = int.from_bytes(rest[place : place + 2], "big")
        kind, length = head >> 9, head & 0x1FF
        if kind == _END:
            return
        value = rest[place + 2 : place + 2 + length]
        if len(value) < length:
            raise Malformed("it is cut off")
        yield kind, value
        place += 2 + length


def _identifier(kind: int, value: bytes) -> tuple[str, int]:
    if len(value) < 2:
        raise Malformed("an identifier is empty")
    subtype, rest = value[0], value[1:]
    if subtype == _BY_MAC[kind] and len(rest) == 6:
        return rest.hex(":"), subtype
    if subtype == _BY_ADDRESS[kind]:
        return _network_address(rest), subtype
    return _text(rest), subtype


def _management(value: bytes) -> str:
    """The address of a management address TLV: its length with the family, the family, the address."""
    return _network_address(value[1 : 1 + value[0]]) if value else ""


def _network_address(value: bytes) -> str:
    """A family and an address; empty for what is none of IPv4 and IPv6."""
    family = _FAMILIES.get(value[0]) if value else None
    if family is None or len(value) != (5 if family == socket.AF_INET else 17):
        return ""
    return socket.inet_ntop(family, value[1:])


def _text(value: bytes) -> str:
    text = value.rstrip(b"\x00").decode("utf-8", "replace")
    return "".join(one if one.isprintable() else " " for one in text)[:_LONGEST].strip()
