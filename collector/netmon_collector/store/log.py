"""The write-ahead log: a folder of files that are only ever appended to, each complete in itself.

A file is one slice of time. Its first record holds which batches were stored before it; the first two records that
use a group describe that group. So any file can go, and what is in the others remains readable.
"""

import errno
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Origin, StoreError, StoreUnavailable
from netmon_collector.store.damage import SUFFIX, DamageBook
from netmon_collector.store.durable import sync_data, sync_folder, write_all
from netmon_collector.store.framing import HEADER_BYTES, Record, file_header, frame_pieces
from netmon_collector.store.groups import Groups
from netmon_collector.store.record import Gathers, GroupNote, Notes, Part, encode, span_ms
from netmon_collector.store.recovery import check_file, recover
from netmon_collector.store.segment import Segment

_NAME: Final = re.compile(r"wal-(\d{8,})\.log")
_UNREADABLE: Final = (errno.EIO, errno.EISDIR)


@dataclass(frozen=True, slots=True)
class Placed:
    """A record that was written: in which file, its oldest and newest time, the groups that it describes."""

    segment: Segment
    oldest_ms: int
    newest_ms: int
    described: npt.NDArray[np.int64]


class Log:
    """Writes records and says where they are.

    `write` runs on the writer's thread, never twice at once and never beside `full` and `add`, which belong to the
    event loop, as `drop` does for files of its own. What `write` wrote counts only once `add` was told.
    """

    def __init__(self, folder: Path, *, slice_ms: int, segment_bytes: int) -> None:
        self.inherited: list[Segment] = []
        """What an earlier process left, oldest first. Belongs to the thread that replays it, until that is done."""
        self._own: list[Segment] = []
        self._folder = folder
        self._slice_ms = slice_ms
        self._segment_bytes = segment_bytes
        self._file: int | None = None
        self._growing: Segment | None = None
        self._slice: int | None = None
        self._unwanted: set[Path] = set()
        """Files that are not of the log, or not any more, and were not taken away yet."""
        numbers = [int(match[1]) for path in folder.iterdir() if (match := _NAME.match(path.name))]
        self._next_number = max(numbers, default=0) + 1

    def recover(self, damages: DamageBook) -> Iterator[tuple[Segment, Record]]:
        """All good records, in the order of writing. Raises StoreUnavailable."""
        paths = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        for path in sorted(paths, key=_number):
            segment = Segment(path, _number(path))
            try:
                for record in recover(path, damages):
                    segment.add(record.oldest_ms, record.newest_ms)
                    yield segment, record
                segment.size_bytes = path.stat().st_size
            except OSError as error:
                set_aside(path, error, damages)
                continue
            if segment.size_bytes > HEADER_BYTES:
                self._own.append(segment)
            else:
                path.unlink()
        sync_folder(self._folder)

    def inherit(self, damages: DamageBook) -> None:
        """Finds the files that are there, which are to be replayed. Raises StoreUnavailable."""
        found = []
        for path in sorted((path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)), key=_number):
            segment = Segment(path, _number(path))
            try:
                segment.size_bytes = check_file(path)
            except OSError as error:
                set_aside(path, error, damages)
            else:
                found.append(segment)
        self.inherited = found

    @property
    def segments(self) -> list[Segment]:
        """All files, oldest first. The last one may still grow."""
        return [*self.inherited, *self._own]

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.segments)

    def beyond(self, size_bytes: int) -> int:
        """The number of the last segment that is to go so that no more than these bytes are left; 0 if none is."""
        left = self.size_bytes
        number = 0
        for segment in self.segments[:-1]:
            if left <= size_bytes:
                break
            left, number = left - segment.size_bytes, segment.number
        return number

    def full(self, newest_ms: int) -> bool:
        """Whether a record with this newest time is to begin a new file."""
        if self._growing is None or self._growing.size_bytes >= self._segment_bytes:
            return True
        return self._slice is not None and newest_ms // self._slice_ms > self._slice

    def write(
        self, parts: Sequence[Part], groups: Groups, origins: Sequence[Origin], acks: Sequence[Any] | None
    ) -> Placed:
        """Writes a record and waits until it is on disk. With `acks`, all batches stored so far, it begins a new file.

        Raises StoreError; then the record is not in the log.
        """
        segment = self._growing
        if acks is not None or segment is None:
            segment = Segment(self._folder / f"wal-{self._next_number:08}.log", self._next_number)
        used = [part.groups for part in parts if isinstance(part, Gathers)]
        described = segment.undescribed(np.concatenate(used) if used else np.empty(0, np.uint32))
        found = [groups[number] for number in described.tolist()]
        notes = Notes([GroupNote(group.number, group.kinds, group.series) for group in found], origins, acks or ())
        oldest_ms, newest_ms = span_ms(parts)
        record = frame_pieces(encode(notes, parts), oldest_ms, newest_ms)
        head = b"" if segment.size_bytes else file_header()
        try:
            if not segment.size_bytes:
                self._begin(segment)
            self._append(segment, head + record)
        except OSError as error:
            raise StoreError(f"cannot write to {self._folder}: {error.strerror}") from error
        if parts and self._slice is None:
            self._slice = newest_ms // self._slice_ms
        segment.size_bytes += len(head) + len(record)
        return Placed(segment, oldest_ms, newest_ms, described)

    def add(self, placed: Placed) -> None:
        """Makes a written record count."""
        segment = placed.segment
        if self._own[-1:] != [segment]:
            self._own.append(segment)
        segment.add(placed.oldest_ms, placed.newest_ms, placed.described)

    def before(self, number: int | None) -> list[Segment]:
        """The first segments, up to a number, or all; but never the last, which says what was stored before it."""
        return [segment for segment in self.segments[:-1] if number is None or segment.number < number]

    def drop(self, doomed: Collection[Segment]) -> None:
        """Takes segments out of the log; their files are to be removed."""
        self._unwanted |= {segment.path for segment in doomed}
        self.inherited = [segment for segment in self.inherited if segment not in doomed]
        if any(segment in doomed for segment in self._own):  # else it is another thread that drops what was inherited
            self._own = [segment for segment in self._own if segment not in doomed]

    @property
    def has_unwanted(self) -> bool:
        """Whether files are to be removed."""
        return bool(self._unwanted)

    def remove(self) -> None:
        """Deletes the files of segments that were dropped, oldest first, and what failed writes left.

        Raises StoreError; then it may be repeated.
        """
        try:
            for path in sorted(self._unwanted, key=_number):
                path.unlink(missing_ok=True)
                self._unwanted.discard(path)
            sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"cannot delete in {self._folder}: {error.strerror}") from error

    def close(self) -> None:
        """Lets go of the file; what was written stays."""
        if self._file is not None:
            os.close(self._file)
            self._file = self._growing = None

    def _begin(self, segment: Segment) -> None:
        self.close()
        self._file = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._next_number += 1
        self._growing = segment
        self._slice = None

    def _append(self, segment: Segment, data: bytes) -> None:
        assert self._file is not None
        try:
            write_all(self._file, data)
            sync_data(self._file)
            if not segment.size_bytes:
                sync_folder(self._folder)
        except OSError:
            self._take_back(segment)
            raise

    def _take_back(self, segment: Segment) -> None:
        """Undoes a failed write as far as that works, and leaves the file: the next record begins another one.

        After a failed sync nobody knows what of the file is on disk; another sync would not tell.
        """
        assert self._file is not None
        with suppress(OSError):
            if segment.size_bytes:
                os.ftruncate(self._file, segment.size_bytes)
            else:
                self._unwanted.add(segment.path)
                segment.path.unlink()
                self._unwanted.discard(segment.path)
        self.close()


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("wal-"))


def set_aside(path: Path, error: OSError, damages: DamageBook) -> None:
    """Renames a file that the disk cannot give back. Raises StoreUnavailable where the file is not to blame."""
    if error.errno not in _UNREADABLE:
        raise StoreUnavailable(
            f"cannot open {path}: {error.strerror}: let the user who runs the collector read and write it"
        ) from error
    aside = path.rename(path.with_name(path.name + SUFFIX))
    damages.found(path, 0, f"cannot be read: {error.strerror}", aside)
