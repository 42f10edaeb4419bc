"""The catalog: which series a number in a chunk is, and where it lives. In two files, so that one can repair the other.

A record is deflated JSON: [[number, block, [[label, value], ...]], ...]. A series is entered before any chunk has it.
"""

import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from pyroaring import BitMap

from netmon_collector.store.base import StoreError
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.durable import new_file, write_all
from netmon_collector.store.framing import NOTHING, file_header, frame
from netmon_collector.store.recovery import recover
from netmon_proto.model import Labels

_NAMES: Final = ("series-1.catalog", "series-2.catalog")
_ENTRIES: Final = 1000


class Entry(NamedTuple):
    """A series, its number and the number of its block."""

    number: int
    block: int
    labels: Labels


class Catalog:
    """What is entered. After `load` it belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in _NAMES]
        self._known = BitMap()

    def load(self, damages: DamageBook) -> list[Entry]:
        """All entries, by number. Raises OSError, StoreUnavailable."""
        found: dict[int, Entry] = {}
        counts = []
        for path in self._paths:
            before = damages.count
            entries = list(_entries(path, damages)) if path.exists() else []
            found |= {entry.number: entry for entry in entries}
            counts.append(len(entries) if damages.count == before else -1)
        entries = [found[number] for number in sorted(found)]
        self._known = BitMap(found)
        for path, count in zip(self._paths, counts, strict=True):
            if count != len(entries):
                _write(path, entries)
        return entries

    def paths(self) -> list[Path]:
        return [path for path in self._paths if path.exists()]

    def missing(self, numbers: Iterable[int]) -> list[int]:
        """Which of some series are not entered."""
        return list(BitMap(numbers) - self._known)

    def enter(self, entries: Sequence[Entry]) -> None:
        """Enters series; they are on the disk when this returns. Raises StoreError; then it may be repeated."""
        if not entries:
            return
        for path in self._paths:
            if path.exists():
                _append(path, entries)
            else:
                _write(path, entries)
        self._known.update(entry.number for entry in entries)


def _entries(path: Path, damages: DamageBook) -> Iterable[Entry]:
    for record in recover(path, damages):
        for number, block, labels in orjson.loads(zlib.decompress(record.payload)):
            yield Entry(number, block, tuple([(name, value) for name, value in labels]))


def _records(entries: Sequence[Entry]) -> Iterable[bytes]:
    for start in range(0, len(entries), _ENTRIES):
        yield frame(zlib.compress(orjson.dumps([tuple(one) for one in entries[start : start + _ENTRIES]]), 1), *NOTHING)


def _write(path: Path, entries: Sequence[Entry]) -> None:
    with new_file(path) as file:
        file.write(file_header())
        file.writelines(_records(entries))


def _append(path: Path, entries: Sequence[Entry]) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        end = os.fstat(handle).st_size
        try:
            write_all(handle, b"".join(_records(entries)))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
