"""Gathers are aligned, inputs are kept apart, and trouble is told once."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import PrivateAttr

from netmon_agent.batcher import Batcher
from netmon_agent.clock import SystemClock
from netmon_agent.columns import Columnizer
from netmon_agent.inputs.base import Columns, Input, Reading
from netmon_agent.schedule import Scheduler, next_tick_ms, phase_ms
from netmon_agent.spool import Spool
from netmon_proto import wire
from netmon_proto.model import Batch, is_stale


@given(st.integers(0, 2**41), st.integers(1000, 3_600_000), st.integers(0, 3_599_999))
def test_ticks_are_aligned_to_interval_and_phase(now: int, interval: int, phase: int) -> None:
    phase %= interval
    tick = next_tick_ms(now, interval, phase, now - interval)
    assert now < tick <= now + interval
    assert tick % interval == phase


def test_a_sleep_that_ends_early_does_not_gather_twice() -> None:
    assert next_tick_ms(9_999, 10_000, 0, 10_000) == 20_000


def test_the_first_aligned_gather_is_not_right_after_the_start() -> None:
    assert next_tick_ms(9_988, 10_000, 0, 9_980) == 20_000
    assert next_tick_ms(4_988, 10_000, 0, 4_980) == 10_000


def test_a_late_gather_is_followed_by_the_next_aligned_one() -> None:
    assert next_tick_ms(34_000, 10_000, 0, 10_000) == 40_000


def test_a_clock_that_was_set_back_is_followed_at_once() -> None:
    assert next_tick_ms(5_000_500, 10_000, 0, 9_000_000) == 5_010_000


def test_phases_are_spread_over_agents_and_stay_the_same() -> None:
    phases = [phase_ms(f"agent-{number}", 10_000) for number in range(200)]
    assert phases == [phase_ms(f"agent-{number}", 10_000) for number in range(200)]
    assert len({phase // 1000 for phase in phases}) == 10


class Scripted(Input):
    """Does what a test says, gather by gather; the last step is repeated."""

    type: str = "scripted"
    name: str
    _steps: list[Any] = PrivateAttr(default_factory=list)
    _closed: list[bool] = PrivateAttr(default_factory=list)

    @property
    def title(self) -> str:
        return self.name

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, asyncio.Event):
            await step.wait()
        return [Reading("value", {"of": self.name}, 1.0)]

    async def close(self) -> None:
        self._closed.append(True)


def scripted(name: str, *steps: Any) -> Scripted:
    one = Scripted(name=name, interval_s=1)
    one._steps += steps
    return one


class Bench:
    """A scheduler over a real spool."""

    def __init__(self, folder: Path, *inputs: Input) -> None:
        clock = SystemClock()
        self.spool = Spool(
            folder / "spool.sqlite", most_bytes=16 << 20, most_age_s=3600, quarantine_bytes=1 << 20, clock=clock
        )
        self.batcher = Batcher(Columnizer(1, 1), self.spool)
        self.scheduler = Scheduler(inputs, interval_s=10, agent_id="a", batcher=self.batcher, clock=clock)

    async def run_s(self, seconds: float) -> list[Batch]:
        """Runs for some time; the batches that came out."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.scheduler.run()
        await self.batcher.close()
        batches = []
        while taken := await self.spool.take():
            batch = wire.decode_agent(wire.encode_spooled(taken.frame, 0))
            assert isinstance(batch, Batch)
            batches.append(batch)
        await self.spool.close()
        return batches


async def test_a_hanging_input_delays_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path, scripted("hangs", asyncio.Event()), scripted("works", None))
    batches = await bench.run_s(2.3)
    assert len(batches) >= 2
    assert bench.scheduler.counts["works"].gathers >= 2
    assert bench.scheduler.counts["hangs"].samples == 0
    assert [record.message for record in caplog.records].count("input.slow") == 1


async def test_a_broken_input_is_told_once_marked_stale_once_and_told_when_it_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(tmp_path, scripted("flaky", None, OSError("no such device"), OSError("again"), None))
    batches = await bench.run_s(3.6)
    values = [value for batch in batches for gather in batch.gathers for value in gather.values]
    assert [is_stale(value) for value in values][:3] == [False, True, False]
    messages = [record.message for record in caplog.records]
    assert messages.count("input.broken") == 1
    assert messages.count("input.recovered") == 1
    assert bench.scheduler.counts["flaky"].failures == 2


async def test_inputs_are_closed_at_the_end(tmp_path: Path) -> None:
    one = scripted("one", None)
    await Bench(tmp_path, one).run_s(0.1)
    assert one._closed == [True]


async def test_gathers_of_one_moment_travel_in_one_batch(tmp_path: Path) -> None:
    batches = await Bench(tmp_path, scripted("one", None), scripted("two", None)).run_s(0.9)
    assert len(batches[0].gathers) == 2
