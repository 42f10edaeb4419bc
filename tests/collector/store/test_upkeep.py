"""What goes on beside ingest: sealing, merging, dropping, deleting; whatever stays is what was put in."""

import asyncio
import contextlib
import random
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netmon_collector.store.base import ABSENT, Origin, Row, StoreError
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.fsck.whole import check
from netmon_collector.store.match import Matching
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.undone import Deletion, Undone
from tests.collector.store.samples import Samples, batch, bits, held, named, register, row, series

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EAGER = StoreSettings(window_s=0, head_slots=5, seal_every_s=0, merge_every_s=1e9)
NAMES = ("a", "b", "c")


@asynccontextmanager
async def opened(folder: Path, **changes: Any) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore.open(folder, EAGER, **changes)
    try:
        yield store
    finally:
        await store.close()


async def fill(store: EmbeddedStore, first: int, last: int, step_ms: int = 10_000) -> None:
    """Appends a row at a time; the upkeep is never more than a head behind, however busy the machine is."""
    group = register(store, *NAMES)
    for n in range(first, last):
        await send(store, row(group, n * step_ms, n / 4, float(n * n), 7.0), batch(n + 1))
        if n % EAGER.head_slots == 0:
            with contextlib.suppress(StoreError):  # a round that finds no room leaves its work to the next
                await store._upkeep.round(asyncio.get_running_loop().time())


async def send(store: EmbeddedStore, row: Row, origin: Origin) -> None:
    """As an agent does: again, until the store has it."""
    while True:
        try:
            await store.append([row], origin)
        except StoreError:
            await asyncio.sleep(0.01)
        else:
            return


