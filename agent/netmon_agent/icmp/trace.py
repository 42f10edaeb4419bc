"""Finds the routers on the way to an address: echo requests that live for one hop, two hops, and so on.

The system hands over the errors that routers answer with (IP_RECVERR of ip(7)), to unprivileged sockets too. All
requests of a trace look the same to a router that chooses ways by what it sees of a flow.
"""

import asyncio
import contextlib
import errno
import random
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from netmon_agent.icmp.wire import Address, checksum, hear_replies_alone

LEAST_BYTES: Final = 10
"""What a request must hold after the ICMP header: eight random bytes, and two that balance the checksum."""
_HEAD: Final = struct.Struct("!BBHHH8s")
_ERROR: Final = struct.Struct("@IBBBBII")
_TIMESPEC: Final = struct.Struct("@ll")
_V4_ORIGIN: Final = 2
_V6_ORIGIN: Final = 3
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_SO_TIMESTAMPNS: Final = 35
_READ_BYTES: Final = 512
_CONTROL_BYTES: Final = 512
_BUFFER_BYTES: Final = 1 << 20
"""A raw socket hears the answers to all pings of the machine."""
_MOST_AT_ONCE: Final = 200
_PENDING: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNREFUSED, errno.EPROTO, errno.EACCES)
"""An error that came for an earlier request is also what the next call says."""

Controls = Sequence[tuple[int, int, bytes]]


class NotPossible(Exception):
    """This system or this user cannot trace; for people."""


@dataclass(frozen=True, slots=True)
class TracePlan:
    """`tries` requests of `size` bytes to each of the hops up to `most_hops`, `gap_s` apart.

    An answer counts within `timeout_s`.
    """

    address: Address
    most_hops: int = 30
    tries: int = 3
    gap_s: float = 0.02
    timeout_s: float = 1.0
    size: int = 32


@dataclass(slots=True)
class Hop:
    """Who answered at a distance, in the order of their first answers, and when."""

    sent: int = 0
    addresses: list[str] = field(default_factory=list)
    rtts_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Path:
    """The hops up to the target, or up to the last that answered; `refused_by` said that there is no way on."""

    hops: list[Hop]
    reached: bool
    refused_by: str | None = None


class RouterError(NamedTuple):
    """What a router says: of which ICMP type and code, and what it quotes of the request."""

    router: str
    type: int
    code: int
    quoted: bytes


async def trace(plan: TracePlan) -> Path:
    """Carries a plan out. Raises NotPossible, OSError where there is no way to begin with."""
    tracer = _Tracer(plan)
    try:
        return await tracer.run()
    finally:
        tracer.close()


