"""A disk that is full or fails: whoever waits is told, nothing is half stored, and the store goes on by itself."""

import asyncio
import os
import random
import resource
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from netmon_collector.store.base import Group, StoreError
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import NAME
from tests.collector.store.samples import batch, held, named, register, row
from tests.support.flaky_disk import FlakyDisk

WIDTH = 100


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore.open(tmp_path, window_s=0)
    yield store
    await store.close()


def wide(store: EmbeddedStore) -> Group:
    return register(store, *(f"m{n}" for n in range(WIDTH)))


@contextmanager
def no_file_longer_than(length: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def replaced_on_disk(file: Path, by: int) -> Iterator[None]:
    """Whoever has the file open for writing meets something else behind its descriptor."""
    for link in Path("/proc/self/fd").iterdir():
        if link.is_symlink() and link.resolve() == file.resolve():
            os.dup2(by, int(link.name), inheritable=False)
    try:
        yield
    finally:
        os.close(by)


async def test_what_a_failed_write_left_is_taken_back(store: EmbeddedStore, tmp_path: Path) -> None:
    group = wide(store)
    await store.append([row(group, 1, *[1.0] * WIDTH)], batch(1))
    (file,) = tmp_path.glob("wal-*.log")
    size = file.stat().st_size
    with no_file_longer_than(size + 100):
        outcomes = await asyncio.gather(
            *(store.append([row(group, n, *[2.0] * WIDTH)], batch(n)) for n in (2, 3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
        assert file.stat().st_size == size
        assert store.highest_acked("agent", 1) == 1
        assert {time for _, time in await held(store)} == {1}
    for n in (2, 3):
        assert await store.append([row(group, n, *[2.0] * WIDTH)], batch(n))
    assert {time for _, time in await held(store)} == {1, 2, 3}
    assert file.stat().st_size == size, "a file that failed once is left alone"


async def test_a_batch_sent_twice_into_a_failing_commit_fails_twice_and_can_be_sent_again(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    group = wide(store)
    with no_file_longer_than(10):
        outcomes = await asyncio.gather(
            *(store.append([row(group, 1, *[1.0] * WIDTH)], batch(1)) for _ in range(2)), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
    assert list(tmp_path.glob("wal-*.log")) == [], "a file that could not be begun is not left behind"
    assert await store.series([]) == []
    assert await store.append([row(group, 1, *[1.0] * WIDTH)], batch(1))


async def test_failing_and_recovering_are_told_once(store: EmbeddedStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    group = wide(store)
    with no_file_longer_than(10):
        for n in (1, 2, 3):
            with pytest.raises(StoreError, match=r"cannot write .*: File too large"):
                await store.append([row(group, n, *[1.0] * WIDTH)], batch(n))
    for n in (1, 2, 3):
        await store.append([row(group, n, *[1.0] * WIDTH)], batch(n))
    assert [record.getMessage() for record in caplog.records] == ["store.failing", "store.recovered"]


async def test_a_write_that_cannot_be_undone_is_no_harm(store: EmbeddedStore, tmp_path: Path) -> None:
    group = wide(store)
    await store.append([row(group, 1, *[1.0] * WIDTH)], batch(1))
    (file,) = tmp_path.glob("wal-*.log")
    with (
        replaced_on_disk(file, os.open("/dev/full", os.O_WRONLY)),
        pytest.raises(StoreError, match="No space left on device"),
    ):
        await store.append([row(group, 2, *[1.0] * WIDTH)], batch(2))
    await goes_on_in_another_file(store, tmp_path, group)


async def test_a_failed_sync_is_a_failed_write(store: EmbeddedStore, tmp_path: Path) -> None:
    group = wide(store)
    await store.append([row(group, 1, *[1.0] * WIDTH)], batch(1))
    (file,) = tmp_path.glob("wal-*.log")
    source, pipe = os.pipe()  # takes what is written, and cannot be synced
    with replaced_on_disk(file, pipe), pytest.raises(StoreError, match="Invalid argument"):
        await store.append([row(group, 2, *[1.0] * WIDTH)], batch(2))
    os.close(source)
    await goes_on_in_another_file(store, tmp_path, group)


async def goes_on_in_another_file(store: EmbeddedStore, folder: Path, group: Group) -> None:
    assert {time for _, time in await held(store)} == {1}
    assert await store.append([row(group, 2, *[2.0] * WIDTH)], batch(2))
    assert not await store.append([row(group, 1, *[9.0] * WIDTH)], batch(1))
    assert len(list(folder.glob("wal-*.log"))) == 2
    samples = await held(store)
    assert {time for _, time in samples} == {1, 2}
    shutil.copytree(folder, folder / "copy")  # what a crash would leave
    again = EmbeddedStore.open(folder / "copy")
    assert await held(again) == samples
    assert again.highest_acked("agent", 1) == 2
    await again.close()


async def test_a_file_that_could_be_neither_begun_nor_taken_away_goes_later(tmp_path: Path) -> None:
    disk = FlakyDisk(tmp_path, random.Random(1))
    with disk.mounted():
        store = EmbeddedStore.open(tmp_path, window_s=0)
        group = register(store, "a")
        await store.append([row(group, 1, 1.0)], batch(1))
        with disk.failing(frozenset({"fsync", "unlink"}), 1.0):
            for _ in range(2):
                with pytest.raises(StoreError, match=r"cannot write .*: (Input/output error|No space left)"):
                    await store.append([row(group, 2, 2.0)], batch(2))
        written, begun = sorted(tmp_path.glob("wal-*.log"))
        assert not any(begun.read_bytes()), "what was not synced is lost"
        samples = await held(store)
        await store.close()
    assert [written] == list(tmp_path.glob("wal-*.log"))
    again = EmbeddedStore.open(tmp_path)
    assert await held(again) == samples
    assert again.stats().damaged == 0
    await again.close()


async def test_a_snapshot_works_while_files_of_the_log_cannot_be_removed(tmp_path: Path) -> None:
    disk = FlakyDisk(tmp_path, random.Random(1))
    with disk.mounted():
        store = EmbeddedStore.open(tmp_path / "store", window_s=0, segment_bytes=1)
        group = register(store, "a")
        for n in range(1, 9):
            await store.append([row(group, n, 1.0)], batch(n))
        failed = 0
        while len(list(store.folder.glob("wal-*.log"))) > 1:
            with disk.failing(frozenset({"unlink"}), 0.5), suppress(StoreError):
                await store._upkeep._let_go_of_log()
            await store.snapshot(tmp_path / f"snapshot{failed}")
            failed += 1
        await store.close()
    assert failed > 1
    for n in range(failed):
        copy = EmbeddedStore.open(tmp_path / f"snapshot{n}")
        assert {time for _, time in await held(copy)} == set(range(1, 9))
        await copy.close()


async def test_a_snapshot_is_there_after_a_power_cut(tmp_path: Path) -> None:
    disk = FlakyDisk(tmp_path / "disk", random.Random(1))
    with disk.mounted():
        store = EmbeddedStore.open(tmp_path / "disk" / "store", window_s=0)
        await store.append([row(register(store, "a"), 1, 1.0)], batch(1))
        await store.snapshot(tmp_path / "disk" / "snapshot")
        await store.close()
    copy = EmbeddedStore.open(disk.after_power_cut(tmp_path / "cut") / "snapshot")
    assert {time for _, time in await held(copy)} == {1}
    await copy.close()


async def test_a_catalog_that_could_not_be_written_is_made_anew(store: EmbeddedStore, tmp_path: Path) -> None:
    await store.append([row(register(store, "a"), 1, 1.0)], batch(1))
    catalogs = sorted(tmp_path.glob("*.catalog"))
    with no_file_longer_than(catalogs[0].stat().st_size + 10), pytest.raises(StoreError, match="File too large"):
        await store.append([row(register(store, "b"), 2, 2.0)], batch(2))
    assert await store.append([row(register(store, "b"), 2, 2.0)], batch(2))
    assert await store.append([row(register(store, "c"), 3, 3.0)], batch(3))
    assert catalogs[0].read_bytes() == catalogs[1].read_bytes()
    shutil.copytree(tmp_path, tmp_path / "copy")  # what a crash would leave
    again = EmbeddedStore.open(tmp_path / "copy")
    assert await held(again) == await held(store)
    assert again.stats().damaged == 0
    await again.close()


async def test_more_than_the_disk_takes_is_turned_away(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path / "store", waiting_bytes=3 * (WIDTH * 8 + 16))
    group = wide(store)
    sends = [store.append([row(group, n, *[1.0] * WIDTH)], batch(n)) for n in range(1, 6)]
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert outcomes[:3] == [True] * 3
    assert [str(outcome) for outcome in outcomes[3:]] == ["the disk does not keep up: 2448 bytes wait for it"] * 2
    assert await store.append([row(group, 4, *[1.0] * WIDTH)], batch(4))
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.root
async def test_a_full_disk_stops_nothing_for_ever(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    store = EmbeddedStore.open(small_disk / "store", window_s=0, segment_bytes=30_000)
    group = wide(store)
    acked = 0
    with suppress(StoreError):
        while acked < 1000 and await store.append([row(group, acked + 1, *[1.0] * WIDTH)], batch(acked + 1)):
            acked += 1
    assert 0 < acked < 1000
    for _ in range(3):
        with pytest.raises(StoreError, match="No space left on device"):
            await store.append([row(group, acked + 1, *[0.0] * WIDTH)], batch(acked + 1))
    assert {time for _, time in await held(store)} == set(range(1, acked + 1))
    ballast.unlink()
    assert await store.append([row(group, acked + 1, *[0.0] * WIDTH)], batch(acked + 1))
    samples = await held(store)
    await store.close()
    store = EmbeddedStore.open(small_disk / "store")
    assert store.stats().damaged == 0
    assert await held(store) == samples
    assert {time for _, time in samples} == set(range(1, acked + 2))
    await store.close()


async def test_what_half_a_merge_wrote_does_not_bring_back_what_is_deleted(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    await store.append([row(register(store, "a", "b"), time, 1.0, 2.0) for time in (5, DAY_MS + 5)], batch(1))
    await store._upkeep._let_go_of_log()
    blocked = tmp_path / "raw-1-000000000001.chunks.tmp"
    blocked.mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        await store._upkeep._merger.merge()
    assert (tmp_path / "raw-0-000000000001.chunks").exists(), "of the first day all is written"
    blocked.rmdir()
    await store.delete([named("a")], 0, DAY_MS)
    left = await held(store)
    assert {(dict(labels)[NAME], time) for labels, time in left} == {("a", DAY_MS + 5), ("b", 5), ("b", DAY_MS + 5)}
    shutil.copytree(tmp_path, tmp_path / "copy")  # what a crash would leave
    again = EmbeddedStore.open(tmp_path / "copy")
    assert await held(again) == left
    await again.close()
