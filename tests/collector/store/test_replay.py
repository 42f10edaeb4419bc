"""What an earlier process left in the log is taken back beside ingest: nothing waits for it but queries."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netmon_collector.store.base import ABSENT, Points, StoreError
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.judged import Judged, Verdict
from tests.collector.store.samples import Samples, batch, bits, held, named, register, row, series

WIDTH = 20
SMALL = 20_000
"""So little of the log fits into memory at once; the log of `left_behind` has ten times that."""


@asynccontextmanager
async def opened(folder: Path, **changes: Any) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore.open(folder, window_s=0, **changes)
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def no_file_longer_than(length: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def left_behind(folder: Path) -> Samples:
    """Fills a log of many files, with no chunk file, and tells what is in it; batch n is at time n."""
    async with opened(folder, segment_bytes=10_000, head_slots=100_000) as store:
        await store.append([row(register(store, "comes once"), 0, 1.0)], None)
        group = register(store, *(f"m{n}" for n in range(WIDTH)))
        for n in range(1, 1001):
            await store.append([row(group, n, *np.random.default_rng(n).normal(size=WIDTH))], batch(n))
        return await held(store)


def logs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("wal-*"))


async def test_ingest_goes_on_while_the_log_cannot_be_replayed(tmp_path: Path) -> None:
    samples = await left_behind(tmp_path)
    with no_file_longer_than(5_000):
        async with opened(tmp_path, replay_bytes=SMALL, replay_wait_s=0.2, seal_every_s=0.05) as store:
            group = register(store, *(f"m{n}" for n in range(WIDTH)))
            assert not await store.append([row(group, 1000, *[7.0] * WIDTH)], batch(1000)), "it knows what is stored"
            assert await store.append([row(group, 999, *[7.0] * WIDTH)], batch(1001))
            with pytest.raises(StoreError, match=r"the store reads its log: .*chunks: File too large"):
                await store.select([named("m0")], 0, 2000)
            with pytest.raises(StoreError, match="the store reads its log"):
                await store.delete([named("m0")], 0, 2000)
            assert store.highest_acked("agent", 1) == 1001
    expected = samples | {(series(f"m{n}"), 999): bits(7.0) for n in range(WIDTH)}
    async with opened(tmp_path, replay_bytes=SMALL) as store:
        assert await held(store) == expected, "what was acked meanwhile is there, and wins over what was before"
        assert not await store.append([], batch(1001))


async def test_a_replay_that_found_no_room_goes_on_by_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    samples = await left_behind(tmp_path)
    async with opened(tmp_path, replay_bytes=SMALL, replay_wait_s=0.1, seal_every_s=0.05) as store:
        with no_file_longer_than(5_000):
            while "store.replay_failing" not in caplog.messages:
                with pytest.raises(StoreError, match="the store reads its log"):
                    await store.select([named("m0")], 0, 2000)
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await held(store) == samples
                    break
                except StoreError:
                    await asyncio.sleep(0.05)
        assert store.stats().damaged == 0
    told = [record.getMessage() for record in caplog.records]
    assert told.count("store.replay_failing") == 1
    assert told.count("store.replay_recovered") == 1


async def test_verdicts_that_came_before_all_is_replayed_survive_a_restart(tmp_path: Path) -> None:
    samples = await left_behind(tmp_path)
    store = EmbeddedStore.open(tmp_path, window_s=0, replay_bytes=SMALL, seal_every_s=0.05)
    with no_file_longer_than(5_000):
        group = register(store, "m0", "m1")
        await store.append([row(group, 2000, 1.0, 2.0)], None)
        store.judge([Judged(group, np.array([2000]), np.array([[Verdict.ANOMALOUS, Verdict.NORMAL]], np.uint8))])
        assert not store.is_whole
    await store.close()
    async with opened(tmp_path) as again:
        (known,) = [one for one in await again.select_judged([], 2000, 2000) if one.verdicts.any()]
        assert known.frame.labels == [series("m0"), series("m1")]
        assert known.verdicts.tolist() == [[Verdict.ANOMALOUS, Verdict.NORMAL]]
        assert len(await held(again)) == len(samples) + 2


async def test_more_than_memory_takes_is_sealed_on_the_way(tmp_path: Path) -> None:
    samples = await left_behind(tmp_path)
    before = logs(tmp_path)
    async with opened(tmp_path, replay_bytes=SMALL) as store:
        assert await held(store) == samples
        assert len(list(tmp_path.glob("raw-recent-*"))) >= 5
        assert len(logs(tmp_path)) < len(before) / 2, "what is sealed is not in the log any more"
    async with opened(tmp_path) as store:
        assert await held(store) == samples


async def test_what_was_replayed_is_sealed_soon_and_the_log_goes(tmp_path: Path) -> None:
    samples = await left_behind(tmp_path)
    async with opened(tmp_path, seal_every_s=0) as store:
        await store.series([])
        other = register(store, "other")
        for n in range(3):
            await store.append([row(other, n, 1.0)], None)
            await asyncio.sleep(0.1)
        async with asyncio.timeout(30):
            while len(logs(tmp_path)) > 1:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        assert {key: value for key, value in (await held(store)).items() if key[0] != series("other")} == samples


async def test_restarts_do_not_make_the_log_longer(tmp_path: Path) -> None:
    samples = await left_behind(tmp_path)
    length = len(logs(tmp_path))
    for n in range(1001, 1011):
        there = len(logs(tmp_path))
        store = EmbeddedStore.open(tmp_path, window_s=0, replay_bytes=SMALL)
        group = register(store, *(f"m{m}" for m in range(WIDTH)))
        await store.append([row(group, n, *[1.0] * WIDTH)], batch(n))
        async with asyncio.timeout(30):
            while there > length / 2 and len(logs(tmp_path)) >= there:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        await store.close()  # wherever the replay is
        samples |= {(series(f"m{m}"), n): bits(1.0) for m in range(WIDTH)}
    assert len(logs(tmp_path)) < length * 2 / 3, "ten of them are of these ten processes"
    async with opened(tmp_path) as store:
        assert await held(store) == samples


async def test_groups_that_share_series_and_points_keep_their_order(tmp_path: Path) -> None:
    dice = np.random.default_rng(3)
    async with opened(tmp_path / "whole", head_slots=100_000) as store:
        groups = [register(store, *names) for names in (("a", "b", "c"), ("b", "c"), ("c",), ("d", "a"))]
        places = store.enroll([series(name) for name in "abcde"])
        for n in range(400):
            group = groups[n % 4]
            values = np.where(dice.random(len(group.labels)) < 0.2, np.nan, dice.normal(size=len(group.labels)))
            times = dice.integers(0, 50, 6)
            await store.append([row(group, int(dice.integers(0, 50)), *values)], None)
            await store.append([Points(store.pool, dice.choice(places, 6), times, dice.normal(size=6))], None)
        samples = await held(store)
    for replay_bytes in (1 << 20, 4_000):
        async with opened(tmp_path / "whole", replay_bytes=replay_bytes) as store:
            assert await held(store) == samples


async def test_a_store_that_is_closed_while_it_replays_loses_nothing(tmp_path: Path) -> None:
    samples = await left_behind(tmp_path)
    with no_file_longer_than(5_000):
        async with opened(tmp_path, replay_bytes=SMALL):
            await asyncio.sleep(0.1)
    async with opened(tmp_path) as store:
        assert await held(store) == samples


@pytest.mark.parametrize("in_step", [1.0, 0.7])
async def test_groups_of_one_block_come_back_whether_they_keep_step_or_not(tmp_path: Path, in_step: float) -> None:
    dice = np.random.default_rng(5)
    async with opened(tmp_path, head_slots=100_000) as store:
        groups = [register(store, *(f"m{group}_{n}" for n in range(2 + group))) for group in range(4)]
        for time_ms in range(200):
            rows = []
            for group in groups:
                steps = not time_ms or dice.random() < in_step
                at_ms = time_ms if steps else int(dice.integers(0, 200))
                values = np.where(dice.random(len(group.labels)) < 0.1, ABSENT, dice.normal(size=len(group.labels)))
                rows.append(row(group, at_ms, *values))
            await store.append(rows, None)
        assert len(store._blocks.all) == 1
        samples = await held(store)
    for replay_bytes in (1 << 20, 4_000):
        async with opened(tmp_path, replay_bytes=replay_bytes) as store:
            assert await held(store) == samples
