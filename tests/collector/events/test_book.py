"""A batch of events is taken once, of the right device, acked when it is kept; agents of other versions get on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from netmon_collector.state.devices import DeviceRecord
from netmon_collector.state.events import EventRecord, Wanted
from netmon_proto.model import (
    Acked,
    DeviceFacts,
    Event,
    EventBatch,
    FactTable,
    PollNow,
    Reason,
    Receipt,
    Refused,
    Retry,
    Severity,
    SnmpCredential,
    Welcome,
)
from tests.support.collectors import HandAgent, RunningCollector, collector, wall_ms

TRAP = Event(0, "trap", "linkDown", Severity.ERROR, "linkDown ifIndex=5", 1, "", "192.0.2.1", {"ifIndex": "5"})
EPOCH = 99


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningCollector]:
    async with collector(tmp_path / "collector") as one:
        yield one


@pytest.fixture
async def agent(running: RunningCollector) -> AsyncIterator[HandAgent]:
    hand = HandAgent(running.receiver.address)
    await hand.greet(events_epoch=EPOCH, events_first_sequence=1)
    yield hand
    await hand.close()


async def poll(running: RunningCollector, agent: HandAgent, name: str, host: str) -> None:
    """Has the agent poll a device."""
    await running.polling.keep_credential("public", SnmpCredential(community="public"))
    record = DeviceRecord(name, name, host, 161, agent.agent_id, "public", 60_000, 0)
    await running.polling.add(record, lambda _: False)
    await agent.hear_all()  # its jobs


async def tell(agent: HandAgent, sequence: int, *events: Event, epoch: int = EPOCH) -> Receipt:
    now_ms = wall_ms()
    stamped = [replace(one, time_ms=one.time_ms or now_ms) for one in events]
    await agent.say(EventBatch(epoch, sequence, now_ms, 0, stamped))
    receipt = await agent.hear()
    assert isinstance(receipt, Receipt)
    return receipt


def kept(running: RunningCollector) -> list[EventRecord]:
    return running.events.kept.page(Wanted(), 100)


async def test_what_is_acked_is_in_the_log_once(running: RunningCollector, agent: HandAgent) -> None:
    for _ in range(3):
        receipt = await tell(agent, 1, TRAP)
        assert receipt == Receipt(EPOCH, 1, Acked())
    (event,) = kept(running)
    assert (event.kind, event.severity, event.device, event.address) == ("linkDown", Severity.ERROR, "", "192.0.2.1")
    assert running.registry.get_sample_value(
        "netmon_events_total", {"device": "", "kind": "linkDown", "severity": "error"}
    ) == 1  # fmt: skip


async def test_a_new_stream_learns_what_is_kept(running: RunningCollector, agent: HandAgent) -> None:
    await tell(agent, 1, TRAP)
    await tell(agent, 2, TRAP)
    agent.open()
    welcome = await agent.greet(events_epoch=EPOCH, events_first_sequence=3, events_last_sequence=2)
    assert isinstance(welcome, Welcome)
    assert (welcome.events_highest_acked, welcome.limits.batch_events) == (2, 5_000)
    await tell(agent, 2, TRAP)
    assert len(kept(running)) == 2


async def test_an_agent_that_knows_no_events_gets_on(running: RunningCollector) -> None:
    old = HandAgent(running.receiver.address)
    welcome = await old.greet()
    assert welcome.events_highest_acked == 0
    await old.close()


async def test_what_cannot_be_is_refused_for_good(agent: HandAgent) -> None:
    for receipt in (
        await tell(agent, 1),
        await tell(agent, 0, TRAP),
        await tell(agent, 1, TRAP, epoch=1 << 63),
        await tell(agent, 1, *[TRAP] * 5_001),
    ):
        assert isinstance(receipt.outcome, Refused)
        assert receipt.outcome.reason is Reason.MALFORMED


async def test_while_the_database_takes_nothing_agents_are_asked_to_wait(
    running: RunningCollector, agent: HandAgent
) -> None:
    with running.engine.begin() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO away"))
    refused = await tell(agent, 1, TRAP)
    assert isinstance(refused.outcome, Retry)
    with running.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO events"))
    assert (await tell(agent, 1, TRAP)).outcome == Acked()
    assert len(kept(running)) == 1


async def test_hostile_texts_are_cut_and_kept(running: RunningCollector, agent: HandAgent) -> None:
    fields = {f"{number}\0": "x" * 5_000 for number in range(200)}
    await tell(agent, 1, replace(TRAP, text="\0a\x1b\ud7ff" * 5_000, kind="k" * 500, count=0, fields=fields))
    (event,) = kept(running)
    assert (len(event.text), len(event.kind), event.count, len(event.fields)) == (3072, 128, 1, 100)
    assert "\0" not in event.text + "".join(event.fields)
    assert {len(one) for one in event.fields.values()} == {1024}


async def test_times_are_corrected_by_the_agents_clock(running: RunningCollector, agent: HandAgent) -> None:
    ahead_ms, now_ms = 3_600_000, wall_ms()
    await agent.say(EventBatch(EPOCH, 1, now_ms + ahead_ms, 0, [replace(TRAP, time_ms=now_ms + ahead_ms - 500)]))
    await agent.hear()
    (event,) = kept(running)
    assert abs(event.time_ms - now_ms) < 5_000


async def test_a_link_that_changed_has_its_device_polled_and_one_that_started_is_looked_at_afresh(
    running: RunningCollector, agent: HandAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netmon_collector.events.reactions.SETTLE_S", 0.1)
    await poll(running, agent, "sw1", "192.0.2.1")
    await poll(running, agent, "sw2", "192.0.2.2")
    agent.told.clear()
    await tell(agent, 1, TRAP, TRAP, TRAP, replace(TRAP, address="192.0.2.9"))
    await tell(agent, 2, replace(TRAP, kind="coldStart", address="192.0.2.2"))
    heard = [one for one in agent.told if isinstance(one, PollNow)]
    while len(heard) < 2:
        message = await agent.hear_all()
        heard += [message] if isinstance(message, PollNow) else []
    assert heard == [PollNow((), (), {"sw1": (5,)}), PollNow(("sw2",), ("sw2",))]
    assert [one.device for one in kept(running)][:1] == ["sw2"]


async def test_a_flapping_link_costs_a_poll_every_while_and_one_at_the_end(
    running: RunningCollector, agent: HandAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netmon_collector.events.reactions.LEAST_PAUSE_S", 1.5)
    await poll(running, agent, "sw1", "192.0.2.1")
    agent.told.clear()
    for sequence in range(1, 9):
        await tell(agent, sequence, TRAP)
    while not isinstance(last := await agent.hear_all(), PollNow):
        pass
    await tell(agent, 9, replace(TRAP, kind="other"))
    assert [*(one for one in agent.told if isinstance(one, PollNow)), last] == [PollNow((), (), {"sw1": (5,)})] * 2


async def test_ports_that_change_together_are_polled_together_and_a_restart_comes_before_them(
    running: RunningCollector, agent: HandAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netmon_collector.events.reactions.LEAST_PAUSE_S", 0.3)
    monkeypatch.setattr("netmon_collector.events.reactions.SETTLE_S", 0.3)
    await poll(running, agent, "sw1", "192.0.2.1")
    agent.told.clear()

    def down(port: str) -> Event:
        return replace(TRAP, fields={"ifIndex": port} if port else {})

    async def asked(count: int) -> list[PollNow]:
        heard = [one for one in agent.told if isinstance(one, PollNow)]
        while len(heard) < count:
            message = await agent.hear_all()
            heard += [message] if isinstance(message, PollNow) else []
        agent.told[:] = heard
        return heard

    await tell(agent, 1, down("7"))
    assert await asked(1) == [PollNow((), (), {"sw1": (7,)})]
    await tell(agent, 2, down("8"), down("9"), down("8"))
    assert (await asked(2))[1] == PollNow((), (), {"sw1": (8, 9)})
    await tell(agent, 3, down("8"), down("-1"))
    assert (await asked(3))[2] == PollNow(("sw1",))
    await tell(agent, 4, down("8"), replace(TRAP, kind="coldStart"), down("9"))
    assert (await asked(4))[3] == PollNow(("sw1",), ("sw1",))


async def test_the_device_is_found_by_whatever_tells_it(running: RunningCollector, agent: HandAgent) -> None:
    await poll(running, agent, "sw1", "192.0.2.1")
    await poll(running, agent, "Core.example.net", "192.0.2.2")
    tables = (
        FactTable("address", {"address": ["198.51.100.7", "127.0.0.1", "198.51.100.99"], "ifIndex": ["1", "2", "3"]}),
        FactTable("device", {"engine_id": ["8000000001020304"]}),
    )
    await running.owners.learn(DeviceFacts("sw1", 0, tables))
    other = FactTable("address", {"address": ["198.51.100.99"], "ifIndex": ["1"]})
    await running.owners.learn(DeviceFacts("core.example.net", 0, (other,)))
    line = replace(TRAP, source="syslog", kind="auth", address="192.0.2.77")
    cases = {
        "its address": (TRAP, "sw1"),
        "another of its addresses": (replace(TRAP, address="198.51.100.7"), "sw1"),
        "an address that two claim": (replace(TRAP, address="198.51.100.99"), ""),
        "its engine": (replace(TRAP, address="192.0.2.77", fields={"engine_id": "8000000001020304"}), "sw1"),
        "the address in the trap": (replace(TRAP, address="192.0.2.2", fields={"agent_address": "192.0.2.1"}), "sw1"),
        "its name in the line": (replace(line, fields={"hostname": "CORE"}), "core.example.net"),
        "its whole name": (replace(line, fields={"hostname": "core.example.net"}), "core.example.net"),
        "nothing": (line, ""),
        "what the agent says": (replace(line, device="sw1"), "sw1"),
        "what the agent says wrongly": (replace(line, device="sw9"), ""),
        "the agent itself": (replace(line, address=""), "web1.example"),
        "its own machine": (replace(line, address="127.0.0.1"), "web1.example"),
    }
    found = {name: running.owners.of(event, "web1.example", agent.agent_id) for name, (event, _) in cases.items()}
    assert found == {name: owner for name, (_, owner) in cases.items()}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_localhost_is_a_device_only_where_it_is_polled(
    running: RunningCollector, agent: HandAgent, host: str
) -> None:
    await poll(running, agent, "here", host)
    line = replace(TRAP, source="syslog", kind="auth", address="127.0.0.1", fields={"hostname": "localhost"})
    of = running.owners.of
    assert of(replace(line, address="192.0.2.77"), "web1.example", agent.agent_id) == "", "another machine's own name"
    assert of(line, "web2.example", "another agent") == "web2.example"
    assert of(replace(line, fields={"hostname": host}), "web1.example", agent.agent_id) == "here"
