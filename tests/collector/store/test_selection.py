"""Raw samples out of files, heads and the cache between them: the same however they are asked for, and how often."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netmon_collector.store.base import Group, Matcher, MatchOp, Row
from netmon_collector.store.cache import Cache
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.gathering import Gatherer
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import Kind
from tests.collector.store.samples import Samples, bits, held, named, row, series

EAGER = StoreSettings(window_s=0, head_slots=20, seal_every_s=0, merge_every_s=1e9)
SERIES = 40


def numbered(number: str) -> Matcher:
    return Matcher("n", MatchOp.EQUAL, number)


async def filled(folder: Path, settings: StoreSettings = EAGER, rows: int = 95) -> tuple[EmbeddedStore, Samples]:
    """A store with several recent files and something in a head; samples come late, and not of all series."""
    store = EmbeddedStore.open(folder, settings)
    dice = np.random.default_rng(4)
    labels = [series("x", n=str(n)) for n in range(SERIES)]
    group = store.register(labels, [Kind.GAUGE] * SERIES)
    part = store.register(labels[:3], [Kind.GAUGE] * 3)
    samples: Samples = {}
    for at in range(rows):
        time = at * 10_000 if at % 30 else max(0, at - 25) * 10_000 + 5000
        chosen = group if at % 7 else part
        values = np.round(dice.normal(50, 1, len(chosen.labels)), 2)
        await store.append([Row(chosen, time, values)], None)
        samples |= {(one, time): bits(value) for one, value in zip(chosen.labels, values.tolist(), strict=True)}
        if at % 25 == 0:
            await asyncio.sleep(0.01)  # so that the upkeep seals now and then
    return store, samples


async def test_what_was_read_once_is_read_again_as_it_is(tmp_path: Path) -> None:
    store, samples = await filled(tmp_path)
    one = named("x"), numbered("7")
    own = {key: value for key, value in samples.items() if ("n", "7") in key[0]}
    for matchers, expected in (((named("x"),), samples), (one, own)):
        for _ in range(3):
            assert await held(store, *matchers) == expected
            inside = {key: value for key, value in expected.items() if 100_000 <= key[1] <= 600_000}
            assert await held(store, *matchers, time_ms=(100_000, 600_000)) == inside
    assert 0 < store.stats().cache_bytes < EAGER.cache_bytes
    await store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
async def test_what_was_read_keeps_no_deleted_file_open(tmp_path: Path) -> None:
    store, samples = await filled(tmp_path)
    assert await held(store) == samples
    await store._upkeep._merger.merge()
    async with asyncio.timeout(5):  # the thread that merged may be at its last step
        while any(path.startswith(str(tmp_path)) and path.endswith("(deleted)") for path in held_open()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await store.close()


def held_open() -> list[str]:
    """What the process has open; what is deleted is marked so."""
    return [str(handle.readlink()) for handle in Path("/proc/self/fd").iterdir() if handle.is_symlink()]


async def test_what_is_kept_is_as_good_as_the_files_after_merges_deletes_and_late_samples(tmp_path: Path) -> None:
    store, samples = await filled(tmp_path)
    one = named("x"), numbered("2")

    async def check() -> None:
        own = {key: value for key, value in samples.items() if ("n", "2") in key[0]}
        assert await held(store, *one) == own

    await check()
    await store.append([row(store.register([series("x", n="2")], [Kind.GAUGE]), 210_000, 7.5)], None)
    samples[series("x", n="2"), 210_000] = bits(7.5)
    await check()
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()
    await check()
    await store.delete([numbered("2")], 100_000, 300_000)
    for key in [key for key in samples if ("n", "2") in key[0] and 100_000 <= key[1] <= 300_000]:
        del samples[key]
    await check()
    assert await held(store) == samples
    await store.close()


async def test_what_a_host_has_is_told_again_as_it_was_put_together_until_a_sample_comes(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    names = [series("x", n=str(n)) for n in range(3)]
    group = store.register(names, [Kind.GAUGE] * 3)
    samples: Samples = {}

    async def gather(time: int, *values: float) -> None:
        await store.append([row(group, time, *values)], None)
        samples.update({(one, time): bits(value) for one, value in zip(names, values, strict=True)})
        after = store.lines_now([named("x")], 0, 10**6)
        assert store.lines_now([named("x")], 0, 10**6) is after
        assert await held(store, named("x"), time_ms=(0, 10**6)) == samples

    for at in range(1, 15):
        await gather(at * 15_000, at, 2 * at, 3 * at)
    await gather(45_000, 7.0, 8.0, 9.0)  # in place of others
    await store._upkeep._let_go_of_log()
    assert await held(store, named("x"), time_ms=(0, 10**6)) == samples
    await gather(300_000, 1.0, 2.0, 3.0)
    await store.append([row(group, 20_000, 4.0, 5.0, 6.0)], None)  # late
    samples |= {(one, 20_000): bits(value) for one, value in zip(names, (4.0, 5.0, 6.0), strict=True)}
    assert await held(store, named("x"), time_ms=(0, 10**6)) == samples
    await store.close()


async def test_who_asks_for_the_newest_hour_again_and_again_fills_no_cache(tmp_path: Path) -> None:
    store, _ = await filled(tmp_path)
    kept = []
    for end_ms in range(3_600_000, 4 * 3_600_000, 300_000):
        store.lines_now([named("x")], end_ms - 3_600_000, end_ms)
        kept.append(store.stats().cache_bytes)
    assert max(kept[3:]) <= kept[2], "what was asked for earlier makes room"
    store.lines_now([named("x")], 0, 3_600_000)
    store.lines_now([named("x")], 9_000_000, 9_000_000 + 3_600_000)
    assert store.lines_at_hand([named("x")], 0, 3_600_000, SERIES) is not None, "nobody moved on from here"
    await store.close()


@pytest.mark.parametrize("matcher", [Matcher("n", MatchOp.REGEX, "7|8"), Matcher("n", MatchOp.NOT_EQUAL, "")], ids=str)
async def test_among_many_values_series_are_looked_for_in_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, matcher: Matcher
) -> None:
    """To try an expression on the values of a million series takes longer than the event loop may be held up."""
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = store.register([series("x", n=str(n)) for n in range(2500)], [Kind.GAUGE] * 2500)
    await store.append([Row(group, 1000, np.arange(2500, dtype=np.float64))], None)
    threads: list[threading.Thread] = []
    match = LabelIndex.match

    def noted(index: LabelIndex, *arguments: Any, **options: Any) -> Any:
        threads.append(threading.current_thread())
        return match(index, *arguments, **options)

    monkeypatch.setattr(LabelIndex, "match", noted)
    assert store.lines_at_hand([matcher], 0, 2000, 10_000) is None
    assert store.latest_at_hand([matcher], 10_000) is None
    assert threads == []
    for _ in range(2):
        assert await store.select([matcher], 0, 2000)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    store.lines_now([matcher], 0, 2000)
    assert store.lines_at_hand([matcher], 0, 2000, 10_000) is not None, "they are known now"
    await store.close()


async def test_the_samples_of_a_series_are_side_by_side(tmp_path: Path) -> None:
    store, _ = await filled(tmp_path)
    for matchers in ([named("x")], [numbered("1")], [numbered("39")]):
        for time in (0, 300_000, 900_000):
            for frame in await store.select(matchers, time, 950_000):
                assert frame.values.T.flags.c_contiguous
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()
    for frame in await store.select([], 100_000, 700_000):
        assert frame.values.T.flags.c_contiguous
    await store.close()


async def test_hosts_that_were_first_heard_of_together_are_read_each_at_its_times(tmp_path: Path) -> None:
    """They share a block; from the second gather on each has its own times, in memory and in files."""
    store = EmbeddedStore.open(tmp_path, EAGER)
    names = [[series("x", host=host, n=str(n)) for n in range(4)] for host in "abc"]
    groups = [store.register(own, [Kind.GAUGE] * len(own)) for own in names]
    samples: Samples = {}
    for at in range(47):
        times = [at * 15_000 + (1000 * place if at else 0) for place in range(3)]
        await store.append(
            [row(group, time, *range(at, at + 4)) for group, time in zip(groups, times, strict=True)], None
        )
        samples |= {
            (labels, time): bits(at + n) for own, time in zip(names, times, strict=True) for n, labels in enumerate(own)
        }
        if at in (20, 33):
            await store._upkeep._let_go_of_log()
        lines = store.lines_now([named("x")], 0, at * 15_000 + 5000)
        assert len(np.unique(lines.axis)) == len(groups), "the series of a host share its times"
        assert await held(store, named("x")) == samples
        assert await held(store, numbered("2")) == {
            key: value for key, value in samples.items() if ("n", "2") in key[0]
        }
    await store.close()


async def test_a_value_that_is_sent_again_takes_the_place_of_one_that_was_read(tmp_path: Path) -> None:
    """In memory, where what was read is kept: of a whole gather, and of single points of it."""
    store = EmbeddedStore.open(tmp_path, EAGER)
    names = [series("x", n=str(n)) for n in range(4)]
    group, points = store.register(names, [Kind.GAUGE] * 4), store.register(names[1:2], [Kind.GAUGE])
    samples: Samples = {}
    for at in range(12):
        for again in range(2):
            for own, labels in ((group, names), (points, names[1:2])):
                values = [10.0 * at + again + len(labels) + n for n in range(len(labels))]
                await store.append([row(own, at * 15_000, *values)], None)
                samples |= {(one, at * 15_000): bits(value) for one, value in zip(labels, values, strict=True)}
                assert await held(store, named("x")) == samples
    await store.close()


async def test_a_page_that_is_damaged_while_the_store_is_open_gives_no_wrong_value(tmp_path: Path) -> None:
    store, samples = await filled(tmp_path)
    await store._upkeep._let_go_of_log()
    file = max(tmp_path.glob("raw-recent-*"), key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    for at in range(60, len(data), 37):
        data[at] ^= 1
    file.write_bytes(data)
    for number in range(SERIES):
        found = await held(store, numbered(str(number)))
        assert found.items() <= samples.items()
    assert await held(store) != samples
    assert store.stats().damaged > 0
    await store.close()


def test_the_cache_forgets_what_was_not_used_and_keeps_its_bound() -> None:
    cache = Cache(1000)
    for number in range(200):
        cache.put(number, number, 10)
        assert cache.get(0) == 0, "what is used stays"
        assert cache.size_bytes <= 1000
    assert cache.get(199) == 199
    assert cache.get(50) is None
    cache.put("large", 1, 900)
    assert cache.get("large") is None, "it would push out most others"


def test_what_fits_into_the_cache_stays_in_whatever_order_it_is_asked_for() -> None:
    cache = Cache(1000)
    for number in [*range(100), *range(100)]:
        cache.put(number, number, 10)  # the same again takes no more room
    for number in [*range(100), *reversed(range(100))]:
        assert cache.get(number) == number
    assert cache.size_bytes == 1000
    cache.clear()
    assert (cache.size_bytes, cache.get(0)) == (0, None)


async def test_groups_that_were_asked_for_before_they_came_again_are_put_together_from_whole_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process before left of groups that kept step is in one head; what comes after it in one for each."""

    def groups(store: EmbeddedStore) -> list[Group]:
        return [store.register([series("x", host=host), series("y", host=host)], [Kind.GAUGE] * 2) for host in "ab"]

    store = EmbeddedStore.open(tmp_path, window_s=0)
    await store.append([row(group, 1000, 1.0, 2.0) for group in groups(store)], None)
    await store.close()
    store = EmbeddedStore.open(tmp_path, window_s=0)
    await held(store)
    store.lines_now([named("x")], 0, 10_000)
    await store.append([row(group, 2000, 3.0, 4.0) for group in groups(store)], None)
    monkeypatch.setattr(Gatherer, "_woven", None)  # the way of what does not fit together, much slower
    lines = store.lines_now([named("x")], 0, 10_000)
    assert lines.values.tolist() == [1.0, 3.0] * 2
    assert lines.times.tolist() == [1000, 2000] * 2
    await store.close()


async def test_what_was_put_together_is_not_kept_piece_by_piece_too(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = store.register([series("x", n=str(n)) for n in range(SERIES)], [Kind.GAUGE] * SERIES)
    for at in range(50):
        await store.append([row(group, at * 10_000, *range(at, at + SERIES))], None)
    await store._upkeep._let_go_of_log()

    def pieces() -> int:
        keys: list[Any] = list(store._cache._kept)
        return sum(isinstance(key[2], bytes) and not isinstance(key[0], int) for key in keys)

    (frame,) = await store.select([named("x")], 0, 10**6)
    assert pieces()
    for _ in range(2):
        lines = store.lines_now([named("x")], 0, 10**6)
        assert not pieces()
        assert lines.values.tobytes() == frame.values.T.tobytes()
    await store.close()
