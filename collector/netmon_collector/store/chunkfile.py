"""A file of chunks: written once, read by any number of threads, dropped whole.

After the file header (see framing) come records, one per chunk; then one with the directory: what is in it, ENTRY by
block, how many samples there are, of which series; and last one that says where the directory is. Without these two,
which may be damaged, the file is read from end to end.
"""

import os
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from netmon_collector.store.base import StoreError
from netmon_collector.store.chunk import Chunk, Fetch, samples_in
from netmon_collector.store.chunkmap import ChunkMap, Unreadable
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.durable import new_file
from netmon_collector.store.framing import HEADER_BYTES, NOTHING, RECORD_BYTES, Record, file_header, frame, parse_record
from netmon_collector.store.labels import Numbers
from netmon_collector.store.recovery import recover

ENTRY: Final = np.dtype(
    [
        ("block", "<u4"),
        ("length", "<u4"),
        ("head", "<u4"),
        ("offset", "<i8"),
        ("oldest_ms", "<i8"),
        ("newest_ms", "<i8"),
    ]
)
_DIRECTORY: Final = struct.Struct("<IIQI")
_SAMPLES: Final = struct.Struct("<Q")
_POINTER: Final = struct.Struct("<Iq")
DIRECTORY_TAG: Final = 0xFFFFFFFF
POINTER_TAG: Final = 0xFFFFFFFE
_NAME: Final = re.compile(r"(raw|5m|1h)-(recent|-?\d+)-(?:([\dhms.d]+)-)?(\d{12,})\.chunks")
RECENT: Final = "recent"


class Tier(StrEnum):
    """How fine the samples of a file are."""

    RAW = "raw"
    FIVE_MINUTES = "5m"
    HOUR = "1h"


class Name(NamedTuple):
    """What a file's name says. `span`: RECENT, or the number of the span of time that it is of, from 1970 on.

    Of two samples the one in the file of higher order wins. `kept`: the class of retention of its series, see there.
    """

    tier: Tier
    span: str
    order: int
    kept: str = ""

    def __str__(self) -> str:
        parts = [self.tier, self.span, self.kept, f"{self.order:012}.chunks"]
        return "-".join(part for part in parts if part)

    @classmethod
    def parse(cls, name: str) -> "Name | None":
        match = _NAME.fullmatch(name)
        return None if match is None else cls(Tier(match[1]), match[2], int(match[4]), match[3] or "")


class Packed(NamedTuple):
    """A chunk on its way to a file; times in Unix milliseconds. `head`: so many bytes of it are before the pages."""

    block: int
    oldest_ms: int
    newest_ms: int
    series: Numbers
    payload: bytes
    head: int

    @classmethod
    def whole(cls, chunk: Chunk) -> "Packed":
        """A chunk of which all was read, as it is."""
        times = chunk.times
        return cls(chunk.block, int(times[0]), int(times[-1]), chunk.series, chunk.payload, chunk.map.head_bytes)


@dataclass(frozen=True, eq=False)
class ChunkFile:
    """A file and its directory.

    `segment`: the number of the last file of the log that it has samples from. `samples`: how many it holds; in a
    rollup's file, buckets.
    """

    path: Path
    name: Name
    entries: npt.NDArray[np.void]
    series: BitMap
    segment: int
    samples: int
    handle: int
    size_bytes: int
    damages: DamageBook
    key: object = field(default_factory=object)
    """Stands for this very file; another of its name has another."""

    @cached_property
    def heads(self) -> list[int]:
        """By chunk, how many bytes of its payload are before the pages."""
        heads: list[int] = self.entries["head"].tolist()
        return heads

    @cached_property
    def _offsets(self) -> list[int]:
        offsets: list[int] = (self.entries["offset"] + RECORD_BYTES).tolist()
        return offsets

    @cached_property
    def oldest_ms(self) -> int:
        return int(self.entries["oldest_ms"].min(initial=NOTHING[0]))

    @cached_property
    def newest_ms(self) -> int:
        return int(self.entries["newest_ms"].max(initial=NOTHING[1]))

    @property
    def span_ms(self) -> tuple[int, int]:
        return self.oldest_ms, self.newest_ms

    def has(self, series: Numbers) -> bool:
        """Whether there is a sample of any of some series here."""
        return self.series.intersect(BitMap(series.tolist()))

    def chunks(self, block: int, start_ms: int, end_ms: int) -> Iterator[Chunk]:
        """The chunks of a block that overlap a time, in the order of writing. Raises StoreError."""
        for at in self.places_of(block):
            entry = self.entries[at]
            if entry["oldest_ms"] <= end_ms and entry["newest_ms"] >= start_ms:
                chunk = self.read(at)
                if chunk is not None:
                    yield chunk

    def places_of(self, block: int) -> range:
        """The places of a block's chunks in the directory, in the order of writing."""
        blocks = self.entries["block"]
        return range(int(blocks.searchsorted(block)), int(blocks.searchsorted(block, "right")))

    def read(self, at: int) -> Chunk | None:
        """All of a chunk; None where it is damaged, which is told. Raises StoreError."""
        entry = self.entries[at]
        offset = int(entry["offset"])
        data = self._pread(int(entry["length"]), offset)
        record = parse_record(data, offset)
        if record is not None:
            with suppress(Unreadable):
                return Chunk.of(record.payload)
        if self.damages.is_new(self.path, offset):
            aside = self.damages.set_aside(self.path, offset, data)
            self.damages.found(self.path, offset, "a chunk that was good when it was written", aside)
        return None

    def fetch(self, at: int, length: int, offset: int) -> bytes:
        """Bytes of a chunk's payload, which nobody has checked. Raises StoreError."""
        return self._pread(length, self._offsets[at] + offset)

    def fetcher(self, at: int) -> Fetch:
        """Fetches from a chunk."""
        return partial(self.fetch, at)

    def _pread(self, length: int, offset: int) -> bytes:
        try:
            return os.pread(self.handle, length, offset)
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror}") from error

    def __del__(self) -> None:
        os.close(self.handle)


