"""Brings what is in the queue to the server: one worker, in order, and again where the server may have lost it."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol, TypeVar

from netmon_collector.store.damage import log
from netmon_collector.store.health import Health
from netmon_collector.store.outside.base import Rejected
from netmon_collector.store.outside.lines import LineWriter
from netmon_collector.store.outside.queue import Entry, Queue
from netmon_collector.store.record import decode_parts

T = TypeVar("T")

SEND_BYTES: Final = 4 << 20
"""About so much of the queue is sent at once, before the next look at it."""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 30.0
_SETTLES_PER_HOLD: Final = 4


class Receiver(Protocol):
    """What a drain needs of a server; see outside.base.Server."""

    hold_s: float

    def check(self) -> str: ...

    def write(self, lines: bytes) -> None: ...


class Drain:
    """The worker of one server. What a server will never take is counted, told and left out, so that it blocks nothing.

    The server's run is checked before the first write and whenever something is settled: what was sent to an earlier
    run is sent again. Where a request is refused, its culprits are looked for in ever smaller ones, down to `finest`
    lines, which are given up together. `name` is the beginning of the log's events.
    """

    def __init__(
        self, queue: Queue, server: Receiver, lines: LineWriter, *, finest: int = 1, name: str = "store"
    ) -> None:
        self.rejected = 0
        """Samples that the server refused for good."""
        self.sent = 0
        """Samples that the server took, each as often as it was sent."""
        self._queue = queue
        self._server = server
        self._lines = lines
        self._finest = finest
        self._name = name
        self._thread = ThreadPoolExecutor(1, "netmon-drain")
        self._health = Health(f"{name}.server_fails", f"{name}.server_recovered")
        self._run: str | None = None
        self._idle = asyncio.Event()
        self._ended = False
        self._settle_step_s = server.hold_s / _SETTLES_PER_HOLD

    async def run(self) -> None:
        """Works until cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._step()
                pause_s = _FIRST_PAUSE_S
                self._health.tell(None)
                await self._queue.news(self._wait_s())
            except Exception as error:  # noqa: BLE001 - whatever a server makes its client raise, the worker goes on
                self._health.tell(error)
                self._run = None
                self._queue.rewind()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def delivered(self) -> bool:
        """Waits until nothing is in the queue that the server may not have. False: the work has ended before."""
        while self._queue.unsettled():
            if self._ended:
                return False
            self._idle.clear()
            await self._idle.wait()
        return True

    def end(self) -> None:
        """Tells those who wait that nothing more will be delivered."""
        self._ended = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._idle.set()

    async def _step(self) -> None:
        """Sends what is pending, then settles what is due."""
        if self._run is None:
            self._run = await self._in_thread(self._server.check)
        loop = asyncio.get_running_loop()
        while entries := self._queue.pending(SEND_BYTES):
            await self._in_thread(partial(self._send, entries))
            self._queue.sent(len(entries), loop.time())
            await self._settle_due(loop.time())
        await self._settle_due(loop.time())

    async def _settle_due(self, now_s: float) -> None:
        since_s = self._queue.held_since()
        if since_s is None or now_s < since_s + self._server.hold_s:
            return
        if self._server.hold_s:
            run = await self._in_thread(self._server.check)
            if run != self._run:
                log.warning(f"{self._name}.server_restarted", consequence="what it may have lost is sent again")
                self._run = run
                self._queue.rewind()
                return
        await self._queue.settle(now_s - self._server.hold_s)
        if not self._queue.unsettled():
            self._idle.set()

    def _wait_s(self) -> float | None:
        """How long there is nothing to do; held entries are settled several at a time."""
        since_s = self._queue.held_since()
        if since_s is None:
            return None
        due_s = since_s + self._server.hold_s - asyncio.get_running_loop().time()
        return max(due_s, self._settle_step_s)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """In a thread of its own: a server that hangs must not take those that others need."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _send(self, entries: Sequence[Entry]) -> None:
        for entry, record in self._queue.read(entries):
            for part in decode_parts(record.payload):
                for lines in self._lines.lines(part, entry.file.groups):
                    self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        """Writes lines; of those that are refused it finds the culprits."""
        try:
            self._server.write(b"".join(lines))
            self.sent += len(lines)
        except Rejected as error:
            if error.lines is None and len(lines) > self._finest:
                middle = len(lines) // 2
                self._write(lines[:middle])
                self._write(lines[middle:])
                return
            if not self.rejected:
                log.error(f"{self._name}.rejected", example=lines[0].decode(errors="replace")[:200], reason=str(error))
            self.rejected += error.lines or len(lines)
