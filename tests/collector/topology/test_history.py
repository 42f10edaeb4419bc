"""What changes between two drawings, and what is still believed when nobody tells of it."""

import pytest

from netmon_collector.topology import history
from netmon_collector.topology.draw import Drawing, Place
from netmon_collector.topology.graph import End, Evidence, Graph, Kind, Link, Node
from netmon_collector.topology.history import QUIET_MS, AddressBook, HostBook, LinkBook
from netmon_collector.topology.told import Near, OwnAddress, Port, Told
from tests.support.devices_told import mac

HOUR_MS = 3_600_000


def drawing(now_ms: int, *links: tuple[str, str, str]) -> Drawing:
    """Links as (end, other end, source), an end being "device port"."""
    made = []
    for a, b, source in links:
        ends = [End(*text.split(" ")) for text in (a, b)]
        evidence = (Evidence(source, "a", 0.9),)
        made.append(Link(ends[0], ends[1], evidence=evidence, first_seen_ms=now_ms, last_seen_ms=now_ms))
    return Drawing(Graph.of([], made), {}, ())


def shown(links: object) -> list[str]:
    assert isinstance(links, tuple)
    return [f"{one.a.node}-{one.b.node}" for one in links]


def test_a_link_keeps_the_day_on_which_it_was_first_seen() -> None:
    book = LinkBook()
    first = book.enter(drawing(1, ("a 1", "b 1", "lldp")), frozenset(), 1)
    again = book.enter(drawing(9, ("a 1", "b 1", "lldp")), frozenset(), 9)
    surer = book.enter(drawing(10, ("a 1", "b 1", "cdp")), frozenset(), 10)

    assert shown(first.came) == ["a-b"]
    assert (again.came, again.went, again.changed) == ((), (), ())
    assert [(one.first_seen_ms, one.last_seen_ms) for one in surer.changed] == [(1, 10)]


def test_a_link_that_neighbours_told_of_is_gone_when_they_do_not() -> None:
    book = LinkBook()
    book.enter(drawing(1, ("a 1", "b 1", "lldp")), frozenset(), 1)

    assert shown(book.enter(drawing(2), frozenset(), 2).went) == ["a-b"]
    assert book.graph([]).links == ()


def test_a_link_that_tables_told_of_is_believed_for_a_while_when_they_are_silent() -> None:
    book = LinkBook()
    book.enter(drawing(0, ("a 1", "b 1", "fdb")), frozenset(), 0)

    assert book.enter(drawing(QUIET_MS - 1), frozenset(), QUIET_MS - 1).went == ()
    assert shown(book.enter(drawing(QUIET_MS), frozenset(), QUIET_MS).went) == ["a-b"]


def test_a_silent_link_is_not_believed_on_a_port_that_is_down_or_linked_otherwise() -> None:
    down, elsewhere = LinkBook(), LinkBook()
    for book in (down, elsewhere):
        book.enter(drawing(0, ("a 1", "b 1", "fdb")), frozenset(), 0)

    assert shown(down.enter(drawing(1), frozenset([End("b", "1")]), 1).went) == ["a-b"]
    assert shown(elsewhere.enter(drawing(1, ("a 1", "c 1", "fdb")), frozenset(), 1).went) == ["a-b"]


def test_the_graph_has_all_devices_and_what_links_need() -> None:
    book = LinkBook()
    book.enter(drawing(0, ("a 1", "unmanaged:x 1", "lldp")), frozenset(), 0)
    nodes = [Node("lonely"), Node("unmanaged:x", Kind.UNMANAGED, "x"), Node("unmanaged:old", Kind.UNMANAGED)]

    assert set(book.graph(nodes).nodes) == {"a", "lonely", "unmanaged:x"}


def test_a_host_stays_where_it_was_until_it_is_seen_elsewhere() -> None:
    book = HostBook()
    began = book.enter({1: Place(1, "sw1", "ge1", True)}, 0)
    quiet = book.enter({}, HOUR_MS)
    same = book.enter({1: Place(1, "sw1", "ge1", True)}, 2 * HOUR_MS)
    moved = book.enter({1: Place(1, "sw2", "ge7", True)}, 3 * HOUR_MS)

    assert [one.device for one in began] == ["sw1"]
    assert quiet == same == []
    assert [(one.device, one.port, one.first_seen_ms) for one in moved] == [("sw2", "ge7", 3 * HOUR_MS)]
    assert [one.mac for one in book.at("sw2")] == [1]
    assert book.at("sw2", "ge1") == book.at("sw1") == []


def test_of_too_many_hosts_the_quietest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_HOSTS", 10)
    book = HostBook()
    for number in range(30):
        book.enter({number: Place(number, "sw1", "ge1", True)}, number)

    assert 9 <= len(book.stays) <= 10
    assert 29 in book.stays


def test_of_too_many_addresses_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_HOSTS", 3)
    book = AddressBook()
    book.enter(Told("r1", near=tuple(Near(f"10.0.0.{n}", mac(n), 1) for n in range(1, 9))))

    assert len(book.by_address) == len(book.by_mac) == 3
    assert book.macs("10.0.0.8") == [mac(8)]


def test_a_guess_does_not_move_a_host_whose_place_was_sure() -> None:
    book = HostBook()
    book.enter({1: Place(1, "sw1", "ge1", True), 2: Place(2, "sw1", "ge9", False)}, 0)

    assert book.enter({1: Place(1, "core", "ge1", False)}, 1) == []
    assert [one.device for one in book.enter({2: Place(2, "core", "ge1", False)}, 2)] == ["core"]


def test_addresses_are_the_last_ones_told_and_those_of_a_site() -> None:
    book = AddressBook()
    book.enter(Told("r1", site="north", near=(Near("10.0.0.5", mac(1), 1),)))
    book.enter(Told("r2", site="south", near=(Near("10.0.0.5", mac(2), 1),)))
    assert book.macs("10.0.0.5") == [mac(1), mac(2)]

    book.enter(Told("r1", site="north", near=(Near("10.0.0.5", mac(3), 1),)))

    assert book.macs("10.0.0.5") == [mac(2), mac(3)]
    assert book.addresses(mac(1)) == []
    assert book.addresses(mac(3)) == ["10.0.0.5"]
    assert book.macs("10.0.0.99") == []


def test_a_devices_own_addresses_are_known_too() -> None:
    book = AddressBook()
    book.enter(Told("r1", ports=(Port(4, "ge4", mac=mac(7)),), addresses=(OwnAddress("10.0.0.1", 24, 4),)))

    assert book.macs("10.0.0.1") == [mac(7)]
