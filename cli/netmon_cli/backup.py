"""`netmon backup`: samples and state of a collector in a folder or in one file."""

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netmon_cli.claim import Claim
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import count, escape, size, write_json, write_lines

if TYPE_CHECKING:
    from netmon_collector.backup.contents import Manifest
    from netmon_collector.config import CollectorConfig

_UNFINISHED = ".partial"
_PIECE_BYTES = 1 << 20


def make(target: Path, client: Client, force: bool, as_json: bool) -> Exit:
    """A backup of a collector that runs, by its API. Raises Failure."""
    _refuse_what_is_there(target, force)
    with client.download("/api/v1/backup") as stream:
        return _write(target, stream, as_json)


def make_at_rest(target: Path, state: Path, config: Path | None, force: bool, as_json: bool) -> Exit:
    """A backup of a collector that does not run, from its folders. Raises Failure."""
    from netmon_collector.backup.contents import BackupError
    from netmon_collector.backup.making import at_rest, streamed
    from netmon_collector.state.place import StateError, outside_of, place_of
    from netmon_collector.store.base import StoreUnavailable

    _refuse_what_is_there(target, force)
    if not (state / "state.sqlite").exists() and (state / "collector").is_dir():  # the folder of `netmon up`
        state = state / "collector"
    if not state.is_dir():
        raise Failure(Exit.USAGE, f"{state} is not there", "Name the collector's state folder with --state.")
    options = collector_options(state, config)
    try:
        outside = outside_of(place_of(state, options.database.url, None))
        with (
            _claimed(state),
            _store_of(state, options.store.url) as store,
            at_rest(state, store, outside) as members,
            streamed(members, outside) as stream,
        ):
            return _write(target, stream, as_json)
    except (BackupError, StateError, StoreUnavailable) as error:
        raise Failure(Exit.WRONG, str(error)) from error


def collector_options(state: Path, config: Path | None) -> "CollectorConfig":
    """What a collector with this state folder is told. Raises ConfigError."""
    from netmon_cli.handover import configured, overrides
    from netmon_collector.config import CollectorConfig

    options = configured("collector", config, overrides(state, None))
    assert isinstance(options, CollectorConfig)
    return options


def _claimed(state: Path) -> Claim:
    try:
        return Claim(state, "collector")
    except Failure as failure:
        raise Failure(
            failure.exit_code, str(failure).partition("\n")[0], "Leave out --state to back it up while it runs."
        ) from None


@contextmanager
def _store_of(state: Path, address: str) -> Iterator[Path | None]:
    """The folder of the store, held; None where samples are on a server of their own."""
    from netmon_collector.store.lock import FolderLock
    from netmon_collector.store.url import parse_store_url

    url = parse_store_url(address)
    if url.kind != "embedded":
        yield None
        return
    folder = Path(url.address) if url.address else state / "store"
    lock = FolderLock(folder)
    try:
        yield folder
    finally:
        lock.release()


def _refuse_what_is_there(target: Path, force: bool) -> None:
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise Failure(Exit.USAGE, f"{target} is no file or folder", "A backup takes its place: name a file or folder.")
    if target.exists() and not force:
        raise Failure(Exit.USAGE, f"{target} is there already", "Name another file or folder, or give --force.")


def _write(target: Path, stream: BinaryIO, as_json: bool) -> Exit:
    """Takes an archive as it comes, checks it on the way, and gives it its name when all of it is on the disk."""
    from netmon_collector.backup.contents import BackupDamaged

    unfinished = target.with_name(target.name + _UNFINISHED)
    try:
        _remove(unfinished)
        manifest = _into_file(unfinished, stream) if _is_archive(target) else _into_folder(unfinished, stream)
        _remove(target)
        unfinished.rename(target)
    except (BackupDamaged, HTTPException) as error:
        raise Failure(Exit.WRONG, f"the backup was broken off: {error}", "The collector's log may tell why.") from error
    except OSError as error:
        raise Failure(Exit.WRONG, f"cannot write {target}: {error.strerror or error}") from error
    finally:
        _remove(unfinished)
    return tell(manifest, as_json, f"backed up to {target}")


def _into_file(path: Path, stream: BinaryIO) -> "Manifest":
    from netmon_collector.backup.reading import entries, unpack

    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        name = path.name.removesuffix(_UNFINISHED)
        packed = gzip.open(file, "wb", 1) if name.endswith(("gz", "tgz")) else file  # noqa: SIM115 - closed below
        through = _Through(stream, packed)
        manifest = unpack(entries(through), None)
        while through.read(_PIECE_BYTES):
            pass  # what an archive ends with
        if packed is not file:
            packed.close()
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _into_folder(path: Path, stream: BinaryIO) -> "Manifest":
    from netmon_collector.backup.reading import entries, unpack

    path.mkdir(mode=0o700)
    return unpack(entries(stream), path, with_manifest=True)


class _Through:
    """What is read from it is written, too."""

    def __init__(self, source: BinaryIO, copy: BinaryIO | gzip.GzipFile) -> None:
        self._source = source
        self._copy = copy

    def read(self, length: int) -> bytes:
        data = self._source.read(length)
        self._copy.write(data)
        return data


def _is_archive(target: Path) -> bool:
    return target.name.endswith((".tar", ".tar.gz", ".tgz"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def tell(manifest: "Manifest", as_json: bool, done: str) -> Exit:
    """Says what a backup holds."""
    if as_json:
        plain = {"made": manifest.made, "netmon": manifest.netmon, "outside": manifest.outside}
        write_json({**plain, "files": len(manifest.files), "bytes": manifest.size_bytes})
    else:
        files = count(len(manifest.files), "file", "files")
        write_lines([f"{done}: {files}, {size(manifest.size_bytes)}, of {manifest.made}"])
        if manifest.outside:
            write_lines([f"agents, tokens and devices are not in it: they are in {escape(manifest.outside)} (pg_dump)"])
    return Exit.FINE
