"""Bounds how much a sweep sends in a second."""

import asyncio
import time


class Pace:
    """Turns, at most so many a second, evenly spaced; for one event loop."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1.0 / per_s
        self._next_s = 0.0

    async def turn(self) -> None:
        """Waits for the next turn."""
        now_s = time.monotonic()
        at_s = max(self._next_s, now_s)
        self._next_s = at_s + self._gap_s
        if at_s > now_s:
            await asyncio.sleep(at_s - now_s)
