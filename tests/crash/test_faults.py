"""The store on a disk whose calls fail: whoever asked is told, and once the disk works again nothing is amiss.

A short form runs with all tests; `make crash` has a hundred disks, each with other faults.
"""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store.base import RollupField, Row, StoreError
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.fsck.whole import check
from tests.collector.store.samples import Samples, batch, bits, held, named, register, row, series
from tests.collector.store.writer import SETTINGS
from tests.support.flaky_disk import CALLS, FlakyDisk
from tests.support.mounts import fill, needs_root, small_disk

ROUNDS = int(os.environ.get("NETMON_CRASH_ROUNDS", "12"))
DISKS = 5 + ROUNDS // 10
HOUR_MS = 3_600_000
NARROW = replace(
    SETTINGS,
    window_s=0,
    segment_bytes=3_000,
    merge_files=3,
    log_slice_ms=40 * HOUR_MS,
    chunk_ms=10 * HOUR_MS,
    span_ms=30 * HOUR_MS,
)
"""A sample an hour, as a bucket of a rollup must be of one span, as it is where spans are days."""
NAMES = ("a", "b", "c", "d", "e")
STEPS = 32
UNFINISHED = "of a write that was not finished"
"""Says fsck of a file that could neither be begun nor taken away; that is no harm."""


class Agent:
    """Brings batches in order, each again until it is acked, deletes likewise, and knows what must be there."""

    def __init__(self, store: EmbeddedStore, dice: random.Random) -> None:
        self.store = store
        self.samples: Samples = {}
        self.refused = 0
        self._dice = dice
        self._next = 0
        self._unacked: list[tuple[int, list[Row], Samples]] = []
        self._undeleted: str | None = None

    async def step(self) -> None:
        """Something that changes the store, or the same again if that failed."""
        if self._undeleted is None and not self._unacked and self._dice.random() < 0.1:
            self._undeleted = self._dice.choice(NAMES)
        try:
            if self._undeleted is not None:
                await self._delete(self._undeleted)
            else:
                await self._append()
        except StoreError:
            self.refused += 1

    async def finish(self) -> None:
        """Repeats what failed; from now on nothing may fail."""
        if self._undeleted is not None:
            await self._delete(self._undeleted)
        while self._unacked:
            await self._append()

    async def check(self) -> None:
        """What is to be seen, at any time, is what was acked; of a delete that failed, a part may be done."""
        found = await held(self.store)
        if self._undeleted is None:
            assert found == self.samples
        else:
            assert found.items() <= self.samples.items()
            gone = series(self._undeleted)
            assert all(labels == gone for labels, _ in self.samples.keys() - found.keys())

    async def _append(self) -> None:
        if not self._unacked:
            self._next += 1
            self._unacked.append((self._next, *self._batch()))
        sequence, rows, samples = self._unacked[0]
        assert await self.store.append(rows, batch(sequence))
        del self._unacked[0]
        self.samples |= samples

    def _batch(self) -> tuple[list[Row], Samples]:
        rows: list[Row] = []
        samples: Samples = {}
        for _ in range(self._dice.randint(1, 3)):
            names = [*self._dice.sample(NAMES, 3), f"new{self._dice.randrange(60)}"]
            time = HOUR_MS * max(0, self._next + self._dice.randint(-20, 2))
            values = [float(self._dice.randrange(1000)) for _ in names]
            rows.append(row(register(self.store, *names), time, *values))
            samples |= {(series(name), time): bits(value) for name, value in zip(names, values, strict=True)}
        return rows, samples

    async def _delete(self, name: str) -> None:
        await self.store.delete([named(name)], 0, 10_000 * HOUR_MS)
        self.samples = {key: value for key, value in self.samples.items() if key[0] != series(name)}
        self._undeleted = None


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore.open(folder, NARROW)
    try:
        yield store
    finally:
        await store.close()


