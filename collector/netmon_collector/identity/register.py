"""The registry with its place in the database: what changes is written down before the next change."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from netmon_collector.identity.records import Entry, Outcome, Proposal, Source
from netmon_collector.identity.registry import Registry
from netmon_collector.identity.witness import Witnesses

K = TypeVar("K")
T = TypeVar("T")
Listener = Callable[[Mapping[str, Sequence[str]]], None]


class Kept(Protocol):
    """Where the registry is kept. Calls are synchronous."""

    def read(self) -> Registry: ...

    def save(
        self,
        sources: Sequence[Source],
        gone: Sequence[str],
        proposals: Sequence[Proposal],
        entries: Sequence[Entry],
        apart: Sequence[frozenset[str]],
    ) -> None: ...


class Register:
    """Sightings and decisions, one after the other. `registry` is for reading; it changes on the event loop only."""

    def __init__(self, kept: Kept, now_ms: Callable[[], int]) -> None:
        self._kept = kept
        self._now_ms = now_ms
        self._changes = asyncio.Lock()
        self.registry = kept.read()
        self._sources = dict(self.registry.sources)
        self._proposals = dict(self.registry.questions.all)
        self._entries = {one.number: one for one in self.registry.log}
        self._listeners: list[Listener] = []

    def tell(self, listener: Listener) -> None:
        """Tells, now and whenever it changes, all handles of each device that has several, by each of them."""
        self._listeners.append(listener)
        listener(self._handles())

    async def see(self, handle: str, site: str, told: Witnesses) -> Outcome:
        """Takes what a handle says of itself."""
        return await self._do(lambda now_ms: self.registry.see(handle, site, told, now_ms))

    async def decide(self, number: int, accept: bool, by: str) -> Proposal:
        """Answers a proposal. Raises NoSuch, NotPossible."""
        return await self._do(lambda now_ms: self.registry.decide(number, accept, now_ms, by))

    async def merge(self, handle: str, into: str, by: str) -> Entry:
        """Makes two devices one. Raises NoSuch, NotPossible."""
        return await self._do(lambda now_ms: self.registry.merge(handle, into, now_ms, by))

    async def split(self, handle: str, by: str) -> Entry:
        """Makes a handle a device of its own. Raises NoSuch, NotPossible."""
        return await self._do(lambda now_ms: self.registry.split(handle, now_ms, by))

    async def undo(self, number: int, by: str) -> Entry:
        """Takes a merge back. Raises NoSuch, NotPossible."""
        return await self._do(lambda now_ms: self.registry.undo(number, now_ms, by))

    async def forget(self, handle: str) -> None:
        """Drops a handle that is no more."""
        await self._do(lambda now_ms: self.registry.forget(handle, now_ms))

    async def _do(self, change: Callable[[int], T]) -> T:
        async with self._changes:
            try:
                return change(self._now_ms())
            finally:
                await self._save()

    async def _save(self) -> None:
        """Writes what is another object than before: all values are frozen."""
        registry = self.registry
        entries = {one.number: one for one in registry.log}
        sources = _changed(self._sources, registry.sources)
        proposals = _changed(self._proposals, registry.questions.all)
        news = _changed(self._entries, entries)
        gone = [handle for handle in self._sources if handle not in registry.sources]
        await asyncio.to_thread(self._kept.save, sources, gone, proposals, news, list(registry.apart))
        moved = any(self._record_before(one.handle) != one.record for one in sources)
        self._sources, self._proposals = dict(registry.sources), dict(registry.questions.all)
        self._entries = entries
        if gone or moved:
            handles = self._handles()
            for listener in self._listeners:
                listener(handles)

    def _record_before(self, handle: str) -> str:
        before = self._sources.get(handle)
        return before.record if before else handle

    def _handles(self) -> dict[str, list[str]]:
        alike = [[one.handle for one in sources] for sources in self.registry.records().values() if len(sources) > 1]
        return {handle: handles for handles in alike for handle in handles}


def _changed(before: Mapping[K, T], now: Mapping[K, T]) -> list[T]:
    return [one for key, one in now.items() if before.get(key) is not one]
