"""Checks each file: checksums, whether chunks can be unpacked, whether catalogs, log and chunks fit together."""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netmon_collector.store.chunk import Chunk
from netmon_collector.store.chunkfile import (
    DIRECTORY_TAG,
    ENTRY,
    POINTER_TAG,
    ChunkFile,
    Name,
    Tier,
    open_file,
    read_directory,
)
from netmon_collector.store.entries import Entries, Entry
from netmon_collector.store.framing import RECORD_BYTES, Record
from netmon_collector.store.fsck.finding import Finding, records
from netmon_collector.store.fsck.quiet import QuietBook
from netmon_collector.store.record import Gathers, decode_notes, decode_parts
from netmon_collector.store.rollup import FIELDS

Catalogued = Mapping[int, Entry]


def check_catalogs(paths: list[Path], known: dict[int, Entry]) -> Iterator[Finding]:
    """Fills `known` with the entries of all catalogs."""
    counts = []
    for path in paths:
        own: dict[int, Entry] = {}
        for found in records(path):
            if isinstance(found, Finding):
                yield found
                continue
            for entry in Entries.unpack(found.payload).each():
                other = known.setdefault(entry.number, entry)
                if other != entry:
                    yield Finding(path.name, found.offset, f"series {entry.number} is another one than in the others")
                own[entry.number] = entry
        counts.append(len(own))
    for path, count in zip(paths, counts, strict=True):
        if count != len(known):
            yield Finding(path.name, None, f"has {count} series of {len(known)}")
    numbers: dict[Any, int] = {}
    for entry in known.values():
        if numbers.setdefault(entry.labels, entry.number) != entry.number:
            yield Finding("catalog", None, f"series {numbers[entry.labels]} and {entry.number} are the same")


def check_log(path: Path, known: Catalogued, times: set[int]) -> Iterator[Finding]:
    """A file of the log; its times are added to `times`, as hours."""
    groups: set[int] = set()
    for found in records(path):
        if isinstance(found, Finding):
            yield found
            continue
        try:
            yield from _check_record(path, found, known, groups, times)
        except (ValueError, KeyError, TypeError, struct.error) as error:
            yield Finding(path.name, found.offset, f"cannot be unpacked: {error}")


def _check_record(
    path: Path, record: Record, known: Catalogued, groups: set[int], times: set[int]
) -> Iterator[Finding]:
    for note in decode_notes(record.payload).groups:
        groups.add(note.number)
        if any(number not in known for number in note.series.tolist()):
            yield Finding(path.name, record.offset, f"group {note.number} has series that are in no catalog")
    for part in decode_parts(record.payload):
        times.update(np.unique(part.times // 3_600_000).tolist())
        if isinstance(part, Gathers):
            strangers = set(np.unique(part.groups).tolist()) - groups
            if strangers:
                yield Finding(path.name, record.offset, f"gathers of groups that nothing describes: {len(strangers)}")
        elif any(number not in known for number in np.unique(part.series).tolist()):
            yield Finding(path.name, record.offset, "samples of series that are in no catalog")


def check_chunks(path: Path, name: Name, known: Catalogued) -> Iterator[Finding]:
    """A file of chunks: each chunk, and the directory."""
    seen = []
    for found in records(path):
        if isinstance(found, Finding):
            yield found
            continue
        (tag,) = struct.unpack_from("<I", found.payload)
        if tag in (DIRECTORY_TAG, POINTER_TAG):
            continue
        try:
            chunk = Chunk.of(found.payload)
            yield from _check_chunk(path, found, chunk, known, name.tier)
        except Exception as error:  # noqa: BLE001 - whatever a codec makes of it, it is a chunk that cannot be unpacked
            yield Finding(path.name, found.offset, f"a chunk cannot be unpacked: {error}")
            continue
        length, head = RECORD_BYTES + len(found.payload), chunk.map.head_bytes
        seen.append((chunk.block, length, head, found.offset, found.oldest_ms, found.newest_ms))
    yield from _check_directory(path, np.array(seen, ENTRY))


def _check_chunk(path: Path, record: Record, chunk: Chunk, known: Catalogued, tier: Tier) -> Iterator[Finding]:
    matrix, _ = chunk.matrix(), chunk.verdicts()
    times = matrix.times
    if chunk.fields != (1 if tier is Tier.RAW else FIELDS):
        yield Finding(path.name, record.offset, f"a chunk has {chunk.fields} numbers for a sample")
    if bool((np.diff(times) <= 0).any()) or (int(times[0]), int(times[-1])) != (record.oldest_ms, record.newest_ms):
        yield Finding(path.name, record.offset, "a chunk's times are not in order, or not those that are told")
    if len(np.unique(matrix.series)) != len(matrix.series):
        yield Finding(path.name, record.offset, "a chunk has a series twice")
    strangers = [number for number in matrix.series.tolist() if number not in known]
    if strangers:
        yield Finding(path.name, record.offset, f"{len(strangers)} series of a chunk are in no catalog")
    if any(known[number].block != chunk.block for number in matrix.series.tolist() if number in known):
        yield Finding(path.name, record.offset, f"a chunk of block {chunk.block} has series that live elsewhere")


def _check_directory(path: Path, seen: npt.NDArray[np.void]) -> Iterator[Finding]:
    try:
        with path.open("rb") as file:
            told = read_directory(file.fileno(), path.stat().st_size)
    except OSError:
        return  # which was told already
    if told is None:
        yield Finding(path.name, None, "its directory is damaged")
    elif sorted(told[0].tolist()) != sorted(seen.tolist()):
        yield Finding(path.name, None, "its directory does not say what is in it")


def openable(folder: Path) -> list[ChunkFile]:
    """The files of chunks whose directories can be read."""
    files = []
    for path in sorted(folder.iterdir()):
        name = Name.parse(path.name)
        if name is not None and path.is_file():
            with path.open("rb") as file:
                readable = read_directory(file.fileno(), path.stat().st_size) is not None
            if readable:
                files.append(open_file(path, name, QuietBook()))
    return files
