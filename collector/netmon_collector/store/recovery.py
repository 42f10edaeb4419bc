"""Reads a file of the log at start: yields what is good, keeps what is damaged under a name of its own."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from netmon_collector.store.base import StoreUnavailable
from netmon_collector.store.damage import DamageBook, log
from netmon_collector.store.framing import HEADER_BYTES, Damage, NewerVersion, Record, check_version, scan

_TRIES: Final = 3
_PAGE: Final = 4096


class PatientFile:
    """A file that is read on where the disk cannot give something back: that is tried again, and then is zeros.

    No record is of zeros, so what cannot be read counts as damaged, and all else is read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        at = self._file.tell()
        for _ in range(_TRIES):
            try:
                return self._file.read(size)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                self._file.seek(at)
        if size <= _PAGE:
            self._file.seek(0, os.SEEK_END)
            there = min(size, max(0, self._file.tell() - at))
            self._file.seek(at + there)
            return bytes(there)
        return b"".join([self.read(min(_PAGE, size - done)) for done in range(0, size, _PAGE)])

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()


def recover(path: Path, damages: DamageBook, *, grows: bool = True) -> Iterator[Record]:
    """The good records of one file, in their order.

    Damaged bytes stay where they are, are copied beside the file, and are skipped. A file that grows and just ends
    within a record, which nobody was told is stored, is cut off there, or counts as damaged if it cannot be. Raises
    StoreUnavailable for a file of a newer version, OSError for one that cannot be opened.
    """
    try:
        with path.open("r+b") as file:
            patient = PatientFile(file)
            for found in scan(patient, path.stat().st_size):
                if isinstance(found, Record):
                    yield found
                elif not (grows and found.torn and _cut_off(path, found)):
                    damages.found(
                        path, found.offset, f"{found.length} bytes", _set_aside(path, patient, found, damages)
                    )
            # A process that was killed may not have come to it, and from now on all of it counts as stored.
            # Where that fails, what was read is good all the same.
            with suppress(OSError):
                os.fsync(file)
    except NewerVersion as error:
        raise newer(path, error) from error


def _cut_off(path: Path, end: Damage) -> bool:
    try:
        os.truncate(path, end.offset)
    except OSError:
        return False
    log.info("store.torn", file=str(path), offset=end.offset, bytes=end.length)
    return True


def _set_aside(path: Path, file: PatientFile, damage: Damage, damages: DamageBook) -> Path | None:
    position = file.tell()
    file.seek(damage.offset)
    aside = damages.set_aside(path, damage.offset, file.read(damage.length))
    file.seek(position)
    return aside


def check_file(path: Path) -> int:
    """The size of a file that can be read, and is on the disk. Raises StoreUnavailable, OSError as `recover` does."""
    with path.open("r+b") as file:
        try:
            check_version(PatientFile(file).read(HEADER_BYTES))
        except NewerVersion as error:
            raise newer(path, error) from error
        with suppress(OSError):  # what is replayed is written once more, and synced
            os.fsync(file)
        return os.fstat(file.fileno()).st_size


def newer(path: Path, error: NewerVersion) -> StoreUnavailable:
    return StoreUnavailable(
        f"{path} was written by a newer netmon ({error}): run that one again, or move the file away"
    )
