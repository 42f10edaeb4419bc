"""A log file that others write: what was appended since the last look, also across a rotation."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 1 << 16
LONGEST_LINE_BYTES: Final = 1 << 16


class Followed:
    """What is there at the first look is left out; a file that comes later is read from its begin.

    A file that was renamed is read to its end before the one that has its name now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._begun = b""
        self._is_first = True

    def lines(self) -> Iterator[bytes]:
        """The whole lines that came since, without their ends. Raises OSError; a file that is not there has none."""
        if self._descriptor is not None:
            yield from self._more(self._descriptor)
        if self._is_another():
            self.close()
            self._descriptor = self._open()
            if self._descriptor is not None:
                if self._is_first:
                    os.lseek(self._descriptor, 0, os.SEEK_END)
                yield from self._more(self._descriptor)
        self._is_first = False

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._begun = None, b""

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
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None

    def _more(self, descriptor: int) -> Iterator[bytes]:
        while piece := os.read(descriptor, PIECE_BYTES):
            *whole, self._begun = (self._begun + piece).split(b"\n")
            self._begun = self._begun[-LONGEST_LINE_BYTES:]
            yield from whole
