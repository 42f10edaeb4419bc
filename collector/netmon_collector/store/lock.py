"""Keeps a second process out of a store's folder."""

import fcntl
import os
from pathlib import Path
from typing import Final

from netmon_collector.store.base import StoreUnavailable

_NAME: Final = "lock"


class FolderLock:
    """Makes the folder where it is missing and locks it until `release`; the kernel lets go when the process dies.

    Raises StoreUnavailable.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except (FileExistsError, NotADirectoryError) as error:
            raise StoreUnavailable(f"{folder} is not a folder: give the store a folder of its own") from error
        except OSError as error:
            raise StoreUnavailable(
                f"cannot write in {folder}: {error.strerror}: let the user who runs the collector write there"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            if not isinstance(error, BlockingIOError):
                raise StoreUnavailable(f"cannot lock {folder}: {error.strerror}: use a local disk") from error
            raise StoreUnavailable(
                f"{folder} is in use by another process: stop that one, or give this one another folder"
            ) from error

    def release(self) -> None:
        """Lets others in."""
        os.close(self._file)
