"""An agent's stream against a real collector: receipts, refusals, busy collectors, limits, epochs."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from netmon_agent.clock import SystemClock
from netmon_agent.columns import Columnizer
from netmon_agent.connection import Target
from netmon_agent.inputs.base import Reading
from netmon_agent.spool import Spool
from netmon_agent.stream import BACKOFF_MOST_S, Introduction, Stream, backoff_s
from netmon_collector.store.base import Origin, Row, Store, StoreError
from netmon_proto.model import Limits
from tests.support.collectors import RunningCollector, collector, wall_ms

AGENT_ID = "00000000-0000-4000-8000-00000000000a"


class Gate:
    """Stands before a collector's store: writes down what comes, and fails when it is told to."""

    def __init__(self, running: RunningCollector) -> None:
        self.is_broken = False
        self.order: list[float] = []
        self._store = running.store
        running.pipeline._store = cast(Store, self)

    async def append(self, rows: Sequence[Row], origin: Origin | None) -> bool:
        if self.is_broken:
            raise StoreError("no space left on device")
        self.order.extend(row.values[0] for row in rows)
        return await self._store.append(rows, origin)


class Agent:
    """A spool and its stream; gathers come from the test."""

    def __init__(self, folder: Path, address: str) -> None:
        self.clock = SystemClock()
        self.spool = Spool(
            folder / "spool.sqlite", most_bytes=64 << 20, most_age_s=86_400, quarantine_bytes=8 << 20, clock=self.clock
        )
        self.columnizer = Columnizer(self.spool.last_series_id + 1, self.spool.last_layout_id + 1)
        who = Introduction(AGENT_ID, b"k" * 32, "web1", "1.0", "Linux x86_64", 10_000)
        self.stream = Stream(Target(address), who, self.spool, self.clock, random.Random(1))
        self.task = asyncio.create_task(self.stream.run())

    async def gather(self, value: float, now_ms: int | None = None, size: int = 1, name: str = "x") -> None:
        readings = [Reading(name, {"n": str(number)}, value) for number in range(size)]
        encoded = self.columnizer.encode(name, "node", now_ms or wall_ms(), readings)
        await self.spool.append([encoded])

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.spool.close()


async def until(reached: Callable[[], object], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not reached():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningCollector]:
    async with collector(tmp_path / "collector") as one:
        yield one


@pytest.fixture
async def agent(tmp_path: Path, running: RunningCollector) -> AsyncIterator[Agent]:
    one = Agent(tmp_path, running.receiver.address)
    yield one
    await one.close()


async def values(running: RunningCollector, name: str = "x") -> list[float]:
    series = await running.samples(name)
    return [value for points in series.values() for _, value in points]


async def test_batches_leave_the_spool_when_they_are_acked(running: RunningCollector, agent: Agent) -> None:
    for number in range(50):
        await agent.gather(number, wall_ms() - 1000 + number)
    await until(lambda: agent.spool.counts.acked_total == 50)
    assert agent.spool.counts.batches == 0
    assert await values(running) == [float(number) for number in range(50)]


async def test_new_series_are_defined_on_the_way(running: RunningCollector, agent: Agent) -> None:
    now = wall_ms()
    for size in (1, 3, 2):
        await agent.gather(size, now + size, size)
    await until(lambda: agent.spool.counts.acked_total == 3)
    assert len(await running.samples("x")) == 3


