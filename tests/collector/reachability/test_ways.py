"""Links that the map has lost, and for how long they still lead to what is behind them."""

from netmon_collector.reachability.ways import KEPT_MS, Ways
from netmon_collector.topology.graph import End, Graph, Layer, Link, Node

NODES = [Node(name) for name in ("core", "hall", "web1")]
UPLINK = Link(End("core", "ge1"), End("hall", "ge8"))
ACCESS = Link(End("hall", "ge2"), End("web1"))
SUBNET = Link(End("core"), End("web1"), Layer.NETWORK)


def drawn(*links: Link) -> Graph:
    return Graph.of(NODES, links)


def followed(*links: Link) -> Ways:
    """That has seen these at time 0."""
    ways = Ways()
    ways.follow(drawn(*links), set(), 0)
    return ways


def test_a_map_that_has_lost_nothing_is_as_it_was_drawn() -> None:
    ways, known = Ways(), drawn(UPLINK, ACCESS)
    assert ways.follow(known, set(), 0) is known
    assert ways.follow(known, set(), KEPT_MS) is known


def test_a_lost_link_leads_on_to_what_is_behind_it() -> None:
    ways = followed(UPLINK, ACCESS)
    left = drawn(ACCESS)
    kept = ways.follow(left, set(), 1000)
    assert kept.downstream("hall", "core") == {"web1"}
    assert ways.follow(left, set(), 2000) is kept


def test_a_network_that_both_ends_are_in_does_not_replace_a_lost_link() -> None:
    ways = followed(ACCESS, SUBNET)
    assert ACCESS in ways.follow(drawn(SUBNET), set(), 1000).links


def test_a_lost_link_counts_no_more_once_there_is_another_way() -> None:
    ways = followed(UPLINK, ACCESS)
    moved = drawn(UPLINK, Link(End("core", "ge5"), End("web1")))
    assert ways.follow(moved, set(), 1000) is moved


def test_a_lost_link_is_forgotten_when_nobody_has_missed_anything_for_long() -> None:
    left = drawn(UPLINK)
    for missed, counts in ((set[str](), False), ({"web1"}, True), ({"core"}, False)):
        ways = followed(UPLINK, ACCESS)
        ways.follow(left, missed, 1000)
        assert (ACCESS in ways.follow(left, missed, 1000 + KEPT_MS).links) is counts


def test_a_device_that_is_removed_takes_its_lost_links_along() -> None:
    ways = followed(UPLINK, ACCESS)
    ways.follow(drawn(UPLINK), set(), 1000)
    without = Graph.of(NODES[:2], [UPLINK])
    assert ways.follow(without, set(), 2000) is without
