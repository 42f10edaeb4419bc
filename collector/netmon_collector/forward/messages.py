"""Samples as messages of remote write 1.0, each a series with one sample, without Python's hand on each number."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Times, Values
from netmon_proto.model import Labels

FIRST_MS: Final = 1 << 35
LAST_MS: Final = (1 << 42) - 1
"""Times between these (1971 and 2109) are numbers of six bytes, so all samples have the same length."""

_SAMPLE_BYTES: Final = 18
_HEAD: Final = (0x12, _SAMPLE_BYTES - 2, 0x09)
_TIME_AT: Final = 11
_TIME_BYTES: Final = 6


def fits(times: Times) -> npt.NDArray[np.bool_]:
    """Which times can be sent."""
    good: npt.NDArray[np.bool_] = (times >= FIRST_MS) & (times <= LAST_MS)
    return good


def beginning(labels: Labels) -> bytes:
    """A message up to its sample."""
    pairs = b"".join(_field(0x0A, _field(0x0A, name.encode()) + _field(0x12, value.encode())) for name, value in labels)
    return b"\x0a" + _varint(len(pairs) + _SAMPLE_BYTES) + pairs


def compose(beginnings: Sequence[bytes], values: Values, times: Times) -> list[bytes]:
    """Messages; one after the other they are a request."""
    samples = np.empty((len(beginnings), _SAMPLE_BYTES), np.uint8)
    samples[:, : len(_HEAD)] = _HEAD
    samples[:, len(_HEAD) : _TIME_AT] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    samples[:, _TIME_AT] = 0x10
    for place in range(_TIME_BYTES):
        going_on = 0x80 if place < _TIME_BYTES - 1 else 0
        samples[:, _TIME_AT + 1 + place] = (times >> 7 * place) & 0x7F | going_on
    data = samples.tobytes()
    endings = (data[at : at + _SAMPLE_BYTES] for at in range(0, len(data), _SAMPLE_BYTES))
    return list(map(b"".join, zip(beginnings, endings, strict=True)))


def _field(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
