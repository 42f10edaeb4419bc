"""Causes of small outages that a person would name without thinking, and the arithmetic below."""

from dataclasses import replace

import numpy as np
import pytest

from netmon_analytics.cause import (
    Cause,
    Change,
    Changed,
    Earlier,
    Fault,
    Network,
    Observation,
    Observations,
    Sign,
    Weights,
    rank,
)
from netmon_analytics.cause.blocks import Blocks
from netmon_analytics.cause.grouping import grouped
from netmon_analytics.cause.hypotheses import PARTLY, Scene
from netmon_analytics.cause.impact import Estate, Impact, impact, priority
from netmon_analytics.cause.ways import Ways
from netmon_analytics.cause.words import evidence, subject_name, title
from tests.support.outages.trials import explained, scored, trials

POLLER, CORE, HALL, YARD = 0, 1, 2, 3
HOSTS = range(4, 10)
NAMES = ["poller", "core", "hall", "yard", *(f"web{one}" for one in range(6))]
LINKS = [(POLLER, CORE), (CORE, HALL), (CORE, YARD), *((HALL if one < 7 else YARD, one) for one in HOSTS)]


def network(*more: tuple[int, int], groups: tuple[list[int], ...] = ()) -> Network:
    """A poller behind the core of a site, with hosts behind two switches."""
    ends = np.array([*LINKS, *more], np.intp)
    return Network(10, ends, np.array([POLLER], np.intp), tuple(np.array(one, np.intp) for one in groups))


def looks(*gone: int, at_s: float = 10.0) -> list[Observation]:
    """What the poller finds of all nodes."""
    return [Observation(node, Sign.UNREACHABLE, node in gone, at_s, viewer=0) for node in range(1, 10)]


def ports(*down: tuple[int, int], heard: tuple[int, ...] = (CORE, HALL, YARD)) -> list[Observation]:
    """What switches tell of their ports; (node, link) are down."""
    return [
        Observation(node, Sign.LINK_DOWN, (node, link) in down, 5.0, link)
        for link, ends in enumerate(LINKS)
        for node in ends
        if node in heard
    ]


def first(net: Network, *seen: Observation, changes: tuple[Changed, ...] = ()) -> Cause:
    return rank(net, Observations.of(seen), changes)[0]


