"""The store under kills, cut files and flipped bits: nothing acked is lost or doubled, and no value is ever wrong.

A short form runs with all tests; `make crash` runs NETMON_CRASH_ROUNDS of each.
"""

import os
import random
import shutil
from pathlib import Path

import pytest

from netmon_collector.store.embedded import EmbeddedStore
from tests.collector.store.samples import Samples, batch, bits, held
from tests.collector.store.test_kill import appended_until_killed
from tests.collector.store.writer import SETTINGS, WIDTH

ROUNDS = int(os.environ.get("NETMON_CRASH_ROUNDS", "12"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[int]]:
    """What a writer left that was killed, and the sequences that it was told are stored."""
    folder = tmp_path_factory.mktemp("killed")
    return folder, set(appended_until_killed(folder, 1, 0.6))


async def content(folder: Path) -> tuple[Samples, int]:
    """What a store holds, after checking each value; and how many places it found damaged."""
    store = EmbeddedStore.open(folder, SETTINGS)
    try:
        samples = await held(store)
        damaged = store.stats().damaged
    finally:
        await store.close()
    assert all(value == bits(float(time)) for (_, time), value in samples.items()), "never a wrong value"
    return samples, damaged


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


async def test_kills_one_after_the_other_lose_and_double_nothing(tmp_path: Path) -> None:
    dice = random.Random(ROUNDS)
    for epoch in range(1, ROUNDS + 1):
        acked = appended_until_killed(tmp_path, epoch, dice.uniform(0, 0.25))
        samples, damaged = await content(tmp_path)
        times = {time for labels, time in samples if dict(labels)["epoch"] == str(epoch)}
        assert set(acked) <= times
        assert damaged == 0
        assert len([key for key in samples if dict(key[0])["epoch"] == str(epoch)]) == len(times) * WIDTH


async def test_a_flipped_bit_loses_little_and_is_named(killed: tuple[Path, set[int]], tmp_path: Path) -> None:
    folder, acked = killed
    whole, _ = await content(copied(folder, tmp_path / "whole"))
    assert acked <= {time for _, time in whole}
    dice = random.Random(ROUNDS)
    for _ in range(ROUNDS * 4):
        copy = copied(folder, tmp_path / "copy")
        target = dice.choice(sorted(path for path in copy.iterdir() if path.stat().st_size))
        data = bytearray(target.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        target.write_bytes(data)
        found, damaged = await content(copy)
        assert found.items() <= whole.items()
        assert damaged or found == whole, "what is lost is named"


async def test_a_log_that_is_cut_anywhere_loses_its_end_alone(killed: tuple[Path, set[int]], tmp_path: Path) -> None:
    folder, _ = killed
    whole, _ = await content(copied(folder, tmp_path / "whole"))
    newest = sorted(folder.glob("wal-*.log"))[-1]
    data = newest.read_bytes()
    for length in random.Random(ROUNDS).sample(range(len(data)), min(len(data), ROUNDS * 4)):
        copy = copied(folder, tmp_path / "copy")
        (copy / newest.name).write_bytes(data[:length])
        found, damaged = await content(copy)
        assert damaged == 0
        assert found.items() <= whole.items()
        lost = {time for _, time in whole.keys() - found.keys()}
        assert not lost or min(lost) > max((time for _, time in found), default=0) - 8, "only what came last"


async def test_what_is_sent_again_after_a_crash_is_kept_once(killed: tuple[Path, set[int]], tmp_path: Path) -> None:
    folder, acked = killed
    store = EmbeddedStore.open(copied(folder, tmp_path / "copy"), SETTINGS)
    try:
        for sequence in acked:
            assert not await store.append([], batch(sequence))
    finally:
        await store.close()
