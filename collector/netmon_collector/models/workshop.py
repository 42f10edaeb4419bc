"""Has models trained in a process of its own, one at a time: what that may take, and what becomes of it if it dies."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

from netmon_analytics.models.interfaces import Arrays
from netmon_collector.models.worker import LARGEST, LENGTH, decoded, encoded

ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
NEEDED: Final = {"PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT"}
"""Of the environment: what else is there may be secret."""
GRACE_S: Final = 0.5


class TrainingFailed(Exception):
    """A training that came to nothing: why, for people."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a training may take: a part of one core, memory, and time, behind all that is less nice."""

    cpu_share: float = 0.25
    memory_bytes: int = 1 << 30
    time_limit_s: float = 6 * 3600.0
    niceness: int = 19


@dataclass(slots=True)
class Working:
    """A process at work. pid: for whoever looks. cpu_s: what it has used so far."""

    process: asyncio.subprocess.Process
    complaints: IO[bytes]
    cpu_s: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    async def give(self, arrays: Arrays) -> None:
        """Returns when it is worked on, so that no more than one block waits. Raises TrainingFailed."""
        await self._exchange({}, arrays)

    async def finish(self) -> Arrays:
        """What was learned. Raises TrainingFailed."""
        return await self._exchange({"end": True}, {})

    async def begin(self, head: dict[str, Any]) -> None:
        await self._send(head, {})

    async def _exchange(self, head: dict[str, Any], arrays: Arrays) -> Arrays:
        await self._send(head, arrays)
        assert self.process.stdout is not None
        try:
            (length,) = LENGTH.unpack(await self.process.stdout.readexactly(LENGTH.size))
            if length > LARGEST:
                raise TrainingFailed("its process said what it never says")
            content = await self.process.stdout.readexactly(length)
        except asyncio.IncompleteReadError:
            raise TrainingFailed(await self._epitaph()) from None
        told, found = await asyncio.to_thread(decoded, content)
        self.cpu_s = float(told["cpu_s"])
        return found

    async def _send(self, head: dict[str, Any], arrays: Arrays) -> None:
        content = await asyncio.to_thread(encoded, head, arrays)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(LENGTH.pack(len(content)))
            self.process.stdin.write(content)
            await self.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise TrainingFailed(await self._epitaph()) from None

    async def _epitaph(self) -> str:
        code = await self.process.wait()
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        self.complaints.seek(0)
        lines = self.complaints.read(1 << 20).decode(errors="replace").strip().splitlines()
        return f"its process ended with {code}: {lines[-1][:200] if lines else 'it said nothing'}"


class Workshop:
    """working: the process that is at work, None between times."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.working: Working | None = None

    @asynccontextmanager
    async def at_work(self, head: dict[str, Any]) -> AsyncIterator[Working]:
        """A process for one job; it is gone when the block is left, however. Raises TrainingFailed.

        head: `job`, and what that needs to know.
        """
        budget = self._budget
        bounds = {
            "memory_bytes": budget.memory_bytes,
            "cpu_s": round(budget.time_limit_s * budget.cpu_share) + 60,
            "cpu_share": budget.cpu_share,
            "niceness": budget.niceness,
        }
        with tempfile.TemporaryFile() as complaints:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "netmon_collector.models.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                env={name: value for name, value in os.environ.items() if name in NEEDED} | ONE_THREAD,
            )
            self.working = Working(process, complaints)
            try:
                async with asyncio.timeout(budget.time_limit_s):
                    await self.working.begin(head | bounds)
                    yield self.working
            except TimeoutError:
                raise TrainingFailed(f"it took longer than {budget.time_limit_s:.0f} s (models.time_limit)") from None
            finally:
                self.working = None
                await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """A process that has told its result ends by itself in a moment; any other is killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(
            process.wait(), GRACE_S
        )  # asyncio.timeout() fails in a task that is cancelled, before 3.11.3
    except TimeoutError:
        process.kill()
        await process.wait()
