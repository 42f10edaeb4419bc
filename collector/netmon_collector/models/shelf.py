"""Versions of one model on disk: a file of arrays each, and a list that says which one counts and who decided so."""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from netmon_analytics.models.interfaces import Arrays
from netmon_collector.models.spec import ModelError
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.models")

LIST: Final = "versions.json"
MOST_CHANGES: Final = 100


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of a version without its file. about: what it was trained on, and how that went."""

    number: int
    made_ms: int
    by: str
    why: str
    sha256: str
    size_bytes: int
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """That another version counts since then."""

    time_ms: int
    number: int
    by: str
    why: str


class Shelf:
    """versions: the oldest first. current: the number of the one that counts, None where there is none."""

    def __init__(self, folder: Path, most: int, most_bytes: int) -> None:
        self._folder = folder
        self._most, self._most_bytes = most, most_bytes
        self.versions: tuple[Version, ...] = ()
        self.current: int | None = None
        self.changes: tuple[Change, ...] = ()
        self._read()

    def version(self, number: int | None = None) -> Version | None:
        """One by its number, or the one that counts."""
        wanted = self.current if number is None else number
        return next((one for one in self.versions if one.number == wanted), None)

    def add(self, arrays: Arrays, by: str, why: str, now_ms: int, about: Mapping[str, Any]) -> Version:
        """Keeps a version, which counts from now on; of the others the oldest go. Raises OSError."""
        content = packed(arrays)
        number = max((one.number for one in self.versions), default=0) + 1
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(self._file(number), content)
        made = Version(number, now_ms, by, why, hashlib.sha256(content).hexdigest(), len(content), about)
        self._settle((*self.versions, made), number, Change(now_ms, number, by, why))
        return made

    def whole(self, number: int) -> tuple[Version, Arrays]:
        """A version and its arrays. Raises ModelError."""
        version = self.version(number)
        if version is None:
            known = ", ".join(str(one.number) for one in self.versions) or "none"
            raise ModelError(f"there is no version {number} (there is {known})")
        return version, self.load(number)

    def choose(self, number: int, by: str, why: str, now_ms: int) -> None:
        """Has another version count. Raises OSError."""
        self._settle(self.versions, number, Change(now_ms, number, by, why))

    def load(self, number: int | None = None) -> Arrays:
        """The arrays of a version as they were. Raises ModelError where its file is away or damaged."""
        version = self.version(number)
        if version is None:
            raise ModelError("it was never trained")
        try:
            content = self._file(version.number).read_bytes()
        except OSError as error:
            raise ModelError(f"version {version.number} cannot be read: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != version.sha256:
            raise ModelError(f"version {version.number} is damaged: its file is not what was written; choose another")
        return unpacked(content)

    def newest_whole(self) -> tuple[Version, Arrays] | None:
        """The version that counts; where its file is damaged the newest that is not, which is told."""
        first = self.version()
        for version in [first, *reversed(self.versions)] if first else ():
            try:
                arrays = self.load(version.number)
            except ModelError as error:
                log.warning("model.damaged", model=self._folder.name, error=str(error))
            else:
                self.current = version.number
                return version, arrays
        return None

    def remove(self) -> None:
        """Removes all of it. Raises OSError."""
        for path in self._folder.iterdir() if self._folder.exists() else ():
            path.unlink()
        if self._folder.exists():
            self._folder.rmdir()

    def _settle(self, versions: tuple[Version, ...], current: int, change: Change) -> None:
        """The list is written first: a version that it does not name is nothing, and is written over."""
        kept = list(versions)
        while len(kept) > 1 and (len(kept) > self._most or sum(one.size_bytes for one in kept) > self._most_bytes):
            kept.remove(next(one for one in kept if one.number != current))
        self.versions, self.current = tuple(kept), current
        self.changes = (*self.changes, change)[-MOST_CHANGES:]
        told = {
            "current": current,
            "versions": [asdict(one) for one in kept],
            "changes": [asdict(one) for one in self.changes],
        }
        _write(self._folder / LIST, json.dumps(told).encode())
        known = {self._file(one.number).name for one in kept} | {LIST}
        for path in self._folder.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)

    def _read(self) -> None:
        path = self._folder / LIST
        if not path.exists():
            return
        try:
            told = json.loads(path.read_bytes())
            self.versions = tuple(Version(**one) for one in told["versions"])
            self.changes = tuple(Change(**one) for one in told["changes"])
            self.current = int(told["current"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            log.warning("model.forgotten", path=path, error=str(error), consequence="it is trained anew")
            self.versions, self.changes, self.current = (), (), None

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06}.npz"


def packed(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpacked(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def text(told: object) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What is no array, as one."""
    return np.frombuffer(json.dumps(told).encode(), np.uint8)


def untext(array: np.ndarray[Any, Any]) -> Any:
    return json.loads(array.tobytes())


def _write(path: Path, content: bytes) -> None:
    """Replaces a file whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
