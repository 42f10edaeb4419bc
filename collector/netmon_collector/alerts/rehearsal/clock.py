"""A clock that stands still until it is told to go on, and who sleeps by it."""

import asyncio
import heapq
from itertools import count


class Clock:
    """Time in Unix milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._asleep: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock has been set so far ahead."""
        waked = asyncio.get_running_loop().create_future()
        heapq.heappush(self._asleep, (self.now_ms + round(seconds * 1000), next(self._order), waked))
        await waked

    @property
    def sleepers(self) -> int:
        self._forget()
        return sum(not waked.done() for _, _, waked in self._asleep)

    def next_ms(self) -> int | None:
        """When somebody wakes up next."""
        self._forget()
        return self._asleep[0][0] if self._asleep else None

    def wake(self) -> None:
        """Wakes all whose time has come."""
        while (next_ms := self.next_ms()) is not None and next_ms <= self.now_ms:
            heapq.heappop(self._asleep)[2].set_result(None)

    def _forget(self) -> None:
        """Lets go of those that were cancelled."""
        while self._asleep and self._asleep[0][2].done():
            heapq.heappop(self._asleep)
