"""What devices have is kept as their own pollers tell it, whole or not at all."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from netmon_collector import facts
from netmon_collector.facts import FactBook
from netmon_collector.state.devices import DeviceRecord
from netmon_collector.state.facts import KeptFacts
from netmon_proto.model import DeviceFacts, FactTable, Gather, SnmpCredential
from tests.support.collectors import HandAgent, RunningCollector, wall_ms

PORTS = FactTable("port", {"ifIndex": ("1", "2"), "name": ("eth0", "")})
FACTS = DeviceFacts("sw1", 1_000, (PORTS, FactTable("arp")))


@dataclass
class Diary:
    """A learner that writes down what it hears."""

    heard: list[DeviceFacts] = field(default_factory=list)

    async def learn(self, facts: DeviceFacts) -> None:
        self.heard.append(facts)


@pytest.fixture
async def agent(running: RunningCollector) -> AsyncIterator[HandAgent]:
    one = HandAgent(running.receiver.address)
    await one.greet()
    await running.polling.keep_credential("public", SnmpCredential(community="public"))
    record = DeviceRecord("sw1", "sw1", "sw1.example", 161, one.agent_id, "public", 10_000, wall_ms())
    await running.polling.add(record, lambda handle: False)
    yield one
    await one.close()


def book_of(running: RunningCollector) -> tuple[FactBook, Diary]:
    diary = Diary()
    return FactBook(KeptFacts(running.engine), running.polling, wall_ms, [diary]), diary


async def test_facts_that_an_agent_tells_are_kept(running: RunningCollector, agent: HandAgent) -> None:
    await agent.say(FACTS)
    await agent.define({1: "node_load1"})
    await agent.send(1, Gather(1, wall_ms(), [1.0]))  # its receipt comes after all that was said before
    assert await running.facts.of("sw1") == FACTS
    assert await book_of(running)[0].of("sw1") == FACTS, "another process, later"
    await running.polling.remove("sw1")
    assert await running.facts.of("sw1") is None


async def test_of_a_device_that_is_not_its_own_nothing_is_taken(running: RunningCollector, agent: HandAgent) -> None:
    book, diary = book_of(running)
    await book.told("another agent", FACTS)
    await book.told(agent.agent_id, replace(FACTS, device="sw2"))
    assert (await book.of("sw1"), await book.of("sw2"), diary.heard) == (None, None, [])


async def test_parts_become_a_whole(running: RunningCollector, agent: HandAgent) -> None:
    book, diary = book_of(running)
    more = FactTable("port", {"ifIndex": ("3",), "alias": ("uplink",)}, is_complete=False)
    await book.told(agent.agent_id, replace(FACTS, is_last=False))
    assert await book.of("sw1") is None
    await book.told(agent.agent_id, replace(FACTS, part=1, tables=(more,)))
    found = await book.of("sw1")
    assert found is not None
    assert diary.heard == [found]
    ports = found.table("port")
    assert ports is not None
    assert list(ports.rows()) == [
        {"ifIndex": "1", "name": "eth0"},
        {"ifIndex": "2"},
        {"ifIndex": "3", "alias": "uplink"},
    ]
    assert (ports.is_complete, found.table("arp"), found.table("fdb")) == (False, FactTable("arp"), None)


@pytest.mark.parametrize("second", [replace(FACTS, part=2), replace(FACTS, part=1, time_ms=2_000)])
async def test_a_reading_with_a_hole_is_dropped(
    running: RunningCollector, agent: HandAgent, second: DeviceFacts
) -> None:
    book, _ = book_of(running)
    await book.told(agent.agent_id, replace(FACTS, is_last=False))
    await book.told(agent.agent_id, second)
    assert await book.of("sw1") is None
    await book.told(agent.agent_id, FACTS)
    assert await book.of("sw1") == FACTS


async def test_what_goes_beyond_bounds_is_left_out(
    running: RunningCollector, agent: HandAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, _ = book_of(running)
    odd = [FactTable("NO SUCH"), FactTable("arp", {"mac address": ()}), FactTable("vlan", {"name": ("x" * 5_000,)})]
    await book.told(agent.agent_id, replace(FACTS, tables=(PORTS, *odd)))
    found = await book.of("sw1")
    assert found is not None
    assert [one.kind for one in found.tables] == ["port", "vlan"]
    assert found.tables[1].columns == {"name": ("x" * 1_024,)}
    monkeypatch.setattr(facts, "MOST_VALUES", 3)
    await book.told(agent.agent_id, FACTS)
    assert await book.of("sw1") == found, "what was told before stays"
