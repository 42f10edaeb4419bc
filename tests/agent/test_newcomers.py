"""Devices that are new wait while those on schedule are late."""

import asyncio
import time
from collections.abc import Callable

import pytest

from netmon_agent.polling import newcomers
from netmon_agent.polling.newcomers import Newcomers


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_so_many_are_let_in_at_once_and_the_others_when_one_has_left() -> None:
    door, inside, leave = Newcomers(at_once=3), 0, asyncio.Event()

    async def come() -> None:
        nonlocal inside
        async with door.admitted():
            inside += 1
            await leave.wait()

    tasks = [asyncio.create_task(come()) for _ in range(7)]
    await asyncio.sleep(0.3)
    assert inside == 3
    assert not door.has_room
    leave.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    assert inside == 7
    assert door.has_room


async def test_an_agent_that_expects_nobody_does_not_look() -> None:
    door = Newcomers()
    watching = asyncio.create_task(door.run())
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - later than whoever looks would put up with
    await asyncio.sleep(0.01)
    assert door.has_room
    watching.cancel()


async def test_while_the_event_loop_is_late_they_come_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "LOOK_EVERY_S", 0.01)
    door, inside, most, left = Newcomers(), 0, 0, 0

    async def burden() -> None:
        while True:
            time.sleep(0.2)  # noqa: ASYNC251 - as if there were too many polls
            await asyncio.sleep(0)

    async def come() -> None:
        nonlocal inside, most, left
        async with door.admitted():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.3)
            inside -= 1
            left += 1

    door.expect(True)
    watching, busy = asyncio.create_task(door.run()), asyncio.create_task(burden())
    await until(lambda: not door.has_room)
    waiting = [asyncio.create_task(come()) for _ in range(3)]
    await until(lambda: left == 2)  # all have their turn
    assert most == 1
    busy.cancel()
    await asyncio.wait_for(asyncio.gather(*waiting), 30)
    watching.cancel()
