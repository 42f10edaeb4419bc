"""The newest sample of each series, told from one table: exact whatever came late, went, or was there at start."""

import asyncio
from pathlib import Path

import numpy as np

from netmon_collector.store.base import ABSENT, Latest, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.latest import LatestTable, Newest
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import STALE, Kind
from tests.collector.store.samples import Samples, batch, bits, named, register, row, series

DAY = 86_400_000
EAGER = StoreSettings(window_s=0, head_slots=2, seal_every_s=0, merge_every_s=0, merge_files=2)


def told(latest: Latest) -> Samples:
    values = latest.values.view(np.uint64).tolist()
    return {(labels, at): value for labels, at, value in zip(latest.labels, latest.times.tolist(), values, strict=True)}


async def test_late_samples_and_stale_markers_are_told_as_they_are(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path)
    group = register(store, "a", "b", "c")
    await store.append([row(group, 2000, 1.0, 2.0, ABSENT), row(group, 1000, 8.0, 9.0, 7.0)], batch(1))
    await store.append([row(group, 3000, ABSENT, STALE, ABSENT), row(group, 2000, 5.0, 6.0, ABSENT)], batch(2))
    expected = {(series("a"), 2000): bits(5.0), (series("b"), 3000): bits(STALE), (series("c"), 1000): bits(7.0)}
    assert told(await store.latest([])) == expected
    assert told(await store.latest([named("b")])) == {(series("b"), 3000): bits(STALE)}
    await store.close()


async def test_a_restart_finds_the_newest_in_the_log_and_in_files(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    gone, stays = register(store, "gone"), register(store, "stays")
    for n in range(10):
        await store.append([row(gone, n * DAY, float(n)), row(stays, n * DAY, -float(n))], batch(n + 1))
    await store.append([row(stays, 3 * DAY, 99.0)], batch(20))
    await store.close()
    store = EmbeddedStore.open(tmp_path, EAGER)
    expected = {(series("gone"), 9 * DAY): bits(9.0), (series("stays"), 9 * DAY): bits(-9.0)}
    assert told(await store.latest([])) == expected
    await store.append([row(register(store, "stays"), 9 * DAY, 5.0)], batch(21))
    assert told(await store.latest([named("stays")])) == {(series("stays"), 9 * DAY): bits(5.0)}
    await store.close()


async def test_of_samples_at_one_time_in_several_files_the_later_is_told(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, window_s=0, head_slots=2, seal_every_s=0)
    group = register(store, "a")
    for value in (1.0, 2.0, 3.0):
        await store.append([row(group, 5000, value), row(group, 4000 + int(value), 0.0)], None)
        await asyncio.sleep(0.05)
    await store.close()
    assert len(list(tmp_path.glob("raw-recent-*"))) > 1
    store = EmbeddedStore.open(tmp_path)
    assert told(await store.latest([])) == {(series("a"), 5000): bits(3.0)}
    await store.close()


async def test_a_delete_brings_the_sample_before_it_to_light(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = register(store, "a", "b")
    for n in range(1, 6):
        await store.append([row(group, n * 1000, float(n), -float(n))], batch(n))
    await store.delete([named("a")], 4000, 9000)
    expected = {(series("a"), 3000): bits(3.0), (series("b"), 5000): bits(-5.0)}
    assert told(await store.latest([])) == expected
    await store.append([row(group, 2500, 7.0, ABSENT)], batch(6))
    assert told(await store.latest([])) == expected
    await store.delete([named("a")], 0, 9000)
    assert told(await store.latest([])) == {(series("b"), 5000): bits(-5.0)}
    await store.close()


async def test_what_retention_drops_is_not_told_any_more(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group, other = register(store, "a"), register(store, "b")
    for n in range(10):
        await store.append([row(group if n < 5 else other, n * DAY, float(n))], batch(n + 1))
    await store.forget_before(7 * DAY)
    samples = told(await store.latest([]))
    assert samples.items() <= {(series("a"), 4 * DAY): bits(4.0), (series("b"), 9 * DAY): bits(9.0)}.items()
    assert (series("b"), 9 * DAY) in samples
    assert {labels for labels, _ in samples} == set(await store.series([]))
    await store.close()


def test_what_is_put_while_older_samples_are_looked_up_counts() -> None:
    found = Newest.none(2)

    def find(numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Newest:
        table._table.take(np.array([0]), np.array([7]), np.array([70], np.uint64))  # as `put` does, on another thread
        if found.times[1] != 4:  # and what was found is deleted before it is told
            table.doubt(np.array([0, 1]), 5, 5)
            answer = Newest(np.array([5, 5]), np.array([50, 50], np.uint64))
            found.times[1], found.bits[1] = 4, 40
            return answer
        return found

    table = LatestTable(LabelIndex(), find)
    newest = table.of(np.array([0, 1]))
    assert (newest.times.tolist(), newest.bits.tolist()) == ([7, 4], [70, 40])


async def test_ten_thousand_values_are_told(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, window_s=0)
    for first in range(0, 10_000, 100):
        group = store.register([series("up", host=f"host{n}") for n in range(first, first + 100)], [Kind.GAUGE] * 100)
        await store.append([Row(group, 1000, np.arange(first, first + 100, dtype=np.float64))], None)
    latest = await store.latest([named("up")])
    assert sorted(latest.values.tolist()) == list(range(10_000))
    assert len(set(latest.labels)) == 10_000
    await store.close()
