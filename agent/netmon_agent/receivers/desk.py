"""Where the events of all receivers meet: those alike become one, and what waits goes to the spool."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from netmon_agent.receivers.storms import FULL, Losses
from netmon_agent.spool import Spool
from netmon_proto.model import Event

LINGER_S: Final = 0.05
TELL_EVERY_S: Final = 10.0
MOST_WAITING: Final = 50_000
MOST_BATCH: Final = 2_000
BATCH_CHARACTERS: Final = 500_000
"""Of texts and fields; a batch stays well below what a collector takes, whatever alphabet they are in."""
MOST_KNOWN: Final = 50_000
_ORIGIN: Final = ("engine_id", "agent_address", "hostname")
"""Fields that say whose event it is: through a relay, those of many devices come from one address."""

Kept = Callable[[], None]
_Likeness = tuple[str | None, ...]
"""What events have in common that are alike."""


@dataclass(slots=True)
class _Sight:
    """An event that was passed on a moment ago, and how often it came again since."""

    first_s: float
    event: Event
    request_id: int | None
    again: int = 0


class Desk:
    """Takes events and spools them.

    An event that is like one of the same device less than `fold_s` ago is kept back; when the time is over, one
    event stands for all that were. A reply that was asked for is given when the event is in the spool.
    """

    def __init__(
        self,
        spool: Spool,
        now_ms: Callable[[], int],
        fold_s: float = 10.0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self.now_ms = now_ms
        self._fold_s = fold_s
        self._monotonic_s = monotonic_s
        self._seen: dict[_Likeness, _Sight] = {}
        self._waiting: list[Event] = []
        self._replies: list[Kept] = []
        self._flush: asyncio.Task[None] | None = None
        self.losses = Losses()
        self.folded = 0
        self.accepted = 0

    def accept(self, event: Event, kept: Kept | None = None, request_id: int | None = None) -> None:
        """Takes an event; `kept` is called when it is in the spool. What is sent again under the same number, because
        the reply was late or lost, is answered and not counted again."""
        key = (event.source, event.address, event.kind, event.text, *map(event.fields.get, _ORIGIN))
        sight = self._seen.get(key)
        if sight is not None:
            if request_id is None or request_id != sight.request_id:
                sight.again += 1
                sight.event, sight.request_id = event, request_id
                self.folded += 1
            self._answer_later(kept)
            return
        if len(self._waiting) >= MOST_WAITING:
            self.losses.note(FULL, event.address)
            return
        if len(self._seen) >= MOST_KNOWN:
            self._forget(next(iter(self._seen)))
        self._seen[key] = _Sight(self._monotonic_s(), event, request_id)
        self.accepted += 1
        self._waiting.append(event)
        self._answer_later(kept)

    async def run(self) -> None:
        """Tells, from time to time, what came again and what was left out; until cancelled."""
        told_s = self._monotonic_s()
        while True:
            await asyncio.sleep(min(self._fold_s, TELL_EVERY_S) / 4)
            now_s = self._monotonic_s()
            self._unfold(now_s - self._fold_s)
            if now_s - told_s >= TELL_EVERY_S:
                told_s = now_s
                self._waiting += self.losses.tell(self.now_ms())
            if self._waiting:
                self._flush_soon()

    async def close(self) -> None:
        """Spools all that is known."""
        self._unfold(float("inf"))
        self._waiting += self.losses.tell(self.now_ms())
        if self._flush is not None:
            await asyncio.gather(self._flush, return_exceptions=True)
        while self._waiting or self._replies:
            await self._spool_some()

    def _unfold(self, before_s: float) -> None:
        """What was first seen by then is over; what came again becomes one event."""
        in_order = iter(self._seen.items())
        for key, _ in list(takewhile(lambda item: item[1].first_s <= before_s, in_order)):
            self._forget(key)

    def _forget(self, key: _Likeness) -> None:
        sight = self._seen.pop(key)
        if sight.again:
            self._waiting.append(replace(sight.event, count=sight.again))

    def _answer_later(self, kept: Kept | None) -> None:
        if kept is not None:
            self._replies.append(kept)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._linger())

    async def _linger(self) -> None:
        await asyncio.sleep(LINGER_S)
        while self._waiting or self._replies:
            await self._spool_some()

    async def _spool_some(self) -> None:
        count = _fitting(self._waiting)
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        replies, self._replies = ([], self._replies) if self._waiting else (self._replies, [])
        await self._spool.append_events(batch)
        for reply in replies:
            reply()


def _fitting(events: Sequence[Event]) -> int:
    """How many of the first events make a batch."""
    characters = 0
    for count, event in enumerate(events[:MOST_BATCH]):
        characters += len(event.text) + sum(len(name) + len(text) for name, text in event.fields.items())
        if characters > BATCH_CHARACTERS and count:
            return count
    return min(len(events), MOST_BATCH)
