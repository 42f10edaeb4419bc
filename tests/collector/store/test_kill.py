"""SIGKILL at any instant: what was acked is there, once, and nothing else is."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME
from tests.collector.store.killer import Killer
from tests.collector.store.samples import batch, bits, held, register, row
from tests.collector.store.writer import SETTINGS, WIDTH

ROUNDS = 16
MOST_ROUNDS = 100
"""On a busy machine a process gets less done before it is killed."""


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()


def acked_by(words: list[str]) -> set[int]:
    return {int(word) for word in words if word.isdigit()}


async def test_sigkill_at_random_instants_loses_and_doubles_nothing(killer: Killer, tmp_path: Path) -> None:
    dice = random.Random(1)
    acked: dict[int, set[int]] = {}
    kinds: set[str] = set()
    for epoch in range(1, MOST_ROUNDS + 1):
        acked[epoch] = acked_by(killer.said(tmp_path, epoch, dice.uniform(0, 0.08 + epoch / 100)))
        store = EmbeddedStore.open(tmp_path, SETTINGS)
        try:
            samples = await held(store)
            assert store.stats().damaged == 0
            for sequence in list(acked[epoch])[:10]:
                assert not await store.append([], batch(sequence, epoch=epoch)), "an acked batch is known"
        finally:
            await store.close()
        assert all(value == bits(float(time)) for (_, time), value in samples.items())
        stored: dict[int, Counter[int]] = {}
        for labels, time_ms in samples:
            if dict(labels)[NAME] == "gone":
                continue
            stored.setdefault(int(dict(labels)["epoch"]), Counter())[time_ms] += 1
        assert all(sequences <= stored[epoch].keys() for epoch, sequences in acked.items())
        assert all(count == WIDTH for counts in stored.values() for count in counts.values())
        kinds |= {path.name.split("-")[0] for path in tmp_path.glob("*.chunks")}
        if epoch >= ROUNDS and kinds == {"raw", "5m", "1h"} and sum(map(len, acked.values())) > 20 * ROUNDS:
            return
    pytest.fail(f"after {MOST_ROUNDS} kills there are {sum(map(len, acked.values()))} batches and files of {kinds}")


async def test_after_a_kill_unacked_batches_can_be_sent_again(killer: Killer, tmp_path: Path) -> None:
    acked = acked_by(killer.said(tmp_path, 1, 0.05))
    store = EmbeddedStore.open(tmp_path)
    try:
        highest = store.highest_acked("agent", 1)
        assert highest >= max(acked)
        group = register(store, "other")
        assert await store.append([row(group, highest + 1, 1.0)], batch(highest + 1))
        assert {dict(labels)[NAME] for labels in await store.series([])} >= {"m0", "other"}
    finally:
        await store.close()
