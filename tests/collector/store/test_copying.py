"""Moving history between stores: all of it, exactly, and on from where it was stopped."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from netmon_collector.store.base import ABSENT, Frame, Matcher, Store, StoreError, StoreUnavailable
from netmon_collector.store.copying import Copy, Progress, Standing
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.opening import server_of
from netmon_collector.store.outside.http import Access
from netmon_collector.store.outside.store import OutsideStore
from netmon_collector.store.outside.victoriametrics import VictoriaMetrics
from netmon_collector.store.retention import DAY_MS
from netmon_collector.store.url import parse_store_url
from netmon_proto.model import Kind, Labels
from tests.collector.store.samples import Samples, held, register, row, series
from tests.support import servers

START_MS = 1_700_000_000_000
SPAN = (START_MS, START_MS + 3 * DAY_MS)


class Counting(EmbeddedStore):
    """Counts the questions, and fails after some."""

    asked = 0
    last = 1 << 60

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        self.asked += 1
        if self.asked > self.last:
            raise StoreError("the cable is out")
        return await super().select(matchers, start_ms, end_ms)


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Counting]:
    store = Counting.open(tmp_path / "source", window_s=0.0)
    dice = random.Random(1)
    wide = store.register([series("if_octets_total", port=str(n)) for n in range(20)], [Kind.COUNTER] * 20)
    for time_ms in sorted(dice.sample(range(*SPAN), 300)):
        await store.append([row(wide, time_ms, *[float(dice.randrange(10**6)) for _ in range(20)])], None)
    other = register(store, "up", "load")
    for time_ms in (*SPAN, START_MS + DAY_MS):
        await store.append([row(other, time_ms, 1.0, ABSENT), row(other, time_ms + 5, 0.0, 0.25)], None)
    yield store
    await store.close()


async def copied(source: EmbeddedStore | OutsideStore, target: Store, folder: Path, **options: float) -> list[Standing]:
    standings: list[Standing] = []
    progress = Progress.load(folder / "progress.json")
    await Copy(source, target, progress, standings.append, **options).run(await source.days())  # type: ignore[arg-type]
    return standings


async def test_history_comes_back_the_same_by_way_of_victoriametrics(source: Counting, tmp_path: Path) -> None:
    running = servers.victoria_metrics(tmp_path / "server")
    running.start()
    server = VictoriaMetrics(running.url, running.url, running.url, Access(), hold_s=0.0)
    between = OutsideStore.open(server, tmp_path / "queue", queue_bytes=1 << 24)
    back = EmbeddedStore.open(tmp_path / "back")
    try:
        await copied(source, between, tmp_path / "there")
        assert await between.delivered()
        running.flush()
        assert await between.days() == await source.days()
        await copied(between, back, tmp_path / "back_again")
        expected = await held(source)
        assert len(expected) == 300 * 20 + 3 + 3 * 2
        assert await held(back) == expected
    finally:
        await between.close()
        await back.close()
        running.kill()


async def test_a_copy_goes_on_where_it_was_stopped(source: Counting, tmp_path: Path) -> None:
    target = EmbeddedStore.open(tmp_path / "target", window_s=0.0)
    source.last = 7
    with pytest.raises(StoreError, match="the cable is out"):
        await copied(source, target, tmp_path)
    source.asked, source.last = 0, 1 << 60
    standings = await copied(source, target, tmp_path)
    assert source.asked == 4 * 3 - 7, "three metrics on each of four days, less what was done"
    assert await held(target) == await held(source)
    assert standings[-1].fraction == 1.0
    assert standings[-1].samples == 300 * 20 + 3 + 3 * 2
    assert [one.fraction for one in standings] == sorted(one.fraction for one in standings)
    await target.close()


async def test_a_metric_of_many_samples_is_read_in_several_parts(source: Counting, tmp_path: Path) -> None:
    target = EmbeddedStore.open(tmp_path / "target", window_s=0.0)
    await copied(source, target, tmp_path, most_samples=8640)
    assert source.asked > 3 * 20
    assert await held(target) == await held(source)
    await target.close()


async def test_days_without_samples_are_passed_over_however_many_there_are(tmp_path: Path) -> None:
    source = Counting.open(tmp_path / "source", window_s=0.0)
    group = register(source, "up", "load")
    times_ms = (-(10**15), 0, START_MS, START_MS + 1, 10**15)
    for time_ms in times_ms:
        await source.append([row(group, time_ms, 1.0, 2.0)], None)
    target = EmbeddedStore.open(tmp_path / "target", window_s=0.0)
    for sealed in (False, True):
        if sealed:
            await source._upkeep._let_go_of_log()
        assert await source.days() == [time_ms // DAY_MS * DAY_MS for time_ms in (*times_ms[:3], times_ms[4])]
    await copied(source, target, tmp_path)
    assert source.asked == 2 * 4
    assert await held(target) == await held(source)
    await source.close()
    await target.close()


async def test_days_are_known_of_servers_and_of_what_waits_for_them(tmp_path: Path) -> None:
    running = servers.influxdb(tmp_path / "server")
    running.start()
    server = server_of(parse_store_url(f"influxdb:{running.url}?db=days"))
    store = OutsideStore.open(server, tmp_path / "queue", queue_bytes=1 << 24)
    try:
        group = register(store, "up", "load")
        times_ms = (-(10**12), 0, START_MS, START_MS + DAY_MS)
        await store.append([row(group, time_ms, 1.0, ABSENT) for time_ms in times_ms], None)
        await store.append([row(group, 9 * 10**11, ABSENT, 1.0)], None)
        expected = [time_ms // DAY_MS * DAY_MS for time_ms in sorted((*times_ms, 9 * 10**11))]
        assert await store.days() == expected
        assert await store.delivered()
        assert await store.days() == expected
    finally:
        await store.close()
        running.kill()


class Full:
    """A target that takes nothing for a while, or for ever."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.taken: Samples = {}

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> object:
        return labels

    async def append(self, rows: Sequence[object], origin: None) -> bool:
        self.refusals -= 1
        if self.refusals >= 0:
            raise StoreError("the queue is full")
        return True


async def test_a_target_that_is_full_is_waited_for_but_not_for_ever(source: Counting, tmp_path: Path) -> None:
    standings = await asyncio.wait_for(copied(source, Full(2), tmp_path / "1"), 30)  # type: ignore[arg-type]
    assert sum(one.waits_for == "the queue is full" for one in standings) == 2
    with pytest.raises(StoreError, match="the queue is full"):
        await copied(source, Full(1 << 60), tmp_path / "2", patience_s=0.6)  # type: ignore[arg-type]


def test_a_progress_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text("[]")
    with pytest.raises(StoreUnavailable, match="remove it to copy all from the beginning"):
        Progress.load(tmp_path / "progress.json")
