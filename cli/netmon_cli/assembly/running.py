"""What the daemons have in common while they run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from netmon_cli.assembly.pages import join_pages

DRAIN_S = 2.0


def now_ms() -> int:
    """The wall clock, Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def running_ms() -> int:
    """Milliseconds since some point of this boot, by a clock that never steps; on Linux it goes on in suspension."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> AsyncIterator[None]:
    """Runs work beside the block. Should it fail, `stop` is set and the end of the block raises what it raised."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def drained(is_empty: Callable[[], bool]) -> None:
    """Waits until what is pending has been sent, but not for long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while not is_empty():  # noqa: ASYNC110 - at the end only; an event for it would have to be kept all the time
                await asyncio.sleep(0.02)


def freeze() -> None:
    """Exempts what exists now from Python's search for garbage, and puts it into large pages. A daemon keeps its
    modules, models and routes as long as it lives; to look through them takes tens of milliseconds again and again, and
    all threads wait meanwhile.
    """
    gc.collect()
    gc.freeze()
    join_pages()
