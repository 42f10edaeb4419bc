"""What a graph says of ways, cuts, and who is behind whom; compared with taking each device away by hand."""

import random

import pytest

from netmon_collector.topology.graph import End, Evidence, Graph, Kind, Layer, Link, Node


def link(a: str, b: str, *, layer: Layer = Layer.LINK, blocked: bool = False, port: str = "") -> Link:
    return Link(End(a, port), End(b, port), layer, is_blocked=blocked)


def graph(*pairs: str) -> Graph:
    return Graph.of([], [link(*pair.split("-")) for pair in pairs])


RING = graph("core-east", "core-west", "east-west", "east-hall", "hall-printer", "west-lab")


def test_all_behind_the_only_way_is_downstream_and_what_has_a_way_around_is_not() -> None:
    assert RING.downstream("hall", seen_from="core") == {"printer"}
    assert RING.downstream("east", seen_from="core") == {"hall", "printer"}
    assert RING.downstream("west", seen_from="printer") == {"lab"}
    assert RING.downstream("printer", seen_from="core") == set()


def test_seen_from_itself_everything_is_downstream_of_a_device() -> None:
    assert RING.downstream("lab", seen_from="lab") == {"core", "east", "west", "hall", "printer"}


def test_two_redundant_devices_cut_off_together_what_neither_cuts_off_alone() -> None:
    pair = graph("poller-a", "poller-b", "a-access", "b-access", "access-host")

    assert pair.cut_off({"a"}, "poller") == set()
    assert pair.cut_off({"a", "b"}, "poller") == {"access", "host"}
    assert pair.cut_off({"a", "b", "access"}, "poller") == {"host"}


def test_a_poller_that_is_down_reaches_nobody() -> None:
    assert RING.reachable("core", without={"core"}) == set()
    assert RING.cut_off({"core"}, seen_from="core") == set(RING.nodes) - {"core"}


def test_devices_that_the_graph_does_not_have_are_reached_by_nobody() -> None:
    assert "ghost" not in RING
    assert RING.reachable("ghost") == set()
    assert RING.downstream("ghost", seen_from="core") == set()
    assert RING.between("core", "ghost") is None
    assert RING.at("ghost") == []


def test_a_path_names_the_devices_that_no_way_avoids() -> None:
    path = RING.between("core", "printer")

    assert path is not None
    assert path.nodes == ("core", "east", "hall", "printer")
    assert path.cuts == ("east", "hall")


def test_a_path_names_all_links_that_a_step_may_take() -> None:
    bundle = Graph.of([], [link("a", "b", port="1"), link("a", "b", port="2"), link("b", "c")])

    path = bundle.between("c", "a")

    assert path is not None
    assert [len(step) for step in path.steps] == [1, 2]


def test_a_path_goes_around_what_is_blocked_where_it_can() -> None:
    triangle = Graph.of([], [link("a", "b", blocked=True), link("a", "c"), link("b", "c")])
    reserve = Graph.of([], [link("a", "b", blocked=True)])

    around, only = triangle.between("a", "b"), reserve.between("a", "b")

    assert around is not None
    assert around.nodes == ("a", "c", "b")
    assert around.cuts == ()  # the blocked link takes over
    assert only is not None
    assert only.nodes == ("a", "b")


def test_routing_neighbours_across_a_switch_do_not_make_the_switch_redundant() -> None:
    over = Graph.of([], [link("r1", "switch"), link("r2", "switch"), link("r1", "r2", layer=Layer.NETWORK)])
    far = Graph.of([], [link("r1", "switch"), link("r1", "r2", layer=Layer.NETWORK)])

    assert over.downstream("switch", seen_from="r1") == {"r2"}
    assert far.reachable("switch") == {"switch", "r1", "r2"}


def test_a_bridge_is_the_only_link_between_two_parts() -> None:
    doubled = Graph.of([], [link("a", "b", port="1"), link("a", "b", port="2"), link("b", "c")])

    assert [(one.a.node, one.b.node) for one in doubled.bridges()] == [("b", "c")]
    assert {(one.a.node, one.b.node) for one in RING.bridges()} == {
        ("east", "hall"),
        ("hall", "printer"),
        ("lab", "west"),
    }


def test_a_link_is_the_same_from_either_end() -> None:
    assert Link(End("b", "2"), End("a", "1")) == Link(End("a", "1"), End("b", "2"))


def test_evidence_that_agrees_makes_a_link_surer() -> None:
    weak, strong = Evidence("fdb", "a", 0.7), Evidence("lldp", "a", 0.9)

    assert Link(End("a"), End("b"), evidence=(weak, strong)).confidence == pytest.approx(0.97)
    assert Link(End("a"), End("b")).confidence == 0.0


def test_nodes_keep_what_they_are_and_ends_without_a_node_are_devices() -> None:
    known = Graph.of([Node("s", Kind.SEGMENT)], [link("s", "a")])

    assert known.nodes["s"].kind is Kind.SEGMENT
    assert known.nodes["a"].kind is Kind.DEVICE


@pytest.mark.parametrize("seed", range(40))
def test_cuts_and_bridges_are_what_taking_things_away_shows(seed: int) -> None:
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(rng.randrange(2, 14))]
    pairs = {tuple(sorted(rng.sample(names, 2))) for _ in range(rng.randrange(1, 20))}
    built = Graph.of([Node(name) for name in names], [link(*pair) for pair in pairs])

    def parts(members: set[str], links: list[Link]) -> int:
        rest = Graph.of([Node(name) for name in members], links)
        return len({frozenset(rest.reachable(name)) for name in members})

    whole = parts(set(names), list(built.links))
    without = {name: [one for one in built.links if name not in (one.a.node, one.b.node)] for name in names}
    assert built.cuts() == {name for name in names if parts(set(names) - {name}, without[name]) > whole}
    assert set(built.bridges()) == {
        one for one in built.links if parts(set(names), [other for other in built.links if other != one]) > whole
    }


def test_ten_thousand_devices_in_a_row_are_walked_without_recursion() -> None:
    row = Graph.of([], [link(f"d{number:05}", f"d{number + 1:05}") for number in range(9_999)])

    assert len(row.cuts()) == 9_998
    assert len(row.downstream("d05000", seen_from="d00000")) == 4_999
