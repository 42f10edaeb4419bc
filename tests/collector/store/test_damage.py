"""Torn and flipped bytes: the rest is there, what is lost is named, and no value is ever wrong."""

import errno
import io
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.framing import Damage, Record, file_header, frame, scan
from netmon_collector.store.recovery import PatientFile
from tests.collector.store.samples import Samples, batch, held, named, register, row

BATCHES = 6


@asynccontextmanager
async def opened(folder: Path, **changes: Any) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore.open(folder, window_s=0, **changes)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def whole(tmp_path: Path) -> tuple[Path, Samples]:
    """A store of one file with one record per batch, and what it holds; batch n is at time n."""
    folder = tmp_path / "whole"
    async with opened(folder) as store:
        group = register(store, "a", "b")
        for n in range(1, BATCHES + 1):
            await store.append([row(group, n, n / 3, -n / 7)], batch(n))
        samples = await held(store)
    assert len(samples) == 2 * BATCHES
    return folder / "wal-00000001.log", samples


def copy(file: Path, data: bytes, folder: Path) -> Path:
    """A store like the one of a file, which has other bytes."""
    shutil.copytree(file.parent, folder)
    (folder / file.name).write_bytes(data)
    return folder


async def test_a_torn_end_loses_only_itself(whole: tuple[Path, Samples], tmp_path: Path) -> None:
    file, samples = whole
    data = file.read_bytes()
    kept_before = 0
    for length in sorted({*range(0, len(data), 11), *range(len(data) - 40, len(data))}):
        folder = copy(file, data[:length], tmp_path / str(length))
        async with opened(folder) as store:
            found = await held(store)
            kept = len(found) // 2
            assert found == {key: value for key, value in samples.items() if key[1] <= kept}
            assert kept_before <= kept < BATCHES
            kept_before = kept
            assert store.stats().damaged == 0
            group = register(store, "a", "b")
            for n in range(1, BATCHES + 1):
                assert await store.append([row(group, n, n / 3, -n / 7)], batch(n)) == (n > kept)
            assert await held(store) == samples
        async with opened(folder) as store:
            assert await held(store) == samples
    assert kept_before == BATCHES - 1


async def test_a_flipped_bit_loses_one_batch_and_is_named(
    whole: tuple[Path, Samples], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, samples = whole
    dice = random.Random(2)
    data = file.read_bytes()
    losses = set()
    for at in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[at] ^= 1 << dice.randrange(8)
        folder = copy(file, bytes(flipped), tmp_path / str(at))
        caplog.clear()
        async with opened(folder) as store:
            found = await held(store)
            lost = {time for _, time in samples.keys() - found.keys()}
            losses |= lost
            assert found.items() <= samples.items(), "never a wrong value"
            assert len(lost) == (at >= 16), "the file's header holds no samples"
            assert store.stats().damaged == 1
            for n in range(1, BATCHES + 1):
                assert store._acks.has(batch(n)) == (n not in lost)
        (told,) = [record for record in caplog.records if record.getMessage() == "store.damaged"]
        (aside,) = folder.glob("*.damaged")
        assert str(aside) == told.__dict__["fields"]["set_aside"]
        assert aside.read_bytes() in bytes(flipped)
    assert losses == set(range(1, BATCHES + 1))


async def test_a_bit_that_flips_while_the_store_is_open_gives_no_wrong_value(whole: tuple[Path, Samples]) -> None:
    file, samples = whole
    async with opened(file.parent) as store:
        assert await held(store) == samples
        data = bytearray(file.read_bytes())
        data[-3] ^= 4
        file.write_bytes(data)
        assert await held(store) == samples
    async with opened(file.parent) as store:
        assert await held(store) == {key: value for key, value in samples.items() if key[1] < BATCHES}
        assert store.stats().damaged == 1


async def test_a_damaged_file_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=1) as store:
        for at in range(3):
            await store.append([row(register(store, f"m{at}"), at, 1.0)], batch(at + 1))
    middle = tmp_path / "wal-00000002.log"
    middle.write_bytes(b"\x00" * middle.stat().st_size)
    async with opened(tmp_path) as store:
        assert {time for _, time in await held(store)} == {0, 2}
        assert store.highest_acked("agent", 1) == 3
        assert not await store.append([], batch(2)), "the next file knows which batches came before it"


async def test_a_file_that_is_gone_takes_only_its_own_samples(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=1) as store:
        for at in range(3):
            await store.append([row(register(store, "a", f"m{at}"), at, 1.0, 1.0)], batch(at + 1))
    (tmp_path / "wal-00000001.log").unlink()
    async with opened(tmp_path) as store:
        assert {time for _, time in await held(store, named("a"))} == {1, 2}
        assert not await store.append([], batch(1))


async def test_something_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "wal-00000001.log").mkdir()
    async with opened(tmp_path) as store:
        await store.append([row(register(store, "a"), 1, 1.0)], batch(1))
        assert store.stats().damaged == 1
        assert (tmp_path / "wal-00000001.log.damaged").is_dir()
        assert len(await held(store)) == 1


class BadDisk(io.BytesIO):
    """A file of which some bytes cannot be read: the first times, or ever."""

    def __init__(self, data: bytes, bad: range, times: int) -> None:
        super().__init__(data)
        self._bad, self._times = bad, times

    def read(self, size: int | None = -1, /) -> bytes:
        end = self.tell() + (size or 0)
        if self._times and self.tell() < self._bad.stop and end > self._bad.start:
            self._times -= 1
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize(("times", "lost"), [(1, 0), (10**9, 1)])
def test_only_what_cannot_be_read_is_lost(times: int, lost: int) -> None:
    payloads = [bytes([number]) * 5000 for number in range(1, 6)]
    data = file_header() + b"".join(frame(payload, number, number) for number, payload in enumerate(payloads))
    disk = BadDisk(data, range(12_000, 12_001), times)
    found = list(scan(PatientFile(disk), len(data)))
    records = [one.payload for one in found if isinstance(one, Record)]
    assert records == (payloads if not lost else payloads[:2] + payloads[3:])
    assert [one.torn for one in found if isinstance(one, Damage)] == [False] * lost
