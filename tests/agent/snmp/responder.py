"""A device made of one function: it gets a request's bytes and gives the answer's, or nothing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

Answers = Callable[[bytes], bytes | None]


class Responder:
    """Listens on a port of loopback while it is open."""

    def __init__(self, answer: Answers, other_port: bool = False) -> None:
        self._answer = answer
        self._other_port = other_port
        self._transports: list[asyncio.DatagramTransport] = []

    async def __aenter__(self) -> int:
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", 0)
        other, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=address)
        listener, _ = await loop.create_datagram_endpoint(lambda: _Listener(self, other), local_addr=address)
        self._transports = [listener, other]
        port: int = listener.get_extra_info("sockname")[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        for transport in self._transports:
            transport.close()

    def reply(
        self, request: bytes, asker: tuple[str, int], here: asyncio.DatagramTransport, there: asyncio.DatagramTransport
    ) -> None:
        answer = self._answer(request)
        if answer is not None:
            (there if self._other_port else here).sendto(answer, asker)


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, responder: Responder, other: asyncio.DatagramTransport) -> None:
        self._responder = responder
        self._other = other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._responder.reply(data, addr, self._transport, self._other)


def response(request: bytes, values: Mapping[str, int], request_id_off_by: int = 0) -> bytes:
    """A v2c response of small TimeTicks to a request for community public."""
    variables = b"".join(_tlv(0x30, _oid(oid) + _tlv(0x43, bytes([value]))) for oid, value in values.items())
    return _answer(request, variables, _request_id(request) + request_id_off_by)


def walking(request: bytes, oids: Sequence[str]) -> bytes:
    """An answer to GETBULK with these OIDs in this order."""
    body = b"".join(_tlv(0x30, _oid(oid) + b"\x02\x01\x01") for oid in oids)
    return _answer(request, body, _request_id(request))


def _answer(request: bytes, variables: bytes, request_id: int) -> bytes:
    octets = request_id.to_bytes(request_id.bit_length() // 8 + 1, "big", signed=True)
    pdu = _tlv(0xA2, _tlv(2, octets) + b"\x02\x01\x00\x02\x01\x00" + _tlv(0x30, variables))
    return _tlv(0x30, b"\x02\x01\x01" + _tlv(4, b"public") + pdu)


def _request_id(request: bytes) -> int:
    """The number after the PDU's tag, of a request with the community public."""
    at = request.index(b"public") + len(b"public")
    length = request[at + 1]
    at += 2 if length < 0x80 else 2 + (length & 0x7F)
    return int.from_bytes(request[at + 2 : at + 2 + request[at + 1]], "big", signed=True)


def _oid(oid: str) -> bytes:
    first, second, *arcs = (int(arc) for arc in oid.split("."))
    octets = bytearray([40 * first + second])
    for arc in arcs:
        piece = [arc & 0x7F]
        while arc := arc >> 7:
            piece.insert(0, 0x80 | arc & 0x7F)
        octets += bytes(piece)
    return _tlv(6, bytes(octets))


def _tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes([size]) if size < 0x80 else bytes([0x82, *size.to_bytes(2, "big")])
    return bytes([tag]) + length + body
