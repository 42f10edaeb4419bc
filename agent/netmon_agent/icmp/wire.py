"""Echo requests and replies on a socket: unprivileged where the system allows it, else raw (icmp(7))."""

import errno
import random
import socket
import struct
import sys
import time
from typing import Final

Address = tuple[str, int] | tuple[str, int, int, int]
"""What a socket of the family takes."""

LEAST_BYTES: Final = 12
"""What a request must hold to be known again: eight random bytes and its number."""
NUMBERS: Final = 1 << 32
"""Requests are numbered below this."""

_HEAD: Final = struct.Struct("!BBHHH8sI")
_MARK_AND_NUMBER: Final = struct.Struct("!8sI")
_TIMESPEC: Final = struct.Struct("@ll")
_READ_BYTES: Final = 60 + _HEAD.size
"""The longest IP header, and what we look at; the rest of a reply is not copied."""
_CONTROL_BYTES: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(4) if sys.platform != "win32" else 0
_BUFFER_BYTES: Final = 8 << 20
_IP_RECVTTL: Final = 12
_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1
_ICMP6_FILTER: Final = 1


Reply = tuple[int, str, int, int]
"""Of which request, from whom, the wall clock in ns when the kernel took it, and its hop limit, 0 where not known."""


class EchoSocket:
    """Sends requests and reads replies of one family, never waiting. Raises OSError where pings are not allowed."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._v6 = family == socket.AF_INET6
        protocol = socket.IPPROTO_ICMPV6 if self._v6 else socket.IPPROTO_ICMP
        try:
            self._socket, self.raw = socket.socket(family, socket.SOCK_DGRAM, protocol), False
        except OSError:
            self._socket, self.raw = socket.socket(family, socket.SOCK_RAW, protocol), True
        self._socket.setblocking(False)
        source = random.SystemRandom()
        self._mark = source.randbytes(8)
        self._identifier = source.randrange(1 << 16)
        self._request, self._reply = (128, 129) if self._v6 else (8, 0)
        self._constant = _ones_sum(struct.pack("!BBH", self._request, 0, self._identifier) + self._mark)
        self._needs_checksum = self.raw and not self._v6  # elsewhere the kernel fills it in
        self._traffic_class = 0
        self._set_options()

    def send(self, number: int, address: Address, padding: bytes, traffic_class: int) -> None:
        """Raises BlockingIOError where the system takes no more for now, OSError where there is no way."""
        if traffic_class != self._traffic_class:
            level, name = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if self._v6 else (socket.IPPROTO_IP, socket.IP_TOS)
            self._socket.setsockopt(level, name, traffic_class)
            self._traffic_class = traffic_class
        low = number & 0xFFFF
        checksum = 0
        if self._needs_checksum:  # the padding is zeros; the low half stands in the header too, as sequence
            total = self._constant + (number >> 16) + low + low
            total = (total & 0xFFFF) + (total >> 16)
            checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        head = _HEAD.pack(self._request, 0, checksum, self._identifier, low, self._mark, number)
        self._socket.sendto(head + padding, address)

    def read(self) -> Reply | None:
        """The next reply to a request of ours. Raises BlockingIOError where there is none yet; None is no reply."""
        data, controls, _, address = self._socket.recvmsg(_READ_BYTES, _CONTROL_BYTES)
        at = (data[0] & 15) << 2 if self.raw and not self._v6 and data else 0
        if len(data) < at + _HEAD.size or data[at] != self._reply:
            return None
        mark, number = _MARK_AND_NUMBER.unpack_from(data, at + 8)
        if mark != self._mark:
            return None
        when_ns, hop_limit = 0, data[8] if at else 0
        for level, kind, content in controls:
            if level == socket.SOL_SOCKET:
                if kind == _SO_TIMESTAMPNS and len(content) == _TIMESPEC.size:
                    seconds, nanoseconds = _TIMESPEC.unpack(content)
                    when_ns = seconds * 1_000_000_000 + nanoseconds
            elif len(content) == 4:
                hop_limit = int.from_bytes(content, sys.byteorder)
        return number, address[0], when_ns or time.time_ns(), hop_limit

    def close(self) -> None:
        """Ends it; it is not used again."""
        self._socket.close()

    def _set_options(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        if sys.platform != "linux":
            return
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if self._v6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        elif not self.raw:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        if self.raw:
            hear_replies_alone(self._socket, self._v6)


class NoFamily:
    """Stands for the socket of a family that this machine does not speak: nobody is reached by it."""

    def send(self, number: int, address: Address, padding: bytes, traffic_class: int) -> None:
        raise OSError(errno.EAFNOSUPPORT, "this machine does not speak this address family")

    def read(self) -> Reply | None:
        raise BlockingIOError

    def close(self) -> None:
        """There is nothing to end."""


def hear_replies_alone(raw: socket.socket, v6: bool) -> None:
    """Keeps from a raw socket whatever is no echo reply; the queue of errors is not touched."""
    level, name = (socket.IPPROTO_ICMPV6, _ICMP6_FILTER) if v6 else (_SOL_RAW, _ICMP_FILTER)
    reply = 129 if v6 else 0
    words = [0xFFFFFFFF] * (8 if v6 else 1)  # a set bit keeps a type out
    words[reply >> 5] ^= 1 << (reply & 31)
    raw.setsockopt(level, name, struct.pack(f"@{len(words)}I", *words))


def open_echo(family: socket.AddressFamily) -> EchoSocket | NoFamily:
    """Raises OSError where pings are not allowed."""
    try:
        return EchoSocket(family)
    except OSError as error:
        if error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            return NoFamily()
        raise


def _ones_sum(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))
