"""Who may be asked for everything: devices that are new, and whose facts are due. Polls on schedule come first.

Asking for everything takes many times the processor time of a poll, and what a device tells is in memory meanwhile. So
it is begun as long as the event loop keeps its times, and of so many devices at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 50
APART_S: Final = 0.02
LOOK_EVERY_S: Final = 0.1
MOST_LATE_S: Final = 0.05


class Newcomers:
    """Lets them in, first come, first served."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._gate = asyncio.Lock()
        self._inside = 0
        self._is_late = False
        self._expected = asyncio.Event()

    def expect(self, some: bool) -> None:
        """Whether anybody may come. As long as nobody does, nothing is looked at: an agent without polls sleeps."""
        if some:
            self._expected.set()
        else:
            self._expected.clear()

    async def run(self) -> None:
        """Looks how late the event loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._expected.wait()
            due_s = loop.time() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self._is_late = loop.time() - due_s > MOST_LATE_S

    @property
    def has_room(self) -> bool:
        """Whether one more would be let in at once."""
        return not self._is_late and not self._gate.locked() and not self._slots.locked()

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Waits for room. Where others are late anyway one is let in at a time, so that all have their turn."""
        async with self._slots:
            async with self._gate:
                while self._is_late and self._inside:  # noqa: ASYNC110 - lateness is no event, it is looked at
                    await asyncio.sleep(LOOK_EVERY_S)
                await asyncio.sleep(APART_S)
                self._inside += 1
            try:
                yield
            finally:
                self._inside -= 1
