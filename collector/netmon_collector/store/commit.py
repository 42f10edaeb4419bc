"""Group commit: batches that come at about the same time are one record; whoever brought one hears of the outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from netmon_collector.store.base import Origin, StoreError
from netmon_collector.store.health import Health
from netmon_collector.store.record import Part

RECORD_BYTES: Final = 8 << 20
"""About the most that one group commit takes; what waits beyond goes into the next."""
BATCH_BYTES: Final = 1 << 30
"""No batch may be larger."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A batch on its way to the disk, and those who wait for it; the outcome is None once it is there."""

    parts: list[Part]
    size_bytes: int
    origin: Origin | None
    waiters: list[asyncio.Future[Exception | None]] = field(default_factory=list)

    async def outcome(self) -> None:
        """Raises StoreError if the commit failed. A caller who gives up takes nothing from others who wait."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        error = await waiter
        if error is not None:
            raise StoreError(str(error) or type(error).__name__) from error

    def tell(self, error: Exception | None) -> None:
        """The commit is done."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(error)


class Committer:
    """Hands batches to `write`, one group at a time: at once after a pause, else a window after the last commit."""

    def __init__(
        self, write: Callable[[Sequence[Waiting]], Awaitable[None]], *, window_s: float, waiting_bytes: int
    ) -> None:
        self.turn = asyncio.Lock()
        """Held while something is written."""
        self._write = write
        self._window_s = window_s
        self._waiting_bytes = waiting_bytes
        self._waiting: list[Waiting] = []
        self._in_flight: dict[Origin, Waiting] = {}
        self._bytes_waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._next_s = 0.0
        self._health = Health("store.failing", "store.recovered")
        self._closed = False

    async def outcome_of(self, origin: Origin) -> None:
        """Waits for a batch of this origin, if one is on its way. Raises StoreError if its commit failed."""
        earlier = self._in_flight.get(origin)
        if earlier is not None:
            await earlier.outcome()

    async def commit(self, parts: list[Part], origin: Origin | None) -> None:
        """Waits until a batch is on disk. Raises StoreError, and ValueError for a batch that is too large."""
        size_bytes = sum([part.size_bytes for part in parts])
        if self._closed:
            raise StoreError("the store is closed")
        if size_bytes > BATCH_BYTES:
            raise ValueError(f"a batch of {size_bytes} bytes; the most is {BATCH_BYTES}")
        if self._bytes_waiting and self._bytes_waiting + size_bytes > self._waiting_bytes:
            raise StoreError(f"the disk does not keep up: {self._bytes_waiting} bytes wait for it")
        batch = Waiting(parts, size_bytes, origin)
        self._waiting.append(batch)
        self._bytes_waiting += size_bytes
        if origin is not None:
            self._in_flight[origin] = batch
        if self._task is None:
            self._task = asyncio.create_task(self._commit_waiting())
        await batch.outcome()

    async def close(self) -> None:
        """Takes nothing more, and writes what waits."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(max(0.0, self._next_s - loop.time()))
                async with self.turn:
                    self._next_s = loop.time() + self._window_s
                    await self._commit(self._take())
        finally:
            self._task = None

    def _take(self) -> list[Waiting]:
        """The batches of the next group commit."""
        taken = size_bytes = 0
        while taken < len(self._waiting) and size_bytes < RECORD_BYTES:
            size_bytes += self._waiting[taken].size_bytes
            taken += 1
        batches, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batches

    async def _commit(self, batches: Sequence[Waiting]) -> None:
        """Has all these batches written and tells those who wait for them."""
        error: Exception | None = None
        try:
            await self._write(batches)
        except Exception as failure:  # noqa: BLE001 - whoever waits for the disk must be told, whatever happened
            error = failure
        self._health.tell(error)
        for batch in batches:
            self._bytes_waiting -= batch.size_bytes
            if batch.origin is not None:
                del self._in_flight[batch.origin]
            batch.tell(error)