async def test_a_refused_batch_is_set_aside_and_the_next_ones_go_on(
    running: RunningCollector, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    await agent.gather(1, wall_ms() - 90 * 86_400_000)
    await agent.gather(2)
    await until(lambda: agent.spool.counts.acked_total == 1)
    await until(lambda: agent.spool.counts.quarantined == 1)
    assert agent.spool.counts.refused_total == {"too_old": 1}
    assert agent.spool.counts.batches == 0
    assert await values(running) == [2.0]
    assert "batch.refused" in caplog.text


async def told_names(folder: Path, limits: Limits) -> dict[str, dict[str, str]]:
    """By their names, the series that such a collector has of an agent which reads odd names."""
    names: list[tuple[str, dict[str, str]]] = [("my.metric", {"a_b é": "c"}), ("x", {}), ("é" * 90, {})]
    async with collector(folder, limits=limits) as running:
        agent = Agent(folder, running.receiver.address)
        readings = [Reading(name, labels, 1.0) for name, labels in names]
        await agent.spool.append([agent.columnizer.encode("odd", "node", wall_ms(), readings)])
        await until(lambda: agent.spool.counts.acked_total)
        await agent.close()
        return {dict(one)["__name__"]: dict(one) for one in await running.store.series([])}


async def test_a_collector_that_takes_words_alone_gets_names_in_words(tmp_path: Path) -> None:
    older = await told_names(tmp_path / "older", Limits(any_names=False))
    assert [name[:16] for name in sorted(older)] == ["U__" + "_e9_" * 3 + "_", "U__my_2e_metric", "x"]
    assert older["U__my_2e_metric"]["U__a__b_20__e9_"] == "c"
    assert max(map(len, older)) == 256, "what would be too long ends in a digest"
    newer = await told_names(tmp_path / "newer", Limits())
    assert set(newer) == {"my.metric", "x", "é" * 90}
    assert newer["my.metric"]["a_b é"] == "c"


async def test_a_batch_over_the_collectors_limits_is_not_even_sent(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector", limits=Limits(batch_samples=100, batch_bytes=5000)) as running:
        agent = Agent(tmp_path, running.receiver.address)
        await agent.gather(1, size=101)
        await agent.gather(2, size=100, name="y")
        await until(lambda: agent.spool.counts.acked_total == 1)
        assert agent.spool.counts.refused_total == {"too_large": 1}
        await agent.close()


async def test_a_frame_that_is_too_large_on_the_way_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector", limits=Limits(frame_bytes=50_000)) as running:
        agent = Agent(tmp_path, running.receiver.address)
        await agent.gather(1)
        await agent.gather(2, size=100, name="y")
        await agent.gather(3, name="z")
        batch = [agent.columnizer.encode("large", "node", wall_ms(), [Reading("l", {"n": "1"}, 4.0)])]
        many = [replace(batch[0], gathers=list(batch[0].gathers) * 3000)]
        await agent.spool.append(many)
        await until(lambda: agent.spool.counts.refused_total == {"too_large": 1}, 40)
        await agent.gather(5)
        await until(lambda: agent.spool.counts.acked_total == 4, 40)
        assert agent.spool.counts.batches == 0
        await agent.close()


async def test_a_collector_whose_store_fails_gets_everything_later(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector") as running:
        gate = Gate(running)
        gate.is_broken = True
        agent = Agent(tmp_path, running.receiver.address)
        for number in range(5):
            await agent.gather(number, wall_ms() - 100 + number)
        await until(lambda: running.pipeline.trouble())
        assert running.pipeline.trouble() == "the store cannot write: no space left on device"
        gate.is_broken = False
        await until(lambda: agent.spool.counts.acked_total == 5)
        assert await values(running) == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert running.pipeline.trouble() is None
        await agent.close()


async def test_a_restored_spool_opens_a_new_epoch_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "spool.sqlite"
    start = wall_ms() - 1000  # two samples of one millisecond would be one
    async with collector(tmp_path / "collector") as running:
        agent = Agent(tmp_path, running.receiver.address)
        await agent.gather(1, start + 1)
        await until(lambda: agent.spool.counts.acked_total == 1)
        await agent.close()
        before = path.read_bytes()
        agent = Agent(tmp_path, running.receiver.address)
        for number in (2, 3):
            await agent.gather(number, start + number)
        await until(lambda: agent.spool.counts.acked_total == 2)
        await agent.close()
        path.write_bytes(before)  # as a backup or a power cut would

        agent = Agent(tmp_path, running.receiver.address)
        await until(lambda: agent.stream.connected)
        assert "spool.behind" in caplog.text
        for number in (4, 5):
            await agent.gather(number, start + number)
        await until(lambda: agent.spool.counts.acked_total == 2)
        assert await values(running) == [1.0, 2.0, 3.0, 4.0, 5.0]
        await agent.close()


async def test_a_backlog_follows_the_live_data(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector") as running:
        address = running.receiver.address
        agent = Agent(tmp_path, "127.0.0.1:1")
        start = wall_ms() - 1_000_000
        for number in range(200):
            await agent.gather(number, start + number)
        await agent.close()
        gate = Gate(running)
        agent = Agent(tmp_path, address)
        await agent.gather(1000)
        await until(lambda: agent.spool.counts.acked_total == 201)
        assert gate.order[0] == 1000
        assert gate.order[1:] == [float(number) for number in range(200)]
        assert len(await values(running)) == 201
        await agent.close()


async def test_another_agents_key_is_told(
    tmp_path: Path, running: RunningCollector, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    await until(lambda: agent.stream.connected)
    other = tmp_path / "other"
    other.mkdir()
    impostor = Agent(other, running.receiver.address)
    impostor.stream._introduction = Introduction(AGENT_ID, b"x" * 32, "web1", "1.0", "Linux", 10_000)
    await until(lambda: any("known with another key" in str(getattr(one, "fields", "")) for one in caplog.records))
    await agent.gather(1)
    await until(lambda: agent.spool.counts.acked_total == 1)
    assert not impostor.stream.connected
    await impostor.close()


def test_the_pause_between_attempts_grows_is_spread_and_bounded() -> None:
    rng = random.Random(7)
    for failures in range(40):
        pauses = [backoff_s(failures, rng) for _ in range(200)]
        most = min(BACKOFF_MOST_S, 2.0**failures)
        assert 0 <= min(pauses) < 0.2 * most
        assert 0.8 * most < max(pauses) <= most
