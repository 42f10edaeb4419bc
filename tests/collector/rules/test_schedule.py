"""When groups are evaluated, and what is told when there is no time for all of them."""

import asyncio

from prometheus_client import CollectorRegistry

from netmon_collector.rules.evaluation import GroupAtWork
from netmon_collector.rules.model import Group
from netmon_collector.rules.schedule import Scheduler, due_ms
from tests.support.clocks import HandClock


class Slow(GroupAtWork):
    """A group that is evaluated as long as a test wants, and writes down when it was."""

    def __init__(self, name: str, interval_ms: int = 10_000) -> None:
        self.group = Group("f", name)
        self.rules = []
        self.times: list[int] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.missed = 0
        self.last_duration_s = 0.0
        self._interval_ms = interval_ms

    @property
    def interval_ms(self) -> int:
        return self._interval_ms

    async def evaluate(self, time_ms: int) -> None:
        self.times.append(time_ms)
        await self.let_go.wait()


class Day:
    """A scheduler whose time goes by in steps of a second."""

    def __init__(self, *groups: Slow) -> None:
        self.clock = HandClock(1_700_000_000_000)
        self.groups = list(groups)
        self.registry = CollectorRegistry()
        self.scheduler = Scheduler(lambda: self.groups, self.clock.now_ms, asyncio.sleep, self.registry)

    async def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.scheduler.start_due()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.clock.pass_ms(1000)

    def missed(self, name: str) -> float | None:
        return self.registry.get_sample_value("netmon_rule_group_iterations_missed_total", {"rule_group": f"f;{name}"})


async def test_a_group_is_evaluated_at_the_same_phase_of_every_interval() -> None:
    group = Slow("a")
    await Day(group).passes(60)
    assert len(group.times) in (5, 6)
    assert {later - sooner for sooner, later in zip(group.times, group.times[1:], strict=False)} == {10_000}
    assert group.times[0] == due_ms("f;a", 10_000, group.times[0])


def test_groups_are_spread_over_their_interval() -> None:
    phases = {due_ms(f"f;{number}", 60_000, 1_700_000_000_000) % 60_000 // 6_000 for number in range(200)}
    assert phases == set(range(10))


async def test_a_group_that_takes_too_long_misses_turns_and_holds_up_no_other() -> None:
    slow, quick = Slow("slow"), Slow("quick")
    slow.let_go.clear()
    day = Day(slow, quick)
    await day.passes(45)
    assert len(slow.times) == 1
    assert len(quick.times) >= 4
    assert day.missed("slow") == slow.missed == len(quick.times) - 1 or slow.missed in (3, 4)
    assert day.missed("quick") in (None, 0.0)
    slow.let_go.set()
    await day.passes(12)
    assert len(slow.times) == 2


async def test_time_that_nobody_had_is_counted_as_missed_turns() -> None:
    group = Slow("a")
    day = Day(group)
    await day.passes(15)
    before = len(group.times)
    day.clock.pass_ms(60_000)
    await day.passes(1)
    assert len(group.times) == before + 1
    assert group.missed in (5, 6)
    assert group.times[-1] == due_ms("f;a", 10_000, day.clock.now_ms() - 1000)


async def test_a_clock_that_is_put_back_does_not_stop_the_rules() -> None:
    group = Slow("a")
    day = Day(group)
    await day.passes(15)
    before = len(group.times)
    day.clock.pass_ms(-3_600_000)
    await day.passes(21)
    assert len(group.times) >= before + 2


async def test_a_group_that_is_gone_is_evaluated_no_more() -> None:
    group = Slow("a")
    day = Day(group)
    await day.passes(15)
    before = len(group.times)
    assert before
    day.groups = []
    await day.passes(15)
    assert len(group.times) == before
