"""Echo requests and replies on a socket: unprivileged where the system allows it, else raw (icmp(7))."""

import random
import socket
import struct
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

Address = tuple[str, int] | tuple[str, int, int, int]
"""What a socket of the family takes."""

LEAST_BYTES: Final = 12
"""What a request must hold to be known again: eight random bytes, and four for its number."""
NUMBERS: Final = 1 << 32
"""Requests are numbered below this."""

HEAD: Final = struct.Struct("!BBHHH8sHH")
"""Type, code, checksum, identifier, low half of the number; then the mark, the number's high half, and what makes the
sum of its low half and this one always the same, so that one checksum is right for 65,536 requests."""
_TIMESPEC: Final = struct.Struct("@ll")
_READ_BYTES: Final = 60 + HEAD.size
"""The longest IP header, and what we look at; the rest of a reply is not copied."""
_CONTROL_BYTES: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(4) if sys.platform != "win32" else 0
_BUFFER_BYTES: Final = 8 << 20
_IP_RECVTTL: Final = 12
SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1
_ICMP6_FILTER: Final = 1


Reply = tuple[int, bytes, int, int]
"""Of which request, from whom, the wall clock in ns when the kernel took it, and its hop limit, 0 where not known."""


@dataclass(slots=True)
class Targets:
    """Who is asked, in the forms that sockets take."""

    addresses: Sequence[Address]
    octets: list[bytes] = field(init=False)
    families: set[bool] = field(init=False)
    """Whether there are some of IPv6, and of IPv4."""
    names: memoryview = field(init=False)
    """A sockaddr for each, of 28 bytes."""

    def __post_init__(self) -> None:
        self.octets = [octets_of(one[0]) for one in self.addresses]
        self.families = {len(one) == 16 for one in self.octets}
        names = (_name(one, octets) for one, octets in zip(self.addresses, self.octets, strict=True))
        self.names = memoryview(b"".join(names))

    def __reduce__(self) -> tuple[type["Targets"], tuple[Sequence[Address]]]:
        """What sockets take does not travel: a daemon gets its configuration, with what is kept in it, by pickle."""
        return Targets, (self.addresses,)

    def __len__(self) -> int:
        return len(self.octets)

    def is_v6(self, place: int) -> bool:
        return len(self.octets[place]) == 16

    def alike(self, start: int, end: int) -> int:
        """Up to where, between these places, targets are of the first one's family."""
        size = len(self.octets[start])
        if len(self.families) == 1:
            return end
        return next((at for at in range(start + 1, end) if len(self.octets[at]) != size), end)


class EchoSocket:
    """Sends requests and reads replies of one family, never waiting. Raises OSError where pings are not allowed."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._v6 = family == socket.AF_INET6
        protocol = socket.IPPROTO_ICMPV6 if self._v6 else socket.IPPROTO_ICMP
        try:
            self._socket, self.raw = socket.socket(family, socket.SOCK_DGRAM, protocol), False
        except OSError:
            self._socket, self.raw = socket.socket(family, socket.SOCK_RAW, protocol), True
        self._has_header = self.raw and not self._v6
        """Whether an IP header comes before what is received, and checksums are ours to make."""
        self._socket.setblocking(False)
        source = random.SystemRandom()
        self._mark = source.randbytes(8)
        self._identifier = source.randrange(1 << 16)
        self._request, self._reply = (128, 129) if self._v6 else (8, 0)
        self._traffic_class = 0
        self._set_options()

    def send(self, first: int, targets: Targets, start: int, end: int, size: int, traffic_class: int) -> "array[int]":
        """Sends requests, numbered from `first` on, to some of the targets; the wall clock at each that was sent.

        Some of them are sent, or an error raised: BlockingIOError where the system takes no more for now, OSError where
        there is no way to the first of them.
        """
        self._set_traffic_class(traffic_class)
        now_ns = time.time_ns()
        self._socket.sendto(self._head(first) + bytes(size - LEAST_BYTES), targets.addresses[start])
        return array("q", [now_ns])

    def read(self) -> Sequence[Reply]:
        """The next replies to requests of ours, if any. Raises BlockingIOError where nothing has come."""
        data, controls, _, address = self._socket.recvmsg(_READ_BYTES, _CONTROL_BYTES)
        return self._replies(data, controls, octets_of(address[0]))

    def close(self) -> None:
        """Ends it; it is not used again."""
        self._socket.close()

    def _replies(self, data: bytes, controls: Sequence[tuple[int, int, bytes]], octets: bytes) -> list[Reply]:
        """What a datagram is: a reply of ours, or none."""
        at = (data[0] & 15) << 2 if self._has_header and data else 0
        if len(data) < at + HEAD.size or data[at] != self._reply:
            return []
        _, _, _, _, low, mark, high, _ = HEAD.unpack_from(data, at)
        if mark != self._mark:
            return []
        when_ns, hop_limit = 0, data[8] if at else 0
        for level, kind, content in controls:
            if level == socket.SOL_SOCKET:
                if kind == SO_TIMESTAMPNS and len(content) == _TIMESPEC.size:
                    seconds, nanoseconds = _TIMESPEC.unpack(content)
                    when_ns = seconds * 1_000_000_000 + nanoseconds
            elif len(content) == 4:
                hop_limit = int.from_bytes(content, sys.byteorder)
        return [(high << 16 | low, octets, when_ns or time.time_ns(), hop_limit)]

    def _head(self, number: int) -> bytes:
        high, low = number >> 16, number & 0xFFFF
        fields = self._identifier, low, self._mark, high, 0xFFFF - low
        head = HEAD.pack(self._request, 0, 0, *fields)
        if not self._has_header:  # the kernel fills it in
            return head
        return HEAD.pack(self._request, 0, checksum(head), *fields)

    def _set_traffic_class(self, traffic_class: int) -> None:
        if traffic_class != self._traffic_class:
            level, name = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if self._v6 else (socket.IPPROTO_IP, socket.IP_TOS)
            self._socket.setsockopt(level, name, traffic_class)
            self._traffic_class = traffic_class

    def _set_options(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        if sys.platform != "linux":
            return
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if self._v6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        elif not self._has_header:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        if self.raw:
            hear_replies_alone(self._socket, self._v6)


def hear_replies_alone(raw: socket.socket, v6: bool) -> None:
    """Keeps from a raw socket whatever is no echo reply; the queue of errors is not touched."""
    level, name = (socket.IPPROTO_ICMPV6, _ICMP6_FILTER) if v6 else (_SOL_RAW, _ICMP_FILTER)
    reply = 129 if v6 else 0
    words = [0xFFFFFFFF] * (8 if v6 else 1)  # a set bit keeps a type out
    words[reply >> 5] ^= 1 << (reply & 31)
    raw.setsockopt(level, name, struct.pack(f"@{len(words)}I", *words))


def octets_of(host: str) -> bytes:
    """An address as it is on the wire; one of a link has its interface behind it, which is left out."""
    return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])


def _name(address: Address, octets: bytes) -> bytes:
    """A sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)), as Linux has them, in 28 bytes."""
    port = address[1].to_bytes(2)
    if len(address) == 2:
        return struct.pack("=H2s4s20x", socket.AF_INET, port, octets)
    return struct.pack("=H2sI16sI", socket.AF_INET6, port, socket.htonl(address[2]), octets, address[3])


def checksum(data: bytes) -> int:
    """RFC 1071's, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
