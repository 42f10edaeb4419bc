"""The map over time and devices' identities, as both databases keep them."""

from sqlalchemy import Engine

from netmon_collector.identity.ports import KnownPort, PortFacts
from netmon_collector.identity.witness import witnesses
from netmon_collector.state.identity import KeptIdentity
from netmon_collector.state.topology import KeptMap
from netmon_collector.topology.graph import End, Evidence, Layer, Link
from netmon_collector.topology.history import Changes, Stay

LLDP = Evidence("lldp", "a", 0.9, "known by chassis, name")
LINK = Link(End("a", "ge1"), End("b", "ge é '\"; --"), Layer.LINK, (LLDP,), 1_000, 1_000, True, "a ae0")
OTHER = Link(End("a", "ge2"), End("unmanaged:x"), Layer.NETWORK, (), 2_000, 2_000)
STAY = Stay(0xFFFE_FFFF_FFFF, "sw1", "ge1", True, 1_000, 1_000)


def test_a_link_comes_back_as_it_was(engine: Engine) -> None:
    kept = KeptMap(engine)
    kept.save_links(Changes(came=(LINK, OTHER)), 2_000)

    assert sorted(kept.links(), key=lambda one: one.first_seen_ms) == [LINK, OTHER]


def test_a_link_that_went_is_in_the_past_and_may_come_again(engine: Engine) -> None:
    kept = KeptMap(engine)
    again = Link(LINK.a, LINK.b, LINK.layer, (LLDP,), 9_000, 9_000)
    kept.save_links(Changes(came=(LINK,)), 1_000)
    kept.save_links(Changes(went=(LINK,)), 5_000)
    kept.save_links(Changes(came=(again,)), 9_000)

    assert kept.links() == [again]
    assert [len(kept.links_at(time_ms)) for time_ms in (999, 1_000, 4_999, 5_000, 9_000)] == [0, 1, 1, 0, 1]
    assert [gone_ms for _, gone_ms in kept.changes(0, 9_000)] == [None, 5_000]
    assert kept.changes(5_001, 8_999) == []


def test_a_link_whose_evidence_changed_is_one_row(engine: Engine) -> None:
    kept = KeptMap(engine)
    kept.save_links(Changes(came=(LINK,)), 1_000)
    surer = Link(LINK.a, LINK.b, LINK.layer, (LLDP, Evidence("fdb", "b", 0.7)), 1_000, 2_000)
    kept.save_links(Changes(changed=(surer,)), 2_000)

    assert kept.links() == [surer]
    assert len(kept.changes(0, 9_000)) == 1


def test_hosts_have_places_until_these_are_forgotten(engine: Engine) -> None:
    kept = KeptMap(engine)
    later = Stay(STAY.mac, "sw2", "ge9", False, 5_000, 5_000)
    kept.save_stays([STAY], [])
    kept.save_stays([later], [])
    kept.save_stays([], [Stay(STAY.mac, "sw2", "ge9", True, 5_000, 8_000)])

    assert [(one.device, one.is_sure, one.last_seen_ms) for one in kept.stays()] == [("sw2", True, 8_000)]
    assert [one.device for one in kept.stays_of([STAY.mac])] == ["sw2", "sw1"]
    kept.forget_before(2_000)
    assert [one.device for one in kept.stays_of([STAY.mac])] == ["sw2"]


def test_identities_come_back_as_they_were(engine: Engine) -> None:
    kept = KeptIdentity(engine)
    registry = kept.read()
    weak = witnesses(name="nas", engine="80001f88aa", addresses=["10.0.0.9"], serials=["ABCD1234"])
    for handle in ("nas", "nas-2", "other"):
        registry.see(handle, "", weak if handle != "other" else witnesses(name="x"), 1_000)
    registry.merge("other", "nas", 2_000, "ada")
    registry.split("other", 3_000, "ada")
    sources, proposals = list(registry.sources.values()), list(registry.questions.all.values())
    kept.save(sources, [], proposals, registry.log, registry.apart)

    again = KeptIdentity(engine).read()

    assert again.sources == registry.sources
    assert again.questions.all == registry.questions.all
    assert (again.log, again.apart) == (registry.log, registry.apart)
    kept.save([], ["other"], [], [], [])
    assert "other" not in KeptIdentity(engine).read().sources


def test_ports_come_back_and_go_with_their_device(engine: Engine) -> None:
    kept = KeptIdentity(engine)
    port = KnownPort("ge1", PortFacts(5, "ge1", alias="to hall"), 1_000, 2_000)
    kept.save_ports("sw1", [port])
    kept.save_ports("sw1", [KnownPort("ge1", PortFacts(7, "ge1"), 1_000, 3_000)])

    assert kept.ports() == {"sw1": {"ge1": KnownPort("ge1", PortFacts(7, "ge1"), 1_000, 3_000)}}
    kept.save_ports("sw1", [KnownPort("ge2", PortFacts(8, "ge2"), 4_000, 4_000)], ["ge1"])
    assert list(kept.ports()["sw1"]) == ["ge2"]
    kept.save([], ["sw1"], [], [], [])
    assert kept.ports() == {}