def test_nothing_wrong_has_no_cause() -> None:
    assert rank(network(), Observations.of(looks())) == []
    assert rank(network(), Observations.of([])) == []


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Observation(10, Sign.UNREACHABLE), "10 nodes"),
        (Observation(1, Sign.LINK_DOWN, link=9), "9 links"),
        (Observation(1, Sign.UNREACHABLE, viewer=1), "1 viewers"),
    ],
)
def test_what_the_network_does_not_have_is_refused(seen: Observation, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        first(network(), seen)
    with pytest.raises(ValueError, match="10 nodes"):
        first(network((POLLER, 10)))


def test_a_switch_that_dies_is_the_cause_of_all_that_is_behind_it() -> None:
    found = rank(network(), Observations.of([*looks(HALL, 4, 5, 6), *ports((CORE, 1), heard=(CORE, YARD))]))
    assert {(one.fault, one.subject) for one in found[:2]} == {(Fault.DEVICE, HALL), (Fault.LINK, 1)}
    assert found[0].score + found[1].score > 0.9, "a dead switch and its dead only link look the same, and nothing else"
    restarted = Observation(HALL, Sign.RESTART, True, 90.0)
    told = first(network(), *looks(HALL, 4, 5, 6), *ports((CORE, 1), heard=(CORE, YARD)), restarted)
    assert (told.fault, told.subject) == (Fault.DEVICE, HALL)


def test_a_link_with_a_way_around_is_named_though_nothing_is_unreachable() -> None:
    told = first(network((HALL, YARD)), *looks(), *ports((CORE, 1), (HALL, 1)))
    assert (told.fault, told.subject, told.unexplained) == (Fault.LINK, 1, 0)


def test_a_poller_that_sees_nothing_is_not_taken_for_a_dead_network() -> None:
    """Where agents still send to a collector elsewhere, and the poller's port is up, it is the poller."""
    net = Network(11, np.array([*LINKS, (10, CORE)], np.intp), np.array([POLLER, 10], np.intp))
    agents = [Observation(node, Sign.UNREACHABLE, False, 0.0, viewer=1) for node in HOSTS]
    told = first(net, *looks(*range(1, 10)), *agents, *ports())
    assert (told.fault, told.subject) == (Fault.VIEW, 0)


def test_power_is_told_from_a_dead_switch_by_what_else_is_fed_there() -> None:
    net = network(groups=([HALL, 4, 5, 6, 7],))
    told = first(net, *looks(HALL, 4, 5, 6, 7), *ports((CORE, 1), (YARD, 6), heard=(CORE, YARD)))
    assert (told.fault, told.subject) == (Fault.POWER, 0)


def test_a_change_just_before_makes_the_changed_device_the_cause() -> None:
    seen = [*looks(4, 5, 6), *ports()]
    changed = Changed(HALL, Change.CONFIGURATION, -60.0)
    told = first(network(), *seen, changes=(changed,))
    assert (told.fault, told.subject, told.change) == (Fault.CONFIGURATION, HALL, changed)
    old = Changed(HALL, Change.CONFIGURATION, -30_000.0)
    assert first(network(), *seen, changes=(old,)).change is None


def test_a_change_that_shut_one_of_many_ports_is_the_cause_of_what_is_behind_that() -> None:
    ends = [(POLLER, CORE), *((CORE, leaf) for leaf in range(2, 14))]
    net = Network(14, np.array(ends, np.intp), np.array([POLLER], np.intp))
    seen = [Observation(node, Sign.UNREACHABLE, node == 5, 10.0, viewer=0) for node in range(1, 14)]
    seen += [Observation(CORE, Sign.LINK_DOWN, link == 4, 5.0, link) for link in range(1, 13)]
    changed = Changed(CORE, Change.CONFIGURATION, -60.0)
    told = first(net, *seen, changes=(changed,))
    assert (told.fault, told.subject, told.change, told.unexplained) == (Fault.CONFIGURATION, CORE, changed, 0)
    elsewhere = first(net, *seen, changes=(changed._replace(node=6),))
    assert elsewhere.fault in (Fault.LINK, Fault.DEVICE)


def test_what_is_slow_behind_a_busy_link_is_slow_because_of_it() -> None:
    slow = [Observation(node, Sign.LATENCY, node in (4, 5, 6), 10.0, viewer=0) for node in HOSTS]
    told = first(network(), *looks(), *ports(), *slow, Observation(CORE, Sign.BUSY_LINK, True, 5.0, 1))
    assert (told.fault, told.subject) == (Fault.CONGESTION, 1)


def test_clients_of_a_name_server_lead_to_it() -> None:
    net = Network(10, np.array(LINKS, np.intp), np.array([POLLER, 9], np.intp))
    asked = [Observation(node, Sign.NAMES, True, 20.0, viewer=1) for node in range(4, 8)]
    told = first(net, *looks(), *asked, Observation(9, Sign.NAMES, True, 15.0, viewer=0))
    assert (told.fault, told.subject) == (Fault.NAMES, 9)


def test_two_faults_at_a_time_are_both_named() -> None:
    net = network((HALL, YARD))
    seen = [*looks(4, 9), *ports((HALL, 3), (YARD, 8))]
    found = rank(net, Observations.of(seen))
    named = {(one.fault, one.subject) for one in found if one.score > 0.2}
    assert {(Fault.DEVICE, 4), (Fault.DEVICE, 9)} <= named
    assert {one.beside for one in found} == {0, 1}


def test_of_two_alike_the_one_that_did_it_before_comes_first() -> None:
    seen = Observations.of([*looks(HALL, 4, 5, 6), *ports((CORE, 1), heard=(CORE, YARD))])
    found = rank(network(), seen, earlier=[Earlier(Fault.DEVICE, HALL, 3)])
    assert (found[0].fault, found[0].subject, found[0].earlier) == (Fault.DEVICE, HALL, 3)


def test_signs_that_were_there_before_need_no_cause() -> None:
    old = Observation(9, Sign.UNREACHABLE, True, -5000.0, viewer=0)
    seen = Observations.of([*looks(4)[:8], old, *ports((HALL, 3))])
    with_it, without = rank(network(), seen), rank(network(), seen, since_s=0.0)
    assert with_it[0].score <= without[0].score


def test_a_cause_is_told_in_words() -> None:
    net = network()
    changed = Changed(HALL, Change.SOFTWARE, -300.0)
    seen = [*looks(HALL, 4, 5, 9), *ports((CORE, 1), heard=(CORE, YARD)), Observation(HALL, Sign.RESTART, True, 90.0)]
    told = rank(net, Observations.of(seen), [changed], [Earlier(Fault.DEVICE, HALL, 1)])[0]
    assert title(told, subject_name(told, net, NAMES, [])) == "hall has failed"
    assert [one.text for one in evidence(told)] == [
        "2 of 3 places behind it do not answer",
        "it does not answer",
        "the neighbour's port to it is down",
        "it has started anew",
        "its software was changed 5 min before the first sign",
        "it was the cause once before",
        "one other sign not explained by it",
    ]


@pytest.mark.parametrize("seed", range(5))
def test_what_stands_before_what_is_found_as_by_taking_each_away(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, 14, (18, 2))
    net = Network(14, ends.astype(np.intp), np.empty(0, np.intp)).without(frozenset({5}), frozenset({3}))
    blocks, every = Blocks.of(net), np.arange(14 + 18)
    for root in range(14):
        hood, whole = blocks.seen_from(root), net.reached(root)
        rows, nodes = hood.behind_nodes(every, 14)
        counts = hood.counts(np.sort(hood.at[:14]))
        for one in every.tolist():
            gone = (frozenset({one}), frozenset[int]()) if one < 14 else (frozenset[int](), frozenset({one - 14}))
            lost = whole & ~net.without(*gone).reached(root)
            lost[one if one < 14 else root] = False
            assert sorted(nodes[rows == one]) == np.flatnonzero(lost).tolist()
            assert counts[one] == np.count_nonzero(lost)


def test_shares_of_ways_add_up() -> None:
    square = Network(4, np.array([(0, 1), (0, 2), (1, 3), (2, 3)], np.intp), np.array([0], np.intp))
    ways = Ways.of(square, 0)
    links, share = ways.shares(np.array([3, 1]))
    assert links.tolist() == [0, 1, 2, 3]
    assert share.T.tolist() == [[0.5, 0.5, 0.5, 0.5], [1.0, 0.0, 0.0, 0.0]]
    assert ways.over(np.array([True, False, True, False])).tolist() == [0.0, 1.0, 0.0, 1.0]
    assert ways.carried(np.array([0.0, 4.0, 0.0, 2.0])).tolist() == [5.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("seed", range(3))
def test_traffic_moves_as_ways_made_anew_say(seed: int) -> None:
    """Only what went over a link that is lost is looked at anew; all of it would come to the same."""
    rng = np.random.default_rng(seed)
    net = Network(40, rng.integers(0, 40, (70, 2)).astype(np.intp), np.array([0, 1], np.intp))
    looks = [Observation(node, Sign.LOSS, True, 0.0, viewer=viewer) for node in range(2, 40) for viewer in (0, 1)]
    busy = [Observation(int(net.ends[link, 0]), Sign.BUSY_LINK, True, 0.0, link) for link in range(70)]
    scene = Scene(net, Observations.of([*looks, *busy]))
    for link in range(0, 70, 3):
        after = Scene(scene.without(Fault.LINK, link), scene.seen).traffic
        every = np.arange(70)
        grown = after.over(every) - scene.traffic.over(every) >= PARTLY
        onto = np.flatnonzero(grown.any(axis=1))
        crossing = after.rows[(after.over(onto) >= PARTLY).any(axis=0)]
        assert scene.moved(Fault.LINK, link).tolist() == [*crossing.tolist(), *(onto + len(looks)).tolist()]


def test_made_outages_of_each_kind_are_explained() -> None:
    """A few of what tests/bench/cause.py measures, on a seed of its own."""
    scores = scored(explained(trials(4, ("campus", "branches"), 1), Weights()))
    assert scores["all"].outages == 10
    assert scores["all"].first >= 8
    assert scores["all"].three >= 9


def cause_of(fault: Fault, subject: int) -> Cause:
    return Cause(fault, subject, 1.0, 0.0, (), 0, 0.0, None, 0.0, 0.0, 0.0, 0, 0.0, 0.0, np.empty(0, np.intp))


def test_what_is_behind_is_hit_and_what_needs_it_misses_it() -> None:
    sites = np.array([0, 0, 1, 0, 1, 1, 1, 0, 0, 0], np.intp)
    estate = Estate(POLLER, sites, np.array([(9, 4), (8, 9)], np.intp))
    hit = impact(network(), estate, cause_of(Fault.DEVICE, HALL), Observations.of([]))
    assert hit == Impact((HALL, 4, 5, 6), (4,), (9,), (1,), ())


def test_a_ring_cuts_nobody_off_and_slows_those_who_move_onto_what_is_too_small() -> None:
    ring = Network(5, np.array([(0, 1), (1, 2), (2, 0), (0, 3), (2, 4)], np.intp), np.array([0], np.intp))
    load = np.array([0.0, 0.0, 60.0, 60.0, 60.0])
    estate = Estate(0, np.full(5, -1, np.intp), load=load, capacity=np.array([50.0, 100.0, 100.0, 100.0, 100.0]))
    hit = impact(ring, estate, cause_of(Fault.LINK, 2), Observations.of([]))
    assert (hit.devices, hit.overloaded) == ((1, 2, 4), ((0, 1.2),))
    estate.capacity[0] = 65.0
    hit = impact(ring, estate, cause_of(Fault.LINK, 2), Observations.of([]))
    assert (hit.devices, hit.overloaded) == ((), ((0, 0.92),))


def test_what_is_left_fills_later_in_a_busier_hour() -> None:
    ring = Network(5, np.array([(0, 1), (1, 2), (2, 0), (0, 3), (2, 4)], np.intp), np.array([0], np.intp))
    load, peak = np.array([0.0, 0.0, 30.0, 30.0, 30.0]), np.array([0.0, 0.0, 60.0, 60.0, 60.0])
    estate = Estate(0, np.full(5, -1, np.intp), load=load, capacity=np.array([50.0, 100, 100, 100, 100]), expected=peak)
    hit = impact(ring, estate, cause_of(Fault.LINK, 2), Observations.of([]))
    assert (hit.overloaded, hit.filling) == ((), ((0, 1.2),))
    now = impact(ring, replace(estate, load=peak), cause_of(Fault.LINK, 2), Observations.of([]))
    assert (now.overloaded, now.filling) == (((0, 1.2),), ())


def test_what_hits_more_or_keeps_coming_back_comes_sooner() -> None:
    none, many = Impact((), (), (), (), ()), Impact(tuple(range(50)), (), (), (1,), ())
    assert (
        priority("info", none, 1.0, 100, 0) < priority("info", many, 1.0, 100, 0) < priority("info", many, 1.0, 100, 5)
    )
    assert priority("critical", none, 1.0, 100, 0) > priority("warning", none, 1.0, 100, 0)
    assert 0.0 <= priority("", none, 0.0, 0, 0) <= priority("critical", many, 1.0, 10, 100) <= 100.0


def test_oddities_at_neighbours_and_close_in_time_are_one_group() -> None:
    ends = np.array([(0, 1), (1, 2)], np.intp)
    nodes = np.array([0, 1, 2, 0, 5, -1, -1, 5], np.intp)
    times = np.array([0.0, 100.0, 200.0, 5000.0, 0.0, 0.0, 0.0, 60.0])
    assert grouped(nodes, times, ends).tolist() == [0, 0, 0, 1, 2, 3, 4, 2]
    assert grouped(nodes[:0], times[:0], ends).tolist() == []
    assert grouped(nodes, times, ends, window_s=50.0).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
