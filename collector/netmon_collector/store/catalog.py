"""The catalog: which series a number in a chunk is, and where it lives. In two files, so that one can repair the other.

A series is entered before anything else on the disk has its number. What a record is: see entries.py.
"""

import filecmp
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import StoreError
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.durable import new_file, write_all
from netmon_collector.store.entries import Entries
from netmon_collector.store.framing import NOTHING, Record, file_header, frame, scan
from netmon_collector.store.labels import Numbers
from netmon_collector.store.recovery import recover

_NAMES: Final = ("series-1.catalog", "series-2.catalog")


class Catalog:
    """What is entered; any thread may ask and enter."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in _NAMES]
        self._known = np.zeros(1024, np.bool_)
        self._doubtful: set[Path] = set()
        """Files of which the last write failed."""
        self._lock = Lock()

    def load(self, damages: DamageBook) -> list[Entries]:
        """All entries; where the files are not the same, both are made anew. Raises OSError, StoreUnavailable."""
        there = self.paths()
        before = damages.count
        found = [entries for path in there[:1] for entries in _entries(path, damages)]
        if len(there) == len(_NAMES) and damages.count == before and filecmp.cmp(there[0], there[1], shallow=False):
            self._note(found)
            return found
        self._note(found)
        for path in there[1:]:
            for entries in _entries(path, damages):
                new = entries.only(~self.has(entries.numbers))
                if len(new.numbers):
                    found.append(new)
                    self._note([new])
        if there:
            self._write_all(found)
        return found

    def _write_all(self, found: Sequence[Entries]) -> None:
        """A full disk is no reason not to start: what one file lacks, the other has."""
        for path in self._paths:
            self._doubtful.add(path)
            with suppress(StoreError):
                _write(path, (frame(entries.pack(), *NOTHING) for entries in found))
                self._doubtful.discard(path)

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

    def enter(self, numbers: npt.NDArray[Any], entries: Callable[[Numbers], Iterable[Entries]]) -> None:
        """Enters those of some series that are missing; they are on the disk when this returns.

        Raises StoreError; then it may be repeated.
        """
        if not len(self.missing(numbers)):
            return
        with self._lock:
            made = list(entries(self.missing(numbers)))
            records = [frame(part.pack(), *NOTHING) for part in made]
            for path in self._paths:
                self._add(path, records)
            self._note(made)

    def _add(self, path: Path, records: Sequence[bytes]) -> None:
        """Adds to a file. One that failed is made anew: nobody knows what of it is on the disk."""
        if path in self._doubtful:
            sources = [other for other in self.paths() if other not in self._doubtful] or self.paths()
            added = records if path == self._paths[0] else []  # by now the first file has them
            _write(path, itertools.chain(*map(_records, sources), added))
        elif path.exists():
            self._doubtful.add(path)
            _append(path, records)
        else:
            _write(path, records)
        self._doubtful.discard(path)

    def keep(self, entries: Sequence[Entries]) -> None:
        """Forgets all series but some, where nothing else has their numbers any more. Raises StoreError."""
        with self._lock:
            # First, so that those which come back are entered in both files, even if only one can be written now.
            self._known = np.zeros(1024, np.bool_)
            self._note(entries)
            for path in self._paths:
                _write(path, [frame(part.pack(), *NOTHING) for part in entries])
                self._doubtful.discard(path)

    def _note(self, entries: Iterable[Entries]) -> None:
        for part in entries:
            known = np.zeros(max(len(self._known), 2 * (int(part.numbers.max(initial=0)) + 1)), np.bool_)
            known[: len(self._known)] = self._known
            known[part.numbers] = True
            self._known = known


def _entries(path: Path, damages: DamageBook) -> Iterable[Entries]:
    for record in recover(path, damages):
        yield Entries.unpack(record.payload)


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for record in scan(file, path.stat().st_size):
            if isinstance(record, Record):
                yield frame(record.payload, *NOTHING)


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
