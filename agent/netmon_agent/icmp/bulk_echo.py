"""Echo requests and replies many at a time, on a system that takes them so."""

import socket
import struct
import sys
import time
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

from netmon_agent.icmp.bulk import CONTROL_BYTES, DATA_BYTES, NAME_BYTES, SLOT_BYTES, Inbox, Outbox
from netmon_agent.icmp.wire import HEAD, LEAST_BYTES, SO_TIMESTAMPNS, EchoSocket, Reply, Targets

_ROOM: Final = 500
_SENT_AT_ONCE: Final = 4
"""Requests that get one time, that of the first: so much too long a round trip may seem, some 10 µs."""
_WORDS: Final = HEAD.size // 2
_LOW, _BALANCE = 3, 9
"""Which words of a head differ between requests whose numbers have one high half."""
_WITHOUT_OPTIONS: Final = 0x45
"""How an IPv4 header begins that has none."""

_HEADER: Final = "B7xB11x"
"""Of IPv4: how it begins, hop limit."""
_ECHO: Final = "B5xH8sH2x"
"""Type, low half of the number, mark, high half."""
_STAMP: Final = "8xiiqq"
"""A control message with a time: level, kind, seconds, nanoseconds."""
_HOPS: Final = "16xi4x"
"""A control message with a hop limit."""


class BulkEchoSocket(EchoSocket):
    """As EchoSocket, with one system call for many requests or replies."""

    def __init__(self, family: socket.AddressFamily) -> None:
        super().__init__(family)
        self._outbox = Outbox(self._socket, HEAD.size, _ROOM)
        self._inbox = Inbox(self._socket)
        self._high = -1
        name = "8x16s8x" if self._v6 else "4x4s24x"
        data, controls = (f"{_HEADER}{_ECHO}", _STAMP) if self._has_header else (_ECHO, f"{_STAMP}{_HOPS}")
        self._data_bytes, self._control_bytes = struct.calcsize(f"={data}"), struct.calcsize(f"={controls}")
        rests = DATA_BYTES - self._data_bytes, CONTROL_BYTES - self._control_bytes
        self._slot = struct.Struct(f"={name}{data}{rests[0]}x{controls}{rests[1]}x")

    def send(self, first: int, targets: Targets, start: int, end: int, size: int, traffic_class: int) -> "array[int]":
        self._set_traffic_class(traffic_class)
        count = min(end - start, _ROOM, 0x10000 - (first & 0xFFFF))
        self._fill(first, count)
        self._outbox.prepare(targets.names[NAME_BYTES * start : NAME_BYTES * (start + count)], size - LEAST_BYTES)
        times = array("q")
        while len(times) < count:
            before_ns = time.time_ns()
            try:
                sent = self._outbox.send(len(times), min(len(times) + _SENT_AT_ONCE, count))
            except OSError:
                if times:
                    break  # whoever goes on behind these meets it again
                raise
            times.extend([before_ns] * sent)
        return times

    def read(self) -> Sequence[Reply]:
        count = self._inbox.receive()
        replies = self._read_alike(count)
        if replies is None:
            return [reply for one in self._inbox.datagrams(count) for reply in self._replies(*one)]
        return replies

    def _fill(self, first: int, count: int) -> None:
        """Makes the heads of requests from number `first` on."""
        high, low = first >> 16, first & 0xFFFF
        if high != self._high:
            self._outbox.heads[:] = self._head(first) * _ROOM
            self._high = high
        words = self._outbox.heads.cast("H")
        words[_LOW : _WORDS * count : _WORDS] = _swapped(range(low, low + count))
        words[_BALANCE : _WORDS * count : _WORDS] = _swapped(range(0xFFFF - low, 0xFFFF - low - count, -1))

    def _read_alike(self, count: int) -> list[Reply] | None:
        """Replies out of datagrams that look as they nearly always do; None where one of them does not."""
        sizes = self._inbox.sizes(count)
        if any(controls != self._control_bytes or size < self._data_bytes for controls, size in sizes):
            return None
        columns: list[Any] = list(zip(*self._slot.iter_unpack(self._inbox.slots[: SLOT_BYTES * count]), strict=True))
        hops = columns.pop(2 if self._has_header else -1)
        if self._has_header and set(columns.pop(1)) != {_WITHOUT_OPTIONS}:
            return None
        octets, types, lows, marks, highs, levels, kinds, seconds, nanoseconds = columns
        if set(levels) != {socket.SOL_SOCKET} or set(kinds) != {SO_TIMESTAMPNS}:
            return None
        rows = zip(octets, types, _swapped(lows), marks, _swapped(highs), seconds, nanoseconds, hops, strict=True)
        own_type, own_mark = self._reply, self._mark
        return [
            (high << 16 | low, host, second * 1_000_000_000 + nanosecond, hop)
            for host, kind, low, mark, high, second, nanosecond, hop in rows
            if mark == own_mark and kind == own_type
        ]


def _swapped(numbers: Iterable[int]) -> "array[int]":
    """Numbers of 16 bits from the order of bytes on the wire into that of this machine, or back."""
    found = array("H", numbers)
    if sys.byteorder == "little":
        found.byteswap()
    return found
