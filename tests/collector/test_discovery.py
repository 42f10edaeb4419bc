"""What sweeps find becomes proposals: new devices are asked about, those that are known are named."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from netmon_collector.discovery.accepting import BadRule, parse
from netmon_collector.discovery.book import SILENT_MS, DiscoveryBook, Refused
from netmon_collector.discovery.records import Answer, Plan, State
from netmon_collector.discovery.vendors import vendor_of
from netmon_collector.identity.records import Source
from netmon_collector.identity.witness import witnesses
from netmon_collector.state.sweeps import KeptSweeps
from netmon_proto.model import Found, SnmpCredential, Sweep, SweepNews
from tests.support.clocks import HandClock
from tests.support.collectors import HandAgent, RunningCollector, collector

CORE = Source("core", "core", "", witnesses(serials=["ABC12345"], addresses=["10.0.0.1"]), 0, 0)
SW1 = Found("10.0.0.9", ("icmp", "snmp"), credential="public", told={"name": "sw1", "serial": "XYZ98765"})
PRINTER = Found("10.0.0.7", ("icmp",), names={"dns": "printer.example"})


class Desk:
    """A book, and an agent that is told what to sweep."""

    def __init__(self, running: RunningCollector, agent: HandAgent) -> None:
        self.running, self.agent = running, agent
        self.clock = HandClock(1_000_000)
        self.known = {"core": CORE}
        self.book = self.opened()

    def opened(self) -> DiscoveryBook:
        kept = KeptSweeps(self.running.engine)
        return DiscoveryBook(kept, self.running.polling, lambda: self.known, lambda _handle: False, self.clock.now_ms)

    def plan(self, **more: object) -> Plan:
        given = {"networks": ("10.0.0.0/24",), "credentials": ("public",), **more}
        return Plan(self.agent.agent_id, **given)  # type: ignore[arg-type]

    async def tell(self, sweep: int, *found: Found, is_over: bool = True) -> None:
        await self.book.told(self.agent.agent_id, SweepNews(sweep, 254, 254, found, is_over))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with collector(tmp_path) as running:
        agent = HandAgent(running.receiver.address)
        await agent.greet()
        await agent.hear_jobs()
        await running.polling.keep_credential("public", SnmpCredential("public", community="public"))
        yield Desk(running, agent)
        await agent.close()


async def test_an_agent_is_told_where_to_look(desk: Desk) -> None:
    record = await desk.book.start(desk.plan(ports=(22,)))

    told = await desk.agent.hear_all()
    assert isinstance(told, Sweep)
    assert (told.id, told.networks, told.ports, told.credentials[0].community) == (
        record.wire_id,
        ("10.0.0.0/24",),
        (22,),
        "public",
    )
    with pytest.raises(Refused, match="carries out sweep 1 already"):
        await desk.book.start(desk.plan())


async def test_finds_are_new_known_or_nothing_to_poll(desk: Desk) -> None:
    record = await desk.book.start(desk.plan())
    renumbered = Found("10.0.0.2", ("snmp",), credential="public", told={"serial": "abc12345", "name": "core"})
    await desk.tell(record.wire_id, SW1, PRINTER, renumbered)

    finds = {one.found.address: one for one in desk.book.finds(record.number)}
    answers = [finds[at].answer for at in ("10.0.0.9", "10.0.0.7", "10.0.0.2")]
    assert answers == [Answer.OPEN, Answer.SEEN, Answer.OPEN]  # a serial number alone is not enough to be sure


async def test_rules_have_what_they_are_for_polled_unasked(desk: Desk) -> None:
    rules = ({"vendor": "Cisco", "name": "sw*"}, {"network": "10.0.0.128/25"})
    record = await desk.book.start(desk.plan(accept_if=rules))
    told = {"vendor": "cisco", "model": "C9300"}
    cisco, other, far = (
        replace(SW1, told={**told, "name": "SW1"}),
        replace(SW1, address="10.0.0.8", told={**told, "name": "router"}),
        replace(SW1, address="10.0.0.200", told={"name": "ups"}),
    )
    await desk.tell(record.wire_id, cisco, other, far)
    answers = {one.found.address: one.answer for one in desk.book.finds(record.number)}
    assert answers == {"10.0.0.9": Answer.ACCEPTED, "10.0.0.8": Answer.OPEN, "10.0.0.200": Answer.ACCEPTED}
    assert [one.plan.accept_if for one in desk.opened().sweeps()] == [rules]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour=red", "'colour' is nothing to go by: it can be network, name, vendor"),
        ("vendor=", "vendor needs a value"),
        ("network=10.0.0.0/33", "is no network: write it as 10.0.0.0/24"),
        ("", "is nothing to go by"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_told(text: str, words: str) -> None:
    with pytest.raises(BadRule, match=words):
        parse(text)


async def test_a_find_that_leaves_no_doubt_is_known(desk: Desk) -> None:
    record = await desk.book.start(desk.plan())
    same = Found("10.0.0.1", ("snmp",), "3c:22:00:00:00:01", credential="public", told={"serial": "abc12345"})
    told = witnesses(serials=["ABC12345"], macs=["3c:22:00:00:00:01"], addresses=["10.0.0.1"])
    desk.known["core"] = Source("core", "core", "", told, 0, 0)
    await desk.tell(record.wire_id, same)

    (find,) = desk.book.finds(1)
    assert (find.answer, find.device) == (Answer.KNOWN, "core")
    assert "same serial number ABC12345" in find.reasons


async def test_what_is_accepted_is_polled_and_stays_so_after_a_restart(desk: Desk) -> None:
    record = await desk.book.start(desk.plan())
    await desk.tell(record.wire_id, SW1, PRINTER)
    (number,) = [one.number for one in desk.book.finds(1) if one.answer is Answer.OPEN]
    accepted = await desk.book.accept(number)

    polled = desk.running.polling.one("sw1")
    assert polled is not None
    assert (accepted.device, polled.record.host, polled.record.credential) == ("sw1", "10.0.0.9", "public")
    desk.book = desk.opened()
    assert (desk.book.sweeps()[0].state, desk.book.find(number)) == (State.DONE, accepted)
    with pytest.raises(Refused, match="is accepted already"):
        await desk.book.accept(number)
    printer = next(one for one in desk.book.finds(1) if one.found == PRINTER)
    with pytest.raises(Refused, match="answers to no credential"):
        await desk.book.accept(printer.number)
    with pytest.raises(LookupError, match="nothing was found under number 99"):
        await desk.book.reject(99)


async def test_new_devices_are_polled_unasked_where_the_plan_says_so(desk: Desk) -> None:
    record = await desk.book.start(desk.plan(accepts_new=True))
    await desk.tell(record.wire_id, SW1)

    assert [one.answer for one in desk.book.finds(1)] == [Answer.ACCEPTED]
    assert desk.running.polling.one("sw1") is not None


async def test_a_rejected_find_is_not_asked_about_again(desk: Desk) -> None:
    record = await desk.book.start(desk.plan())
    await desk.tell(record.wire_id, SW1, is_over=False)
    await desk.book.reject(1)
    await desk.tell(record.wire_id, SW1)

    assert [(one.number, one.answer) for one in desk.book.finds(1)] == [(1, Answer.REJECTED)]


async def test_news_of_others_and_of_what_is_over_count_for_nothing(desk: Desk) -> None:
    record = await desk.book.start(desk.plan())
    await desk.book.told("another", SweepNews(record.wire_id, 1, 1, (SW1,)))
    await desk.tell(record.wire_id + 1, SW1)
    await desk.book.stop(record.number)
    await desk.tell(record.wire_id, SW1)

    assert desk.book.finds(1) == []
    assert desk.book.sweeps()[0].state is State.STOPPED


async def test_a_sweep_comes_again_when_its_time_has_come(desk: Desk) -> None:
    record = await desk.book.start(desk.plan(every_ms=3_600_000))
    first = await desk.agent.hear_all()
    await desk.tell(record.wire_id)
    assert desk.book.sweeps()[0].state is State.PLANNED
    desk.clock.pass_ms(3_600_000)
    await desk.book.look_after()

    second = await desk.agent.hear_all()
    assert isinstance(first, Sweep)
    assert isinstance(second, Sweep)
    assert second.id == first.id + 1


async def test_an_agent_that_says_nothing_is_told_again(desk: Desk) -> None:
    await desk.book.start(desk.plan())
    first = await desk.agent.hear_all()
    desk.clock.pass_ms(SILENT_MS + 1)
    await desk.book.look_after()

    assert await desk.agent.hear_all() == first


@pytest.mark.parametrize("mac", ["", "x", "02:00:00:00:00:01", "00:11"])
def test_addresses_that_nobody_registered_have_no_vendor(mac: str) -> None:
    assert vendor_of(mac) == ""


def test_a_vendor_is_known_by_its_part_of_the_address() -> None:
    assert "cisco" in vendor_of("00:00:0c:12:34:56").lower()
