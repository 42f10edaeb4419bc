"""The store under kills, cut files and flipped bits: nothing acked is lost or doubled, and no value is ever wrong.

A short form runs with all tests; `make crash` runs NETMON_CRASH_ROUNDS of each.
"""

import asyncio
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import NAME, Labels
from tests.collector.store.killer import Killer
from tests.collector.store.samples import Samples, batch, bits, held
from tests.collector.store.writer import SETTINGS, WIDTH

ROUNDS = int(os.environ.get("NETMON_CRASH_ROUNDS", "12"))
GENERATIONS = 20
ROOMY = replace(SETTINGS, replay_bytes=1 << 20)
PAGES_BYTES = 4096
EMPTY_BYTES = 16
LOG = "wal-*.log"
ROLLUPS = ("5m-*", "1h-*")
KINDS = (LOG, "raw-recent-*", "raw-[0-9]*", *ROLLUPS, "series-1.catalog", "series-2.catalog")


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()


class Content(NamedTuple):
    """What a store holds, by sample and by bucket, and how many places of it were found damaged."""

    samples: Samples
    rollups: dict[tuple[Labels, int, int], bytes]
    damaged: int


class Killed(NamedTuple):
    """What a writer left that was killed, what is in there, and the sequences that it was told are stored."""

    folder: Path
    content: Content
    acked: set[int]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, killer: Killer) -> Killed:
    """Killed when there is a file of each kind, with something in it."""
    for seconds in (0.4, 0.6, 0.9, 1.3, 2.0):
        folder = tmp_path_factory.mktemp("killed")
        acked = {int(word) for word in killer.said(folder, 1, seconds) if word.isdigit()}
        if all(any(path.stat().st_size > EMPTY_BYTES for path in folder.glob(kind)) for kind in KINDS):
            break
    else:
        raise AssertionError(f"a kind of file is missing: {sorted(path.name for path in folder.iterdir())}")
    whole = asyncio.run(content(copied(folder, folder.with_name("whole"))))
    assert acked <= {time for _, time in whole.samples}
    return Killed(folder, whole, acked)


async def content(folder: Path, settings: StoreSettings = ROOMY) -> Content:
    """What a store holds, after checking each value."""
    store = EmbeddedStore.open(folder, settings)
    try:
        samples = await held(store)
        rollups = {}
        for step_ms in (300_000, 3_600_000):
            for rollup in await store.select_rollup([], 0, 3_600_000, step_ms) or []:
                for row, labels in enumerate(rollup.labels):
                    for at, time in enumerate(rollup.times.tolist()):
                        rollups[labels, step_ms, time] = rollup.values[row, :, at].tobytes()
        damaged = store.stats().damaged
    finally:
        await store.close()
    assert all(value == bits(float(time)) for (_, time), value in samples.items()), "never a wrong value"
    return Content(samples, rollups, damaged)


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


async def test_kills_one_after_the_other_lose_and_double_nothing(killer: Killer, tmp_path: Path) -> None:
    """In folders of GENERATIONS processes each, so that a round does not take the longer the later it is."""
    dice = random.Random(ROUNDS)
    for number in range(ROUNDS):
        folder, epoch = tmp_path / str(number // GENERATIONS), number % GENERATIONS + 1
        words = killer.said(folder, epoch, dice.uniform(0, 0.25) * (epoch % 3 > 0))
        samples, _, damaged = await content(folder, SETTINGS)
        assert damaged == 0
        check(words, {key: value for key, value in samples.items() if dict(key[0])["epoch"] == str(epoch)})
        if epoch == GENERATIONS:
            shutil.rmtree(folder)


def check(words: list[str], samples: Samples) -> None:
    """What a writer was told is there, what it deleted is not, and nothing is there in part."""
    acked = {int(word) for word in words if word.isdigit()}
    begun = max((int(word[1:]) for word in words if word[0] == "?"), default=0)
    done = max((int(word[1:]) for word in words if word[0] == "-"), default=0)
    gone = {time for labels, time in samples if dict(labels)[NAME] == "gone"}
    times = {time for labels, time in samples if dict(labels)[NAME] != "gone"}
    assert acked <= times
    assert len(samples) - len(gone) == len(times) * WIDTH
    assert not any(time <= done for time in gone), "what was deleted stays deleted"
    assert {time for time in acked if time > begun} <= gone


@pytest.mark.parametrize("kind", KINDS)
async def test_a_flipped_bit_loses_little_and_is_named(killed: Killed, tmp_path: Path, kind: str) -> None:
    whole = killed.content
    dice = random.Random(f"{kind} {ROUNDS}")
    targets = [path for path in sorted(killed.folder.glob(kind)) if path.stat().st_size]
    for _ in range(ROUNDS // 3):
        copy = copied(killed.folder, tmp_path / "copy")
        target = copy / dice.choice(targets).name
        data = bytearray(target.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        target.write_bytes(data)
        found = await content(copy)
        assert found.samples.items() <= whole.samples.items()
        assert found.damaged or found.samples == whole.samples, "what is lost is named"
        if kind in ROLLUPS:
            assert found.rollups.items() <= whole.rollups.items(), "of rollups too"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != LOG])
async def test_a_file_that_is_cut_anywhere_loses_no_other_and_is_named(
    killed: Killed, tmp_path: Path, kind: str
) -> None:
    whole = killed.content
    newest = sorted(killed.folder.glob(kind))[-1]
    for length in lengths(newest):
        copy = copied(killed.folder, tmp_path / "copy")
        os.truncate(copy / newest.name, length)
        found = await content(copy)
        assert found.samples.items() <= whole.samples.items()
        if kind in ROLLUPS:
            assert found.rollups.items() <= whole.rollups.items(), "of rollups too"
        if newest.suffix == ".chunks":
            assert found.damaged, "a file that was finished is not just shorter"
        else:
            assert found == whole, "the other catalog has it all"


async def test_a_log_that_is_cut_anywhere_loses_its_end_alone(killed: Killed, tmp_path: Path) -> None:
    newest = sorted(killed.folder.glob(LOG))[-1]
    for length in lengths(newest):
        copy = copied(killed.folder, tmp_path / "copy")
        os.truncate(copy / newest.name, length)
        found = await content(copy)
        assert found.damaged == 0
        assert found.samples.items() <= killed.content.samples.items()
        lost = {time for _, time in killed.content.samples.keys() - found.samples.keys()}
        assert not lost or min(lost) > max((time for _, time in found.samples), default=0) - 8, "only what came last"


def lengths(path: Path) -> list[int]:
    """Where to cut a file: at every byte of its last pages, or at some of them."""
    size = path.stat().st_size
    places = range(max(0, size - PAGES_BYTES), size)
    return list(places) if ROUNDS >= 1000 else random.Random(ROUNDS).sample(places, min(len(places), ROUNDS // 3))


async def test_what_is_sent_again_after_a_crash_is_kept_once(killed: Killed, tmp_path: Path) -> None:
    store = EmbeddedStore.open(copied(killed.folder, tmp_path / "copy"), SETTINGS)
    try:
        for sequence in killed.acked:
            assert not await store.append([], batch(sequence))
    finally:
        await store.close()
