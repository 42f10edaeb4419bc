"""Records in a file, each with its checksum: how they are written, and what can still be read of a damaged file.

A file starts with FILE_HEADER: magic, version, CRC of both. Then come records, each with RECORD_HEADER: magic, length
and CRC of the payload, oldest and newest time in it, CRC of the header itself. The CRC is zlib's (IEEE 802.3); numbers
are little-endian. The first 16 bytes of a file keep this meaning in every version.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from zlib import crc32

VERSION: Final = 1
_FILE_MAGIC: Final = b"netmonwl"
_FILE_HEADER: Final = struct.Struct("<8sII")
_MAGIC: Final = b"\xf5rec"  # 0xf5 never occurs in UTF-8
_HEADER: Final = struct.Struct("<4sIIqqI")
_CRC_BYTES: Final = 4
HEADER_BYTES: Final = _FILE_HEADER.size
RECORD_BYTES: Final = _HEADER.size
"""What a record takes beside its payload."""

NOTHING: Final = (2**63 - 1, -(2**63))
"""Oldest and newest time of a record without samples: overlaps no range of time."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record whose checksums are right; times in Unix milliseconds, offset in its file."""

    offset: int
    oldest_ms: int
    newest_ms: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a file that are no record. `torn`: the file just ends within a record, as after a power cut."""

    offset: int
    length: int
    torn: bool


class NewerVersion(Exception):
    """A file's format is newer than this program."""


class Readable(Protocol):
    """What is read of a file."""

    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, /) -> int: ...

    def tell(self) -> int: ...


def file_header(version: int = VERSION) -> bytes:
    """The first bytes of a file."""
    head = _FILE_HEADER.pack(_FILE_MAGIC, version, 0)[:-_CRC_BYTES]
    return head + crc32(head).to_bytes(_CRC_BYTES, "little")


def frame(payload: bytes, oldest_ms: int, newest_ms: int) -> bytes:
    """A record as it stands in the file."""
    return frame_pieces((payload,), oldest_ms, newest_ms)


def frame_pieces(pieces: Sequence[bytes | memoryview], oldest_ms: int, newest_ms: int) -> bytes:
    """A record as it stands in the file, of a payload in pieces: none is copied but into the record."""
    length = checksum = 0
    for piece in pieces:
        length += len(piece)
        checksum = crc32(piece, checksum)
    head = _HEADER.pack(_MAGIC, length, checksum, oldest_ms, newest_ms, 0)[:-_CRC_BYTES]
    return b"".join((head, crc32(head).to_bytes(_CRC_BYTES, "little"), *pieces))


def parse_record(data: bytes, offset: int) -> Record | None:
    """A record of which these are all the bytes, from an offset in its file; None where a checksum is wrong."""
    header = _parse_header(data[: _HEADER.size])
    return None if header is None else _checked(header, data[_HEADER.size :], offset)


def _checked(header: tuple[int, int, int, int], payload: bytes, offset: int) -> Record | None:
    length, checksum, oldest_ms, newest_ms = header
    if len(payload) != length or crc32(payload) != checksum:
        return None
    return Record(offset, oldest_ms, newest_ms, payload)


def read_record(file: Readable, offset: int) -> Record | None:
    """The record at an offset; None where there is none with the right checksums."""
    file.seek(offset)
    head = file.read(_HEADER.size)
    header = _parse_header(head)
    return None if header is None else _checked(header, file.read(header[0]), offset)


def scan(file: Readable, size: int) -> Iterator[Record | Damage]:
    """Everything in a file of `size` bytes, in its order. Raises NewerVersion."""
    header_length = min(size, HEADER_BYTES)
    if not check_version(file.read(HEADER_BYTES)):
        yield Damage(0, header_length, torn=size < HEADER_BYTES)
    offset = header_length
    while offset < size:
        record = read_record(file, offset)
        if record is None:
            damage = _measure(file, offset, size)
            yield damage
            offset += damage.length
        else:
            yield record
            offset = file.tell()


def check_version(data: bytes) -> bool:
    """Whether these are the first bytes of a file of ours. Raises NewerVersion."""
    if len(data) < HEADER_BYTES:
        return False
    magic, version, checksum = _FILE_HEADER.unpack(data)
    if magic != _FILE_MAGIC or crc32(data[:-_CRC_BYTES]) != checksum:
        return False
    if version > VERSION:
        raise NewerVersion(f"format {version}, this netmon reads up to {VERSION}")
    return True


def _parse_header(data: bytes) -> tuple[int, int, int, int] | None:
    """Length and CRC of the payload, oldest and newest time."""
    if len(data) < _HEADER.size:
        return None
    magic, length, checksum, oldest_ms, newest_ms, own_checksum = _HEADER.unpack(data)
    if magic != _MAGIC or crc32(data[:-_CRC_BYTES]) != own_checksum:
        return None
    return length, checksum, oldest_ms, newest_ms


def _measure(file: Readable, offset: int, size: int) -> Damage:
    """How far the damage at an offset goes: to the next good record, or to the end of the file."""
    file.seek(offset)
    rest = file.read(size - offset)
    at = rest.find(_MAGIC, 1)
    while at >= 0:
        header = _parse_header(rest[at : at + _HEADER.size])
        if header is not None and crc32(_payload(rest, at, header[0])) == header[1]:
            return Damage(offset, at, torn=False)
        at = rest.find(_MAGIC, at + 1)
    header = _parse_header(rest[: _HEADER.size])
    cut_short = len(rest) < _HEADER.size or (header is not None and len(rest) < _HEADER.size + header[0])
    return Damage(offset, len(rest), torn=cut_short)


def _payload(data: bytes, at: int, length: int) -> memoryview:
    return memoryview(data)[at + _HEADER.size : at + _HEADER.size + length]
