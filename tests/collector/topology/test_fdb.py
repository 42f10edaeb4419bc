"""Links out of forwarding tables alone, on networks whose links are known."""

import numpy as np
import pytest

from netmon_collector.topology.columns import components, lookup
from netmon_collector.topology.draw import draw
from tests.bench.topology import scores
from tests.support.devices_told import mac, switch, table
from tests.support.networks import Plan, make_network


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "plan",
    [
        {"lldp": 0.0},
        {"lldp": 0.0, "silent": 1.0},
        {"lldp": 0.5, "missing": 0.1, "silent": 0.2},
        {"lldp": 0.0, "unmanaged": 0.5},
    ],
    ids=["full tables", "switches that nobody saw", "worn tables", "many unmanaged switches"],
)
def test_the_links_found_are_those_built(plan: dict[str, float], seed: int) -> None:
    made = make_network(Plan(120, seed=seed, **plan))  # type: ignore[arg-type]

    found = scores(made, draw(made.told, 0))

    assert found["precision"] >= 0.98
    assert found["recall"] >= 0.98
    assert found["hosts_right"] >= 0.96


def test_what_lies_behind_a_router_is_related_by_the_bridges_on_its_side() -> None:
    """The router r is in both networks; x and y never see what is on its other side."""
    a = switch("a", 1, forwarding=table({mac(900): 8, mac(1): 1, mac(2): 2, mac(3): 8}))
    r = switch(
        "r", 9, forwarding=table({mac(100): 1, mac(1): 1, mac(2): 1, mac(3): 4, mac(200): 2, mac(5): 2, mac(6): 2})
    )
    x = switch("x", 2, forwarding=table({mac(900): 7, mac(5): 1, mac(6): 2}))

    drawing = draw([a, r, x], 0)

    assert {(one.a.node, one.a.port, one.b.node, one.b.port) for one in drawing.graph.links} == {
        ("a", "ge8", "r", "ge1"), ("r", "ge2", "x", "ge7"),
    }  # fmt: skip


def test_an_address_that_a_bridge_names_at_two_ports_counts_for_nothing() -> None:
    a = switch("a", 1, forwarding=table({mac(1): 1, mac(2): 2}))
    twice = a.forwarding
    both = type(twice)(
        np.concatenate([twice.macs, twice.macs[:1]]), np.array([1, 2, 3]), np.concatenate([twice.vlans, [2]])
    )

    drawing = draw([switch("a", 1, forwarding=both)], 0)

    assert set(drawing.places) == {mac(2)}
    assert drawing.notes == ("2 rows of forwarding tables name two ports for one address",)


def test_tables_of_networks_that_share_one_wandering_host_are_not_mixed() -> None:
    left = [switch("a", 1, forwarding=table({mac(200): 8, mac(1): 1, mac(2): 8, mac(99): 2}))]
    left.append(switch("b", 2, forwarding=table({mac(100): 7, mac(1): 7, mac(2): 1, mac(99): 7})))
    right = [switch("c", 3, forwarding=table({mac(400): 8, mac(5): 1, mac(6): 8, mac(99): 3}))]
    right.append(switch("d", 4, forwarding=table({mac(300): 7, mac(5): 7, mac(6): 1, mac(99): 7})))

    links = draw([*left, *right], 0).graph.links

    assert {(one.a.node, one.b.node) for one in links} == {("a", "b"), ("c", "d")}


def test_nothing_told_draws_nothing() -> None:
    drawing = draw([], 0)

    assert (drawing.graph.links, drawing.places, drawing.notes) == ((), {}, ())


def test_numbers_that_hang_together_share_the_smallest() -> None:
    edges = np.array([[5, 4], [4, 3], [0, 1], [1, 0], [6, 6]])

    assert components(8, edges).tolist() == [0, 0, 2, 3, 3, 3, 6, 7]
    assert components(3, np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]


def test_a_key_that_is_not_there_has_the_missing_value() -> None:
    keys = np.array([7, 3], np.uint64)

    assert lookup(keys, np.array([70, 30]), np.array([3, 8, 7], np.uint64), -1).tolist() == [30, -1, 70]
    assert lookup(keys[:0], np.array([], np.int64), keys, -1).tolist() == [-1, -1]
