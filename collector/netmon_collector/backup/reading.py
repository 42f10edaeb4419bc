"""Reads backups: every byte is compared with the manifest, whether it is kept or only looked at."""

import os
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

from netmon_collector.backup.contents import (
    MANIFEST,
    MANIFEST_BYTES,
    PIECE_BYTES,
    BackupDamaged,
    Item,
    Manifest,
    is_member,
)
from netmon_collector.store.durable import sync_folder


class Entry(NamedTuple):
    """A file of a backup as it is read; it can be read until the next one is asked for."""

    name: str
    size: int
    file: BinaryIO


@contextmanager
def opened(backup: Path) -> Iterator[Iterator[Entry]]:
    """The files of a backup, a folder or an archive. Raises OSError, BackupDamaged."""
    if backup.is_dir():
        yield _in_folder(backup)
        return
    with backup.open("rb") as file:
        yield entries(file)


class Source(Protocol):
    """What is read from beginning to end. Raises OSError."""

    def read(self, length: int, /) -> bytes: ...


def entries(stream: Source) -> Iterator[Entry]:
    """The files of an archive, in their order. Raises what `unpack` explains."""
    with tarfile.open(mode="r|*", fileobj=cast(BinaryIO, stream), bufsize=PIECE_BYTES) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if file is None:
                raise BackupDamaged(f"{member.name!r} is no file of a backup")
            yield Entry(member.name, member.size, cast(BinaryIO, file))


def _in_folder(folder: Path) -> Iterator[Entry]:
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        with path.open("rb") as file:
            yield Entry(path.relative_to(folder).as_posix(), os.fstat(file.fileno()).st_size, file)


def unpack(found: Iterator[Entry], target: Path | None, *, with_manifest: bool = False) -> Manifest:
    """Reads all of a backup and checks it; with a target, an existing folder, also writes it there and syncs it.

    Raises BackupDamaged, naming all that is wrong, and OSError.
    """
    try:
        return _unpack(found, target, with_manifest)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise BackupDamaged(f"the archive cannot be read to its end: {error}") from error


def _unpack(found: Iterator[Entry], target: Path | None, with_manifest: bool) -> Manifest:
    manifest, items, strange = None, [], []
    for entry in found:
        if entry.name == MANIFEST:
            if entry.size > MANIFEST_BYTES:
                raise BackupDamaged(f"{MANIFEST} is too large")
            data = entry.file.read()
            manifest = Manifest.load(data)
            if target is not None and with_manifest:
                (target / MANIFEST).write_bytes(data)
        elif is_member(entry.name):
            items.append(_keep(entry, None if target is None else target / entry.name))
        else:
            strange.append(f"{entry.name!r} is no file of a backup")
    if manifest is None:
        raise BackupDamaged(f"it has no {MANIFEST}: it was not written to its end, or is no backup")
    wrong = strange + _differences(manifest, items)
    if wrong:
        raise BackupDamaged("\n".join(wrong))
    if target is not None:
        for folder in {target, *((target / item.name).parent for item in items)}:
            sync_folder(folder)
    return manifest


def _differences(manifest: Manifest, items: list[Item]) -> list[str]:
    told = {item.name: item for item in manifest.files}
    there = {item.name: item for item in items}
    wrong = [f"{name} is missing" for name in told if name not in there]
    wrong += [f"{name} is there twice" for name, count in Counter(item.name for item in items).items() if count > 1]
    wrong += [f"{name} is not in the manifest" for name in there if name not in told]
    return wrong + [
        f"{name} is not what it was when the backup was made"
        for name, item in there.items()
        if name in told and told[name] != item
    ]


def _keep(entry: Entry, path: Path | None) -> Item:
    if path is None:
        return _read(entry, lambda _: None)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        item = _read(entry, file.write)
        file.flush()
        os.fsync(file.fileno())
    return item


def _read(entry: Entry, take: Callable[[bytes], object]) -> Item:
    digest, length = sha256(), 0
    while piece := entry.file.read(PIECE_BYTES):
        digest.update(piece)
        length += len(piece)
        take(piece)
    return Item(entry.name, length, digest.hexdigest())