def files(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_full_heads_are_sealed_and_the_log_behind_them_goes(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=200) as store:
        await fill(store, 0, 52)
        samples = await held(store)
        assert len(samples) == 52 * 3
    assert 2 <= len(files(tmp_path, "raw-recent-*")) <= 10
    assert len(files(tmp_path, "wal-*")) < 26, (
        "of the 52 files, one for each commit, those with sealed samples are gone"
    )
    async with opened(tmp_path) as store:
        assert await held(store) == samples
        assert not await store.append([], batch(1))
        assert store.highest_acked("agent", 1) == 52


async def test_old_heads_are_sealed_before_they_are_full(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_after_s=0) as store:
        await fill(store, 0, 3)
    assert files(tmp_path, "raw-*")


async def test_heads_of_slow_series_are_sealed_by_age_each_at_a_time_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, passed_s = asyncio.get_running_loop(), 0.0
    clock_s = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock_s() + passed_s)
    async with opened(tmp_path, seal_after_s=1000, head_slots=1000, seal_every_s=1e9) as store:
        groups = [register(store, *(f"{name}{number}" for name in NAMES)) for number in range(100)]
        waiting = []
        for n in range(60):
            for start in range(0, 100, 10):  # so that ten blocks come into being
                rows = [row(group, n * 60_000 + start, float(n), 1.0, 2.0) for group in groups[start : start + 10]]
                await store.append(rows, batch(10 * n + start // 10 + 1))
            passed_s += 60
            await store._upkeep.round(loop.time())
            waiting.append(sum(strand.head.count for strand in store._blocks._strands) / 100)
        ages = [loop.time() - strand.head.since_s for strand in store._blocks._strands if strand.head.count]
        assert len(await held(store)) == 60 * 300
    assert max(ages) <= 1000
    assert max(waiting[20:]) < 11, "of 17 that a head may get, about half at any time"
    assert min(waiting[20:]) > 5


async def test_the_oldest_heads_are_sealed_when_all_take_too_much(tmp_path: Path) -> None:
    async with opened(tmp_path, head_bytes=6000, head_slots=1000) as store:
        groups = [register(store, *(f"{name}{number}" for name in NAMES)) for number in range(4)]
        for n in range(400):
            await send(store, row(groups[n // 100], n * 1000, float(n), 1.0, 2.0), batch(n + 1))
            if n % 10 == 0:
                await store._upkeep.round(asyncio.get_running_loop().time())
                assert sum(strand.head.used_bytes for strand in store._blocks._strands) <= 6000
        newest = store._blocks._strands[-1].head.count
        assert files(tmp_path, "raw-*")
        assert len(await held(store)) == 1200
    assert newest == 100, "the oldest made room"


async def test_a_log_that_is_too_long_is_sealed(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=200, log_bytes=2000, head_slots=1000) as store:
        await fill(store, 0, 50)
        assert store._log.size_bytes < 4000
        assert len(await held(store)) == 150


async def test_recent_files_become_one_for_each_span_and_many_of_a_span_one(tmp_path: Path) -> None:
    async with opened(tmp_path, merge_every_s=0, merge_files=3) as store:
        await fill(store, 0, 200, HOUR // 2)
        samples = await held(store)
        assert len(samples) == 600
    days = {name.split("-")[1] for name in files(tmp_path, "raw-*")} - {"recent"}
    assert days >= {"0", "1", "2", "3"}
    assert len([name for name in files(tmp_path, "raw-*") if "recent" not in name]) <= 5 * 3
    assert files(tmp_path, "*.tmp") == []
    async with opened(tmp_path) as store:
        assert await held(store) == samples
        assert await held(store, time_ms=(DAY, 2 * DAY)) == {
            key: value for key, value in samples.items() if DAY <= key[1] <= 2 * DAY
        }


async def test_a_past_that_was_written_at_once_is_merged_when_no_more_of_it_comes(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_every_s=1e9, past_bytes=1) as store:
        await fill(store, 0, 60, 16 * HOUR)  # with visits in between
        await store._upkeep.round(asyncio.get_running_loop().time())  # finds the end of it
        assert {name.split("-")[1] for name in files(tmp_path, "raw-*")} == {"recent"}
        samples = await held(store)
        await store._upkeep.round(asyncio.get_running_loop().time())
        assert {name.split("-")[1] for name in files(tmp_path, "raw-*")} >= {"0", "1", "2", "3"}
        assert await held(store) == samples


async def test_of_little_past_nothing_is_merged_before_its_time(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_every_s=1e9, past_bytes=1 << 20) as store:
        await fill(store, 0, 60, 16 * HOUR)
        for _ in range(3):
            await store._upkeep.round(asyncio.get_running_loop().time())
        assert {name.split("-")[1] for name in files(tmp_path, "raw-*")} == {"recent"}


async def test_of_two_samples_the_later_wins_wherever_they_are(tmp_path: Path) -> None:
    async with opened(tmp_path, merge_every_s=0, merge_files=2) as store:
        for round_number in range(1, 8):
            group = register(store, *NAMES)
            rows = [row(group, n * 10_000, *[float(round_number)] * 3) for n in range(7)]
            await store.append(rows, batch(round_number))
            for _ in range(2):
                assert set((await held(store)).values()) == {bits(round_number)}
                assert len(await held(store)) == 21


async def test_a_bit_that_flips_in_a_chunk_file_gives_no_wrong_value(tmp_path: Path) -> None:
    async with opened(tmp_path / "whole", segment_bytes=200) as store:
        await fill(store, 0, 40)
        samples = await held(store)
    dice = random.Random(5)
    lost_some = 0
    for attempt in range(60):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        for path in (tmp_path / "whole").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        target = folder / dice.choice(files(folder, "raw-*") + files(folder, "*.catalog"))
        data = bytearray(target.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        target.write_bytes(data)
        async with opened(folder) as store:
            found = await held(store)
            assert found.items() <= samples.items(), "never a wrong value"
            assert len(samples) - len(found) <= 30, "one chunk at most"
            lost_some += found != samples
            assert store.stats().damaged or found == samples
            assert await held(store) == found
    assert lost_some


async def test_a_catalog_that_is_gone_is_made_anew_from_the_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 0, 20)
        samples = await held(store)
    (tmp_path / "series-1.catalog").unlink()
    async with opened(tmp_path) as store:
        assert await held(store) == samples
    assert (tmp_path / "series-1.catalog").read_bytes() == (tmp_path / "series-2.catalog").read_bytes()


async def test_the_cap_holds_and_the_oldest_go_first(tmp_path: Path) -> None:
    cap = 50_000
    async with opened(tmp_path, merge_every_s=0, span_ms=2 * HOUR, segment_bytes=5000, max_bytes=cap) as store:
        for first in range(0, 1200, 100):
            await fill(store, first, first + 100, HOUR // 4)
            assert store.stats().bytes <= cap
        times = {time for _, time in await held(store)}
    assert max(times) == 1199 * HOUR // 4
    assert times == set(range(min(times), max(times) + 1, HOUR // 4)), "no hole"
    assert min(times) > 0


async def test_old_rollups_leave_room_for_what_comes(tmp_path: Path) -> None:
    """Of samples a minute apart rollups of five minutes take more than the samples; that is no reason to lose these."""
    cap, hours = 250_000, 24 * 5
    async with opened(tmp_path, segment_bytes=10_000, max_bytes=cap, head_slots=30) as store:
        group = register(store, *(f"m{number}" for number in range(12)))
        dice = np.random.default_rng(1)
        for hour in range(hours):
            values = np.round(100 * dice.normal(size=(60, 12)), 2)
            rows = [Row(group, hour * HOUR + minute * MINUTE, values[minute]) for minute in range(60)]
            await store.append(rows, batch(hour + 1))
            await settled(store)
            if hour % 2:
                await merged(store)
            assert store.stats().bytes <= cap
        times = {time for _, time in await held(store)}
        rollups = await store.select_rollup([named("m1")], 0, 2**50, 5 * MINUTE)
    assert min(times) > 0
    assert times == set(range(min(times), hours * HOUR, MINUTE)), "no hole"
    assert len(times) > 6 * 60
    assert rollups is not None
    starts = rollups[0].times.tolist()
    assert starts == list(range(starts[0], hours * HOUR, 5 * MINUTE))


async def test_a_merge_keeps_below_the_cap_though_its_rollups_take_more_than_the_samples(tmp_path: Path) -> None:
    """Of each sample a bucket of its own is made, which takes several times as much."""
    cap = 400_000
    async with opened(tmp_path, segment_bytes=20_000, max_bytes=cap) as store:
        group = register(store, *(f"m{number}" for number in range(100)))
        dice = np.random.default_rng(1)
        with watched(tmp_path) as sizes:
            for number in range(300):
                await send(store, Row(group, number * HOUR, dice.normal(size=100)), batch(number + 1))
                if number % 50 == 49:
                    await merged(store)
        times = {time for _, time in await held(store)}
    assert max(sizes) <= cap
    assert 299 * HOUR in times


@contextmanager
def watched(folder: Path) -> Iterator[set[int]]:
    """How many bytes the log and the chunk files of a folder have, also unfinished ones, as often as can be looked."""
    sizes: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            with contextlib.suppress(FileNotFoundError):
                paths = [path for path in folder.iterdir() if path.name.startswith(("wal-", "raw-", "5m-", "1h-"))]
                sizes.add(sum(path.stat().st_size for path in paths))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield sizes
    finally:
        done.set()
        thread.join()


async def merged(store: EmbeddedStore) -> None:
    """Has all that is in memory sealed, and merged."""
    store._upkeep._next_merge_s = 0
    await settled(store)


async def settled(store: EmbeddedStore) -> None:
    """Has all that is in memory sealed."""
    await store._upkeep._let_go_of_log()
    await store._upkeep.round(asyncio.get_running_loop().time())


async def test_what_is_deleted_is_gone_from_everywhere(tmp_path: Path) -> None:
    async with opened(tmp_path, merge_every_s=0) as store:
        await fill(store, 0, 103, HOUR // 10)
        before = await held(store)
        await store.delete([named("a")], 2 * HOUR, 5 * HOUR)
        await store.delete([named("c")], 0, 2**50)
        expected = {key: value for key, value in before.items() if not deleted(key)}
        assert await held(store) == expected
        assert set(await store.series([])) == {series("a"), series("b")}
        (rollup,) = await store.select_rollup([named("a")], 0, DAY, HOUR) or []
        assert rollup.times.tolist() == [0, HOUR, 5 * HOUR, *range(6 * HOUR, 11 * HOUR, HOUR)]
        assert rollup.values[0, 0].tolist() == [10, 10, 9, 10, 10, 10, 10, 3]
        assert await store.select_rollup([named("c")], 0, DAY, HOUR) == []
    async with opened(tmp_path) as store:
        assert await held(store) == expected
        with pytest.raises(ValueError, match="everything would be deleted"):
            await store.delete([], 0, 1)


@pytest.mark.parametrize("gone", [True, False])
async def test_a_delete_that_was_killed_halfway_leaves_rollups_of_what_is_left(tmp_path: Path, gone: bool) -> None:
    live, killed = tmp_path / "live", tmp_path / "killed"
    async with opened(live) as store:
        await fill(store, 0, 103, HOUR // 10)
        await merged(store)
        shutil.copytree(live, killed)
        await store.delete([named("a")], 2 * HOUR, 5 * HOUR)
        deletion = Deletion(store._index.match(Matching([named("a")])), 2 * HOUR, 5 * HOUR)
    Undone(killed).begin(deletion)
    for path in live.glob("raw-*") if gone else ():
        shutil.copy(path, killed)
    async with opened(killed) as store:
        await store._upkeep.round(asyncio.get_running_loop().time())
        (rollup,) = await store.select_rollup([named("a")], 0, DAY, HOUR) or []
        left = [10, 10, *([0, 0, 0, 9] if gone else [10, 10, 10, 10]), 10, 10, 10, 10, 3]
        assert dict(zip(rollup.times.tolist(), rollup.values[0, 0].tolist(), strict=True)) == {
            hour * HOUR: count for hour, count in enumerate(left) if count
        }
    assert not (killed / "delete-under-way").exists()
    assert list(check(killed)) == []


def deleted(key: tuple[Any, int]) -> bool:
    return key[0] == series("c") or (key[0] == series("a") and 2 * HOUR <= key[1] <= 5 * HOUR)


async def test_a_snapshot_is_a_store_that_does_not_change(tmp_path: Path) -> None:
    async with opened(tmp_path / "live", merge_every_s=0, merge_files=2) as store:
        await fill(store, 0, 33)
        samples: Samples = await held(store)
        await store.snapshot(tmp_path / "copy")
        await fill(store, 33, 60)
        await store.delete([named("a")], 0, 2**50)
    async with opened(tmp_path / "copy") as store:
        assert await held(store) == samples
        assert store.highest_acked("agent", 1) == 33


async def test_a_delete_leaves_no_empty_files(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, window_s=0.0, head_slots=4)
    group = register(store, "gone", "kept")
    for merged in (True, False):
        for n in range(20):
            await store.append([row(group, n * 3_600_000 + merged, 1.0, 2.0 if merged else ABSENT)], None)
        await store._upkeep._let_go_of_log()
        if merged:
            await store._upkeep._merger.merge()
    for _ in range(2):
        await store.delete([named("gone")], -(9 * 10**15), 9 * 10**15)
        assert {labels for labels, _ in await held(store)} == {series("kept")}
        names = sorted(path.name.rpartition("-")[0] for path in tmp_path.glob("*.chunks"))
        assert names == ["1h-0", "5m-0", "raw-0"]
    await store.delete([named("kept")], -(9 * 10**15), 9 * 10**15)
    assert not list(tmp_path.glob("*.chunks"))
    await store.close()
