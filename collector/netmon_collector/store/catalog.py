"""The catalog: which series a number in a chunk is, and where it lives. In two files, so that one can repair the other.

A record is deflated JSON: [[number, block, [[label, value], ...]], ...]. A series is entered before anything else on
the disk has its number.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import StoreError
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.durable import new_file, write_all
from netmon_collector.store.framing import NOTHING, Record, file_header, frame
from netmon_collector.store.labels import Numbers
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
    """What is entered; any thread may ask and enter."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in _NAMES]
        self._known = np.zeros(1024, np.bool_)
        self._lock = Lock()

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
        self._note(found)
        for path, count in zip(self._paths, counts, strict=True):
            if count != len(entries):
                _write(path, _records(entries))
        return entries

    def paths(self) -> list[Path]:
        return [path for path in self._paths if path.exists()]

    def has(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of some series are entered."""
        known = self._known
        entered: npt.NDArray[np.bool_] = known[np.minimum(numbers, len(known) - 1)] & (numbers < len(known))
        return entered

    def entered(self) -> Numbers:
        """The numbers of all series that are entered, ascending."""
        return np.flatnonzero(self._known)

    def missing(self, numbers: npt.NDArray[Any]) -> Numbers:
        """Which of some series (in any order, also repeated) are not entered; ascending."""
        return np.unique(numbers[~self.has(numbers)]).astype(np.int64)

    def enter(self, numbers: npt.NDArray[Any], entries: Callable[[Numbers], Sequence[Entry]]) -> None:
        """Enters those of some series that are missing; they are on the disk when this returns.

        Raises StoreError; then it may be repeated.
        """
        if not len(self.missing(numbers)):
            return
        with self._lock:
            made = entries(self.missing(numbers))
            records = list(_records(made))
            for path in self._paths:
                if path.exists():
                    _append(path, records)
                else:
                    _write(path, records)
            self._note(entry.number for entry in made)

    def keep(self, entries: Sequence[Entry]) -> None:
        """Forgets all series but some, where nothing else has their numbers any more. Raises StoreError."""
        with self._lock:
            for path in self._paths:
                _write(path, _records(entries))
            self._known = np.zeros(1024, np.bool_)
            self._note(entry.number for entry in entries)

    def _note(self, numbers: Iterable[int]) -> None:
        added = np.fromiter(numbers, np.int64)
        known = np.zeros(max(len(self._known), 2 * (int(added.max(initial=0)) + 1)), np.bool_)
        known[: len(self._known)] = self._known
        known[added] = True
        self._known = known


def _entries(path: Path, damages: DamageBook) -> Iterable[Entry]:
    for record in recover(path, damages):
        yield from entries_of(record)


def entries_of(record: Record) -> Iterable[Entry]:
    """The entries of a record of a catalog."""
    for number, block, labels in orjson.loads(zlib.decompress(record.payload)):
        yield Entry(number, block, tuple([(name, value) for name, value in labels]))


def _records(entries: Sequence[Entry]) -> Iterable[bytes]:
    for start in range(0, len(entries), _ENTRIES):
        yield frame(zlib.compress(orjson.dumps([tuple(one) for one in entries[start : start + _ENTRIES]]), 1), *NOTHING)


def _write(path: Path, records: Iterable[bytes]) -> None:
    with new_file(path) as file:
        file.write(file_header())
        file.writelines(records)


def _append(path: Path, records: Sequence[bytes]) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        end = os.fstat(handle).st_size
        try:
            write_all(handle, b"".join(records))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
