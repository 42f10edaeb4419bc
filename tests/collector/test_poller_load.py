"""How busy pollers are is known before they are late, and who takes over what from whom is planned by it."""

import pytest

from netmon_collector.poller_load import AT_ONCE, FULL, ROOM, TARGET, Load, Task, loads, moves, takeovers


def tasks(number: int, poller: str, *others: str, duration_s: float | None = 2.0, weight: float = 10.0) -> list[Task]:
    """So many devices, polled every ten seconds."""
    return [Task(f"{poller}-{one:04}", poller, 10.0, duration_s, weight, others) for one in range(number)]


def test_a_poller_is_as_busy_as_what_it_has_least_of() -> None:
    found = loads(tasks(1000, "a"), ["a", "b"], {"a": 0.1, "b": 0.3}, {"a": 1000.0}, {}, {"a": 2})
    assert found["a"] == Load("a", 1000, found["a"].asking, 0.1, 2, found["a"].asking)
    assert found["a"].asking == pytest.approx(200 / AT_ONCE)
    assert (found["b"].devices, found["b"].now) == (0, 0.3)


def test_devices_that_were_added_count_before_they_are_measured() -> None:
    found = loads(tasks(300, "a", duration_s=0.1), ["a"], {"a": 0.3}, {"a": 100.0}, {}, {})
    assert found["a"].ahead == pytest.approx(0.9)


def test_a_load_that_rises_counts_as_what_it_comes_to() -> None:
    assert loads(tasks(10, "a"), ["a"], {"a": 0.5}, {"a": 10.0}, {"a": 0.85}, {})["a"].ahead == 0.85


def test_a_device_of_which_nobody_knows_how_long_it_takes_counts_as_the_others() -> None:
    known = tasks(10, "a", duration_s=3.0)
    more = [Task("new", "a", 10.0, None, 1.0)]
    assert loads([*known, *more], ["a"], {}, {}, {}, {})["a"].asking == pytest.approx(11 * 0.3 / AT_ONCE)


def test_a_poller_that_gets_full_gives_as_much_as_it_has_to_and_nobody_gets_too_much() -> None:
    every = [*tasks(2250, "a", "b", "c"), *tasks(1000, "b", "a"), *tasks(1400, "c", "a")]
    found = loads(every, "abc", {}, {}, {}, {})
    assert [found[one].ahead for one in "ac"] == pytest.approx([0.9, 0.56])
    planned = moves(every, found)
    assert found["a"].ahead - len(planned) * 2 / 10 / AT_ONCE == pytest.approx(max(TARGET, 0.9 - 100 * 0.0004))
    assert {one.poller for one in planned} == {"a"}
    taken = {to: sum(one.to == to for one in planned) for to in "bc"}
    assert all(found[to].ahead + number * 0.0004 <= ROOM + 1e-9 for to, number in taken.items())
    assert taken["b"] > 0


def test_after_the_moves_nothing_is_to_be_moved() -> None:
    every = [*tasks(85, "a", "b", weight=10.0, duration_s=0.1), *tasks(10, "b", "a", duration_s=0.1)]
    before = loads(every, "ab", {"a": 0.85, "b": 0.1}, {}, {}, {})
    planned = {one.device: one.to for one in moves(every, before)}
    assert len(planned) == 15
    after = [Task(one.device, planned.get(one.device, one.poller), 10.0, 0.1, 10.0, ("a", "b")) for one in every]
    assert moves(after, loads(after, "ab", {"a": 0.7, "b": 0.25}, {}, {}, {})) == []


def test_what_nobody_else_may_poll_stays_and_so_does_all_where_there_is_no_room() -> None:
    alone = tasks(100, "a")
    assert moves(alone, loads(alone, "ab", {"a": FULL + 0.1}, {}, {}, {})) == []
    shared = [*tasks(100, "a", "b"), *tasks(100, "b", "a")]
    assert moves(shared, loads(shared, "ab", {"a": 0.95, "b": ROOM}, {}, {}, {})) == []


def test_what_a_poller_leaves_goes_to_the_least_busy_of_those_who_may() -> None:
    left = tasks(400, "gone", "a", "b")
    there = loads([*tasks(500, "a"), *tasks(700, "b")], "ab", {}, {}, {}, {})
    planned = takeovers(left, loads(left, ["gone"], {}, {}, {}, {}), there)
    assert len(planned) == 400
    taken = {to: sum(one.to == to for one in planned) for to in "ab"}
    assert taken == {"a": 300, "b": 100}, "both have 800 then"


def test_nobody_takes_over_more_than_there_is_room_for() -> None:
    left = [*tasks(100, "gone", "a"), *tasks(5, "alone")]
    there = {"a": Load("a", 10, 0.1, 0.6, 0, 0.6)}
    planned = takeovers(left, loads(left, ["gone", "alone"], {"gone": 0.5}, {}, {}, {}), there)
    assert len(planned) in (39, 40), "each is half a hundredth of a processor"
    assert {(one.poller, one.to) for one in planned} == {("gone", "a")}
