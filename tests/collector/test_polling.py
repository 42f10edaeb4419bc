"""Readings of devices come in under the device's name, from the agent that polls it and from nobody else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from netmon_collector.state.devices import DeviceRecord
from netmon_collector.witness import Witness
from netmon_proto.model import (
    STALE,
    Acked,
    DeviceReport,
    Gather,
    Job,
    Jobs,
    Layout,
    PollNow,
    Refused,
    SnmpCredential,
    Welcome,
    is_stale,
)
from tests.support.collectors import HandAgent, RunningCollector, collector, wall_ms

PUBLIC = SnmpCredential(community="public")
SW1 = (("__name__", "snmp_up"), ("instance", "sw1"), ("job", "snmp"))


@pytest.fixture
async def agent(running: RunningCollector) -> AsyncIterator[HandAgent]:
    one = HandAgent(running.receiver.address)
    await one.greet()
    yield one
    await one.close()


async def assign(running: RunningCollector, agent: HandAgent, device: str = "sw1") -> None:
    await running.polling.keep_credential("public", PUBLIC)
    record = DeviceRecord(device, device, f"{device}.example", 161, agent.agent_id, "public", 10_000, wall_ms())
    await running.polling.add(record, lambda handle: False)


async def lay_out(agent: HandAgent) -> None:
    """Layout 1 is of the agent's own host, layout 2 of sw1, layout 3 of sw2."""
    await agent.define({1: "node_load1"})
    await agent.define({2: "snmp_up"}, layout=9)
    await agent.say(Layout(2, "snmp:sw1", "snmp", "sw1", [2]))
    await agent.say(Layout(3, "snmp:sw2", "snmp", "sw2", [2]))


async def test_an_agent_is_told_its_jobs_at_once_and_at_each_change(
    running: RunningCollector, agent: HandAgent
) -> None:
    assert await agent.hear_jobs() == Jobs()
    await assign(running, agent)
    job = Job("sw1", "sw1.example", 161, 10_000, (PUBLIC,))
    assert await agent.hear_jobs() == Jobs((job,))
    running.polling.poll_now("sw1")
    assert await agent.hear_all() == PollNow(("sw1",))
    await running.polling.remove("sw1")
    assert await agent.hear_jobs() == Jobs()


async def test_a_device_that_changes_hands_is_let_go_before_it_is_taken(
    running: RunningCollector, agent: HandAgent
) -> None:
    await assign(running, agent)
    while not (await agent.hear_jobs()).jobs:
        pass
    other = HandAgent(running.receiver.address)
    await other.greet(hostname="other")
    assert await other.hear_jobs() == Jobs()
    clock = asyncio.get_running_loop().time
    assert await running.polling.hand_over("sw1", agent.agent_id, other.agent_id, "busy", 1.5)
    assert await agent.hear_jobs() == Jobs()
    let_go_s = clock()
    assert len((await other.hear_jobs()).jobs) == 1
    assert clock() - let_go_s > 0.3
    await other.close()


async def test_a_change_that_waited_for_a_move_does_not_undo_it(running: RunningCollector, agent: HandAgent) -> None:
    await assign(running, agent)
    other = HandAgent(running.receiver.address)
    await other.greet(hostname="other")
    polled = running.polling.one("sw1")
    assert polled is not None
    before = polled.record
    await running.polling.hand_over("sw1", agent.agent_id, other.agent_id, "gone", 0.0)
    await running.polling.change(replace(before, interval_ms=30_000))
    assert (polled.record.agent_id, polled.record.interval_ms) == (other.agent_id, 30_000)
    assert polled.record.moved is not None
    await running.polling.change(before, agent.agent_id)
    assert (polled.record.agent_id, polled.record.moved.because) == (agent.agent_id, "asked")
    await other.close()


async def test_a_job_belongs_to_one_agent(running: RunningCollector, agent: HandAgent) -> None:
    await assign(running, agent)
    other = HandAgent(running.receiver.address)
    await other.greet(hostname="other")
    assert await other.hear_jobs() == Jobs()
    await lay_out(other)
    refused = (await other.send(1, Gather(2, wall_ms(), [1.0]))).outcome
    assert isinstance(refused, Refused)
    assert refused.message == "gather 0: device 'sw1' is not assigned to this agent"
    await other.say(DeviceReport("sw1", wall_ms(), True, vendor="Liar"))
    await other.send(2, Gather(1, wall_ms(), [1.0]))
    polled = running.polling.one("sw1")
    assert polled is not None
    assert (polled.report, polled.up, await running.samples("snmp_up")) == (None, None, {})
    await other.close()


async def test_readings_stand_under_the_devices_name(running: RunningCollector, agent: HandAgent) -> None:
    await lay_out(agent)
    await assign(running, agent)  # the layout came first: it counts from now on
    now = wall_ms()
    assert (await agent.send(1, Gather(2, now, [1.0]))).outcome == Acked()
    assert await running.samples("snmp_up") == {SW1: [(now, 1.0)]}


