"""When inputs are read: at the same phase of every interval, each by itself."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from netmon_agent.batcher import Batcher
from netmon_agent.clock import Clock
from netmon_agent.inputs.base import Input
from netmon_configs.logs import EventLog

log = EventLog("netmon.agent.schedule")


def phase_ms(agent_id: str, interval_ms: int) -> int:
    """Where within the interval an agent gathers: spread over agents, the same after every restart."""
    digest = hashlib.blake2b(agent_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ms


def next_tick_ms(now_ms: int, interval_ms: int, phase_ms: int, last_ms: int) -> int:
    """The next time that is aligned to interval and phase.

    A tick less than half an interval after the last gather is left out: a sleep may have ended a little early, or the
    agent has just started. A clock that was set back is followed at once.
    """
    tick = now_ms - (now_ms - phase_ms) % interval_ms + interval_ms
    if 0 <= tick - last_ms < interval_ms / 2:
        tick += interval_ms
    return tick


@dataclass(slots=True)
class InputCounts:
    """What became of the gathers of one input."""

    gathers: int = 0
    failures: int = 0
    missed: int = 0
    samples: int = 0
    duration_s: float = 0.0


class Scheduler:
    """Runs each input in a task of its own: a slow or broken one delays nobody."""

    def __init__(
        self, inputs: Sequence[Input], *, interval_s: float, agent_id: str, batcher: Batcher, clock: Clock
    ) -> None:
        self._inputs = {one.title: one for one in inputs}
        self._interval_s = interval_s
        self._agent_id = agent_id
        self._batcher = batcher
        self._clock = clock
        self._slow: set[str] = set()
        self._down: set[str] = set()
        self._running: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.counts = {one.title: InputCounts() for one in inputs}

    async def run(self) -> None:
        """Gathers until cancelled; the first time at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._running = tasks
                for one in list(self._inputs.values()):
                    self._start(one, is_due=True)
                await asyncio.Event().wait()
        finally:
            self._running = None
            for one in self._inputs.values():
                await one.close()

    def add(self, one: Input, *, is_due: bool) -> None:
        """Has another input read from now on; the first time at once where it is due, else in its turn."""
        self._inputs[one.title] = one
        self.counts[one.title] = InputCounts()
        self._start(one, is_due=is_due)

    async def drop(self, title: str, *, ends: bool) -> None:
        """Has an input read no more. Its series end, unless another one of its title is to go on with them."""
        one, task = self._inputs.pop(title), self._tasks.pop(title, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await one.close()
        del self.counts[title]
        self._slow.discard(title)
        self._down.discard(title)
        if ends:
            self._batcher.put(title, one.job_label, self._clock.now_ms(), [])

    def _start(self, one: Input, *, is_due: bool) -> None:
        if self._running is not None:
            self._tasks[one.title] = self._running.create_task(self._repeat(one, is_due))

    async def _repeat(self, one: Input, is_due: bool) -> None:
        interval_ms = round((one.interval_s or self._interval_s) * 1000)
        phase = phase_ms(f"{self._agent_id}{one.apart}", interval_ms)
        last, broken = self._clock.now_ms(), False
        if is_due:
            broken = await self._gather(one, broken)
        else:
            last -= interval_ms
        while True:
            now = self._clock.now_ms()
            tick = next_tick_ms(now, interval_ms, phase, last)
            await asyncio.sleep((tick - now) / 1000)
            started = time.monotonic()
            broken = await self._gather(one, broken)
            last = tick
            took_ms = (time.monotonic() - started) * 1000
            if took_ms > interval_ms:
                self.counts[one.title].missed += int(took_ms // interval_ms)

    async def _gather(self, one: Input, broken: bool) -> bool:
        """Reads an input once; whether it is broken now."""
        counts = self.counts[one.title]
        now_ms = self._clock.now_ms()
        started = time.perf_counter()
        interval_s = one.interval_s or self._interval_s
        watch = asyncio.get_running_loop().call_later(interval_s, self._tell_slow, one.title, interval_s)
        try:
            counts.samples += self._batcher.put(one.title, one.job_label, now_ms, await one.gather(now_ms))
        except Exception as error:  # noqa: BLE001 - one broken input must not stop the others
            counts.failures += 1
            self._batcher.put_stale(one.title, now_ms)
            if not broken:
                log.warning("input.broken", input=one.title, error=str(error) or type(error).__name__)
            return True
        else:
            if broken:
                log.info("input.recovered", input=one.title)
            self._tell_trouble(one)
            return False
        finally:
            watch.cancel()
            counts.gathers += 1
            duration_s = time.perf_counter() - started
            counts.duration_s += duration_s
            if one.title in self._slow and duration_s <= interval_s:
                self._slow.discard(one.title)
                log.info("input.fast_again", input=one.title)

    def _tell_trouble(self, one: Input) -> None:
        """Once when a source goes down, and once when it is back."""
        if one.trouble and one.title not in self._down:
            self._down.add(one.title)
            log.warning("input.source_down", input=one.title, reason=one.trouble)
        elif not one.trouble and one.title in self._down:
            self._down.discard(one.title)
            log.info("input.source_up", input=one.title)

    def _tell_slow(self, title: str, interval_s: float) -> None:
        if title not in self._slow:
            self._slow.add(title)
            log.warning("input.slow", input=title, interval_s=interval_s, consequence="its next gathers are left out")
