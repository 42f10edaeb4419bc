"""What the map makes of what devices tell: neighbours, tables, spanning tree, aggregates, routing."""

from dataclasses import replace

import pytest

from netmon_collector.topology.draw import draw
from netmon_collector.topology.graph import Graph, Kind, Layer, Link
from netmon_collector.topology.told import Heard, Peer, Port, Route, SpanningPort, Told
from tests.support.devices_told import addresses, hears, mac, switch, table


def shown(graph: Graph, layer: Layer = Layer.LINK) -> set[str]:
    return {
        f"{one.a.node}:{one.a.port} {one.b.node}:{one.b.port}"
        for one in graph.links
        if one.layer is layer and not one.b.node.startswith("segment")
    }


def only(graph: Graph) -> Link:
    assert len(graph.links) == 1
    return graph.links[0]


def test_two_devices_that_hear_each_other_have_one_link_with_evidence_of_both() -> None:
    a = switch("a", 1, heard=(hears(1, mac(200), "ge2"),))
    b = switch("b", 2, heard=(hears(2, mac(100), "ge1"),))

    link = only(draw([a, b], 5).graph)

    assert (str(link.a.node), link.a.port, link.b.node, link.b.port) == ("a", "ge1", "b", "ge2")
    assert {one.told_by for one in link.evidence} == {"a", "b"}
    assert link.confidence == pytest.approx(0.99)
    assert (link.first_seen_ms, link.last_seen_ms) == (5, 5)


def test_a_link_that_one_side_alone_hears_is_less_sure() -> None:
    link = only(draw([switch("a", 1, heard=(hears(1, mac(200), "ge2"),)), switch("b", 2)], 0).graph)

    assert link.b.port == "ge2"
    assert link.confidence == pytest.approx(0.9)


@pytest.mark.parametrize(
    "heard",
    [
        hears(1, mac(200), "ge3"),
        hears(1, "b", "ge3", chassis_kind=7),
        hears(1, "10.0.0.2", "ge3", chassis_kind=5),
        hears(1, "", "ge3", name="B.example.net"),
        hears(1, "", "ge3", name="b(FOC1234X0AB)"),
        hears(1, "", "ge3", addresses=("10.0.0.2",)),
        hears(1, mac(200), f"{mac(203):012x}", port_kind=3),
        hears(1, mac(200), "3", port_kind=7),
        hears(1, mac(200), "something", port_descr="GE3"),
        hears(1, mac(203), "ge3"),
    ],
    ids="mac name address fqdn cdp-serial management port-mac port-number port-descr a-port's-mac".split(),
)
def test_a_neighbour_is_known_by_whatever_it_tells_of_itself(heard: Heard) -> None:
    drawing = draw([switch("a", 1, heard=(heard,)), switch("b", 2, addresses=addresses("10.0.0.2/32"))], 0)

    assert shown(drawing.graph) == {"a:ge1 b:ge3"}


def test_a_port_is_known_by_its_short_name_where_only_one_has_it() -> None:
    ports = (Port(1, "GigabitEthernet1/0/1"), Port(2, "TenGigabitEthernet1/0/1"), Port(3, "TwentyFiveGigE1/0/1"))
    b = replace(switch("b", 2), ports=(*ports, Port(4, "TwoGigabitEthernet1/0/1")))
    heard = (hears(1, mac(200), "Gi1/0/1"), hears(2, mac(200), "tw1/0/1"), hears(3, mac(200), "Te1/0/1"))

    found = shown(draw([switch("a", 1, heard=heard), b], 0).graph)

    assert found == {"a:ge1 b:GigabitEthernet1/0/1", "a:ge2 b:", "a:ge3 b:TenGigabitEthernet1/0/1"}


def test_a_neighbour_that_nobody_asks_is_one_node_for_all_that_hear_it() -> None:
    phone = {"name": "phone-7", "descr": "IP phone"}
    a = switch("a", 1, heard=(hears(1, mac(900), "wan", **phone),))
    b = switch("b", 2, heard=(hears(2, mac(900), "lan", **phone),))

    graph = draw([a, b], 0).graph
    node = graph.nodes[f"unmanaged:{'02:00:00:00:03:84'}"]

    assert (node.kind, node.name, node.detail) == (Kind.UNMANAGED, "phone-7", "IP phone")
    assert len(graph.at(node.id)) == 2