async def holds(folder: Path, samples: Samples, *, remains: bool = False) -> None:
    """A folder has some samples and no others, no damage, and nothing in it contradicts anything else.

    `remains`: the log may have bytes that nobody was told are stored, where a failed write could not be cut off.
    """
    async with opened(folder) as store:
        assert await held(store) == samples
        assert store.stats().damaged == 0 or remains
        counts = await rolled_up(store)
    assert counts == {labels: sum(own == labels for own, _ in samples) for labels, _ in samples}
    found = [one for one in map(str, check(folder)) if not one.endswith(UNFINISHED)]
    assert [one for one in found if not (remains and one.startswith("wal-"))] == []


async def rolled_up(store: EmbeddedStore) -> dict[object, float]:
    """How many samples rollups say each series has."""
    counts: dict[object, float] = {}
    for rollup in await store.select_rollup([], 0, 10_000 * HOUR_MS, HOUR_MS) or []:
        for column, labels in enumerate(rollup.labels):
            counts[labels] = float(np.nansum(rollup.values[column, RollupField.COUNT]))
    return counts


@pytest.mark.parametrize("kind", ["one", "some", "all"])
async def test_calls_that_fail_lose_and_double_nothing(tmp_path: Path, kind: str) -> None:
    failed: dict[str, int] = dict.fromkeys(CALLS, 0)
    refused = 0
    for number in range(DISKS // 3):
        dice = random.Random(f"{kind} {number}")
        folder = tmp_path / str(number)
        folder.mkdir()
        disk = FlakyDisk(folder, dice)
        calls = {"one": dice.sample(CALLS, 1), "some": dice.sample(CALLS, 3), "all": CALLS}[kind]
        with disk.mounted():
            refused += await through_faults(folder, disk, frozenset(calls), dice)
        failed = {call: failed[call] + disk.failed[call] for call in CALLS}
        shutil.rmtree(folder)
    if kind == "all":
        assert all(failed.values()) or DISKS < 100, failed
        assert refused


async def through_faults(folder: Path, disk: FlakyDisk, calls: frozenset[str], dice: random.Random) -> int:
    """Two times of faults, each with a recovery without a restart; how often the store said that it could not."""
    own = folder / "store"
    async with opened(own) as store:
        agent = Agent(store, dice)
        for number in range(2):
            for _ in range(STEPS // 4):
                await agent.step()
            with disk.failing(calls, dice.choice((0.03, 0.1, 0.4, 1.0))):
                for _ in range(STEPS):
                    await agent.step()
                    if dice.random() < 0.1:
                        with suppress(StoreError):
                            await store.snapshot(folder / "copy")
                        shutil.rmtree(folder / "copy", ignore_errors=True)
                    if dice.random() < 0.2:
                        await agent.check()
                    await asyncio.sleep(dice.choice((0, 0.002)))
            await agent.finish()
            await agent.check()
            await store.snapshot(folder / f"snapshot{number}")
            await holds(folder / f"snapshot{number}", agent.samples, remains=disk.failed["ftruncate"] > 0)
    remains = disk.failed["ftruncate"] > 0
    cut = disk.after_power_cut(folder.with_suffix(".cut"))
    await holds(cut / "store", agent.samples, remains=remains)
    shutil.rmtree(cut)
    await holds(own, agent.samples, remains=remains)
    return agent.refused


@needs_root
@pytest.mark.root
async def test_a_disk_that_is_full_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    dice = random.Random(ROUNDS)
    with small_disk(tmp_path / "disk", 1024) as disk:
        async with opened(disk / "store") as store:
            agent = Agent(store, dice)
            for number in range(DISKS // 3):
                for _ in range(STEPS // 4):
                    await agent.step()
                refused = agent.refused
                filler = fill(disk)
                with filler.open("r+b") as file:
                    file.truncate(max(0, filler.stat().st_size - dice.choice((0, 4096, 16384))))
                for _ in range(STEPS):
                    await agent.step()
                    await asyncio.sleep(dice.choice((0, 0.002)))
                for _ in range(STEPS):  # more where the upkeep gave room back
                    if agent.refused == refused:
                        await agent.step()
                assert agent.refused > refused, "the disk was full"
                await agent.check()
                filler.unlink()
                await agent.finish()
                await agent.check()
                if number % 4 == 0:
                    await store.snapshot(disk / "snapshot")
                    await holds(disk / "snapshot", agent.samples)
                    shutil.rmtree(disk / "snapshot")
        await holds(disk / "store", agent.samples)
