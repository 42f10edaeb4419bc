"""The live feed hands out what was asked for, shares the work, and tells the slow what they missed."""

import asyncio
import math
import weakref

import numpy as np
import pytest

from netmon_collector.feed import Feed, Listener, Missed, Update
from netmon_collector.query.selector import parse_selector
from netmon_collector.store.base import ABSENT, Group, Row
from netmon_proto.model import STALE, Labels, is_stale


def labels(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


def group(*series: Labels) -> Group:
    return Group(ref=object(), labels=list(series))


def row(of: Group, time_ms: int, *values: float) -> Row:
    return Row(of, time_ms, np.array(values))


def subscribed(feed: Feed, selector: str = "load", **bounds: int) -> Listener:
    listener = feed.listen(**bounds)
    listener.subscribe("a", parse_selector(selector))
    return listener


def taken(listener: Listener) -> list[tuple[str, Update | Missed]]:
    return list(iter(listener.take, None))


def samples(listener: Listener) -> list[tuple[Labels, int, float]]:
    """What a listener takes, as (series, time, value)."""
    found = []
    for _, update in taken(listener):
        assert isinstance(update, Update)
        for frame in update.results.frames:
            assert frame.values.shape == (len(frame.times), len(frame.labels))
            for column, series in enumerate(frame.labels):
                found += [(series, int(time), float(frame.values[at, column])) for at, time in enumerate(frame.times)]
    return found


LOAD, IDLE, USER = labels("load"), labels("cpu", mode="idle"), labels("cpu", mode="user")
HOST = group(LOAD, IDLE, USER)


def test_a_listener_gets_the_series_that_it_asked_for() -> None:
    feed = Feed()
    listener = subscribed(feed, 'cpu{mode!="idle"}')
    feed.publish([row(HOST, 1000, 0.5, 1.0, 2.0), row(group(LOAD), 1000, 7.0)])
    assert samples(listener) == [(USER, 1000, 2.0)]


@pytest.mark.parametrize(
    ("selector", "series"),
    [
        ('{mode="user"}', [USER]),
        ('{__name__=~"c.u"}', [IDLE, USER]),
        ('{__name__!="",mode=""}', [LOAD]),
        ('cpu{mode="",__name__="cpu"}', []),
        ("nothing", []),
    ],
)
def test_all_kinds_of_conditions_choose_series(selector: str, series: list[Labels]) -> None:
    feed = Feed()
    try:
        listener = subscribed(feed, selector)
    except ValueError:
        assert not series
        return
    feed.publish([row(HOST, 1000, 0.5, 1.0, 2.0)])
    assert [one for one, _, _ in samples(listener)] == series


def test_a_backlog_of_one_group_comes_in_the_order_of_its_times() -> None:
    feed = Feed()
    listener = subscribed(feed)
    one = group(LOAD)
    feed.publish([row(one, 3000, 3.0), row(one, 1000, 1.0), row(one, 2000, 2.0), row(one, 1000, 1.5)])
    assert samples(listener) == [(LOAD, 1000, 1.5), (LOAD, 2000, 2.0), (LOAD, 3000, 3.0)]


def test_what_is_absent_is_no_sample() -> None:
    feed = Feed()
    listener = subscribed(feed, "cpu")
    feed.publish([row(HOST, 1000, 0.5, ABSENT, 2.0)])
    feed.publish([row(HOST, 2000, 0.5, ABSENT, ABSENT)])
    assert samples(listener) == [(USER, 2000 - 1000, 2.0)]


def test_special_values_arrive_bit_by_bit() -> None:
    feed = Feed()
    listener = subscribed(feed, '{__name__=~"load|cpu"}')
    feed.publish([row(HOST, 1000, STALE, math.inf, math.nan)])
    (_, _, stale), (_, _, infinite), (_, _, nan) = samples(listener)
    assert is_stale(stale)
    assert infinite == math.inf
    assert math.isnan(nan)
    assert not is_stale(nan)


def test_updates_do_not_change_with_the_rows_they_came_from() -> None:
    feed = Feed()
    listener = subscribed(feed)
    one = row(group(LOAD), 1000, 1.0)
    feed.publish([one])
    one.values[0] = 99.0
    assert samples(listener) == [(LOAD, 1000, 1.0)]


def test_what_was_published_before_is_not_repeated() -> None:
    feed = Feed()
    early = subscribed(feed)
    feed.publish([row(HOST, 1000, 1.0, 0.0, 0.0)])
    late = subscribed(feed)
    feed.publish([row(HOST, 2000, 2.0, 0.0, 0.0)])
    assert [time for _, time, _ in samples(early)] == [1000, 2000]
    assert [time for _, time, _ in samples(late)] == [2000]


def test_clients_with_the_same_question_share_one_answer() -> None:
    feed = Feed()
    first, second = subscribed(feed), subscribed(feed)
    feed.publish([row(HOST, 1000, 1.0, 0.0, 0.0)])
    (_, one), (_, two) = taken(first) + taken(second)
    assert isinstance(one, Update)
    assert isinstance(two, Update)
    assert one.results is two.results


def test_the_slow_are_told_what_they_missed() -> None:
    feed = Feed()
    listener = subscribed(feed, "cpu", most_frames=2)
    for second in range(5):
        feed.publish([row(HOST, second * 1000, 0.0, 1.0, 2.0 if second else ABSENT)])
    (key, missed), *updates = taken(listener)
    assert (key, missed) == ("a", Missed(samples=5, frames=3))
    assert [update.seq for _, update in updates if isinstance(update, Update)] == [4, 5]
    feed.publish([row(HOST, 9000, 0.0, 1.0, 2.0)])
    assert [type(update) for _, update in taken(listener)] == [Update]


def test_memory_is_bounded_in_samples_too() -> None:
    feed = Feed()
    listener = subscribed(feed, "cpu", most_samples=5)
    for second in range(4):
        feed.publish([row(HOST, second * 1000, 0.0, 1.0, 2.0)])
    (_, missed), *updates = taken(listener)
    assert missed == Missed(samples=4, frames=2)
    assert len(updates) == 2


def test_one_update_over_the_bound_is_still_delivered() -> None:
    feed = Feed()
    listener = subscribed(feed, "cpu", most_samples=1)
    feed.publish([row(HOST, 1000, 0.0, 1.0, 2.0)])
    assert len(samples(listener)) == 2


def test_each_subscription_of_a_client_is_counted_apart() -> None:
    feed = Feed()
    listener = subscribed(feed, "cpu", most_frames=1)
    listener.subscribe("b", parse_selector("load"))
    for second in range(3):
        feed.publish([row(HOST, second * 1000, 0.0, 1.0, 2.0)])
    events = taken(listener)
    assert {key: missed for key, missed in events if isinstance(missed, Missed)} == {
        "a": Missed(samples=6, frames=3),
        "b": Missed(samples=2, frames=2),
    }
    assert [key for key, update in events if isinstance(update, Update)] == ["b"]


def test_a_key_names_one_subscription() -> None:
    listener = subscribed(Feed())
    with pytest.raises(ValueError, match="'a' already"):
        listener.subscribe("a", parse_selector("cpu"))
    assert len(listener) == 1


def test_after_an_unsubscribe_nothing_comes() -> None:
    feed = Feed()
    listener = subscribed(feed, most_frames=1)
    for second in range(3):
        feed.publish([row(HOST, second * 1000, 1.0, 0.0, 0.0)])
    listener.unsubscribe("a")
    feed.publish([row(HOST, 9000, 1.0, 0.0, 0.0)])
    assert taken(listener) == []
    listener.subscribe("a", parse_selector("cpu"))
    feed.publish([row(HOST, 9000, 1.0, 2.0, 3.0)])
    assert [one for one, _, _ in samples(listener)] == [IDLE, USER]


def test_one_client_leaving_does_not_disturb_another() -> None:
    feed = Feed()
    leaver, stayer = subscribed(feed), subscribed(feed)
    leaver.close()
    feed.publish([row(HOST, 1000, 1.0, 0.0, 0.0)])
    assert taken(leaver) == []
    assert len(samples(stayer)) == 1


async def test_a_waiting_client_wakes_for_a_batch() -> None:
    feed = Feed()
    listener = subscribed(feed)
    waiter = asyncio.create_task(listener.wait())
    await asyncio.sleep(0)
    feed.publish([row(group(IDLE), 1000, 1.0)])
    await asyncio.sleep(0)
    assert not waiter.done()
    feed.publish([row(HOST, 1000, 1.0, 0.0, 0.0)])
    await asyncio.wait_for(waiter, 30)
    assert len(taken(listener)) == 1


class CountingLabels(list[Labels]):
    """The labels of a group, counting how often they are gone through."""

    searches = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        self.searches += 1
        return super().__iter__()


def searches(feed: Feed, batches: int) -> int:
    series = CountingLabels([LOAD])
    one = Group(object(), series)
    for second in range(batches):
        feed.publish([row(one, second, 1.0)])
    return series.searches


def test_nothing_is_searched_without_subscriptions() -> None:
    assert searches(Feed(), 10) == 0


def test_a_group_is_searched_once_for_all_clients_with_one_question() -> None:
    feed = Feed()
    listeners = [subscribed(feed) for _ in range(200)]
    assert searches(feed, 1000) == 1
    assert all(len(taken(listener)) == 257 for listener in listeners)


class Clock:
    s = 0.0

    def __call__(self) -> float:
        return self.s


def test_groups_that_went_away_are_forgotten() -> None:
    clock = Clock()
    feed = Feed(clock)
    subscribed(feed)
    series = CountingLabels([LOAD])
    gone = weakref.ref(series)
    feed.publish([row(Group(object(), series), 0, 1.0)])
    del series
    assert gone() is not None
    for _ in range(2):
        clock.s += 121
        feed.publish([row(HOST, 0, 1.0, 2.0, 3.0)])
    assert gone() is None


def test_groups_that_stay_are_not_searched_again() -> None:
    clock = Clock()
    feed = Feed(clock)
    subscribed(feed)
    series = CountingLabels([LOAD])
    one = Group(object(), series)
    for second in range(1000):
        clock.s += 10
        feed.publish([row(one, second, 1.0)])
    assert series.searches == 1


def test_nothing_is_remembered_when_the_last_client_has_left() -> None:
    feed = Feed()
    listener = subscribed(feed)
    series = CountingLabels([LOAD])
    gone = weakref.ref(series)
    feed.publish([row(Group(object(), series), 0, 1.0)])
    listener.close()
    del series
    assert gone() is None


def test_a_subscription_follows_what_is_found_to_be_one_device() -> None:
    hall, other = labels("load", instance="hall"), labels("load", instance="hall-mgmt")
    feed = Feed()
    listener = subscribed(feed, 'load{instance="hall"}')
    both = group(hall, other)

    def publish(time_ms: int) -> list[Labels]:
        feed.publish([row(both, time_ms, 1.0, 2.0)])
        return [series for series, _, _ in samples(listener)]

    assert publish(1000) == [hall]
    feed.know_handles({handle: ["hall", "hall-mgmt"] for handle in ("hall", "hall-mgmt")})
    assert publish(2000) == [hall, other]
    later = subscribed(feed, 'load{instance="hall-mgmt"}')
    assert publish(3000) == [hall, other]
    assert [series for series, _, _ in samples(later)] == [hall, other]
    feed.know_handles({})
    assert publish(4000) == [hall]
    assert [series for series, _, _ in samples(later)] == [other]
    listener.close()
    later.close()
