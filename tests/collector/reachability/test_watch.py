"""What a collector hears of its devices is judged, written down as series, and raises one alert."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netmon_collector.reachability.hearing import GRACE_MS, _address_of, _device_at
from netmon_collector.reachability.ledger import Ledger
from netmon_collector.reachability.standing import State
from netmon_collector.reachability.survey import Settings
from netmon_collector.reachability.watch import Watch
from netmon_collector.rules.writing import Ledger as Results
from netmon_collector.session import Session
from netmon_collector.state.devices import DeviceRecord
from netmon_collector.state.events import Wanted
from netmon_collector.state.standings import KeptStandings
from netmon_collector.store.base import Matcher, MatchOp, TieredStore
from netmon_collector.topology.graph import End, Graph, Link
from netmon_proto.model import NAME, Hello, SnmpCredential
from tests.support.clocks import HandClock
from tests.support.collectors import RunningCollector, collector
from tests.support.rules import Told, alerts_over

AGENT_ID = "00000000-0000-4000-8000-{:012d}"


@dataclass
class Site:
    """A collector on a clock that is moved by hand; its watch looks every five seconds."""

    running: RunningCollector
    clock: HandClock
    watch: Watch = field(init=False)
    graph: Graph = field(default_factory=Graph)
    asked: list[str] = field(default_factory=list)
    serviced: set[str] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)

    def connect(self, number: int, hostname: str) -> None:
        hello = Hello(AGENT_ID.format(number), b"k" * 32, hostname, "1.0", "Linux", 0, 10_000, 1, 1, 0)
        self.sessions[hostname] = self.running.fleet.connect(self.running.fleet.admit(hello), "192.0.2.1:5")

    async def passes(self, seconds: int, *talking: str) -> None:
        """Time goes by, in which some agents send every ten seconds."""
        for at_s in range(0, seconds, 5):
            if at_s % 10 == 0:
                for name in talking:
                    self.running.fleet.heard(self.sessions[name], self.clock.now_ms())
            await self.watch.look()
            self.clock.pass_ms(5000)

    async def measure(self, name: str, value: float, **labels: str) -> None:
        """Has a sample come, as of now."""
        results = Results(self.running.store, self.running.pipeline.append_own)
        results.note("test", {((NAME, name), *sorted(labels.items())): value}, self.clock.now_ms())
        await results.flush()

    def state(self, device: str) -> State:
        return self.watch.ledger.standings[device].state

    async def series(self, name: str) -> dict[str, float]:
        store = self.running.store
        assert isinstance(store, TieredStore)
        found = await store.latest([Matcher(NAME, MatchOp.EQUAL, name)])
        return {dict(labels)["instance"]: value for labels, value in zip(found.labels, found.values, strict=True)}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = HandClock()
    async with collector(tmp_path, now_ms=clock.now_ms) as running:
        here = Site(running, clock)
        assert isinstance(running.store, TieredStore)
        here.watch = Watch(
            running.fleet,
            running.store.latest,
            Results(running.store, running.pipeline.append_own),
            lambda: here.graph,
            lambda devices, _: devices & here.serviced,
            here.asked.append,
            lambda check: 60_000 if check else 0,
            clock.now_ms,
            "monitor",
            Ledger(Settings()),
            running.events.note,
            KeptStandings(running.engine).keep,
        )
        yield here


async def test_an_agent_that_falls_silent_is_paged_within_a_minute(site: Site) -> None:
    for number, name in enumerate(("web1", "web2"), 1):
        site.connect(number, name)
    await site.passes(60, "web1", "web2")
    assert (site.state("web1"), await site.series("netmon_device_page")) == (State.UP, {})
    await site.passes(45, "web1")
    assert site.state("web2") is State.DOWN
    assert await site.series("netmon_device_state") == {"web1": 0.0, "web2": 2.0}
    assert await site.series("netmon_device_page") == {"web2": 1.0}


async def test_each_change_is_an_event_with_its_evidence_and_a_start_is_none(site: Site) -> None:
    for number, name in enumerate(("web1", "web2"), 1):
        site.connect(number, name)
    await site.passes(60, "web1", "web2")
    assert site.running.events.kept.count(Wanted()) == 0
    await site.passes(45, "web1")
    (down,) = site.running.events.kept.page(Wanted(), 10)
    assert (down.device, down.kind, down.fields["before"]) == ("web2", "device.down", "up")
    assert down.text.startswith("web2 is down: agent: silent for 3")
    await site.passes(30, "web1", "web2")
    assert [one.kind for one in site.running.events.kept.page(Wanted(), 10)] == ["device.up", "device.down"]


async def test_a_device_in_maintenance_is_paged_by_nobody_until_that_is_over(site: Site) -> None:
    for number, name in enumerate(("web1", "web2"), 1):
        site.connect(number, name)
    await site.passes(60, "web1", "web2")
    site.serviced.add("web2")
    await site.passes(120, "web1")
    assert (site.state("web2"), await site.series("netmon_device_page")) == (State.MAINTENANCE, {})
    site.serviced.clear()
    await site.passes(60, "web1")
    assert site.state("web2") is State.DOWN


async def test_the_page_becomes_one_alert_of_the_shipped_rules(site: Site) -> None:
    told = Told()
    book = await alerts_over(site.running.store, told, site.clock)
    site.connect(1, "web1")
    site.connect(2, "web2")
    for seconds, talking in ((60, ("web1", "web2")), (100, ("web1",)), (100, ("web1", "web2"))):
        for _ in range(0, seconds, 10):
            await site.passes(10, *talking)
            for group in book.groups:
                if group.group.name == "netmon-reachability":
                    await group.evaluate(site.clock.now_ms())
    alerts = [
        (alert.name, dict(alert.labels)["instance"], str(alert.state)) for _, call in told.calls for alert in call
    ]
    assert dict.fromkeys(alerts) == {("Down", "web2", "firing"): None, ("Down", "web2", "inactive"): None}


async def test_a_collector_that_starts_gives_agents_time_to_find_it(site: Site) -> None:
    site.connect(1, "web1")
    await site.passes(GRACE_MS // 1000 + 25)
    assert site.state("web1") is State.UNKNOWN
    await site.passes(15)
    assert site.state("web1") is State.DOWN


async def poll(site: Site, *instances: str) -> None:
    """Has devices polled by poller1, at 10.0.0.1 and so on."""
    await site.running.polling.keep_credential("public", SnmpCredential(community="public"))
    for number, name in enumerate(instances, 1):
        record = DeviceRecord(name, name, f"10.0.0.{number}", 161, AGENT_ID.format(1), "public", 10_000, 0)
        await site.running.polling.add(record, lambda handle: False)


async def test_the_port_of_a_neighbour_makes_a_page_come_sooner_and_is_evidence(site: Site) -> None:
    site.connect(1, "poller1")
    await poll(site, "sw1", "web1")
    site.graph = Graph.of([], [Link(End("sw1", "Gi0/7"), End("web1"))])
    for _ in range(2):
        site.running.polling.heard("sw1", site.clock.now_ms(), up=True)
        site.running.polling.heard("web1", site.clock.now_ms(), up=False)
        await site.measure("ifOperStatus", 2.0, instance="sw1", ifName="Gi0/7", ifIndex="7")
        await site.passes(10, "poller1")
    assert site.state("web1") is State.DOWN
    assert "neighbour sw1 Gi0/7: its port is down" in site.watch.ledger.standings["web1"].evidence


async def test_a_port_that_takes_its_device_off_the_map_as_it_goes_down_still_leads_to_it(site: Site) -> None:
    site.connect(1, "poller1")
    await poll(site, "sw1", "web1")
    link = Link(End("sw1", "Gi0/7"), End("web1"))
    site.graph = Graph.of([], [link])
    for port, links in ((1.0, [link]), (2.0, []), (2.0, [])):
        site.running.polling.heard("sw1", site.clock.now_ms(), up=True)
        site.running.polling.heard("web1", site.clock.now_ms(), up=port == 1.0)
        site.graph = Graph.of(site.graph.nodes.values(), links)
        await site.measure("ifOperStatus", port, instance="sw1", ifName="Gi0/7", ifIndex="7")
        await site.passes(10, "poller1")
    assert site.state("web1") is State.DOWN
    assert "neighbour sw1 Gi0/7: its port is down" in site.watch.ledger.standings["web1"].evidence


async def test_what_is_behind_a_link_that_went_off_the_map_has_one_page(site: Site) -> None:
    site.connect(1, "poller1")
    await poll(site, "core", "hall", "web1")
    pairs = (("core", "hall"), ("poller1", "core"), ("hall", "web1"))
    uplink, *rest = [Link(End(one), End(other)) for one, other in pairs]
    for is_up in (True, False, False, False):
        site.graph = Graph.of(site.graph.nodes.values(), [uplink, *rest] if is_up else rest)
        for name in ("core", "hall", "web1"):
            site.running.polling.heard(name, site.clock.now_ms(), up=is_up or name == "core")
        await site.passes(10, "poller1")
    assert (site.state("hall"), site.state("web1")) == (State.DOWN, State.UNREACHABLE)
    assert await site.series("netmon_device_page") == {"hall": 1.0}


async def test_assigned_checks_are_witnesses_in_their_own_time_and_pages_are_none(site: Site) -> None:
    site.connect(1, "poller1")
    await poll(site, "sw1")
    labels = {"instance": "poller1", "check": "core", "device": "sw1"}
    for second in range(0, 120, 10):
        site.running.polling.heard("sw1", site.clock.now_ms(), up=False)
        if second % 60 == 0:
            await site.measure("probe_success", 1.0, target="sw1.example", **labels)
            await site.measure("probe_success", 0.0, target="https://sw1.example/", **labels)
        await site.passes(10, "poller1")
    evidence = site.watch.ledger.standings["sw1"].evidence
    assert site.state("sw1") is State.DEGRADED
    assert "icmp from poller1: seen 55 s ago" in evidence
    assert not [one for one in evidence if one.startswith("tcp")]


async def test_a_device_whose_address_answers_on_the_link_is_degraded(site: Site) -> None:
    site.connect(1, "poller1")
    await poll(site, "web1")
    for _ in range(4):
        site.running.polling.heard("web1", site.clock.now_ms(), up=False)
        await site.measure("netmon_neighbour_confirmed_age_seconds", 2.0, instance="poller1", address="10.0.0.1")
        await site.passes(10, "poller1")
    assert site.state("web1") is State.DEGRADED


async def test_a_poller_whose_canaries_are_silent_says_so_and_nothing_else(site: Site) -> None:
    site.connect(1, "poller1")
    await poll(site, "web1")
    for up, canary in ((True, 1.0), *((False, 0.0),) * 4, (True, 1.0)):
        site.running.polling.heard("web1", site.clock.now_ms(), up=up)
        await site.measure("netmon_canary_success", canary, instance="poller1", target="gateway")
        await site.passes(10, "poller1")
    assert [one.kind for one in site.running.events.kept.page(Wanted(), 10)] == [
        "device.up",
        "poller.sees",
        "device.unknown",
        "poller.blind",
    ]


async def test_one_address_at_two_sites_is_the_device_of_whoever_polls_it(site: Site) -> None:
    assert _device_at({"web1": "poller1"}, "other") == "web1"
    assert _device_at({"web1": "poller1", "web2": "poller2"}, "poller2") == "web2"
    assert _device_at({"web1": "poller1", "web2": "poller2"}, "other") == ""


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("10.0.0.1", ("10.0.0.1", "")),
        ("web1:22", ("web1", "22")),
        ("2001:db8::1", ("2001:db8::1", "")),
        ("[2001:db8::1]:22", ("2001:db8::1", "22")),
    ],
)
def test_a_checks_target_is_told_apart_from_its_port(target: str, address: tuple[str, str]) -> None:
    assert _address_of(target) == address


async def test_a_device_that_misses_a_poll_is_polled_again_at_once(site: Site) -> None:
    site.connect(1, "poller1")
    polling = site.running.polling
    await polling.keep_credential("public", SnmpCredential(community="public"))
    record = DeviceRecord("sw1", "sw1", "sw1.example", 161, AGENT_ID.format(1), "public", 60_000, site.clock.now_ms())
    await polling.add(record, lambda handle: False)
    polling.heard("sw1", site.clock.now_ms(), up=True)
    await site.passes(10, "poller1")
    assert (site.state("sw1"), site.asked) == (State.UP, [])
    for tries in (1, 2):
        polling.heard("sw1", site.clock.now_ms(), up=False)
        await site.passes(10, "poller1")
        assert site.state("sw1") is State.UP
        assert site.asked == ["sw1"] * tries
    polling.heard("sw1", site.clock.now_ms(), up=False)
    await site.passes(5, "poller1")
    assert site.state("sw1") is State.DOWN
    assert site.watch.ledger.evidence("sw1", site.clock.now_ms())[0].startswith(
        "snmp from poller1: no answer to 3 tries"
    )
    assert await polling.remove("sw1")
    await site.passes(5, "poller1")
    assert "sw1" not in site.watch.ledger.standings
