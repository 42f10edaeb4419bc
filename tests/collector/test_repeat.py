"""Work that fails is told once, goes on, and is told once when it works again."""

import asyncio

from netmon_collector.repeat import keep_at


async def test_a_failure_is_told_once_and_once_that_it_is_over() -> None:
    outcomes = [None, OSError("away"), OSError("still away"), None, None, ValueError("wrong")]
    told: list[str] = []
    done = asyncio.Event()

    async def look() -> None:
        if not outcomes:
            done.set()
            return
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    task = asyncio.create_task(keep_at(look, 0, failing=told.append, recovered=lambda: told.append("works")))
    await done.wait()
    task.cancel()
    assert told[:3] == ["OSError: away", "works", "ValueError: wrong"]
