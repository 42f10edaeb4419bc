"""A device whose values a test changes: a real SNMP v2c agent on loopback, for GET, GETNEXT and GETBULK."""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping
from typing import cast

COUNTER32, GAUGE32, TICKS, COUNTER64 = 0x41, 0x42, 0x43, 0x46
_GET, _NEXT, _RESPONSE, _BULK = 0xA0, 0xA1, 0xA2, 0xA5
_NO_OBJECT, _END = b"\x80\x00", b"\x82\x00"
Value = int | str | bytes | tuple[int, int]
"""An integer, an OID, octets, or a number with its tag."""


class Scripted:
    """Answers with what `values` holds by OID at that moment; gives its port while it is open."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = dict(values)
        self.requests = 0

    async def __aenter__(self) -> int:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Port(self), local_addr=("127.0.0.1", 0))
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def answer(self, datagram: bytes) -> bytes:
        self.requests += 1
        (message,) = _parse(datagram)
        version, community, (tag, body) = _parse(message[1])
        number, first, second, (_, variables) = _parse(body)
        oids = [_arcs(_parse(one)[0][1]) for _, one in _parse(variables)]
        ordered = sorted((tuple(map(int, oid.split("."))), value) for oid, value in self.values.items())
        found = self._bulk(ordered, oids, first, second) if tag == _BULK else self._each(ordered, oids, tag)
        encoded = b"".join(_tlv(0x30, _oid(arcs) + value) for arcs, value in found)
        pdu = _tlv(*number) + b"\x02\x01\x00\x02\x01\x00" + _tlv(0x30, encoded)
        return _tlv(0x30, _tlv(*version) + _tlv(*community) + _tlv(_RESPONSE, pdu))

    def _each(self, ordered: "Ordered", oids: list["Arcs"], tag: int) -> list[tuple["Arcs", bytes]]:
        if tag == _NEXT:
            return [_after(ordered, oid) for oid in oids]
        known = dict(ordered)
        return [(oid, _encoded(known[oid]) if oid in known else _NO_OBJECT) for oid in oids]

    def _bulk(
        self, ordered: "Ordered", oids: list["Arcs"], first: tuple[int, bytes], second: tuple[int, bytes]
    ) -> list[tuple["Arcs", bytes]]:
        once = int.from_bytes(first[1], "big")
        found = [_after(ordered, oid) for oid in oids[:once]]
        for oid in oids[once:]:
            for _ in range(int.from_bytes(second[1], "big")):
                oid, value = _after(ordered, oid)
                found.append((oid, value))
                if value == _END:
                    break
        return found


Arcs = tuple[int, ...]
Ordered = list[tuple[Arcs, Value]]


def _after(ordered: Ordered, oid: Arcs) -> tuple[Arcs, bytes]:
    place = bisect_right(ordered, oid, key=lambda one: one[0])
    return (ordered[place][0], _encoded(ordered[place][1])) if place < len(ordered) else (oid, _END)


def _encoded(value: Value) -> bytes:
    match value:
        case tuple():
            return _tlv(value[0], value[1].to_bytes(value[1].bit_length() // 8 + 1, "big"))
        case int():
            return _tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
        case str():
            return _oid(tuple(map(int, value.split("."))))
        case bytes():
            return _tlv(4, value)


class _Port(asyncio.DatagramProtocol):
    def __init__(self, device: Scripted) -> None:
        self._device = device

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._device.answer(data), addr)


def _parse(octets: bytes) -> list[tuple[int, bytes]]:
    found, place = [], 0
    while place < len(octets):
        tag, size, place = octets[place], octets[place + 1], place + 2
        if size & 0x80:
            more = size & 0x7F
            size, place = int.from_bytes(octets[place : place + more], "big"), place + more
        found.append((tag, octets[place : place + size]))
        place += size
    return found


def _arcs(octets: bytes) -> Arcs:
    arcs, arc = [octets[0] // 40, octets[0] % 40], 0
    for octet in octets[1:]:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    return tuple(arcs)


def _oid(arcs: Arcs) -> bytes:
    octets = bytearray([40 * arcs[0] + arcs[1]])
    for arc in arcs[2:]:
        piece = [arc & 0x7F]
        while arc := arc >> 7:
            piece.insert(0, 0x80 | arc & 0x7F)
        octets += bytes(piece)
    return _tlv(6, bytes(octets))


def _tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x82, *size.to_bytes(2, "big")])) + body
