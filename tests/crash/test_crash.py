"""The store under kills, cut files and flipped bits: nothing acked is lost or doubled, and no value is ever wrong.

A short form runs with all tests; `make crash` runs NETMON_CRASH_ROUNDS of each.
"""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME
from tests.collector.store import writer
from tests.collector.store.samples import Samples, batch, bits, held
from tests.collector.store.test_kill import appended_until_killed
from tests.collector.store.writer import SETTINGS, WIDTH

ROUNDS = int(os.environ.get("NETMON_CRASH_ROUNDS", "12"))
GENERATIONS = 20


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


class Killer:
    """Lets writers begin and kills them."""

    def __init__(self) -> None:
        program = [sys.executable, str(Path(writer.__file__))]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def said(self, folder: Path, epoch: int, after_s: float) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(folder, epoch, after_s, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().split()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()


async def test_kills_one_after_the_other_lose_and_double_nothing(killer: Killer, tmp_path: Path) -> None:
    """In folders of GENERATIONS processes each, so that a round does not take the longer the later it is."""
    dice = random.Random(ROUNDS)
    for number in range(ROUNDS):
        folder, epoch = tmp_path / str(number // GENERATIONS), number % GENERATIONS + 1
        words = killer.said(folder, epoch, dice.uniform(0, 0.25) * (epoch % 3 > 0))
        samples, damaged = await content(folder)
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
