"""Series are kept as long as their rule says, in files of their own, also when the rules change."""

from pathlib import Path

import pytest

from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.chunkfile import Name, Tier
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.retention import DAY_MS, Keep, Retention, Rule
from tests.collector.store.samples import Samples, batch, held, register, row, series

MINUTE, HOUR = 60_000, 3_600_000
EAGER = StoreSettings(window_s=0, head_slots=5, seal_every_s=0, merge_every_s=1e9, merge_files=3)
NAMES = ("short", "usual", "long")
BASE = Keep(3 * DAY_MS, 6 * DAY_MS, 12 * DAY_MS)
SHORT, LONG = Keep(1 * DAY_MS, 1 * DAY_MS, 1 * DAY_MS), Keep(9 * DAY_MS, 9 * DAY_MS, 99 * DAY_MS)


def rule(pattern: str, keep: Keep) -> Rule:
    return Rule((Matcher("__name__", MatchOp.REGEX, pattern),), keep)


RULES = Retention(BASE, (rule("short", SHORT), rule("long|short", LONG)))


def opened(folder: Path, retention: Retention) -> EmbeddedStore:
    return EmbeddedStore.open(folder, EAGER, retention=retention)


async def fill(store: EmbeddedStore, days: range) -> None:
    """A sample of each series every three hours, merged day by day."""
    group = register(store, *NAMES)
    for day in days:
        for slot in range(8):
            time_ms = day * DAY_MS + slot * 3 * HOUR
            await store.append([row(group, time_ms, day, slot, day * slot)], batch(day * 8 + slot + 1))
        await settle(store)


async def settle(store: EmbeddedStore) -> None:
    """Has all that is in memory sealed, merged and rolled up."""
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()


async def forget(store: EmbeddedStore, now_ms: int) -> None:
    for _ in range(20):  # one mixed file at a time
        await store.forget_before(now_ms - BASE.raw_ms)


