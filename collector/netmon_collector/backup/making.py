"""Makes backups: of a collector that runs, or of the folder of one that does not."""

import asyncio
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final, NamedTuple, Protocol, cast, runtime_checkable

from netmon_collector.backup.contents import MANIFEST, PIECE_BYTES, STATE, BackupError, Item, Manifest, is_member
from netmon_collector.store.base import StoreError
from netmon_proto import __version__

_STAGE: Final = "backup-under-way"


class Member(NamedTuple):
    """A file on its way into a backup."""

    name: str
    path: Path


@runtime_checkable
class Snapshots(Protocol):
    """A store that keeps its samples in a folder of this machine."""

    folder: Path

    async def snapshot(self, folder: Path) -> None:
        """Makes a folder, on the same disk, with the store's files as they are now. Raises StoreError."""
        ...


class Backups:
    """The backups of a running collector, one at a time. Of samples on a server of their own there are none.

    `outside` names the database where the state is, if that is not a file in the folder: it is not in the backup.
    """

    def __init__(self, state: Path, store: object, outside: str = "") -> None:
        self._state = state
        self.outside = outside
        self._store = store if isinstance(store, Snapshots) else None
        self._stage = (state if self._store is None else self._store.folder) / _STAGE
        self._busy = False
        shutil.rmtree(self._stage, ignore_errors=True)  # of a collector that was killed meanwhile

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Sequence[Member]]:
        """The files of a backup as they are now; they are gone when the block is left. Raises BackupError."""
        if self._busy:
            raise BackupError("another backup is under way; try again when it is done")
        self._busy = True
        try:
            await asyncio.to_thread(self._stage.mkdir, mode=0o700)
            if self._store is not None:
                await self._store.snapshot(self._stage / "store")
            if not self.outside:
                await asyncio.to_thread(copy_database, self._state / STATE, self._stage / STATE)
            database = None if self.outside else self._stage / STATE
            yield await asyncio.to_thread(members_of, self._stage / "store", database)
        except (StoreError, OSError) as error:
            raise BackupError(str(error)) from error
        finally:
            await asyncio.to_thread(shutil.rmtree, self._stage, ignore_errors=True)
            self._busy = False


@contextmanager
def at_rest(state: Path, store: Path | None, outside: str = "") -> Iterator[Sequence[Member]]:
    """The files of a collector that does not run. Its folders must be held by the caller. Raises BackupError."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / STATE
        try:
            if not outside:
                copy_database(state / STATE, copy)
            members = members_of(store, None if outside else copy)
        except OSError as error:
            raise BackupError(str(error)) from error
        yield members


def members_of(store: Path | None, database: Path | None) -> list[Member]:
    """The files of a store's folder that are its own, and the state database, in the order of their names."""
    inside = sorted(store.iterdir()) if store is not None and store.exists() else []
    found = [Member(f"store/{path.name}", path) for path in inside if path.is_file()]
    return [one for one in found if is_member(one.name)] + ([Member(STATE, database)] if database else [])


def copy_database(source: Path, target: Path) -> None:
    """A copy of an SQLite database as it is at one moment, whoever writes to it. Raises BackupError."""
    if not source.exists():
        raise BackupError(f"{source} is not there: this is no collector's state folder")
    try:
        address = f"{source.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as origin, closing(sqlite3.connect(target)) as copy:
            origin.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"cannot copy {source}: {error}") from error


class Out(Protocol):
    """Whatever takes bytes, all that it is given. Raises OSError."""

    def write(self, data: bytes, /) -> object: ...


def write_tar(members: Sequence[Member], out: Out, outside: str = "") -> Manifest:
    """Writes a backup as one stream, the manifest last. Raises OSError."""
    items = []
    with tarfile.open(mode="w|", fileobj=cast(BinaryIO, out), bufsize=PIECE_BYTES, format=tarfile.PAX_FORMAT) as tar:
        for name, path in members:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                summed = _Summing(file)
                tar.addfile(_entry(name, size), summed)  # type: ignore[arg-type]
                items.append(Item(name, size, summed.digest.hexdigest()))
        manifest = Manifest(datetime.now(UTC).isoformat(timespec="seconds"), __version__, tuple(items), outside)
        data = manifest.dump()
        tar.addfile(_entry(MANIFEST, len(data)), BytesIO(data))
    return manifest


@contextmanager
def streamed(members: Sequence[Member], outside: str = "") -> Iterator[BinaryIO]:
    """The same stream to be read, written meanwhile by a thread. What goes wrong there is raised at the end."""
    reads, writes = os.pipe()
    failures: list[OSError] = []

    def write() -> None:
        try:
            with open(writes, "wb") as pipe:  # noqa: PTH123 - a pipe has no path
                write_tar(members, pipe, outside)
        except OSError as error:
            failures.append(error)

    thread = Thread(target=write, name="netmon-backup")
    thread.start()
    try:
        with open(reads, "rb") as pipe:  # noqa: PTH123
            yield pipe
    finally:
        thread.join()
    if failures:
        raise BackupError(str(failures[0]))


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


class _Summing:
    """A file whose checksum is made while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data
