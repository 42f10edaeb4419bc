"""Carries out the sweeps that the collector asks for, one at a time, and tells how they go."""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from netmon_agent.discovery.scope import Outside, Scope
from netmon_configs.logs import EventLog
from netmon_proto.model import Found, Sweep, SweepNews

if TYPE_CHECKING:
    from netmon_configs.library import Library

log = EventLog("netmon.agent.discovery")

LEAST_AT_ONCE, MOST_AT_ONCE = 64, 512
"""Addresses that are looked at together, and told of together: about as many as are asked in a second."""
ALL_NODES_S: Final = 2.0
TOLD_AT_ONCE: Final = 100
"""What was found, in one message."""


class Sweeper:
    """Holds what the sweep of now, or the last one, has found, so that a collector which comes back hears all of it."""

    def __init__(self) -> None:
        self._sweep: Sweep | None = None
        self._task: asyncio.Task[None] | None = None
        self._found: list[Found] = []
        self._told = 0
        self._news = SweepNews(0)
        self._has_news = asyncio.Event()

    async def run(self) -> None:
        """Waits until cancelled; then a sweep ends too."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._end()

    async def take(self, sweep: Sweep) -> None:
        """Begins a sweep instead of the one before, or stops it. One that is told of again goes on."""
        is_this = self._sweep is not None and self._sweep.id == sweep.id
        if sweep.is_stopped:
            if is_this and not self._news.is_over:
                await self._end()
                self._say(is_over=True, trouble="it was stopped")
        elif not is_this:
            await self._end()
            self._sweep, self._found, self._told = sweep, [], 0
            self._news = SweepNews(sweep.id)
            self._task = asyncio.create_task(self._carry_out(sweep))

    def tell_all_again(self) -> None:
        """Who heard of it before is gone."""
        self._told = 0
        if self._sweep is not None:
            self._has_news.set()

    async def next(self) -> SweepNews:
        """The next news; waits for some."""
        await self._has_news.wait()
        found = tuple(self._found[self._told : self._told + TOLD_AT_ONCE])
        self._told += len(found)
        is_all = self._told == len(self._found)
        if is_all:
            self._has_news.clear()
        now = self._news
        return SweepNews(now.id, now.done, now.total, found, now.is_over and is_all, now.trouble)

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _say(self, done: int | None = None, total: int | None = None, is_over: bool = False, trouble: str = "") -> None:
        now = self._news
        self._news = SweepNews(
            now.id,
            now.done if done is None else done,
            now.total if total is None else total,
            is_over=is_over,
            trouble=trouble or now.trouble,
        )
        self._has_news.set()

    async def _carry_out(self, sweep: Sweep) -> None:
        log.info("sweep.started", id=sweep.id, networks=", ".join(sweep.networks)[:200])
        try:
            await self._look_everywhere(sweep, Scope(sweep.networks, sweep.follow))
        except Outside as error:
            self._say(is_over=True, trouble=str(error))
        except ImportError as error:
            self._say(is_over=True, trouble=f"the agent lacks {error.name}: pip install 'netmon[poller]' there")
        except Exception as error:  # noqa: BLE001 - a sweep that breaks must not stop the agent
            log.warning("sweep.broken", id=sweep.id, error=repr(error)[:300])
            self._say(is_over=True, trouble=f"it broke: {type(error).__name__}")
        else:
            self._say(is_over=True)
        log.info("sweep.ended", id=sweep.id, looked_at=self._news.done, found=len(self._found))

    async def _look_everywhere(self, sweep: Sweep, scope: Scope) -> None:
        from netmon_agent.discovery.device import Devices
        from netmon_agent.discovery.look import Looker

        looker = Looker(
            scope, sweep.ports, Devices(sweep.credentials, _Library().get), sweep.packets_per_s, bool(sweep.follow)
        )
        waiting: Iterator[str] = scope.addresses()
        more, via = deque(await self._on_links(scope)), dict[str, str]()
        total, done = scope.size + len(more), 0
        self._say(done, total)
        try:
            size = min(MOST_AT_ONCE, max(LEAST_AT_ONCE, sweep.packets_per_s))
            while batch := list(islice(waiting, size)) or [more.popleft() for _ in range(min(size, len(more)))]:
                seen = await looker.look(batch, via)
                done += len(batch)
                for address in scope.neighbours(seen.neighbours):
                    via[address] = seen.neighbours[address]
                    more.append(address)
                    total += 1
                self._found += seen.found
                self._say(done, total, trouble=looker.trouble)
        finally:
            looker.close()

    async def _on_links(self, scope: Scope) -> list[str]:
        """Who is on the links of IPv6 that are to be looked at."""
        from netmon_agent.discovery.all_nodes import NotAttached, on_link

        found: list[str] = []
        for network in scope.links:
            try:
                found += scope.on_links(await on_link(network, ALL_NODES_S))
            except NotAttached as error:
                self._say(trouble=str(error))
            except OSError as error:
                self._say(trouble=f"{network}: all nodes could not be asked: {error.strerror or error}")
        return found


class _Library:
    """The profiles, read in a thread when the first device answers."""

    def __init__(self) -> None:
        self._reading: asyncio.Task[Library] | None = None

    async def get(self) -> "Library":
        from netmon_configs.library import open_library

        if self._reading is None:
            self._reading = asyncio.create_task(asyncio.to_thread(open_library))
        return await asyncio.shield(self._reading)
