"""A disk that fails: the calls of the system that change files below a folder fail at random, with EIO or ENOSPC.

The functions of `os` and `io` are replaced for the time being, so whatever is above them is as it is in operation.
"""

import errno
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

CALLS: Final = ("open", "write", "fsync", "rename", "unlink", "link", "ftruncate", "mkdir")


class FlakyDisk:
    """What of `calls` is made below `folder` fails with probability `chance` while `failing`.

    A write that fails has written a part. A sync that fails may lose what was written since the last one, as the
    kernel's cache does: it reads as zeros from then on, though the next sync succeeds. One that does not fail only
    notes what would be there after a power cut, which takes no time.
    """

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.failed = dict.fromkeys(CALLS, 0)
        self._folder = str(folder)
        self._dice = dice
        self._calls: frozenset[str] = frozenset()
        self._chance = 0.0
        self._synced: dict[int, int] = {}
        """By inode, how many bytes of a file are surely on the disk."""
        self._write, self._fsync, self._open = os.write, os.fsync, os.open

    @contextmanager
    def failing(self, calls: frozenset[str], chance: float) -> Iterator[None]:
        self._calls, self._chance = calls, chance
        try:
            yield
        finally:
            self._chance = 0.0

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """The functions of the system are this disk's."""
        with (
            mock.patch.multiple(
                os,
                write=self.write,
                fsync=self.sync,
                fdatasync=self.sync,
                open=self.open,
                ftruncate=self._of_handle("ftruncate", os.ftruncate),
                rename=self._of_path("rename", os.rename),
                unlink=self._of_path("unlink", os.unlink),
                link=self._of_path("link", os.link),
                mkdir=self._of_path("mkdir", os.mkdir),
            ),
            mock.patch.object(io, "open", self._opener(io.open)),
        ):
            yield

    def after_power_cut(self, to: Path) -> Path:
        """A copy of the folder with the bytes that were synced, and no others."""
        shutil.copytree(self._folder, to)
        for path in Path(self._folder).rglob("*"):
            if path.is_file():
                found = path.stat()
                os.truncate(to / path.relative_to(self._folder), min(found.st_size, self._synced.get(found.st_ino, 0)))
        return to

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._meet("open", str(path))
        handle = self._open(path, flags, mode, dir_fd=dir_fd)
        found = os.fstat(handle)
        if not found.st_size:
            self._synced.pop(found.st_ino, None)
        return handle

    def write(self, handle: int, data: Any) -> int:
        try:
            self._meet("write", _path(handle))
        except OSError:
            self._write(handle, bytes(data)[: self._dice.randrange(len(data) + 1)])
            raise
        return self._write(handle, data)

    def sync(self, file: Any) -> None:
        handle = file if isinstance(file, int) else file.fileno()
        path = _path(handle)
        found = os.fstat(handle)
        try:
            self._meet("fsync", path)
        except OSError:
            synced = self._synced.get(found.st_ino, 0)
            if Path(path).is_file() and self._dice.random() < 0.7:
                lossy = self._open(path, os.O_WRONLY)
                os.pwrite(lossy, bytes(max(0, found.st_size - synced)), synced)
                os.close(lossy)
            raise
        if not path.startswith(self._folder):
            self._fsync(handle)
        self._synced[found.st_ino] = found.st_size

    def _meet(self, call: str, path: str) -> None:
        if call in self._calls and path.startswith(self._folder) and self._dice.random() < self._chance:
            self.failed[call] += 1
            number = self._dice.choice((errno.EIO, errno.ENOSPC))
            raise OSError(number, os.strerror(number), path)

    def _of_path(self, call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def meet(path: Any, *rest: Any, **options: Any) -> Any:
            self._meet(call, str(path))
            return real(path, *rest, **options)

        return meet

    def _of_handle(self, call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def meet(handle: int, *rest: Any) -> Any:
            self._meet(call, _path(handle))
            return real(handle, *rest)

        return meet

    def _opener(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def meet(path: Any, mode: str = "r", buffering: int = -1, *rest: Any, **options: Any) -> Any:
            if set(mode) <= set("rbt") or "b" not in mode or not str(path).startswith(self._folder):
                return real(path, mode, buffering, *rest, **options)
            if mode == "r+b":
                return real(path, mode, buffering, *rest, **options)
            self._meet("open", str(path))
            raw = _File(path, mode.replace("b", ""))
            raw.disk = self
            self._synced.pop(os.fstat(raw.fileno()).st_ino, None)
            return raw if buffering == 0 else io.BufferedWriter(raw, max(buffering, io.DEFAULT_BUFFER_SIZE))

        return meet


class _File(io.FileIO):
    """A file of the disk, below Python's buffer."""

    disk: FlakyDisk

    def write(self, data: Any, /) -> int:
        return self.disk.write(self.fileno(), data)


def _path(handle: int) -> str:
    return str(Path(f"/proc/self/fd/{handle}").readlink())
