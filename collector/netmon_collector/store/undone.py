"""What a delete has begun and not finished, on the disk: so that no crash leaves rollups of samples that are gone."""

import struct
import zlib
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from pyroaring import BitMap

from netmon_collector.store.base import StoreError
from netmon_collector.store.durable import new_file, sync_folder
from netmon_collector.store.labels import Numbers

_CRC: Final = struct.Struct("<I")
_TIMES: Final = struct.Struct("<qq")


class Deletion(NamedTuple):
    """Series (ascending) of which samples of a time are to go, both ends included."""

    series: Numbers
    start_ms: int
    end_ms: int


class Undone:
    """At most one deletion, in a file that is there while it is under way. All raise StoreError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "delete-under-way"

    def paths(self) -> list[Path]:
        return [self._path] if self._path.exists() else []

    def begin(self, deletion: Deletion) -> None:
        """Notes it; it is on the disk when this returns."""
        told = _TIMES.pack(deletion.start_ms, deletion.end_ms) + BitMap(deletion.series.tolist()).serialize()
        with new_file(self._path) as file:
            file.write(_CRC.pack(zlib.crc32(told)) + told)

    def find(self) -> Deletion | None:
        """What was begun, by an earlier process too; None where nothing is told that can be read."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error
        told = data[_CRC.size :]
        if data[: _CRC.size] != _CRC.pack(zlib.crc32(told)):
            return None
        series = BitMap.deserialize(told[_TIMES.size :])
        return Deletion(np.array(series.to_array(), np.int64), *_TIMES.unpack_from(told))

    def finish(self) -> None:
        """Forgets it."""
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise StoreError(f"cannot delete {self._path}: {error.strerror}") from error
