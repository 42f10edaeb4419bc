"""A log file that others write: what was appended since the last look, also across a rotation or a restart of ours."""

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

PIECE_BYTES: Final = 1 << 16
LONGEST_LINE_BYTES: Final = 1 << 16
TOLD_BY_BYTES: Final = 256


class Place(NamedTuple):
    """How far a file was read, and a digest of what is just before; 0 and "" where there was no file."""

    offset: int
    before: str


NO_FILE: Final = Place(0, "")


class Followed:
    """What is there at the first look is left out, unless `go_on` says how far an earlier run has read; a file that
    comes later is read from its begin.

    A file that was renamed is read to its end before the one that has its name now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._begun = b""
        self._is_first = True
        self._from: Place | None = None

    def go_on(self, place: Place) -> None:
        """From where an earlier run was: in this file, or in the one that it became by a rotation (`….1`).

        Where neither has at that place what was there then, what is there at the first look is left out. Raises
        TypeError.
        """
        if not isinstance(place.offset, int) or place.offset < 0 or not isinstance(place.before, str):
            raise TypeError(f"{place} is no place")
        self._from = place

    @property
    def place(self) -> Place | None:
        """Behind the last whole line that was read; None before the first look."""
        if self._is_first:
            return self._from
        if self._descriptor is None:
            return NO_FILE
        offset = os.lseek(self._descriptor, 0, os.SEEK_CUR) - len(self._begun)
        return Place(offset, _before(self._descriptor, offset))

    @property
    def written_ms(self) -> int | None:
        """When the file was last written; None where there is none."""
        return None if self._descriptor is None else os.fstat(self._descriptor).st_mtime_ns // 1_000_000

    def lines(self) -> Iterator[bytes]:
        """The whole lines that came since, without their ends. Raises OSError; a file that is not there has none."""
        if self._descriptor is not None:
            yield from self._more(self._descriptor)
        if self._is_another():
            self.close()
            self._descriptor = self._open()
            if self._descriptor is not None:
                if self._is_first:
                    yield from self._left_over(self._descriptor)
                yield from self._more(self._descriptor)
        self._is_first = False

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._begun = None, b""

    def _left_over(self, descriptor: int) -> Iterator[bytes]:
        """Goes to where the first look begins; what an earlier run did not read of the file before this one."""
        place = self._from
        if place is None:
            os.lseek(descriptor, 0, os.SEEK_END)
        elif _is_at(descriptor, place):
            os.lseek(descriptor, place.offset, os.SEEK_SET)
        elif (rotated := _opened(self._path.with_name(f"{self._path.name}.1"))) is not None:
            try:
                if _is_at(rotated, place):
                    os.lseek(rotated, place.offset, os.SEEK_SET)
                    yield from self._more(rotated)
                    self._begun = b""
                else:
                    os.lseek(descriptor, 0, os.SEEK_END)
            finally:
                os.close(rotated)
        else:
            os.lseek(descriptor, 0, os.SEEK_END)

    def _is_another(self) -> bool:
        """Whether the name leads to another file than the one that is open, or that one was cut."""
        if self._descriptor is None:
            return True
        try:
            named = self._path.stat()
        except FileNotFoundError:  # it was renamed, and its successor is yet to come
            return False
        own = os.fstat(self._descriptor)
        is_cut = named.st_size < os.lseek(self._descriptor, 0, os.SEEK_CUR)
        return is_cut or (own.st_dev, own.st_ino) != (named.st_dev, named.st_ino)

    def _open(self) -> int | None:
        return _opened(self._path)

    def _more(self, descriptor: int) -> Iterator[bytes]:
        while piece := os.read(descriptor, PIECE_BYTES):
            *whole, self._begun = (self._begun + piece).split(b"\n")
            self._begun = self._begun[-LONGEST_LINE_BYTES:]
            yield from whole


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _before(descriptor: int, offset: int) -> str:
    begin = max(0, offset - TOLD_BY_BYTES)
    read = os.pread(descriptor, offset - begin, begin)
    return blake2b(read, digest_size=16).hexdigest() if read else ""


def _is_at(descriptor: int, place: Place) -> bool:
    """Whether a file has at this place what was there then; one that was empty may be any."""
    return place.offset <= os.fstat(descriptor).st_size and _before(descriptor, place.offset) == place.before