def test_a_neighbour_that_speaks_two_protocols_is_one() -> None:
    lldp = hears(1, mac(900), "eth0", name="ap1")
    cdp = Heard("cdp", 1, name="ap1", port="eth0")

    link = only(draw([switch("a", 1, heard=(lldp, cdp))], 0).graph)

    assert [one.source for one in link.evidence] == ["cdp", "lldp"]


def test_names_that_two_devices_bear_point_to_neither() -> None:
    twins = [replace(switch(name, number), names=("core",)) for name, number in (("x", 2), ("y", 3))]
    by_name = draw([switch("a", 1, heard=(hears(1, "", "ge1", name="core"),)), *twins], 0)
    by_mac = draw([switch("a", 1, heard=(hears(1, mac(300), "ge1", name="core"),)), *twins], 0)

    assert by_name.graph.nodes["unmanaged:core"].kind is Kind.UNMANAGED
    assert shown(by_mac.graph) == {"a:ge1 y:ge1"}


def test_private_addresses_point_to_the_device_of_the_same_site() -> None:
    heard = (hears(1, "10.0.0.2", "ge1", chassis_kind=5),)
    here = [switch("a", 1, heard=heard, site="north"), switch("b", 2, site="north", addresses=addresses("10.0.0.2/24"))]
    there = switch("c", 3, site="south", addresses=addresses("10.0.0.2/24"))

    assert shown(draw([*here, there], 0).graph) == {"a:ge1 b:ge1"}


def test_several_neighbours_on_one_port_share_something_unmanaged() -> None:
    a = switch("a", 1, heard=(hears(1, mac(200), "ge1"), hears(1, mac(300), "ge1")))
    b = switch("b", 2, heard=(hears(1, mac(100), "ge1"), hears(1, mac(300), "ge1")))

    graph = draw([a, b, switch("c", 3)], 0).graph
    segments = [one.id for one in graph.nodes.values() if one.kind is Kind.SEGMENT]

    assert len(segments) == 1
    assert {one.other(segments[0]) for one in graph.at(segments[0])} == {"a", "b", "c"}
    assert shown(graph) == set()


def test_a_device_that_hears_itself_has_no_link_and_is_told() -> None:
    drawing = draw([switch("a", 1, heard=(hears(1, mac(100), "ge2"),))], 0)

    assert drawing.graph.links == ()
    assert drawing.notes == ("a hears itself on ge1: a loop?",)


def test_tables_find_the_link_of_two_switches_that_say_nothing() -> None:
    a = switch("a", 1, forwarding=table({mac(200): 8, mac(1): 1, mac(2): 2, mac(3): 8, mac(4): 8}))
    b = switch("b", 2, forwarding=table({mac(100): 7, mac(1): 7, mac(2): 7, mac(3): 1, mac(4): 2}))

    drawing = draw([a, b], 0)

    assert shown(drawing.graph) == {"a:ge8 b:ge7"}
    assert {(one.device, one.port) for one in drawing.places.values()} == {
        ("a", "ge1"), ("a", "ge2"), ("b", "ge1"), ("b", "ge2"),
    }  # fmt: skip


def test_hosts_that_both_switches_see_on_their_way_to_each_other_are_at_something_unmanaged() -> None:
    a = switch("a", 1, forwarding=table({mac(200): 8, mac(1): 1, mac(3): 8, mac(9): 8}))
    b = switch("b", 2, forwarding=table({mac(100): 7, mac(1): 7, mac(3): 1, mac(9): 7}))

    drawing = draw([a, b], 0)
    kinds = [one.kind for one in drawing.graph.nodes.values()]

    assert kinds.count(Kind.SEGMENT) == 1
    assert (drawing.places[mac(9)].port, drawing.places[mac(9)].is_sure) == ("ge8", True)


