"""The catalog forgets series of which nothing is left, and never gives a number to a second series."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store.base import ABSENT, StoreError
from netmon_collector.store.catalog import Catalog
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.entries import Entries
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import NAME, Kind
from tests.collector.store.samples import batch, held, named, register, row, series

EAGER = StoreSettings(window_s=0, head_slots=5, seal_every_s=0, merge_every_s=1e9)
CATALOGS = ("series-1.catalog", "series-2.catalog")


def opened(folder: Path) -> EmbeddedStore:
    return EmbeddedStore.open(folder, EAGER)


async def settle(store: EmbeddedStore) -> None:
    """A round in which all is sealed and merged, and what is gone forgotten."""
    await store._upkeep._let_go_of_log()
    store._upkeep._next_merge_s = 0.0
    await store._upkeep.round(asyncio.get_running_loop().time())


async def fill(folder: Path) -> int:
    """A store with two series of today, and many that were only there ten years ago; the size of its catalog."""
    store = opened(folder)
    await store.append([row(register(store, "first"), 0, 1.0)], batch(1))
    passing = store.register([((NAME, "passing"), ("pod", f"pod-{n}")) for n in range(200)], [Kind.GAUGE] * 200)
    await store.append([row(passing, 0, *range(200))], batch(2))
    await settle(store)
    await store.append([row(register(store, "first", "last"), 4000 * DAY_MS, 7.0, 8.0)], batch(3))
    await settle(store)
    await store.close()
    return (folder / CATALOGS[0]).stat().st_size


async def forget(folder: Path) -> None:
    store = opened(folder)
    await store.forget_before(3900 * DAY_MS)
    await settle(store)
    await store.close()


async def test_series_without_samples_leave_the_disk_and_their_numbers_are_not_given_again(tmp_path: Path) -> None:
    before = await fill(tmp_path)
    await forget(tmp_path)
    assert len({(tmp_path / name).read_bytes() for name in CATALOGS}) == 1
    assert (tmp_path / CATALOGS[0]).stat().st_size < before / 3
    store = opened(tmp_path)
    expected = await held(store)
    assert {labels for labels, _ in expected} == {series("first"), series("last")}
    assert len(store._index) < 210
    await store.append([row(register(store, "passing", "new"), 4000 * DAY_MS, 1.5, 2.5)], batch(4))
    await settle(store)
    grown = await held(store)
    await store.close()
    store = opened(tmp_path)
    assert await held(store) == grown
    assert len(grown) == len(expected) + 2
    assert {**expected, **await held(store, named("passing")), **await held(store, named("new"))} == grown
    await store.close()


async def test_a_series_that_comes_back_is_entered_again(tmp_path: Path) -> None:
    await fill(tmp_path)
    store = opened(tmp_path)
    passing = store.register([((NAME, "passing"), ("pod", f"pod-{n}")) for n in range(200)], [Kind.GAUGE] * 200)
    await store.append([row(passing, 1, *range(200))], batch(10))
    await store.forget_before(3900 * DAY_MS)
    await settle(store)
    await store.forget_before(3900 * DAY_MS)
    await settle(store)
    assert len(store._catalog.entered()) < 10
    await store.append([row(passing, 4000 * DAY_MS, *range(200))], batch(11))
    expected = await held(store)
    assert len(expected) == 202
    await store.close()
    for _ in range(2):
        store = opened(tmp_path)
        assert await held(store) == expected
        assert store.stats().damaged == 0
        await settle(store)
        await store.close()


@pytest.mark.parametrize("old", CATALOGS)
async def test_killed_between_both_files_it_has_all_and_forgets_later(tmp_path: Path, old: str) -> None:
    await fill(tmp_path)
    content = (tmp_path / old).read_bytes()
    await forget(tmp_path)
    store = opened(tmp_path)
    expected = await held(store)
    await store.close()
    (tmp_path / old).write_bytes(content)
    store = opened(tmp_path)
    assert await held(store) == expected
    await settle(store)
    assert await held(store) == expected
    await store.close()
    assert (tmp_path / CATALOGS[0]).read_bytes() == (tmp_path / CATALOGS[1]).read_bytes() != content


async def test_what_only_a_rollup_knows_or_only_the_log_is_not_forgotten(tmp_path: Path) -> None:
    await fill(tmp_path)
    store = opened(tmp_path)
    await store.forget_before(100 * DAY_MS)  # samples of ten years ago; their rollups of an hour stay
    await settle(store)
    await store.append([row(register(store, "logged", "never"), 4000 * DAY_MS, 5.0, ABSENT)], batch(9))
    await store._keep_series()
    await store.close()
    store = opened(tmp_path)
    rollups = await store.select_rollup([named("passing")], 0, DAY_MS, 3_600_000) or []
    assert sum(len(rollup.labels) for rollup in rollups) == 200
    assert {labels for labels, _ in await held(store)} == {series("first"), series("last"), series("logged")}
    assert store.stats().damaged == 0
    await store.close()


def test_what_came_back_after_half_a_rewrite_is_in_both_files(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    pairs = [pair for n in range(4) for pair in series(f"m{n}")]
    numbers = np.arange(4, dtype=np.uint32)
    entries = Entries(numbers, np.zeros(4, np.uint32), np.ones(4, np.uint32), numbers, pairs)

    def enter(*numbers: int) -> None:
        catalog.enter(np.array(numbers), lambda missing: [entries.only(np.isin(entries.numbers, missing))])

    enter(0, 1, 2)
    blocked = tmp_path / "series-2.catalog.tmp"
    blocked.mkdir()
    with pytest.raises(StoreError):
        catalog.keep([entries.only(np.array([True, False, True, False]))])
    blocked.rmdir()
    enter(1)  # which only the second file still had
    enter(3)
    for name in CATALOGS:
        alone = tmp_path / name.removesuffix(".catalog")
        alone.mkdir()
        shutil.copy(tmp_path / name, alone / name)
        again = Catalog(alone)
        again.load(DamageBook())
        assert again.entered().tolist() == [0, 1, 2, 3]
