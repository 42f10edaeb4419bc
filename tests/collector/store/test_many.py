"""A few columns of many chunks read together: the same bits as one by one, and damage stays where it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.store.base import ABSENT_BITS, Row
from netmon_collector.store.chunk import Chunk
from netmon_collector.store.chunkfile import Tier
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.many import Wanted, read_many, with_parts
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.packing import encode
from netmon_collector.store.record import Bits
from netmon_proto.model import Kind
from tests.collector.store.samples import Samples, bits, held, named, series
from tests.collector.store.test_chunk import matrices, matrix

QUIET = StoreSettings(window_s=0, seal_every_s=1e9, merge_every_s=1e9)
HOSTS = 9


def wanted(chunk: Chunk, payload: bytes, columns: list[int]) -> Wanted | None:
    parts = with_parts(chunk.map, columns)
    fetch = lambda length, offset: payload[offset : offset + length]  # noqa: E731 - as a chunk's own
    return None if parts is None else Wanted(chunk.map, fetch, parts)


def columns_of_all_kinds(slots: int, seed: int) -> Bits:
    dice = np.random.default_rng(seed)
    columns = [
        np.cumsum(dice.poisson(1000, slots)) + 1e9,
        -np.cumsum(dice.poisson(3, slots)) / 100,
        np.round(np.cumsum(dice.normal(0, 1, slots)), 2),
        dice.integers(0, 1000, slots) * 1.0,
        np.full(slots, 7.25),
        dice.integers(-(2**62), 2**62, slots) * 1.0,
    ]
    return np.array(columns * 5).view(np.uint64)


@pytest.mark.parametrize("slots", [2, 40, 120, 360, 500])
def test_columns_of_many_chunks_are_those_of_each(slots: int) -> None:
    every = [columns_of_all_kinds(slots, seed) for seed in range(4)]
    chunks = []
    for number, own in enumerate(every):
        payload, _ = encode(matrix(own), lasts=number % 2 == 0)
        one = wanted(Chunk.of(payload), payload, list(range(number, len(own), 3)))
        assert one is not None
        chunks.append(one)
    for number, found in enumerate(read_many(chunks)):
        assert found is not None
        assert (found == every[number][number::3]).all()


@given(matrices, st.integers(0, 1000), st.booleans())
def test_whatever_is_read_together_is_what_was_written(own: Bits, first: int, lasts: bool) -> None:
    own[(own == ABSENT_BITS).all(axis=1), 0] = 5  # no column is empty
    payload, _ = encode(matrix(own), lasts=lasts)
    chunk = Chunk.of(payload)
    readable = [column for column in range(len(own)) if with_parts(chunk.map, [column]) is not None]
    chosen = readable[first % (len(readable) + 1) :]
    one = wanted(chunk, payload, chosen)
    if chosen and one is not None:
        for found in read_many([one, one]):
            assert found is not None
            assert (found == own[chosen]).all()


async def test_of_many_chunks_with_damage_the_others_are_read(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, QUIET)
    dice = np.random.default_rng(5)
    samples: Samples = {}
    for host in range(HOSTS):  # each is heard of by itself, and has a block of its own
        labels = [series(name, host=str(host)) for name in "abcd"]
        group = store.register(labels, [Kind.GAUGE] * 4)
        for slot in range(20):
            values = np.round([slot * 7.0 + host, dice.normal(50, 1), dice.integers(9), 3.0], 2)
            await store.append([Row(group, slot * 10_000, values)], None)
            samples |= {(one, slot * 10_000): bits(value) for one, value in zip(labels, values.tolist(), strict=True)}
    await store._upkeep._let_go_of_log()
    chunks = [(file, entry) for file in store._shelf.files(Tier.RAW) for entry in file.entries]
    assert len(chunks) == HOSTS
    for name in "acd":  # and the other one not before there is damage
        store._cache.clear()
        assert await held(store, named(name)) == {key: one for key, one in samples.items() if key[0] in _of(name)}
    file, worst = chunks[4]
    data = bytearray(file.path.read_bytes())
    for at in range(int(worst["offset"]) + 60 + int(worst["head"]), int(worst["offset"]) + int(worst["length"])):
        data[at] ^= 1
    file.path.write_bytes(data)
    store._cache.clear()
    found = await held(store, named("b"))
    assert found.items() <= samples.items()
    assert len(found) == (HOSTS - 1) * 20
    assert store.stats().damaged == 1
    await store.close()


def _of(name: str) -> list[object]:
    return [series(name, host=str(host)) for host in range(HOSTS)]
