"""Which VLANs a link carries, how spanning tree stands at its ends, and ways within a VLAN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_collector.topology.draw import Drawing, draw
from netmon_collector.topology.graph import Link
from netmon_collector.topology.reading import read_told
from netmon_collector.topology.vlans import Vlans, bits_of, ranges, read_ranges
from netmon_proto.model import DeviceFacts, FactTable

Ports = dict[int, tuple[str, str]]
"""For each port the VLANs that it tags, and those that it does not."""

RING = {("a", 1): ("b", 1), ("b", 2): ("c", 2), ("a", 3): ("c", 3)}


def _table(kind: str, rows: list[dict[str, object]]) -> FactTable:
    names = {name: None for row in rows for name in row}
    return FactTable(kind, {name: tuple(str(row.get(name, "")) for row in rows) for name in names})


def _facts(device: str, ports: Ports, states: dict[int, int] | None = None) -> DeviceFacts:
    """What a switch of the ring tells."""
    cables = [*RING.items(), *((b, a) for a, b in RING.items())]
    near = [(port, other, there) for (one, port), (other, there) in cables if one == device]
    vlans = [
        {"ifIndex": port, "vlan": vlan, "tagged": word}
        for port, (tagged, untagged) in ports.items()
        for word, text in (("yes", tagged), ("no", untagged))
        for vlan in text.split()
    ]
    tables = [
        _table("port", [{"ifIndex": port, "name": f"ge{port}"} for port in (1, 2, 3)]),
        _table("device", [{"bridge_address": _mac(device)}]),
        _table(
            "neighbour",
            [
                {
                    "protocol": "lldp",
                    "ifIndex": port,
                    "chassis": _mac(other),
                    "chassis_type": 4,
                    "port": f"ge{there}",
                    "port_type": 5,
                }
                for port, other, there in near
            ],
        ),
        _table("vlan-port", vlans),
        _table("stp-port", [{"ifIndex": port, "state": state} for port, state in (states or {}).items()]),
    ]
    return DeviceFacts(device, 1, tuple(tables))


def _mac(device: str) -> str:
    return f"00:1a:00:00:00:{ord(device):02x}"


def _drawn(*facts: DeviceFacts) -> Drawing:
    return draw([read_told(one) for one in facts], 1)


def _link(drawing: Drawing, one: str, another: str) -> Link:
    return next(link for link in drawing.graph.links if {link.a.node, link.b.node} == {one, another})


def _shown(link: Link) -> tuple[str, str]:
    return ranges(link.vlans.tagged), ranges(link.vlans.untagged)


def test_a_link_carries_what_both_ends_let_through() -> None:
    drawing = _drawn(
        _facts("a", {1: ("10 20 30", "1"), 3: ("20", "1")}),
        _facts("b", {1: ("20 30 40", "1"), 2: ("30", "1")}),
        _facts("c", {}),
    )
    assert _shown(_link(drawing, "a", "b")) == ("20,30", "1")
    assert _shown(_link(drawing, "b", "c")) == ("30", "1")  # c tells nothing: what b says counts
    assert drawing.notes == ()


def test_untagged_frames_that_change_their_vlan_are_told_of() -> None:
    drawing = _drawn(_facts("a", {1: ("30", "10")}), _facts("b", {1: ("30", "20")}))
    assert _shown(_link(drawing, "a", "b")) == ("30", "")
    assert drawing.notes == ("a ge1 and b ge1 take frames without a tag for VLAN 10 and 20",)


def test_a_port_without_vlans_by_name_is_in_that_of_its_untagged_frames() -> None:
    told = read_told(
        DeviceFacts(
            "a", 1, (_table("bridge-port", [{"port": 1, "ifIndex": 7, "pvid": 99}, {"port": 2, "ifIndex": 8}]),)
        )
    )
    assert told.vlans == {7: Vlans(untagged=1 << 99)}


def test_each_end_says_how_it_stands_in_the_spanning_tree() -> None:
    drawing = _drawn(_facts("b", {}, {1: 5, 2: 2}), _facts("c", {}, {2: 5, 3: 4}), _facts("a", {}))
    reserve, learning = _link(drawing, "b", "c"), _link(drawing, "a", "c")
    assert (reserve.states, reserve.is_blocked) == (("blocking", "forwarding"), True)
    assert (learning.states, learning.is_blocked) == (("", "learning"), False)


def test_a_way_stays_within_its_vlan() -> None:
    drawing = _drawn(
        _facts("a", {1: ("10 20", "1"), 3: ("20", "1")}),
        _facts("b", {1: ("10 20", "1"), 2: ("10", "1")}),
        _facts("c", {2: ("10", "1"), 3: ("20", "1")}),
    )
    graph = drawing.graph
    around, direct = graph.within(10).between("a", "c"), graph.within(20).between("a", "c")
    assert around is not None
    assert direct is not None
    assert (around.nodes, direct.nodes) == (("a", "b", "c"), ("a", "c"))
    assert around.cuts == ("b",)
    assert graph.within(30).between("a", "c") is None


@given(st.sets(st.integers(1, 4094)))
def test_vlans_are_written_and_read_back(vlans: set[int]) -> None:
    assert read_ranges(ranges(bits_of(vlans))) == bits_of(vlans)


@pytest.mark.parametrize(
    ("vlans", "text"), [(range(1, 4095), "1-4094"), ((1, 3, 4), "1,3-4"), ((), ""), ((0, -5, 4095, 1 << 40), "")]
)
def test_vlans_are_written_as_people_do(vlans: list[int], text: str) -> None:
    assert ranges(bits_of(vlans)) == text


@pytest.mark.parametrize("text", ["9-1", "x", "5000", "1-99999", ";", "0", "1-2-3"])
def test_what_is_no_vlan_is_left_out(text: str) -> None:
    assert read_ranges(text) == 0
