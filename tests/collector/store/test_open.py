"""Opening a store that cannot be opened: which file it is, and what to do."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_collector.store.base import StoreUnavailable
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.framing import VERSION, file_header
from tests.collector.store.samples import batch, register, row

NOBODY = 65534


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder, and the right to use it; the test runs as somebody whom file permissions bind."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.chown(folder, NOBODY, -1)
        os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    await EmbeddedStore.open(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    for folder in (tmp_path / "store", tmp_path / "store" / "below"):
        with pytest.raises(StoreUnavailable, match=f"{folder} is not a folder: give the store a folder of its own"):
            EmbeddedStore.open(folder)


def test_a_folder_that_is_not_writable_is_told(nobody: Path) -> None:
    nobody.chmod(0o500)
    told = f"cannot write in {nobody}: Permission denied: let the user who runs the collector write there"
    with pytest.raises(StoreUnavailable, match=told):
        EmbeddedStore.open(nobody)
    nobody.chmod(0o700)


async def test_a_file_that_is_not_readable_is_told_and_left_alone(nobody: Path) -> None:
    store = EmbeddedStore.open(nobody)
    await store.append([row(register(store, "a"), 1, 1.0)], batch(1))
    await store.close()
    file = nobody / "wal-00000001.log"
    file.chmod(0)
    with pytest.raises(StoreUnavailable, match=f"cannot open {file}: Permission denied: let the user"):
        EmbeddedStore.open(nobody)
    file.chmod(0o600)
    store = EmbeddedStore.open(nobody)
    assert len(await store.series([])) == 1
    await store.close()


async def test_a_second_store_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path)
    with pytest.raises(StoreUnavailable, match=f"{tmp_path} is in use by another process: stop that one"):
        EmbeddedStore.open(tmp_path)
    await store.close()
    await EmbeddedStore.open(tmp_path).close()


async def test_a_file_of_a_newer_version_is_told_and_left_alone(tmp_path: Path) -> None:
    newer = tmp_path / "wal-00000007.log"
    newer.write_bytes(file_header(VERSION + 1) + b"what the future holds")
    told = rf"{newer} was written by a newer netmon \(format {VERSION + 1}, this netmon reads up to {VERSION}\)"
    with pytest.raises(StoreUnavailable, match=told):
        EmbeddedStore.open(tmp_path)
    assert newer.read_bytes().endswith(b"what the future holds")
    newer.rename(tmp_path / "elsewhere")
    await EmbeddedStore.open(tmp_path).close()


async def test_opening_and_closing_leaves_no_file_of_samples(tmp_path: Path) -> None:
    for _ in range(3):
        await EmbeddedStore.open(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
