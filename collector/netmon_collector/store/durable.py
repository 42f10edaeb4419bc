"""Files that appear whole or not at all, and stay after a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from netmon_collector.store.base import StoreError

UNFINISHED: Final = ".tmp"


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Writes a file under a name that it gets only when all of it is on the disk.

    Raises StoreError; then it may have the name nevertheless, where only making that durable failed.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        try:
            with unfinished.open("wb", buffering=1 << 20) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def clear_unfinished(folder: Path) -> None:
    """Removes what a process left behind that was killed while it wrote."""
    for path in folder.glob(f"*{UNFINISHED}"):
        path.unlink()


def sync_data(handle: int) -> None:
    """Makes what was written to a file durable. After a failure nobody knows what is; another try would not tell."""
    if hasattr(os, "fdatasync"):  # macOS has only fsync
        os.fdatasync(handle)
    else:
        os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Writes all of it, however often the system stops halfway."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
