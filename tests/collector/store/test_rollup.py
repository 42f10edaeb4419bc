"""Rollups tell what the samples of a bucket were: exactly, however they came, and after the samples are gone."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store.base import ABSENT, Matcher, RollupField, is_absent
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import STALE, Labels
from tests.collector.store.samples import batch, named, register, row, series

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EAGER = StoreSettings(window_s=0, head_slots=7, seal_every_s=0, merge_every_s=0, merge_files=3)
Sample = tuple[int, float]
Buckets = dict[tuple[Labels, int], list[float]]


def told(samples: Sequence[Sample], width_ms: int) -> dict[int, list[float]]:
    """The buckets, sample by sample."""
    buckets: dict[int, list[Sample]] = {}
    for time, value in sorted(samples):
        buckets.setdefault(time // width_ms * width_ms, []).append((time, value))
    return {start: _fields(inside) for start, inside in buckets.items()}


def _fields(samples: list[Sample]) -> list[float]:
    values = [value for _, value in samples]
    inc = sum(b - a if b >= a else b for a, b in itertools.pairwise(values))
    first, last = samples[0], samples[-1]
    return [len(values), sum(values), min(values), max(values), first[1], last[1], first[0], last[0], inc]


async def found(store: EmbeddedStore, step_ms: int, *matchers: Matcher, start: int = 0, end: int = 2**50) -> Buckets:
    rollups = await store.select_rollup(matchers, start, end, step_ms)
    assert rollups is not None
    buckets: Buckets = {}
    for rollup in rollups:
        absent = is_absent(rollup.values)
        for place, labels in enumerate(rollup.labels):
            for slot, time in enumerate(rollup.times.tolist()):
                if not absent[place, 0, slot]:
                    buckets[labels, time] = rollup.values[place, :, slot].tolist()
    return buckets


async def test_a_step_takes_the_coarsest_rollup_that_is_no_wider(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    await store.append([row(register(store, "a"), 7 * MINUTE, 1.0)], batch(1))
    assert await store.select_rollup([], 0, DAY, 5 * MINUTE - 1) is None
    for step, width, start in (
        (5 * MINUTE, 5 * MINUTE, 5 * MINUTE),
        (HOUR - 1, 5 * MINUTE, 5 * MINUTE),
        (HOUR, HOUR, 0),
    ):
        (rollup,) = await store.select_rollup([], 0, DAY, step) or []
        assert (rollup.width_ms, rollup.times.tolist()) == (width, [start])
    await store.close()


@pytest.mark.parametrize("order", ["in order", "late", "at random"])
async def test_buckets_are_those_of_the_samples_however_these_came(tmp_path: Path, order: str) -> None:
    dice = np.random.default_rng(4)
    times = np.arange(10 * HOUR, 15 * HOUR, 97_000)
    values = np.cumsum(dice.integers(0, 9, (len(times), 2)), axis=0) % 60 + dice.integers(0, 2, (len(times), 2)) / 4
    samples = list(zip(times.tolist(), values.tolist(), strict=True))
    if order == "late":
        samples = samples[40:] + samples[:40]
    if order == "at random":
        dice.shuffle(samples)
    store = EmbeddedStore.open(tmp_path, EAGER)
    for number, (time, (a, b)) in enumerate(samples, 1):
        await store.append([row(register(store, "a", "b"), time, a, b)], batch(number))
    for _ in range(2):
        for width in (5 * MINUTE, HOUR):
            expected = {
                (series(name), start): fields
                for place, name in enumerate("ab")
                for start, fields in told([(time, pair[place]) for time, pair in samples], width).items()
            }
            assert await found(store, width) == expected
            some = await found(store, width, named("a"), start=11 * HOUR + 1, end=12 * HOUR)
            inside = range(11 * HOUR, 12 * HOUR + 1)
            assert some.keys() == {key for key in expected if key[0] == series("a") and key[1] in inside}
        await store.close()
        store = EmbeddedStore.open(tmp_path, EAGER)
    await store.close()


async def test_overwritten_samples_count_once(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    for number in range(1, 40):
        await store.append([row(register(store, "a"), number % 10 * MINUTE, float(number))], batch(number))
    expected = told([(number % 10 * MINUTE, float(number)) for number in range(30, 40)], HOUR)
    assert await found(store, HOUR) == {(series("a"), 0): expected[0]}
    await store.close()


async def test_a_stale_marker_is_no_sample_and_absent_is_none(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = register(store, "a", "b")
    await store.append([row(group, 0, 1.0, ABSENT), row(group, 1, STALE, STALE), row(group, 2, 3.0, ABSENT)], batch(1))
    assert await found(store, HOUR) == {(series("a"), 0): [2, 4.0, 1.0, 3.0, 1.0, 3.0, 0, 2, 2.0]}
    await store.close()


async def test_series_of_a_block_may_lack_each_others_buckets(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    names = [f"m{number}" for number in range(8)]
    group = register(store, *names)
    values = [[float(at) if at == slot else ABSENT for at in range(len(names))] for slot in range(len(names))]
    await store.append([row(group, slot * HOUR, *own) for slot, own in enumerate(values)], None)
    expected = {
        (series(name), at * HOUR): told([(at * HOUR, float(at))], HOUR)[at * HOUR] for at, name in enumerate(names)
    }
    assert await found(store, HOUR) == expected
    await store.close()


async def test_a_stale_marker_in_the_place_of_a_sample_takes_it_out_of_the_rollup(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = register(store, "a", "b")
    await store.append([row(group, 0, 1.0, 1.0), row(group, 1, 2.0, ABSENT)], batch(1))
    await settled(store)
    await store.append([row(group, 0, STALE, STALE)], batch(2))
    for _ in range(2):
        assert await found(store, HOUR) == {(series("a"), 0): [1, 2.0, 2.0, 2.0, 2.0, 2.0, 1, 1, 0.0]}
        await settled(store)
    await store.close()


async def test_a_nan_spoils_the_sum_and_nothing_else(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = register(store, "a")
    await store.append([row(group, 0, 5.0), row(group, 1, math.nan), row(group, 2, 7.0)], batch(1))
    fields = (await found(store, HOUR))[series("a"), 0]
    assert math.isnan(fields[RollupField.SUM])
    assert fields[RollupField.MIN : RollupField.LAST + 1] == [5.0, 7.0, 5.0, 7.0]
    await store.close()


async def test_a_signalling_nan_is_passed_over_too(tmp_path: Path) -> None:
    signalling = float(np.uint64(0x7FF0000000000001).view(np.float64))
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = register(store, "a", "b")
    rows = [
        row(group, time, value, value if time else ABSENT) for time, value in enumerate((9.0, 5.0, signalling, 7.0))
    ]
    await store.append(rows, batch(1))
    for _ in range(2):
        buckets = await found(store, HOUR)
        assert buckets[series("a"), 0][RollupField.MIN : RollupField.MAX + 1] == [5.0, 9.0]
        assert buckets[series("b"), 0][RollupField.MIN : RollupField.MAX + 1] == [5.0, 7.0]
        await settled(store)
    await store.close()


async def test_a_rise_has_the_decimals_of_its_samples_though_their_sums_have_fewer(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    group = register(store, "a", "b")
    for number, (a, b) in enumerate([(0.51, 49.21), (0.69, -10.91)], 1):
        await store.append([row(group, number, a, b)], batch(number))
    await settled(store)
    for width in (5 * MINUTE, HOUR):
        buckets = await found(store, width)
        assert [buckets[series(name), 0][RollupField.INC] for name in "ab"] == [0.18, -10.91]
    await store.close()


async def test_rollups_outlive_their_samples_and_late_ones_do_not_spoil_them(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, EAGER)
    samples = [(n * MINUTE, float(n)) for n in range(90)]
    for number, (time, value) in enumerate(samples, 1):
        await store.append([row(register(store, "a"), time, value)], batch(number))
    await store.append([row(register(store, "a"), 9 * DAY + n, 1.0) for n in range(7)], batch(1000))
    await settled(store)
    await store.forget_before(5 * DAY)
    assert await store.select([], 0, 5 * DAY) == []
    expected = {(series("a"), start): fields for start, fields in told(samples, HOUR).items()}
    assert await found(store, HOUR, end=DAY) == expected
    await store.append([row(register(store, "a"), 30 * MINUTE + 1, 77.0)], batch(1001))
    assert await found(store, HOUR, end=DAY) == expected
    await settled(store)
    await store.forget_before(3000 * DAY)
    assert await found(store, HOUR, end=DAY) == {}
    await store.close()


async def test_rollups_of_a_day_become_one_file_when_nothing_is_added_to_it_any_more(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, replace(EAGER, merge_every_s=1e9, merge_files=100))
    group = register(store, *(f"m{number}" for number in range(50)))
    dice = np.random.default_rng(1)

    def rollups() -> list[Path]:
        return [*tmp_path.glob("5m-*"), *tmp_path.glob("1h-*")]

    for hour in range(5):
        for slot in range(60):
            await store.append([row(group, hour * HOUR + slot * MINUTE, *dice.integers(0, 1000, 50))], None)
        await settled(store)
    assert len(rollups()) == 10
    drafts_bytes = sum(path.stat().st_size for path in rollups())
    before = await found(store, HOUR), await found(store, 5 * MINUTE)
    await settled(store)
    assert len(rollups()) == 2
    assert sum(path.stat().st_size for path in rollups()) < 0.8 * drafts_bytes
    assert (await found(store, HOUR), await found(store, 5 * MINUTE)) == before
    await store.append([row(group, 9 * HOUR, *dice.integers(0, 1000, 50))], None)
    await settled(store)
    assert len(rollups()) == 4, "what came late is in files beside"
    await settled(store)
    assert len(rollups()) == 2
    await store.close()


async def settled(store: EmbeddedStore) -> None:
    """Has all that is in memory sealed, merged and rolled up."""
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()
