"""When a certificate ends, out of its DER encoding: the one value of it that a check needs."""

from datetime import UTC, datetime
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_FIELDS_BEFORE_VALIDITY: Final = 3
"""Serial number, algorithm, issuer."""


def not_after_s(der: bytes) -> float | None:
    """Unix time in seconds; None where it cannot be read."""
    try:
        _, at, _ = _open(der, 0)
        _, at, _ = _open(der, at)
        tag, _, end = _open(der, at)
        if tag == _VERSION:
            at = end
        for _ in range(_FIELDS_BEFORE_VALIDITY):
            _, _, at = _open(der, at)
        tag, at, _ = _open(der, at)
        if tag != _SEQUENCE:
            return None
        _, _, at = _open(der, at)
        tag, at, end = _open(der, at)
        text = der[at:end].decode("ascii")
        if tag == _UTC_TIME:  # RFC 5280: two digits below 50 are of this century
            text = ("20" if int(text[:2]) < 50 else "19") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (IndexError, ValueError):
        return None


def _open(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag of the element at a place, where its content begins, and where it ends. Raises IndexError."""
    tag, length = der[at], der[at + 1]
    at += 2
    if length & 0x80:
        width = length & 0x7F
        length = int.from_bytes(der[at : at + width], "big")
        at += width
    if at + length > len(der):
        raise IndexError
    return tag, at, at + length
