"""Small groups that keep step share a matrix: whatever happens to one of them, all have their own samples."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon_collector.store.base import ABSENT, Matcher, MatchOp, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind, Labels
from tests.collector.store.samples import Samples, bits, held

GROUPS = 3
WIDTH = 2
SLOTS = 4

AMOUNTS = st.lists(
    st.tuples(st.sets(st.integers(0, GROUPS - 1), min_size=1), st.integers(0, 12), st.booleans()), max_size=20
)
"""Batches: which groups have a gather, its time, and whether its last value is absent."""


def labels(group: int, place: int) -> Labels:
    return ((NAME, "m"), ("group", str(group)), ("place", str(place)))


async def appended(folder: Path, batches: list[tuple[set[int], int, bool]]) -> tuple[Samples, Samples, int]:
    """What the store says after the last batch and before, and after a restart; and how often groups were in step."""
    store = EmbeddedStore.open(folder, head_slots=SLOTS, window_s=0)
    known = [
        store.register([labels(group, place) for place in range(WIDTH)], [Kind.GAUGE] * WIDTH)
        for group in range(GROUPS)
    ]
    expected: Samples = {}
    in_step = 0
    for number, (chosen, time_ms, gappy) in enumerate([({*range(GROUPS)}, 0, False), *batches]):
        rows = []
        for group in sorted(chosen):
            values = np.array([100.0 * number + group, ABSENT if gappy else -100.0 * number - group])
            rows.append(Row(known[group], time_ms, values))
            for place in range(WIDTH - gappy):
                expected[labels(group, place), time_ms] = bits(float(values[place]))
        await store.append(rows, None)
        in_step += len(store._blocks._rows._cohorts)
        assert await held(store) == expected
    await store.close()
    again = EmbeddedStore.open(folder, head_slots=SLOTS)
    found = await held(again)
    await again.close()
    return expected, found, in_step


@settings(deadline=None, max_examples=40)
@given(AMOUNTS)
def test_whoever_falls_out_of_step_keeps_its_samples_and_so_do_the_others(
    batches: list[tuple[set[int], int, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        expected, found, _ = asyncio.run(appended(Path(folder), batches))
    assert found == expected


async def test_groups_keep_step_from_head_to_head(tmp_path: Path) -> None:
    whole = {*range(GROUPS)}
    _, _, in_step = await appended(tmp_path, [(whole, time_ms, False) for time_ms in range(1, 2 * SLOTS)])
    assert in_step == 2 * (SLOTS - 1), "all but the last row of each head"


async def test_what_is_deleted_of_one_group_stays_of_the_others(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, window_s=0)
    known = [store.register([labels(group, 0), labels(group, 1)], [Kind.GAUGE] * 2) for group in range(2)]
    for time_ms in range(3):
        await store.append([Row(group, time_ms, np.array([1.0, 2.0])) for group in known], None)
    await store.delete([Matcher("group", MatchOp.EQUAL, "0")], 1, 1)
    left = {(dict(key)["group"], time_ms) for key, time_ms in await held(store)}
    await store.close()
    assert left == {("0", 0), ("0", 2), ("1", 0), ("1", 1), ("1", 2)}


async def test_groups_of_several_blocks_keep_step_and_become_old_together(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path, window_s=0, seal_after_s=1000.0)
    width = 200
    known = [
        store.register([labels(group, place) for place in range(width)], [Kind.GAUGE] * width)
        for group in range(GROUPS)
    ]
    for time_ms in range(3):
        await store.append([Row(group, time_ms, np.full(width, float(time_ms))) for group in known], None)
    (cohort,) = store._blocks._rows._cohorts.values()
    assert len({strand.block.number for strand in cohort.strands}) == GROUPS
    now_s = asyncio.get_running_loop().time()
    await store._blocks.freeze(before_s=now_s - 100, segment=0)
    assert not store._blocks.frozen, "that of block 0 becomes old 100 s from now"
    await store._blocks.freeze(before_s=now_s, segment=0)
    assert len(store._blocks.frozen) == GROUPS
    assert len(await held(store)) == 3 * GROUPS * width
    await store.close()