def write_file(folder: Path, name: Name, chunks: Iterable[Packed], segment: int, damages: DamageBook) -> ChunkFile:
    """Writes a file; it is on the disk when this returns. Raises StoreError; see `new_file`."""
    (file,) = write_files(folder, [name], ((name.tier, chunk) for chunk in chunks), segment, damages)
    return file


def write_files(
    folder: Path, names: Sequence[Name], chunks: Iterable[tuple[Tier, Packed]], segment: int, damages: DamageBook
) -> list[ChunkFile]:
    """Writes files of different tiers, each with the chunks of its tier; the first has its name before the others."""
    with ExitStack() as stack:
        growing = {name.tier: _Growing(stack.enter_context(new_file(folder / str(name)))) for name in reversed(names)}
        for tier, chunk in chunks:
            growing[tier].add(chunk)
        directories = {tier: one.finish(segment) for tier, one in growing.items()}
    try:
        return [_opened(folder / str(name), name, directories[name.tier], damages) for name in names]
    except OSError as error:
        raise StoreError(f"cannot open what was written in {folder}: {error.strerror}") from error


class _Growing:
    """A file that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: list[tuple[int, ...]] = []
        self._series = BitMap()
        self._samples = 0
        self._offset = file.write(file_header())

    def add(self, chunk: Packed) -> None:
        record = frame(chunk.payload, chunk.oldest_ms, chunk.newest_ms)
        self._entries.append((chunk.block, len(record), chunk.head, self._offset, chunk.oldest_ms, chunk.newest_ms))
        self._series.update(chunk.series.tolist())
        self._samples += samples_in(chunk.payload)
        self._offset += self._file.write(record)

    def finish(self, segment: int) -> "_Directory":
        """Writes the directory."""
        directory = np.array(self._entries, ENTRY)
        directory = directory[np.argsort(directory["block"], kind="stable")]
        self._file.write(frame(_directory(directory, self._series, segment, self._samples), *NOTHING))
        self._file.write(frame(_POINTER.pack(POINTER_TAG, self._offset), *NOTHING))
        return directory, self._series, segment, self._samples


def open_file(path: Path, name: Name, damages: DamageBook) -> ChunkFile:
    """Opens a file that `write_file` wrote. Raises OSError; StoreUnavailable for a newer version."""
    with path.open("rb") as file:
        size = path.stat().st_size
        directory = read_directory(file.fileno(), size)
    if directory is None:
        before = damages.count
        directory = _rebuilt(recover(path, damages, grows=False))
        if damages.count == before:
            damages.found(path, size, "the end of the file is missing")
    return _opened(path, name, directory, damages)


_Directory = tuple[npt.NDArray[np.void], BitMap, int, int]
"""Entries, series, segment, samples."""


def _opened(path: Path, name: Name, directory: _Directory, damages: DamageBook) -> ChunkFile:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return ChunkFile(path, name, *directory, handle, os.fstat(handle).st_size, damages)


def _directory(entries: npt.NDArray[np.void], series: BitMap, segment: int, samples: int) -> bytes:
    series.run_optimize()
    packed = series.serialize()
    head = _DIRECTORY.pack(DIRECTORY_TAG, len(entries), segment, len(packed))
    return b"".join((head, entries.tobytes(), _SAMPLES.pack(samples), packed))


def read_directory(handle: int, size: int) -> _Directory | None:
    """What the directory of an open file says; None where it is damaged."""
    at = size - RECORD_BYTES - _POINTER.size
    pointer = parse_record(os.pread(handle, size - at, at), at) if at > HEADER_BYTES else None
    header = os.pread(handle, HEADER_BYTES, 0)
    if pointer is None or header != file_header():
        return None
    tag, offset = _POINTER.unpack(pointer.payload)
    record = parse_record(os.pread(handle, at - offset, offset), offset)
    if tag != POINTER_TAG or record is None:
        return None
    return _parse_directory(record.payload)


def _parse_directory(payload: bytes) -> _Directory:
    _, count, segment, length = _DIRECTORY.unpack_from(payload)
    entries = np.frombuffer(payload, ENTRY, count, _DIRECTORY.size)
    at = len(payload) - length
    (samples,) = _SAMPLES.unpack_from(payload, at - _SAMPLES.size)
    return entries, BitMap.deserialize(payload[at:]), segment, samples


def _rebuilt(records: Iterable[Record]) -> _Directory:
    """The directory of a file whose own is damaged."""
    entries: list[Any] = []
    series = BitMap()
    segment = samples = 0
    for record in records:
        (tag,) = struct.unpack_from("<I", record.payload)
        if tag == DIRECTORY_TAG:
            segment = _parse_directory(record.payload)[2]
        elif tag != POINTER_TAG:
            known = ChunkMap(record.payload)
            series.update(known.series.tolist())
            samples += samples_in(record.payload)
            length = RECORD_BYTES + len(record.payload)
            entries.append((known.block, length, known.head_bytes, record.offset, record.oldest_ms, record.newest_ms))
    directory = np.array(entries, ENTRY)
    return directory[np.argsort(directory["block"], kind="stable")], series, segment, samples