class _Tracer:
    def __init__(self, plan: TracePlan) -> None:
        self._plan = plan
        self._v6 = len(plan.address) == 4
        self._request, self._reply, self._exceeded = (128, 129, 3) if self._v6 else (8, 0, 11)
        self._socket, self._raw = _open(self._v6)
        source = random.SystemRandom()
        self._mark = source.randbytes(8)
        self._identifier = source.randrange(1 << 16)
        self._hops = [Hop() for _ in range(plan.most_hops)]
        self._sent_ns: dict[int, int] = {}
        """By sequence number; what is answered is taken out."""
        self._end = plan.most_hops
        self._reached = False
        self._refused_by: str | None = None
        self._heard = asyncio.Event()

    async def run(self) -> Path:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._hear)
        for turn in range(self._plan.tries):
            hop = 1
            while hop <= self._end:
                self._send(hop, turn * self._plan.most_hops + hop)
                await asyncio.sleep(self._plan.gap_s)
                hop += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._plan.timeout_s):
                while any(self._hop_of(sequence) <= self._end for sequence in self._sent_ns):
                    self._heard.clear()
                    await self._heard.wait()
        answered = [at for at, one in enumerate(self._hops, 1) if one.addresses and at <= self._end]
        last = self._end if self._reached else max(answered, default=0)
        return Path(self._hops[:last], self._reached, self._refused_by)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _hop_of(self, sequence: int) -> int:
        return (sequence - 1) % self._plan.most_hops + 1

    def _send(self, hop: int, sequence: int) -> None:
        level, name = (
            (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if self._v6 else (socket.IPPROTO_IP, socket.IP_TTL)
        )
        self._socket.setsockopt(level, name, hop)
        packet = self._packet(sequence)
        self._sent_ns[sequence] = time.time_ns()
        self._hops[hop - 1].sent += 1
        try:
            self._socket.sendto(packet, self._plan.address)
        except OSError as error:
            if error.errno not in _PENDING:
                raise
            self._hear()
            self._sent_ns[sequence] = time.time_ns()
            self._socket.sendto(packet, self._plan.address)

    def _packet(self, sequence: int) -> bytes:
        """Padded so that the checksum, which some routers choose ways by, is the same for every sequence number."""
        balance = struct.pack("!H", 0xFFFF - sequence)
        padding = bytes(self._plan.size - LEAST_BYTES)
        body = self._mark + balance + padding
        head = struct.pack("!BBHHH", self._request, 0, 0, self._identifier, sequence)
        total = 0 if self._v6 else checksum(head + body)
        return struct.pack("!BBHHH", self._request, 0, total, self._identifier, sequence) + body

    def _hear(self) -> None:
        """Takes note of what is there, but not without end: others want the event loop too."""
        for flags in (socket.MSG_ERRQUEUE, 0):
            with contextlib.suppress(OSError):  # nothing is left, or the error that the other queue tells in full
                for _ in range(_MOST_AT_ONCE):
                    data, controls, _, address = self._socket.recvmsg(_READ_BYTES, _CONTROL_BYTES, flags)
                    when_ns = _when_ns(controls)
                    if flags:
                        self._note_error(read_error(data, controls), when_ns)
                    else:
                        self._note_reply(data, address[0], when_ns)
        self._heard.set()

    def _note_error(self, error: RouterError | None, when_ns: int) -> None:
        if error is None or len(error.quoted) < 8:
            return
        kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", error.quoted)
        if kind != self._request or (self._raw and identifier != self._identifier):
            return
        hop = self._note(sequence, error.router, when_ns)
        if hop is not None and error.type != self._exceeded and hop <= self._end:
            self._end = hop
            self._reached = error.router == self._plan.address[0]
            self._refused_by = error.router

    def _note_reply(self, data: bytes, host: str, when_ns: int) -> None:
        at = (data[0] & 15) << 2 if self._raw and not self._v6 and data else 0
        if len(data) < at + _HEAD.size or host.partition("%")[0] != self._plan.address[0].partition("%")[0]:
            return
        kind, _, _, _, sequence, mark = _HEAD.unpack_from(data, at)
        if kind != self._reply or mark != self._mark:
            return
        hop = self._note(sequence, host, when_ns)
        if hop is not None and hop <= self._end:
            self._end, self._reached, self._refused_by = hop, True, None

    def _note(self, sequence: int, host: str, when_ns: int) -> int | None:
        """The hop that a request was for; None where it was not awaited."""
        sent_ns = self._sent_ns.get(sequence)
        if sent_ns is None or when_ns - sent_ns > self._plan.timeout_s * 1e9:
            return None
        del self._sent_ns[sequence]
        number = self._hop_of(sequence)
        hop = self._hops[number - 1]
        hop.rtts_s.append(max(when_ns - sent_ns, 0) * 1e-9)
        if host not in hop.addresses:
            hop.addresses.append(host)
        return number


def read_error(data: bytes, controls: Controls) -> RouterError | None:
    """What a message of the queue of errors says; None where it is no router's."""
    for level, kind, content in controls:
        if (level, kind) not in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
            continue
        if len(content) < _ERROR.size:
            continue
        _, origin, type_, code, _, _, _ = _ERROR.unpack_from(content)
        address = content[_ERROR.size :]
        if origin == _V4_ORIGIN and len(address) >= 8:
            return RouterError(str(IPv4Address(address[4:8])), type_, code, data)
        if origin == _V6_ORIGIN and len(address) >= 24:
            return RouterError(str(IPv6Address(address[8:24])), type_, code, data)
    return None


def _when_ns(controls: Controls) -> int:
    """The wall clock when the system took a message."""
    for level, kind, content in controls:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(content) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(content)
            when_ns: int = seconds * 1_000_000_000 + nanoseconds
            return when_ns
    return time.time_ns()


def _open(v6: bool) -> tuple[socket.socket, bool]:
    """A socket, unprivileged where the system allows it, and whether it is a raw one. Raises NotPossible, OSError."""
    if sys.platform != "linux":
        raise NotPossible("paths can be traced on Linux alone")
    family = socket.AF_INET6 if v6 else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    try:
        opened, raw = socket.socket(family, socket.SOCK_DGRAM, protocol), False
    except PermissionError:
        try:
            opened, raw = socket.socket(family, socket.SOCK_RAW, protocol), True
        except PermissionError:
            raise NotPossible("this user may not send pings; 'netmon doctor' says how to allow it") from None
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    opened.setsockopt(*((socket.IPPROTO_IPV6, _IPV6_RECVERR) if v6 else (socket.IPPROTO_IP, _IP_RECVERR)), 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    if raw:
        hear_replies_alone(opened, v6)
    return opened, raw
