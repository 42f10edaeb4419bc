"""A folder with the files of a store as they are at one moment, made while the store goes on."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from netmon_collector.store.base import StoreError
from netmon_collector.store.durable import sync_data, sync_folder

_PIECE_BYTES = 1 << 20


def gather_files(folder: Path, whole: Iterable[Path], growing: Mapping[Path, int]) -> None:
    """Hard-links files that never change, and copies the first bytes of those that still grow.

    All is on the disk when this returns. Raises StoreError; then the folder is gone again.
    """
    try:
        folder.mkdir(parents=True)
        for path in whole:
            (folder / path.name).hardlink_to(path)
        for path, size_bytes in growing.items():
            _copy(path, folder / path.name, size_bytes)
        sync_folder(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreError(f"cannot make a snapshot in {folder}: {error.strerror}") from error


def _copy(path: Path, target: Path, size_bytes: int) -> None:
    with path.open("rb") as source, target.open("xb") as copy:
        while size_bytes and (piece := source.read(min(_PIECE_BYTES, size_bytes))):
            size_bytes -= copy.write(piece)
        copy.flush()
        sync_data(copy.fileno())
