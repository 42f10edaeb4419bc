"""Fields of Protocol Buffers messages: one by one for what is rare, all at once by numpy for what is many."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.foreign.base import BadBody, Indices

Bytes = npt.NDArray[np.uint8]

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5

PAD: Final = bytes(16)
"""Follows every buffer that is read by numpy, so that looking ahead stays inside."""
_VARINT_BYTES: Final = 10


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of 64 bits, and where it ends. Raises BadBody."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise BadBody("a number is cut off or too long")


def read_fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, wire type, and where the value begins and ends. Raises BadBody."""
    while at < end:
        tag, at = read_varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            _, after = read_varint(data, at, end)
        elif wire == LENGTH:
            length, at = read_varint(data, at, end)
            after = at + length
        elif wire in (FIXED64, FIXED32):
            after = at + (8 if wire == FIXED64 else 4)
        else:
            raise BadBody(f"a field has the unknown wire type {wire}")
        if not number or after > end:
            raise BadBody("a field is cut off")
        yield number, wire, at, after
        at = after


def varints(data: Bytes, at: Indices) -> tuple[npt.NDArray[np.uint64], Indices]:
    """The numbers at many places, and where each ends; a number without an end, or one past 64 bits, ends at -1."""
    window = data[at[:, None] + np.arange(_VARINT_BYTES)]
    closing = window < 0x80
    length = np.argmax(closing, axis=1)
    whole = closing[np.arange(len(at)), length]
    value = np.zeros(len(at), np.uint64)
    for place in range(int(length.max(initial=0)) + 1):
        part = np.where(place <= length, window[:, place] & 0x7F, 0).astype(np.uint64)
        value |= part << np.uint64(7 * place)
    return value, np.where(whole, at + length + 1, -1)


def doubles(data: Bytes, at: Indices) -> npt.NDArray[np.float64]:
    """The 8-byte floats at many places, bit by bit."""
    window = np.ascontiguousarray(data[at[:, None] + np.arange(8)])
    return window.view("<f8").reshape(len(at)).astype(np.float64, copy=False)
