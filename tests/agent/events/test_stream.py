"""Events on an agent's stream: beside samples, once, kept while the collector cannot take them."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netmon_agent.clock import SystemClock
from netmon_agent.connection import Target
from netmon_agent.spool import Spool
from netmon_agent.stream import Introduction, Stream
from netmon_collector.state.events import Wanted
from netmon_proto.model import Event, Limits, Severity
from tests.support.collectors import RunningCollector, collector, wall_ms
from tests.support.receiving import AGENT_ID

LINE = Event(0, "syslog", "auth", Severity.INFO, "hello", address="192.0.2.1")


class Teller:
    """Spools and their stream; events come from the test."""

    def __init__(self, folder: Path, address: str) -> None:
        folder.mkdir(exist_ok=True)

        def opened(name: str) -> Spool:
            return Spool(
                folder / name, most_bytes=64 << 20, most_age_s=86_400, quarantine_bytes=8 << 20, clock=SystemClock()
            )

        self.samples, self.events = opened("spool.sqlite"), opened("events.sqlite")
        who = Introduction(AGENT_ID, b"k" * 32, "web1", "1.0", "Linux x86_64", 10_000)
        self.stream = Stream(Target(address), who, self.samples, SystemClock(), random.Random(1), None, self.events)
        self.task = asyncio.create_task(self.stream.run())

    async def tell(self, *texts: str) -> None:
        now_ms = wall_ms()
        await self.events.append_events([replace(LINE, time_ms=now_ms, text=one) for one in texts])

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.samples.close()
        await self.events.close()


async def until(reached: Callable[[], object], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not reached():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def texts(running: RunningCollector) -> list[str]:
    return sorted(one.text for one in running.events.kept.page(Wanted(), 100))


async def test_events_leave_the_spool_when_they_are_in_the_log(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector") as running:
        teller = Teller(tmp_path / "agent", running.receiver.address)
        for number in range(10):
            await teller.tell(f"{number}a", f"{number}b")
        await until(lambda: not teller.events.counts.batches)
        await teller.close()
        assert texts(running) == sorted(f"{number}{letter}" for number in range(10) for letter in "ab")


async def test_a_collector_that_takes_no_events_gets_none_and_they_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with collector(tmp_path / "collector", limits=Limits(batch_events=0)) as old:
        teller = Teller(tmp_path / "agent", old.receiver.address)
        await teller.tell("one")
        await until(lambda: teller.stream.connected)
        await asyncio.sleep(0.3)
        assert (teller.events.counts.batches, texts(old)) == (1, [])
        await teller.close()
    assert "collector.takes_no_events" in caplog.text
    async with collector(tmp_path / "collector") as new:
        teller = Teller(tmp_path / "agent", new.receiver.address)
        await until(lambda: not teller.events.counts.batches)
        await teller.close()
        assert texts(new) == ["one"]


async def test_a_collector_that_comes_back_gets_each_event_once(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector") as running:
        teller = Teller(tmp_path / "agent", running.receiver.address)
        await teller.tell("before")
        await until(lambda: not teller.events.counts.batches)
        port = running.receiver.port
    await teller.tell("meanwhile")
    assert teller.events.counts.batches == 1
    from netmon_collector.config import GrpcOptions

    async with collector(tmp_path / "collector", GrpcOptions(listen=f"127.0.0.1:{port}")) as running:
        await until(lambda: not teller.events.counts.batches)
        await teller.close()
        assert texts(running) == ["before", "meanwhile"]


async def test_a_spool_that_lost_its_end_numbers_anew(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector") as running:
        teller = Teller(tmp_path / "agent", running.receiver.address)
        await teller.tell("one")
        await teller.tell("two")
        await until(lambda: not teller.events.counts.batches)
        epoch = teller.events.epoch
        await teller.close()
        restored = Teller(tmp_path / "agent", running.receiver.address)
        restored.events.last_sequence = 1  # as a disk that was put back has it
        await until(lambda: restored.events.epoch != epoch)
        await restored.tell("three")
        await until(lambda: not restored.events.counts.batches)
        await restored.close()
        assert texts(running) == ["one", "three", "two"]


async def test_a_batch_that_the_collector_refuses_is_set_aside(tmp_path: Path) -> None:
    async with collector(tmp_path / "collector", limits=Limits(batch_events=3)) as running:
        teller = Teller(tmp_path / "agent", running.receiver.address)
        await teller.tell("a", "b", "c", "d")
        await teller.tell("e")
        await until(lambda: not teller.events.counts.batches)
        assert (teller.events.counts.quarantined, texts(running)) == (1, ["e"])
        await teller.close()
