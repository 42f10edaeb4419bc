"""One client's subscriptions to events: what the log has of them first, then what comes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pydantic import BaseModel

from netmon_api.event_models import EventFilter
from netmon_api.events import answer_of
from netmon_api.messages import Events, MissedEvents
from netmon_collector.events.feed import MOST_TAKEN, EventListener, Happened
from netmon_collector.events.feed import MissedEvents as Left
from netmon_collector.state.events import EventRecord, KeptEvents

MOST_CAUGHT_UP: Final = 10_000
"""Events of the log that are told before those that come."""


class Following:
    """`say` sends a message. Who calls this sees to it that one thing is said after another."""

    def __init__(self, kept: KeptEvents, listener: EventListener, say: Callable[[BaseModel], Awaitable[None]]) -> None:
        self._kept = kept
        self._listener = listener
        self._say = say

    def __len__(self) -> int:
        return len(self._listener)

    def __contains__(self, key: str) -> bool:
        return key in self._listener

    def begin(self, key: str, chosen: EventFilter) -> None:
        """From the next events on."""
        self._listener.subscribe(key, chosen.wanted())

    async def catch_up(self, key: str, chosen: EventFilter, after_id: int) -> None:
        """Tells what came after an event, up to now; what comes meanwhile is told once."""
        wanted, told = chosen.wanted(), 0
        while told < MOST_CAUGHT_UP:
            found = await asyncio.to_thread(self._kept.after, wanted, MOST_TAKEN, after_id)
            if found:
                await self._say(_events(key, found))
                after_id, told = found[-1].id, told + len(found)
                self._listener.skip(key, after_id)
            if len(found) < MOST_TAKEN:
                return
        newest = await asyncio.to_thread(self._kept.newest_id)
        self._listener.skip(key, newest)
        await self._say(MissedEvents(type="missed", id=key, events=newest - after_id))

    def end(self, key: str) -> None:
        self._listener.unsubscribe(key)

    async def wait(self) -> None:
        """Returns when there is something to tell."""
        await self._listener.wait()

    async def tell(self) -> None:
        """Tells the next events, or how many were missed."""
        match self._listener.take():
            case Happened(key, events):
                await self._say(_events(key, events))
            case Left(key, missed):
                await self._say(MissedEvents(type="missed", id=key, events=missed))

    def close(self) -> None:
        self._listener.close()


def _events(key: str, found: Sequence[EventRecord]) -> Events:
    return Events(type="events", id=key, results=[answer_of(one) for one in found])
