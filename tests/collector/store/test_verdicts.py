"""Verdicts on samples: told soon after these came, kept beside them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from netmon_collector.store.base import ABSENT, Group, Points, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.judged import Judged, JudgedPoints, JudgingStore, Verdict
from netmon_collector.store.verdicts import Late, Marks
from netmon_proto.model import NAME, Kind
from tests.collector.store.samples import EVER, held, named, points, register, row, series

UNKNOWN, NORMAL, ANOMALOUS = Verdict


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore.open(tmp_path / "store", head_slots=4, window_s=0)
    yield store
    await store.close()


def judged(group: Group, time_ms: int, *verdicts: Verdict) -> Judged:
    return Judged(group, np.array([time_ms]), np.array([verdicts], np.uint8))


def judged_points(told: Points, *verdicts: Verdict) -> JudgedPoints:
    return JudgedPoints(told.group, told.columns, told.times, np.array(verdicts, np.uint8))


async def found(store: JudgingStore, start_ms: int = EVER[0], end_ms: int = EVER[1]) -> dict[tuple[str, int], Verdict]:
    """All verdicts but UNKNOWN, by the name of the series and time."""
    told = {}
    for one in await store.select_judged([], start_ms, end_ms):
        assert one.verdicts.shape == one.frame.values.shape
        for slot, column in zip(*np.nonzero(one.verdicts), strict=True):
            name = dict(one.frame.labels[column])[NAME]
            told[name, int(one.frame.times[slot])] = Verdict(one.verdicts[slot, column])
    return told


async def seal(store: EmbeddedStore) -> None:
    await store._upkeep._let_go_of_log()


async def test_a_verdict_is_found_beside_its_sample(store: EmbeddedStore) -> None:
    group = register(store, "a", "b", "c")
    await store.append([row(group, 1, 1.0, 2.0, 3.0), row(group, 2, 1.0, 2.0, ABSENT)], None)
    store.judge([judged(group, 1, NORMAL, ANOMALOUS, UNKNOWN), judged(group, 2, ANOMALOUS, UNKNOWN, ANOMALOUS)])
    assert isinstance(store, JudgingStore)
    assert await found(store) == {("a", 1): NORMAL, ("b", 1): ANOMALOUS, ("a", 2): ANOMALOUS}
    assert await found(store, 2, 9) == {("a", 2): ANOMALOUS}


async def test_the_last_verdict_counts_and_unknown_is_none(store: EmbeddedStore) -> None:
    group = register(store, "a", "b")
    await store.append([row(group, 1, 1.0, 2.0)], None)
    for _ in range(2):
        store.judge([judged(group, 1, ANOMALOUS, ANOMALOUS)])
    store.judge([judged(group, 1, NORMAL, UNKNOWN)])
    assert await found(store) == {("a", 1): NORMAL, ("b", 1): ANOMALOUS}


async def test_a_sample_may_be_judged_before_and_after_it_is_sealed_and_merged(store: EmbeddedStore) -> None:
    group = register(store, "a", "b")
    told: dict[tuple[str, int], Verdict] = {}
    for time in range(1, 10):
        await store.append([row(group, time, 1.0 * time, 2.0)], None)
        store.judge([judged(group, time, ANOMALOUS if time % 3 else NORMAL, NORMAL)])
        told |= {("a", time): ANOMALOUS if time % 3 else NORMAL, ("b", time): NORMAL}
    before = await held(store)
    await seal(store)
    assert await found(store) == told
    store.judge(
        [judged(group, 3, ANOMALOUS, UNKNOWN), judged(group, 8, NORMAL, UNKNOWN), judged(group, 77, *[NORMAL] * 2)]
    )
    told |= {("a", 3): ANOMALOUS, ("a", 8): NORMAL}
    assert await found(store) == told
    await seal(store)
    assert await found(store) == told
    await store._upkeep._merger.merge()
    assert await found(store) == told
    assert await held(store) == before


async def test_a_verdict_may_come_while_its_sample_is_being_sealed(store: EmbeddedStore) -> None:
    group = register(store, "a", "b")
    await store.append([row(group, time, 1.0, 2.0) for time in range(4)], None)
    sealing = asyncio.create_task(seal(store))
    told: dict[tuple[str, int], Verdict] = {}
    for time in range(4):
        store.judge([judged(group, time, ANOMALOUS, NORMAL)])
        told |= {("a", time): ANOMALOUS, ("b", time): NORMAL}
        await asyncio.sleep(0)
        assert await found(store) == told
    await sealing
    assert await found(store) == told
    await seal(store)
    assert await found(store) == told


async def test_points_are_judged_one_by_one(store: EmbeddedStore) -> None:
    samples = [("a", time, 1.0) for time in (5, 1, 3, 3)] + [("b", 3, 2.0), ("c", 9, 3.0)]
    put = points(store, *samples)
    await store.append([put], None)
    store.judge([judged_points(put, NORMAL, ANOMALOUS, NORMAL, ANOMALOUS, UNKNOWN, ANOMALOUS)])
    told = {("a", 5): NORMAL, ("a", 1): ANOMALOUS, ("a", 3): ANOMALOUS, ("c", 9): ANOMALOUS}
    assert await found(store) == told
    await seal(store)
    assert await found(store) == told
    late = points(store, ("b", 3, 0.0), ("a", 4, 0.0))
    store.judge([judged_points(late, ANOMALOUS, ANOMALOUS)])  # of a at 4 there is no sample
    assert await found(store) == told | {("b", 3): ANOMALOUS}
    await seal(store)
    assert await found(store) == told | {("b", 3): ANOMALOUS}
    await store.append([points(store, ("a", 4, 0.0))], None)
    assert await found(store) == told | {("b", 3): ANOMALOUS}


async def test_a_full_lane_is_judged_before_it_is_sealed(store: EmbeddedStore) -> None:
    for time in range(9):
        put = points(store, ("a", time, 1.0), ("b", time, 1.0))
        await store.append([put], None)
        store.judge([judged_points(put, ANOMALOUS, NORMAL)])
    told = {(name, time): told for name, told in (("a", ANOMALOUS), ("b", NORMAL)) for time in range(9)}
    assert await found(store) == told
    await seal(store)
    assert await found(store) == told


async def test_a_gather_of_series_that_came_one_by_one_is_judged(store: EmbeddedStore) -> None:
    await store.append([points(store, ("a", 1, 1.0), ("b", 1, 1.0))], None)
    group = register(store, "a", "b", "new")
    await store.append([row(group, 2, 1.0, 2.0, 3.0)], None)
    store.judge([judged(group, 2, ANOMALOUS, NORMAL, ANOMALOUS), judged(group, 1, NORMAL, UNKNOWN, UNKNOWN)])
    told = {("a", 2): ANOMALOUS, ("b", 2): NORMAL, ("new", 2): ANOMALOUS, ("a", 1): NORMAL}
    assert await found(store) == told
    await seal(store)
    assert await found(store) == told


async def test_another_value_keeps_the_verdict_and_deleting_takes_it(store: EmbeddedStore) -> None:
    group = register(store, "a", "b")
    await store.append([row(group, time, 1.0, 1.0) for time in (1, 2, 3)], None)
    store.judge([judged(group, time, ANOMALOUS, ANOMALOUS) for time in (1, 2, 3)])
    await seal(store)
    await store.append([row(group, 2, 7.0, ABSENT)], None)
    await seal(store)
    await store.delete([named("a")], 3, 3)
    told = {("a", 1): ANOMALOUS, ("a", 2): ANOMALOUS} | {("b", time): ANOMALOUS for time in (1, 2, 3)}
    assert await found(store) == told
    await store.append([row(group, 3, 1.0, ABSENT)], None)
    assert await found(store) == told


async def test_a_verdict_on_a_sample_in_a_file_stays_when_others_of_its_time_are_sealed(store: EmbeddedStore) -> None:
    group = register(store, "a", "b")
    await store.append([row(group, 1, 1.0, 1.0)], None)
    await seal(store)
    await store.append([row(group, 1, ABSENT, 2.0)], None)
    store.judge([judged(group, 1, ANOMALOUS, NORMAL)])
    told = {("a", 1): ANOMALOUS, ("b", 1): NORMAL}
    assert await found(store) == told
    before = await held(store)
    await seal(store)
    assert await found(store) == told
    assert await held(store) == before


async def test_another_value_that_comes_by_itself_keeps_the_verdict(store: EmbeddedStore) -> None:
    put = points(store, ("a", 1, 1.0))
    await store.append([put], None)
    store.judge([judged_points(put, ANOMALOUS)])
    await store.append([points(store, ("a", 1, 2.0))], None)
    assert await found(store) == {("a", 1): ANOMALOUS}
    await seal(store)
    assert await found(store) == {("a", 1): ANOMALOUS}


async def test_the_last_verdict_counts_while_a_lane_waits_to_be_sealed(store: EmbeddedStore) -> None:
    put = points(store, ("a", 1, 1.0))
    await store.append([put], None)
    await seal(store)
    store.judge([judged_points(put, NORMAL)])  # on what is in a file: it waits
    full = points(store, *(("a", time, 2.0) for time in (1, 2, 3, 4)))
    await store.append([full], None)
    store.judge([judged_points(put, ANOMALOUS)])
    assert await found(store) == {("a", 1): ANOMALOUS}
    await seal(store)
    assert await found(store) == {("a", 1): ANOMALOUS}


async def test_verdicts_survive_a_restart(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path)
    group = register(store, "a", "b")
    await store.append([row(group, time, 1.0, 2.0) for time in range(6)], None)
    put = points(store, ("alone", 1, 1.0))
    await store.append([put], None)
    store.judge([judged(group, 5, ANOMALOUS, UNKNOWN), judged_points(put, NORMAL)])
    await store.close()
    again = EmbeddedStore.open(store.folder)
    try:
        assert await found(again) == {("a", 5): ANOMALOUS, ("alone", 1): NORMAL}
        assert len(await held(again)) == 13
    finally:
        await again.close()


async def test_without_verdicts_nothing_is_sealed_at_the_end(tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path)
    await store.append([row(register(store, "a"), 1, 1.0)], None)
    await store.close()
    assert not list(tmp_path.glob("*.chunks"))


async def test_what_is_not_known_after_a_crash_may_be_said_again(store: EmbeddedStore, tmp_path: Path) -> None:
    group = register(store, "a", "b")
    await store.append([row(group, 1, 1.0, 2.0)], None)
    store.judge([judged(group, 1, ANOMALOUS, NORMAL)])
    await store.snapshot(tmp_path / "crashed")
    again = EmbeddedStore.open(tmp_path / "crashed")
    try:
        assert await found(again) == {}
        again.judge([judged(register(again, "a", "b"), 1, ANOMALOUS, NORMAL)])
        assert await found(again) == {("a", 1): ANOMALOUS, ("b", 1): NORMAL}
    finally:
        await again.close()


@pytest.mark.parametrize(
    "verdicts", [np.zeros((1, 3), np.uint8), np.zeros((2, 2), np.uint8), np.zeros((1, 2)), np.full((1, 2), 3, np.uint8)]
)
async def test_what_does_not_fit_is_refused(store: EmbeddedStore, verdicts: npt.NDArray[Any]) -> None:
    group = register(store, "a", "b")
    await store.append([row(group, 1, 1.0, 2.0)], None)
    with pytest.raises(ValueError, match="verdicts"):
        store.judge([judged(group, 1, ANOMALOUS, NORMAL), Judged(group, np.array([1]), verdicts)])
    assert await found(store) == {}


def test_late_verdicts_are_bounded() -> None:
    late = Late(220)
    marks = Marks(np.array([1]), np.arange(10), np.ones((1, 10), np.uint8))
    for _ in range(3):
        late.add(7, marks)
    assert len(late.of(7)) == 2
    assert late.lost == 10
    taken = late.all()
    late.add(8, Marks(np.array([1]), np.array([1]), np.ones((1, 1), np.uint8)))
    late.done(taken)
    assert not late.of(7)
    assert len(late.of(8)) == 1


async def test_a_hundred_verdicts_take_few_bytes(tmp_path: Path) -> None:
    sizes = []
    for share in (-1.0, 0.0, 0.01):
        store = EmbeddedStore.open(tmp_path / f"{share}")
        group = store.register([series("a", n=str(n)) for n in range(100)], [Kind.GAUGE] * 100)
        dice = np.random.default_rng(1)
        rows = [Row(group, 10_000 * slot, dice.normal(size=100)) for slot in range(120)]
        await store.append(rows, None)
        for one in rows if share >= 0 else ():
            told = np.where(dice.random(100) < share, ANOMALOUS, NORMAL).astype(np.uint8)
            store.judge([Judged(group, np.array([one.time_ms]), told[None])])
        await seal(store)
        sizes.append(sum(path.stat().st_size for path in store.folder.glob("*.chunks")))
        await store.close()
    none, normal, rare = sizes
    assert normal - none < 100
    assert rare - none < 0.03 * 100 * 120
