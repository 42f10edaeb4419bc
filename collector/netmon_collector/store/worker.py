"""A thread that works for an event loop: each commit is handed to one and back, and so an executor's price matters."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[Callable[[], Any], asyncio.Future[Any]]


class Worker:
    """Does one thing after the other, in the order in which it is asked to."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        # A store that nobody closed does not keep the process: what the thread does may be cut off at any moment.
        self._thread = Thread(target=_work_off, args=(self._jobs,), name=name, daemon=True)
        self._thread.start()

    def __del__(self) -> None:
        self._jobs.put(None)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. It is done even if nobody waits for it any more.

        Raises RuntimeError once the worker was closed.
        """
        if self._closed:
            raise RuntimeError(f"{self._thread.name} was closed")
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((work, outcome))
        return await outcome

    def close(self) -> None:
        """Waits until all is done; nothing can be asked for any more."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()


def _work_off(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        work, outcome = job
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - whoever waits is told, whatever happened
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            outcome.get_loop().call_soon_threadsafe(_tell, outcome, result, error)
        del job, work, outcome, result, error  # nothing of it is kept while there is nothing to do


def _tell(outcome: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if outcome.cancelled():
        return
    if error is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(error)
