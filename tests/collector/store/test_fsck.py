"""fsck finds whatever is wrong with a store, tells nothing of a good one, and its repair leaves a good one."""

import asyncio
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store.chunkfile import ChunkFile, Name, Tier, open_file, write_file
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.fsck.whole import check, repair
from netmon_collector.store.merge import Table
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.sealing import packed
from netmon_proto.model import STALE
from tests.collector.store.samples import Samples, batch, held, register, row

MINUTE, HOUR = 60_000, 3_600_000
EAGER = StoreSettings(window_s=0, head_slots=5, seal_every_s=0, merge_every_s=1e9, segment_bytes=2000)


async def fill(folder: Path) -> Samples:
    """A store with merged, recent and logged samples, late ones and rollups."""
    store = EmbeddedStore.open(folder, EAGER)
    group = register(store, "a", "b", "c")
    for n in range(60):
        value = STALE if n == 30 else float("nan") if n == 31 else n / 3
        await store.append([row(group, n * 4 * MINUTE + 7, n * 1000, value, 7.0)], batch(n + 1))
        if n in (20, 40):
            await store._upkeep._let_go_of_log()
            await store._upkeep._merger.merge()
    await store.append([row(group, HOUR + 3, 1e300, -1e300, 0.1)], batch(100))
    await store._upkeep._seal()
    samples = await held(store)
    await store.close()
    return samples


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Samples]:
    folder = tmp_path_factory.mktemp("good") / "store"
    return folder, asyncio.run(fill(folder))


def copy(good: Path, target: Path) -> Path:
    shutil.copytree(good, target)
    return target


def found(folder: Path) -> list[str]:
    return [str(one) for one in check(folder)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(folder: Path) -> Samples:
    async def work() -> Samples:
        store = EmbeddedStore.open(folder, EAGER)
        samples = await held(store)
        await store.close()
        return samples

    return asyncio.run(work())


def test_nothing_is_wrong_with_a_good_store(good: tuple[Path, Samples]) -> None:
    before = content(good[0])
    assert {name.partition("-")[0] for name in before} >= {"raw", "5m", "1h", "wal", "series"}
    assert found(good[0]) == []
    assert content(good[0]) == before, "it only looks"


def test_every_flipped_bit_is_found_and_mended(good: tuple[Path, Samples], tmp_path: Path) -> None:
    dice = random.Random(3)
    for attempt in range(40):
        folder = copy(good[0], tmp_path / str(attempt))
        path = dice.choice([path for path in sorted(folder.iterdir()) if path.name != "lock"])
        data = bytearray(path.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        before = content(folder)
        findings = list(check(folder))
        assert findings, path.name
        assert path.name in {one.file for one in findings}
        assert content(folder) == before
        asyncio.run(repair(folder, findings))
        assert found(folder) == [], (path.name, [str(one) for one in findings])
        assert read(folder).items() <= good[1].items()


def test_a_torn_end_is_told_and_cut_off(good: tuple[Path, Samples], tmp_path: Path) -> None:
    folder = copy(good[0], tmp_path / "torn")
    path = sorted(folder.glob("wal-*"))[-1]
    path.write_bytes(path.read_bytes()[:-3])
    findings = list(check(folder))
    assert "of a write that was not finished" in str(findings[0])
    asyncio.run(repair(folder, findings))
    assert found(folder) == []


def first(folder: Path, pattern: str) -> ChunkFile:
    path = next(path for path in sorted(folder.glob(pattern)) if "recent" not in path.name)
    name = Name.parse(path.name)
    assert name is not None
    return open_file(path, name, DamageBook())


@pytest.mark.parametrize("tier", [Tier.FIVE_MINUTES, Tier.HOUR])
def test_rollups_that_say_something_else_are_found_and_made_again(
    good: tuple[Path, Samples], tmp_path: Path, tier: Tier
) -> None:
    folder = copy(good[0], tmp_path / "store")
    for path in folder.glob(f"{tier}-*"):
        name = Name.parse(path.name)
        assert name is not None
        file = open_file(path, name, DamageBook())
        chunk = file.read(0)
        assert chunk is not None
        matrix = chunk.matrix()
        matrix.bits[3] = np.full(matrix.bits.shape[1], 123.0).view(np.uint64)
        chunks = packed(chunk.block, chunk.series, Table(chunk.times, matrix.bits), chunk.fields)
        write_file(folder, name, list(chunks), file.segment, DamageBook())
    findings = list(check(folder))
    assert findings
    assert all(f"{tier} rollups of 1 series of block 0 do not say what the samples say" in str(one) for one in findings)
    asyncio.run(repair(folder, findings))
    assert found(folder) == []
    assert read(folder) == good[1]


def test_missing_rollups_and_a_missing_catalog_are_found_and_made_again(
    good: tuple[Path, Samples], tmp_path: Path
) -> None:
    folder = copy(good[0], tmp_path / "store")
    for path in [*folder.glob("5m-*"), folder / "series-2.catalog"]:
        path.unlink()
    findings = list(check(folder))
    assert {one.window is not None for one in findings} == {True}
    asyncio.run(repair(folder, findings))
    assert found(folder) == []
    assert (folder / "series-2.catalog").exists()
    assert read(folder) == good[1]


def test_series_that_no_catalog_has_are_told(good: tuple[Path, Samples], tmp_path: Path) -> None:
    folder = copy(good[0], tmp_path / "store")
    for path in folder.glob("*.catalog"):
        path.write_bytes(path.read_bytes()[:16])
    told = " ".join(found(folder))
    assert "series of a chunk are in no catalog" in told
    assert "has series that are in no catalog" in told
