"""Many datagrams by one call: sendmmsg(2) and recvmmsg(2), which Python lacks, on memory that is laid out once.

A call of its own for each packet costs Python more than the packet costs the kernel. Where a system lacks these calls,
or lays their structures out in another way, wire.py does without them. Neither call waits here, so both keep the
interpreter's lock: to get it back could take milliseconds, and they are what times are taken around.
"""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

NAME_BYTES: Final = 28
"""Of a sockaddr_in6; that of IPv4 has 16, and others behind them."""
AT_ONCE: Final = 256
"""Datagrams that are taken by one call."""
DATA_BYTES: Final = 80
"""What is kept of a datagram."""
CONTROL_BYTES: Final = 64
SLOT_BYTES: Final = NAME_BYTES + 4 + DATA_BYTES + CONTROL_BYTES
"""Of what is received: a name and four bytes, data, control messages."""
_DATA_AT: Final = NAME_BYTES + 4
_CONTROL_AT: Final = _DATA_AT + DATA_BYTES
_HEADER: Final = struct.Struct("@PIPNPNi4xI4x")
"""A struct mmsghdr: name and its size, parts and how many, control and its size, flags; bytes of the datagram."""
_RECEIVED: Final = struct.Struct("@40xN8xI4x")
_MESSAGE: Final = struct.Struct("@Nii")
_ALIGNMENT: Final = 8
_PART: Final = struct.Struct("@PN")
_PARTS: Final = 2
_DONT_WAIT: Final = 0x40


def is_supported() -> bool:
    """Whether this system has both calls, and pointers of 64 bits, which the structures here are for."""
    if sys.platform != "linux" or struct.calcsize("@P") != 8:
        return False
    return all(hasattr(ctypes.PyDLL(None), name) for name in ("sendmmsg", "recvmmsg"))


class Outbox:
    """Sends datagrams of one family: each a head of its own, and the same padding of zeros behind it."""

    def __init__(self, one: socket.socket, head_bytes: int, room: int) -> None:
        self._socket = one
        self._send = ctypes.PyDLL(None, use_errno=True).sendmmsg
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._room = room
        self._head_bytes = head_bytes
        self.heads = _memory(head_bytes * room)
        """One after the other."""
        self._names = _memory(NAME_BYTES * room)
        self._parts = _memory(_PARTS * _PART.size * room)
        self._headers = _memory(_HEADER.size * room)
        self._headers_at = _address(self._headers)
        self._padding = _memory(0)
        self._name_bytes = NAME_BYTES if one.family == socket.AF_INET6 else 16
        self._lay_out(0)

    def prepare(self, names: memoryview, padding_bytes: int) -> None:
        """Says to whom the first heads go, as socket names of NAME_BYTES each, and how many zeros follow each head."""
        if len(names) > len(self._names):
            raise ValueError(f"{len(names)} bytes of names where {len(self._names)} fit")
        if padding_bytes != len(self._padding):
            self._lay_out(padding_bytes)
        self._names[: len(names)] = names

    def send(self, start: int, end: int) -> int:
        """Sends some of what is prepared; how much the system took. Raises OSError where it took nothing."""
        if not 0 <= start < end <= self._room:
            raise ValueError(f"{start} to {end} of {self._room}")
        at = self._headers_at + _HEADER.size * start
        return _checked(self._send(self._socket.fileno(), at, end - start, _DONT_WAIT))

    def _lay_out(self, padding_bytes: int) -> None:
        self._padding = _memory(padding_bytes)
        heads, names, parts, padding = map(_address, (self.heads, self._names, self._parts, self._padding))
        for place in range(self._room):
            own = _PARTS * _PART.size * place
            _PART.pack_into(self._parts, own, heads + self._head_bytes * place, self._head_bytes)
            _PART.pack_into(self._parts, own + _PART.size, padding, padding_bytes)
            header = names + NAME_BYTES * place, self._name_bytes, parts + own, _PARTS, 0, 0, 0, 0
            _HEADER.pack_into(self._headers, _HEADER.size * place, *header)


class Inbox:
    """Receives datagrams into slots of SLOT_BYTES each."""

    def __init__(self, one: socket.socket) -> None:
        self._socket = one
        self._receive = ctypes.PyDLL(None, use_errno=True).recvmmsg
        self._receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self.slots = _memory(SLOT_BYTES * AT_ONCE)
        """What came; the next call writes over it."""
        self._parts = _memory(_PART.size * AT_ONCE)
        self._headers = _memory(_HEADER.size * AT_ONCE)
        self._headers_at, slots, parts = map(_address, (self._headers, self.slots, self._parts))
        for place in range(AT_ONCE):
            name = slots + SLOT_BYTES * place
            _PART.pack_into(self._parts, _PART.size * place, name + _DATA_AT, DATA_BYTES)
            header = name, NAME_BYTES, parts + _PART.size * place, 1, name + _CONTROL_AT, CONTROL_BYTES, 0, 0
            _HEADER.pack_into(self._headers, _HEADER.size * place, *header)
        self._unused = bytes(self._headers)
        self._is_v6 = one.family == socket.AF_INET6

    def receive(self) -> int:
        """How many datagrams came, into the first slots. Raises OSError, BlockingIOError where there is none yet."""
        self._headers[:] = self._unused  # the kernel writes sizes over those of what fits
        return _checked(self._receive(self._socket.fileno(), self._headers_at, AT_ONCE, _DONT_WAIT, None))

    def sizes(self, count: int) -> Iterator[tuple[int, int]]:
        """Of what came: how many bytes of control messages and of data are in its slot."""
        return _RECEIVED.iter_unpack(self._headers[: _HEADER.size * count])

    def datagrams(self, count: int) -> Iterator[tuple[bytes, list[tuple[int, int, bytes]], bytes]]:
        """What came, as socket.recvmsg gives it: data, control messages, and the octets of the sender's address."""
        for place, (control_bytes, data_bytes) in enumerate(self.sizes(count)):
            slot = self.slots[SLOT_BYTES * place : SLOT_BYTES * (place + 1)].tobytes()
            data, control = slot[_DATA_AT : _DATA_AT + data_bytes], slot[_CONTROL_AT : _CONTROL_AT + control_bytes]
            yield data, list(_messages(control)), slot[8:24] if self._is_v6 else slot[4:8]


def _messages(control: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Level, kind and content of control messages (cmsg(3))."""
    at = 0
    while at + _MESSAGE.size <= len(control):
        size, level, kind = _MESSAGE.unpack_from(control, at)
        if size < _MESSAGE.size:
            return
        yield level, kind, control[at + _MESSAGE.size : at + size]
        at += -(-size // _ALIGNMENT) * _ALIGNMENT


def _memory(count: int) -> memoryview:
    """Bytes that stay where they are: what a memoryview shows cannot change its size."""
    return memoryview(bytearray(count))


def _address(memory: memoryview) -> int:
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory)) if memory else 0


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
