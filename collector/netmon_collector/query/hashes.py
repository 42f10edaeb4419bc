"""The hash by which limit_ratio chooses: xxHash with 64 bits, of a series' labels as Prometheus has them in memory."""

from typing import Final

from xxhash import xxh64_intdigest

from netmon_proto.model import Labels

_LARGEST: Final = float((1 << 64) - 1)
_LONGEST: Final = 255
"""Bytes; the length of longer texts takes three bytes more."""


def share_of(labels: Labels) -> float:
    """A number from 0 to 1 that hangs on the labels alone."""
    return xxh64_intdigest(b"".join(_laid_out(text) for pair in labels for text in pair)) / _LARGEST


def _laid_out(text: str) -> bytes:
    data = text.encode(errors="surrogateescape")
    size = len(data)
    return (bytes([size]) if size < _LONGEST else b"\xff" + size.to_bytes(3, "little")) + data
