"""A thread does what an event loop hands to it, one thing after the other."""

import asyncio
import gc
import threading
from functools import partial

import pytest

from netmon_collector.store.worker import Worker


async def test_work_is_done_in_its_order_on_one_thread() -> None:
    worker = Worker("test")
    done: list[int] = []
    threads = set()

    def note(number: int) -> None:
        done.append(number)
        threads.add(threading.current_thread().name)

    await asyncio.gather(*(worker.run(partial(note, number)) for number in range(50)))
    assert done == list(range(50))
    assert threads == {"test"}
    worker.close()


async def test_who_asks_gets_what_was_raised_and_the_next_is_done_nevertheless() -> None:
    worker = Worker("test")
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    assert await worker.run(lambda: 2) == 2
    worker.close()
    with pytest.raises(RuntimeError, match="test was closed"):
        await worker.run(lambda: 3)


async def test_work_is_done_even_if_nobody_waits_for_it_any_more() -> None:
    worker = Worker("test")
    go_on, done = threading.Event(), threading.Event()
    first = asyncio.create_task(worker.run(go_on.wait))
    second = asyncio.create_task(worker.run(done.set))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    go_on.set()
    worker.close()
    assert done.is_set()


async def test_its_thread_ends_when_nobody_has_it_any_more() -> None:
    worker = Worker("test")
    thread = await worker.run(threading.current_thread)
    del worker
    gc.collect()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


def test_a_loop_that_is_closed_meanwhile_does_not_end_the_thread() -> None:
    worker = Worker("test")
    go_on = threading.Event()

    async def leave() -> None:
        task = asyncio.create_task(worker.run(go_on.wait))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    go_on.set()
    assert asyncio.run(worker.run(lambda: 4)) == 4
    worker.close()
