"""Events reach whoever subscribed to such, in order, within bounds that are told when they are met."""

import asyncio

import pytest

from netmon_collector.events.feed import MOST_TAKEN, EventFeed, Happened, MissedEvents
from netmon_collector.state.events import EventRecord, Wanted


def event(number: int, kind: str = "linkDown", device: str = "sw1", severity: int = 4) -> EventRecord:
    return EventRecord(number, device, "trap", kind, severity, 1, f"{kind} ifIndex={number}", "", {}, number, number)


def test_each_listener_gets_what_it_asked_for() -> None:
    feed = EventFeed()
    downs, loud = feed.listen(), feed.listen()
    downs.subscribe("d", Wanted(kinds=["linkDown"], text="IFINDEX=2"))
    loud.subscribe("l", Wanted(severities=[1, 2, 3]))
    feed.publish([event(1), event(2), event(3, severity=2), event(4, "linkUp")])
    assert downs.take() == Happened("d", [event(2)])
    assert loud.take() == Happened("l", [event(3, severity=2)])
    assert (downs.take(), loud.take()) == (None, None)


def test_a_slow_listener_loses_the_oldest_and_is_told_how_many() -> None:
    feed = EventFeed()
    slow = feed.listen(most_waiting=2)
    slow.subscribe("all", Wanted())
    for number in range(1, 6):
        feed.publish([event(number)])
    assert slow.take() == MissedEvents("all", 3)
    assert slow.take() == Happened("all", [event(4), event(5)])
    feed.publish([event(6)])
    assert slow.take() == Happened("all", [event(6)])


def test_what_was_told_in_another_way_is_left_out() -> None:
    feed = EventFeed()
    listener = feed.listen()
    listener.subscribe("a", Wanted())
    feed.publish([event(1), event(2)])
    listener.skip("a", 2)
    feed.publish([event(2), event(3)])
    assert listener.take() == Happened("a", [event(3)])


def test_a_message_holds_events_of_one_subscription_and_not_too_many() -> None:
    feed = EventFeed()
    listener = feed.listen()
    listener.subscribe("a", Wanted(kinds=["linkDown"]))
    listener.subscribe("b", Wanted(kinds=["linkUp"]))
    feed.publish([event(number) for number in range(1, MOST_TAKEN + 2)])
    feed.publish([event(9_999, "linkUp")])
    taken = [listener.take() for _ in range(3)]
    assert [(one.key, len(one.events)) for one in taken if isinstance(one, Happened)] == [
        ("a", MOST_TAKEN),
        ("a", 1),
        ("b", 1),
    ]


def test_whoever_has_left_costs_nothing() -> None:
    feed = EventFeed()
    listener = feed.listen()
    assert not feed.is_heard
    listener.subscribe("a", Wanted())
    assert feed.is_heard
    listener.unsubscribe("a")
    assert not feed.is_heard
    listener.close()
    feed.publish([event(1)])
    assert listener.take() is None


async def test_it_wakes_when_something_happens() -> None:
    feed = EventFeed()
    listener = feed.listen()
    listener.subscribe("a", Wanted(kinds=["linkUp"]))
    waiting = asyncio.create_task(listener.wait())
    feed.publish([event(1)])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    feed.publish([event(2, "linkUp")])
    await asyncio.wait_for(waiting, 30)