async def test_strangers_cost_the_others_of_a_batch_nothing(running: RunningCollector, agent: HandAgent) -> None:
    await assign(running, agent)
    await lay_out(agent)
    now = wall_ms()
    receipt = await agent.send(1, Gather(3, now, [1.0]), Gather(1, now, [0.5]), Gather(2, now, [1.0]))
    assert receipt.outcome == Acked()
    assert list(await running.samples("snmp_up")) == [SW1]
    assert len(await running.samples("node_load1")) == 1


async def test_of_a_removed_device_only_the_last_word_is_taken(running: RunningCollector, agent: HandAgent) -> None:
    await assign(running, agent)
    await lay_out(agent)
    now = wall_ms()
    await agent.send(1, Gather(2, now - 20, [1.0]))
    await running.polling.remove("sw1")
    assert (await agent.send(2, Gather(2, now - 10, [1.0]))).outcome == Acked()
    assert (await agent.send(3, Gather(2, now, [STALE]))).outcome == Acked()
    (points,) = (await running.samples("snmp_up")).values()
    assert [time_ms for time_ms, _ in points] == [now - 20, now]
    assert is_stale(points[-1][1])


async def test_of_a_device_that_another_agent_took_over_what_was_read_before_counts(
    tmp_path: Path,
) -> None:
    """An agent is cut off, polls on, and sends all of it when it is back: after a restart of the collector, too."""
    async with collector(tmp_path) as running:
        cut_off, other = HandAgent(running.receiver.address), HandAgent(running.receiver.address)
        await cut_off.greet()
        await other.greet(hostname="other")
        await assign(running, cut_off)
        await cut_off.close()
        assert await running.polling.hand_over("sw1", cut_off.agent_id, other.agent_id, "gone", 0.0)
        assert not await running.polling.hand_over("sw1", cut_off.agent_id, other.agent_id, "gone", 0.0), "once"
        await other.close()
    async with collector(tmp_path) as running:
        polled = running.polling.one("sw1")
        assert polled is not None
        assert polled.record.moved is not None
        assert (polled.record.agent_id, polled.record.moved.because) == (other.agent_id, "gone")
        moved_ms = polled.record.moved.time_ms
        other = HandAgent(running.receiver.address, other.agent_id)
        await other.greet(hostname="other")
        await lay_out(other)
        assert (await other.send(1, Gather(2, moved_ms + 200, [1.0]))).outcome == Acked()
        back = HandAgent(running.receiver.address, cut_off.agent_id)
        await back.greet()
        await lay_out(back)
        for sequence, (time_ms, value) in enumerate(
            [(moved_ms - 100, 1.0), (moved_ms + 100, 0.0), (moved_ms + 20_000, STALE)], start=1
        ):
            assert (await back.send(sequence, Gather(2, time_ms, [value]))).outcome == Acked()
        assert await running.samples("snmp_up") == {SW1: [(moved_ms - 100, 1.0), (moved_ms + 200, 1.0)]}
        assert (polled.up, polled.newest_ms) == (True, moved_ms + 200)
        await other.close()
        await back.close()


async def test_the_collector_says_which_devices_are_up(running: RunningCollector, agent: HandAgent) -> None:
    witness = Witness(
        running.fleet, running.store, running.pipeline, CollectorRegistry(), hostname="here", now_ms=wall_ms
    )
    await assign(running, agent)
    await lay_out(agent)
    up = (("__name__", "up"), ("instance", "sw1"), ("job", "snmp"))

    async def seen() -> list[float]:
        await witness.look()
        return [value for _, value in (await running.samples("up")).get(up, [])]

    assert await seen() == [], "nobody knows yet"
    now = wall_ms()
    await agent.send(1, Gather(2, now, [0.0]))
    assert await seen() == [0.0]
    await agent.send(2, Gather(2, now + 1, [1.0]))
    assert (await seen())[-1] == 1.0
    await agent.send(3, Gather(2, now - 60_000, [0.0]))
    assert (await seen())[-1] == 1.0, "what comes late tells nothing of now"
    shown = running.fleet.device("sw1")
    assert shown is not None
    assert (shown.job, shown.up, shown.agent_id, shown.last_sample_ms) == ("snmp", True, agent.agent_id, now + 1)
    await running.polling.remove("sw1")
    assert is_stale((await seen())[-1])


async def test_jobs_that_cannot_be_opened_are_not_told_as_none(
    running: RunningCollector, agent: HandAgent, tmp_path: Path
) -> None:
    await agent.hear_jobs()
    await assign(running, agent)
    await agent.hear_jobs()
    (tmp_path / "state.key").write_bytes(bytes(32))
    again = HandAgent(running.receiver.address, agent.agent_id)
    running.polling.credentials._sealer._key = None
    await again.say(again.hello())
    assert isinstance(await again.hear(), Welcome)
    await again.define({1: "node_load1"})
    await again.send(1, Gather(1, wall_ms(), [0.5]))
    assert again.told == []
    await again.close()
