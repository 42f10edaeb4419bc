"""`netmon restore`: a state folder out of a backup, whole or not at all; or only a look whether the backup is good."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from netmon_cli.backup import tell
from netmon_cli.claim import Claim
from netmon_cli.failure import Exit, Failure
from netmon_cli.ownership import give

_UNFINISHED = ".restoring"
_FORMER = ".before-restore"


def check(source: Path, as_json: bool) -> Exit:
    """Compares every byte of a backup with its manifest. Raises Failure."""
    from netmon_collector.backup.reading import opened, unpack

    with _explained(source), opened(source) as found:
        manifest = unpack(found, None)
    return tell(manifest, as_json, f"{source} is good")


def restore(source: Path, target: Path, force: bool, as_json: bool) -> Exit:
    """Makes a state folder of a backup; one that is there is put aside if so told. Raises Failure."""
    from netmon_collector.backup.reading import opened, unpack

    target = target.absolute()
    former = target.with_name(target.name + _FORMER)
    replaces = target.exists() and any(target.iterdir()) if target.is_dir() else target.exists()
    if replaces and not force:
        raise Failure(Exit.USAGE, f"{target} is there already", "Name another folder, or give --force.")
    if replaces and former.exists():
        raise Failure(Exit.USAGE, f"{former} is there of an earlier restore", "Move it away or delete it first.")
    unfinished = target.with_name(target.name + _UNFINISHED)
    with _explained(source), Claim(target, "collector") if (target / "lock").exists() else nullcontext():
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700, parents=True)
            with opened(source) as found:
                manifest = unpack(found, unfinished)
            give(unfinished, target if target.exists() else target.parent)
            if replaces:
                target.rename(former)
            unfinished.rename(target)
            _sync(target.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    aside = f"; what was there before is now {former}" if replaces else ""
    return tell(manifest, as_json, f"restored to {target}{aside}")


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    from netmon_collector.backup.contents import BackupDamaged

    try:
        yield
    except BackupDamaged as error:
        raise Failure(Exit.WRONG, f"{source} is not a good backup", str(error)) from error
    except OSError as error:
        raise Failure(Exit.WRONG, f"{error.filename or source}: {error.strerror or error}") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
