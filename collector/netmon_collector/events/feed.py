"""Events as they are kept, for whoever listens: bounded for each, and never in the way of those that come in."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from netmon_collector.state.events import EventRecord, Wanted

MOST_WAITING: Final = 10_000
"""Events that wait for one listener."""
MOST_TAKEN: Final = 500


class Happened(NamedTuple):
    """Events that somebody subscribed to, in the order in which they came."""

    key: str
    events: Sequence[EventRecord]


class MissedEvents(NamedTuple):
    """How many events were dropped since the last ones that were taken, because they were not taken in time."""

    key: str
    events: int


class EventFeed:
    """Hands kept events to listeners. All on one event loop; without listeners events cost nothing."""

    def __init__(self) -> None:
        self._listeners: set[EventListener] = set()

    @property
    def is_heard(self) -> bool:
        return any(len(one) for one in self._listeners)

    def listen(self, most_waiting: int = MOST_WAITING) -> "EventListener":
        """A new listener; as much as that waits for it."""
        listener = EventListener(self, most_waiting)
        self._listeners.add(listener)
        return listener

    def publish(self, events: Sequence[EventRecord]) -> None:
        """Gives events that were just kept to those who subscribed to such."""
        for listener in self._listeners:
            listener.offer(events)

    def leave(self, listener: "EventListener") -> None:
        self._listeners.discard(listener)


@dataclass(slots=True)
class _Subscription:
    wanted: Wanted
    after_id: int = 0
    missed: int = 0


class EventListener:
    """One client's subscriptions, by keys of its own. When too much waits, the oldest is dropped and counted."""

    def __init__(self, feed: EventFeed, most_waiting: int) -> None:
        self._feed = feed
        self._most_waiting = most_waiting
        self._subscriptions: dict[str, _Subscription] = {}
        self._waiting: deque[tuple[str, EventRecord]] = deque()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._subscriptions)

    def __contains__(self, key: str) -> bool:
        return key in self._subscriptions

    def subscribe(self, key: str, wanted: Wanted) -> None:
        """Takes part from the next events on."""
        self._subscriptions[key] = _Subscription(wanted)

    def skip(self, key: str, up_to_id: int) -> None:
        """Leaves out events that were told in another way."""
        self._subscriptions[key].after_id = up_to_id
        self._waiting = deque(one for one in self._waiting if one[0] != key or one[1].id > up_to_id)

    def unsubscribe(self, key: str) -> None:
        """Ends a subscription and forgets what waits for it. Raises KeyError."""
        del self._subscriptions[key]
        self._waiting = deque(one for one in self._waiting if one[0] != key)

    def offer(self, events: Sequence[EventRecord]) -> None:
        for key, subscription in self._subscriptions.items():
            for one in events:
                if one.id > subscription.after_id and subscription.wanted.accepts(one):
                    self._waiting.append((key, one))
        while len(self._waiting) > self._most_waiting:
            self._subscriptions[self._waiting.popleft()[0]].missed += 1
        if self._waiting:
            self._wake.set()

    async def wait(self) -> None:
        """Returns when there is something to take."""
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()

    def take(self) -> Happened | MissedEvents | None:
        """What comes next: what was missed first, then events of one subscription."""
        for key, subscription in self._subscriptions.items():
            if subscription.missed:
                missed, subscription.missed = subscription.missed, 0
                return MissedEvents(key, missed)
        if not self._waiting:
            return None
        key = self._waiting[0][0]
        found: list[EventRecord] = []
        while self._waiting and self._waiting[0][0] == key and len(found) < MOST_TAKEN:
            found.append(self._waiting.popleft()[1])
        return Happened(key, found)

    def close(self) -> None:
        self._feed.leave(self)