def days_of(samples: Samples, name: str) -> set[int]:
    return {time_ms // DAY_MS for labels, time_ms in samples if labels == series(name)}


def kept(folder: Path, tier: Tier) -> set[str]:
    names = [Name.parse(path.name) for path in folder.iterdir()]
    return {name.kept for name in names if name is not None and name.tier is tier and name.span != "recent"}


async def rollup_days(store: EmbeddedStore, name: str, step_ms: int) -> set[int]:
    matcher = Matcher("__name__", MatchOp.EQUAL, name)
    rollups = await store.select_rollup([matcher], 0, 1000 * DAY_MS, step_ms) or []
    return {time_ms // DAY_MS for rollup in rollups for time_ms in rollup.times.tolist()}


async def test_each_class_has_files_of_its_own_and_goes_in_its_own_time(tmp_path: Path) -> None:
    store = opened(tmp_path, RULES)
    await fill(store, range(12))
    everything = await held(store)
    assert len(everything) == 12 * 8 * 3
    assert kept(tmp_path, Tier.RAW) == kept(tmp_path, Tier.HOUR) == {"", "1d.1d.1d", "9d.9d.99d"}
    now_ms = 12 * DAY_MS
    await forget(store, now_ms)
    left = await held(store)
    assert left.items() <= everything.items()
    assert days_of(left, "short") == {11}
    assert days_of(left, "usual") == {9, 10, 11}
    assert days_of(left, "long") == set(range(3, 12))
    assert await rollup_days(store, "short", 5 * MINUTE) == {11}
    assert await rollup_days(store, "usual", 5 * MINUTE) == set(range(6, 12))
    assert await rollup_days(store, "long", 5 * MINUTE) == set(range(3, 12))
    assert await rollup_days(store, "long", HOUR) == set(range(12))
    assert (store.stats().oldest_ms, store.stats().begins_ms) == (3 * DAY_MS, 0), "rollups are older than samples"
    await store.close()
    store = opened(tmp_path, RULES)
    assert await held(store) == left
    await store.close()


async def test_rollups_stay_as_long_as_the_samples_that_they_are_made_of(tmp_path: Path) -> None:
    store = opened(tmp_path, RULES)
    newest_ms = 2 * HOUR + 59 * MINUTE
    await store.append([row(register(store, *NAMES), time_ms, 1.0, 2.0, 3.0) for time_ms in (HOUR, newest_ms)], None)
    await settle(store)
    for age_ms, left in ((SHORT.raw_ms, {0}), (SHORT.raw_ms + HOUR, set())):
        await forget(store, newest_ms + age_ms)
        assert await rollup_days(store, "short", HOUR) == await rollup_days(store, "short", 5 * MINUTE) == left
        assert days_of(await held(store), "short") == left
    await store.close()


async def test_without_rules_names_are_as_ever(tmp_path: Path) -> None:
    store = opened(tmp_path, Retention(BASE))
    await fill(store, range(4))
    assert kept(tmp_path, Tier.RAW) == {""}
    await forget(store, 4 * DAY_MS)
    assert days_of(await held(store), "usual") == {1, 2, 3}
    await store.close()


async def test_a_past_that_is_written_at_once_leaves_rollups_though_its_samples_are_too_old(tmp_path: Path) -> None:
    store = opened(tmp_path, RULES)
    group = register(store, *NAMES)
    await store.append([row(group, slot * HOUR, 1.0, 2.0, 3.0) for slot in range(2 * 24)], None)
    await store._upkeep._let_go_of_log()
    await forget(store, 11 * DAY_MS)
    await store._upkeep._merger.merge()
    await forget(store, 11 * DAY_MS)
    assert await held(store) == {}
    assert await rollup_days(store, "short", HOUR) == set()
    assert await rollup_days(store, "usual", HOUR) == {0, 1}
    await store.close()


@pytest.mark.parametrize("merged_since", [False, True])
async def test_a_series_that_is_to_be_kept_longer_loses_nothing_from_then_on(
    tmp_path: Path, merged_since: bool
) -> None:
    store = opened(tmp_path, Retention(BASE))
    await fill(store, range(3))
    everything = await held(store)
    await store.close()
    store = opened(tmp_path, RULES)
    if merged_since:  # late samples of each day, so that all files of the days become one per class
        group = register(store, *NAMES)
        for late in range(1, 4):
            rows = [row(group, day * DAY_MS + late * MINUTE, 1.0, 2.0, 3.0) for day in range(3)]
            await store.append(rows, batch(1000 + late))
            await settle(store)
        everything = await held(store)
        assert kept(tmp_path, Tier.RAW) >= {"9d.9d.99d"}
    await forget(store, 8 * DAY_MS)
    left = await held(store)
    assert days_of(left, "short") == days_of(left, "usual") == set()
    assert left == {key: value for key, value in everything.items() if key[0] == series("long")}
    assert await rollup_days(store, "usual", 5 * MINUTE) == {2}
    await store.close()


async def test_a_series_that_is_to_be_kept_shorter_goes_from_files_that_it_shares(tmp_path: Path) -> None:
    store = opened(tmp_path, Retention(LONG))
    await fill(store, range(3))
    everything = await held(store)
    await store.close()
    store = opened(tmp_path, RULES)
    await forget(store, 4 * DAY_MS)
    left = await held(store)
    assert days_of(left, "short") == set()
    assert days_of(left, "usual") == {1, 2}
    assert days_of(left, "long") == {0, 1, 2}
    assert left.items() <= everything.items()
    await store.close()


async def test_files_of_changing_classes_merge_without_loss(tmp_path: Path) -> None:
    """Each start gives the series other classes, so that outputs of merges meet files of the same name."""
    everything: Samples = {}
    for number in range(8):
        patterns = ("short", "long|usual", "usual", "short|long")
        chosen = Retention(LONG, (rule(patterns[number % 4], BASE), rule(patterns[(number + 1) % 4], SHORT)))
        store = opened(tmp_path, chosen)
        group = register(store, *NAMES)
        for late in range(3):
            time_ms = (number * 3 + late) * MINUTE
            await store.append([row(group, time_ms, number, late, time_ms)], batch(number * 3 + late + 1))
            await settle(store)
        found = await held(store)
        assert everything.items() <= found.items()
        assert len(found) == 9 * (number + 1)
        everything = found
        await store.close()


@pytest.mark.parametrize("left", [slice(None), slice(1, None), slice(-1, None), slice(0, 1)])
async def test_a_merge_that_was_killed_while_it_removed_files_is_done_again_without_loss(
    tmp_path: Path, left: slice
) -> None:
    store = opened(tmp_path / "live", RULES)
    group = register(store, *NAMES)
    for number in range(3):
        await store.append([row(group, number * MINUTE, number, 1.0, 2.0)], batch(number + 1))
        await store._upkeep._let_go_of_log()
    everything = await held(store)
    recent = {path.name: path.read_bytes() for path in sorted((tmp_path / "live").glob("raw-recent-*"))}
    assert len(recent) == 3
    await settle(store)
    await store.close()
    for name in list(recent)[left]:
        (tmp_path / "live" / name).write_bytes(recent[name])
    for _ in range(2):
        store = opened(tmp_path / "live", RULES)
        assert await held(store) == everything
        await settle(store)
        assert await held(store) == everything
        await store.close()