def test_who_is_heard_is_nearer_than_who_is_seen_in_tables() -> None:
    """Between a and c is b, whose table nobody may read; tables alone would join a and c."""
    a = switch("a", 1, heard=(hears(8, mac(200), "ge1"),), forwarding=table({mac(300): 8, mac(1): 1, mac(3): 8}))
    c = switch("c", 3, heard=(hears(7, mac(200), "ge2"),), forwarding=table({mac(100): 7, mac(1): 7, mac(3): 1}))

    assert shown(draw([a, switch("b", 2), c], 0).graph) == {"a:ge8 b:ge1", "b:ge2 c:ge7"}


def test_what_tables_say_of_an_aggregate_supports_the_links_of_its_members() -> None:
    grouped = [replace(one, group=50) if one.index in (1, 2) else one for one in switch("a", 1).ports]
    ports = (*grouped, Port(50, "bond0"))
    others = tuple(replace(one, mac=mac(200 + one.index) if one.index < 9 else None) for one in ports)
    heard_a = (hears(1, mac(200), "ge1"), hears(2, mac(200), "ge2"))
    rows_a, rows_b = {mac(200): 50, mac(1): 5, mac(2): 50}, {mac(100): 50, mac(1): 50, mac(2): 5}
    a = replace(switch("a", 1, heard=heard_a, forwarding=table(rows_a)), ports=ports)
    b = replace(switch("b", 2, forwarding=table(rows_b)), ports=others)

    graph = draw([a, b], 0).graph

    assert shown(graph) == {"a:ge1 b:ge1", "a:ge2 b:ge2"}
    assert {one.bundle for one in graph.links} == {"a bond0"}
    assert all({piece.source for piece in one.evidence} == {"lldp", "fdb"} for one in graph.links)


def test_a_device_without_a_table_hangs_where_its_address_was_seen() -> None:
    host = Told("host", names=("host",), ports=(Port(2, "eth0", mac=mac(77)),))
    a = switch("a", 1, forwarding=table({mac(77): 3, mac(78): 4}))

    assert shown(draw([a, host], 0).graph) == {"a:ge3 host:eth0"}


def test_a_blocked_port_makes_a_link_in_reserve_and_its_designated_bridge_is_evidence() -> None:
    a = switch("a", 1, spanning=(SpanningPort(1, 2, mac(200)), SpanningPort(2, 5, mac(100))))
    b = switch("b", 2, heard=(hears(4, mac(100), "ge1"),))

    link = only(draw([a, b], 0).graph)

    assert link.is_blocked
    assert {one.source for one in link.evidence} == {"stp", "lldp"}


def test_routing_neighbours_and_next_hops_are_links_of_layer_3() -> None:
    a = switch(
        "a", 1, addresses=addresses("10.0.1.1/30"), peers=(Peer("ospf", "10.0.1.2", "9.9.9.2"), Peer("bgp", "1.2.3.4"))
    )
    b = switch(
        "b", 2, addresses=addresses("10.0.1.2/30"), routes=(Route("0.0.0.0", 0, "10.0.1.1", 1),), router="9.9.9.2"
    )

    link = only(draw([a, b], 0).graph)

    assert shown(draw([a, b], 0).graph, Layer.NETWORK) == {"a:ge1 b:ge1"}
    assert {one.source for one in link.evidence} == {"ospf", "subnet", "route"}


def test_a_network_of_several_devices_is_a_node_that_makes_no_switch_redundant() -> None:
    routers = [switch(f"r{n}", n, addresses=addresses(f"10.0.0.{n}/24")) for n in (1, 2, 3)]
    core = switch("core", 9, heard=tuple(hears(n, mac(n * 100), "ge8") for n in (1, 2)))

    graph = draw([*routers, core], 0).graph

    assert graph.nodes["subnet::10.0.0.0/24"].name == "10.0.0.0/24"
    assert graph.downstream("core", seen_from="r1") >= {"r2"}
    assert "r3" in graph.reachable("r1")


def test_two_ports_of_the_same_name_are_told_apart() -> None:
    a = replace(switch("a", 1, heard=(hears(2, mac(200), "ge1"),)), ports=(Port(1, "eth"), Port(2, "eth")))

    assert shown(draw([a, switch("b", 2)], 0).graph) == {"a:eth (2) b:ge1"}
