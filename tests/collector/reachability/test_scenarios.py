"""Outages, second by second: who is paged, how soon, and who is not. Whole ones are scenarios: tests/alerts/."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from netmon_collector.reachability.ledger import Ledger
from netmon_collector.reachability.standing import State
from netmon_collector.reachability.survey import Settings
from netmon_collector.reachability.witnesses import Kind, Witness
from netmon_collector.topology.graph import End, Graph, Link

Sees = Callable[[float], bool]
"""Whether a probe at a time, in seconds, is answered."""


def always(_: float) -> bool:
    return True


def but(*spans: tuple[float, float]) -> Sees:
    """Answered but within some spans of seconds."""
    return lambda at_s: not any(begin <= at_s < end for begin, end in spans)


def net(*pairs: tuple[str, str]) -> Graph:
    return Graph.of([], [Link(End(one), End(other)) for one, other in pairs])


@dataclass
class Outage:
    """A network whose witnesses tell on their intervals, judged every 5 seconds."""

    graph: Graph = field(default_factory=Graph)
    probes: list[tuple[str, Witness, Sees, float]] = field(default_factory=list)
    serviced: set[str] = field(default_factory=set)
    ledger: Ledger = field(default_factory=lambda: Ledger(Settings()))
    states: list[tuple[float, str, State]] = field(default_factory=list)
    pages: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    blind: list[tuple[float, str, bool]] = field(default_factory=list)

    def probe(
        self,
        device: str,
        sees: Sees,
        kind: Kind = Kind.ICMP,
        by: str = "poller",
        every_s: float = 10,
        phase_s: float = 0,
    ) -> None:
        self.probes.append((device, Witness(kind, by, round(every_s * 1000)), sees, phase_s))

    def runs(self, until_s: int) -> "Outage":
        for at_s in range(until_s + 1):
            for device, witness, sees, phase_s in self.probes:
                if (at_s - phase_s) % (witness.interval_ms / 1000) == 0:
                    self._tell(device, witness, sees(at_s), at_s)
            if at_s % 5 == 0:
                self._judge(at_s)
        return self

    def _tell(self, device: str, witness: Witness, ok: bool, at_s: int) -> None:
        if ok or witness.kind not in (Kind.AGENT, Kind.ARP):  # whose silence is all that there is
            self.ledger.tell(device, witness, ok, at_s * 1000)

    def _judge(self, at_s: int) -> None:
        judged = self.ledger.judge(at_s * 1000, self.graph, self.serviced)
        for change in judged.changes:
            if change.before is not change.standing.state:
                self.states.append((at_s, change.device, change.standing.state))
            pages = self.pages.setdefault(change.device, [])
            is_open = bool(pages) and pages[-1][1] is None
            if change.standing.page and not is_open:
                pages.append((at_s, None))
            if not change.standing.page and is_open:
                pages[-1] = (pages[-1][0], at_s)
        self.blind += [(at_s, one, True) for one in judged.blinded] + [(at_s, one, False) for one in judged.seeing]

    @property
    def paged(self) -> dict[str, list[tuple[float, float | None]]]:
        return {device: pages for device, pages in self.pages.items() if pages}

    def of(self, device: str) -> list[tuple[float, State]]:
        return [(at_s, state) for at_s, name, state in self.states if name == device]


def test_a_real_outage_is_paged_in_less_than_a_minute() -> None:
    outage = Outage()
    outage.probe("web1", but((100, 400)))
    outage.runs(600)
    assert outage.of("web1") == [(0, State.UP), (120, State.DOWN), (400, State.UP)]
    assert outage.paged == {"web1": [(120, 460)]}


@pytest.mark.parametrize("phase_s", [0, 3, 7])
def test_whenever_an_outage_begins_it_is_paged_in_less_than_a_minute(phase_s: int) -> None:
    for kind in (Kind.ICMP, Kind.TCP, Kind.AGENT):
        outage = Outage()
        outage.probe("web1", but((101 + phase_s, 1000)), kind)
        outage.runs(300)
        ((paged_s, _),) = outage.paged["web1"]
        assert paged_s - (101 + phase_s) < 60, kind


def test_a_single_lost_poll_never_pages_and_two_do_not_either() -> None:
    outage = Outage()
    outage.probe("web1", but((100, 101), (200, 211), (300, 301), (320, 321)))
    outage.probe("sw1", but((60, 61)), Kind.SNMP, every_s=60)
    outage.runs(600)
    assert outage.paged == {}
    assert [state for _, state in outage.of("web1")] == [State.UP]


def test_two_witnesses_that_agree_are_believed_sooner_than_one() -> None:
    one, two = Outage(), Outage()
    one.probe("web1", but((100, 400)))
    two.probe("web1", but((100, 400)))
    two.probe("web1", but((100, 400)), Kind.TCP)
    assert one.runs(300).paged["web1"][0][0] == 120
    assert two.runs(300).paged["web1"][0][0] == 110


def test_a_device_that_one_poller_still_sees_is_degraded_and_not_paged() -> None:
    outage = Outage()
    outage.probe("web1", but((100, 400)), by="oslo")
    outage.probe("web1", always, by="bergen")
    outage.runs(600)
    assert outage.of("web1") == [(0, State.UP), (120, State.DEGRADED), (400, State.UP)]
    assert outage.paged == {}
    said = Outage()
    said.probe("web1", but((100, 400)), by="oslo")
    said.probe("web1", always, by="bergen")
    said.runs(130)
    assert said.ledger.standings["web1"].evidence == (
        "icmp from bergen: seen 0 s ago",
        "icmp from oslo: no answer to 4 tries in 30 s",
    )


def test_a_service_that_fails_on_a_host_that_answers_is_degraded() -> None:
    outage = Outage()
    outage.probe("sw1", always)
    outage.probe("sw1", but((100, 1000)), Kind.SNMP, every_s=30)
    outage.runs(400)
    assert [state for _, state in outage.of("sw1")] == [State.UP, State.DEGRADED]
    assert outage.paged == {}


def test_what_stands_behind_says_behind_what() -> None:
    outage = Outage(net(("poller", "core"), ("core", "dist"), ("dist", "access")))
    outage.probe("core", always)
    for name in ("dist", "access"):
        outage.probe(name, but((100, 1000)))
    outage.runs(200)
    standing = outage.ledger.standings["access"]
    assert (standing.state, standing.shadowed_by) == (State.UNREACHABLE, ("dist",))
    assert standing.evidence[0] == "behind dist, which is down"
    assert outage.ledger.standings["dist"].state is State.DOWN


def test_devices_that_are_asked_seldom_are_not_paged_before_they_were_asked_again() -> None:
    outage = Outage(net(("poller", "core"), ("core", "slow")))
    outage.probe("core", but((100, 300)))
    outage.probe("slow", but((100, 300)), Kind.SNMP, every_s=60, phase_s=55)
    outage.runs(800)
    assert list(outage.paged) == ["core"]
    assert outage.of("slow")[-1][1] is State.UP


def test_a_poller_without_canaries_that_sees_nothing_at_all_is_blind() -> None:
    outage = Outage()
    for number in range(40):
        outage.probe(f"web{number}", but((100, 900)), phase_s=number % 10)
    outage.runs(1200)
    assert outage.paged == {}
    assert [(one, is_blind) for _, one, is_blind in outage.blind] == [("poller", True), ("poller", False)]


def test_a_device_that_flaps_is_one_page_with_a_count() -> None:
    watched = Outage()
    watched.probe("web1", but(*((begin, begin + 60) for begin in range(100, 3700, 100))))
    watched.runs(1000)
    page = watched.ledger.standings["web1"].page
    assert page is not None
    assert page.count == 9


def test_maintenance_is_quiet_and_what_is_down_after_it_is_paged() -> None:
    outage = Outage(serviced={"web1"})
    outage.probe("web1", but((100, 1000)))
    outage.runs(300)
    assert outage.paged == {}
    assert outage.of("web1") == [(0, State.MAINTENANCE)]
    outage.serviced.clear()
    outage.runs(310)
    assert outage.of("web1")[-1][1] is State.DOWN
    assert list(outage.paged) == ["web1"]


def test_an_agent_that_starts_anew_within_its_patience_raises_nothing() -> None:
    outage = Outage()
    outage.probe("web1", but((100, 119)), Kind.AGENT, by="collector")
    outage.runs(300)
    assert outage.paged == {}
    assert [state for _, state in outage.of("web1")] == [State.UP]


def test_a_collector_that_has_just_started_calls_nobody_down_before_it_could_have_heard() -> None:
    outage = Outage()
    agent = Witness(Kind.AGENT, "collector", 10_000)
    for device in ("back", "gone"):
        outage.ledger.expect(device, agent, 60_000)
    outage.probe("back", lambda at_s: at_s >= 55, Kind.AGENT, by="collector")
    outage.runs(200)
    assert outage.of("back") == [(60, State.UP)]
    assert outage.of("gone") == [(95, State.DOWN)]


def test_a_poller_that_is_gone_leaves_its_devices_unknown() -> None:
    outage = Outage()
    outage.probes.append(("web1", Witness(Kind.ICMP, "poller", 10_000), always, 1000.5))
    outage.ledger.tell("web1", Witness(Kind.ICMP, "poller", 10_000), True, 1)
    outage.runs(100)
    assert [state for _, state in outage.of("web1")] == [State.UP, State.UNKNOWN]
    assert outage.paged == {}


def test_a_neighbour_whose_port_is_down_supports_and_does_not_tell_alone() -> None:
    alone, both = Outage(), Outage()
    for outage, sees in ((alone, always), (both, but((100, 1000)))):
        outage.probe("web1", sees)
        outage.probe("web1", but((100, 1000)), Kind.NEIGHBOUR, by="sw1")
    assert alone.runs(300).paged == {}
    assert both.runs(300).paged["web1"][0][0] == 110


def test_a_device_that_a_router_has_just_seen_is_degraded() -> None:
    outage = Outage()
    outage.probe("web1", but((100, 1000)))
    outage.probe("web1", always, Kind.ARP, by="router", every_s=30)
    outage.runs(300)
    assert [state for _, state in outage.of("web1")][-1] is State.DEGRADED
    assert outage.paged == {}


def test_a_device_of_which_nobody_tells_any_more_is_forgotten() -> None:
    outage = Outage()
    outage.probe("web1", always)
    outage.runs(20)
    outage.ledger.keep([])
    assert outage.ledger.standings == {}


def test_a_word_that_comes_late_changes_nothing() -> None:
    ledger = Ledger(Settings())
    ping = Witness(Kind.ICMP, "poller", 10_000)
    for at_s, ok in ((100, True), (110, True), (90, False), (95, False), (99, False)):
        ledger.tell("web1", ping, ok, at_s * 1000)
    ledger.judge(111_000, Graph())
    assert ledger.standings["web1"].state is State.UP
