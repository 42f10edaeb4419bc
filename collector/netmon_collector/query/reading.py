"""Reads the samples that a query needs, on the thread that evaluates it."""

import asyncio
from typing import Final

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.guard import Guard
from netmon_collector.query.history import History, Told
from netmon_collector.query.plan import Need
from netmon_collector.store.base import Frame, Latest, ReadableStore, Store, StoreError, TieredStore

_SPARSE_MS: Final = 600_000
"""So much later than asked for a series may begin that is read seldom."""


class Reader:
    """Reads from a store: directly where it lets any thread read, else by way of its event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._readable = store if isinstance(store, ReadableStore) else None
        self._tiered = store if isinstance(store, TieredStore) else None

    def read(self, need: Need, guard: Guard, loop: asyncio.AbstractEventLoop) -> list[Frame] | Latest:
        """The samples of a need; where they are enough, the newest alone. Raises QueryError."""
        if need.until_ms <= need.after_ms:
            return []
        try:
            latest = self._latest(need, guard, loop) if need.newest_only else None
            if latest is not None and latest.times.max(initial=need.after_ms) <= need.until_ms:
                guard.read(len(latest.labels), len(latest.labels))
                return latest
            frames = self._select(need, guard, loop)
        except StoreError as error:
            raise QueryError(ErrorKind.UNAVAILABLE, f"the store cannot be read: {error}") from error
        except ValueError as error:
            raise QueryError(ErrorKind.BAD_DATA, str(error)) from error
        guard.read(sum(len(frame.labels) for frame in frames), sum(frame.values.size for frame in frames))
        guard.check()
        return frames

    def read_older(
        self,
        need: Need,
        told: Told | None,
        frames: list[Frame] | Latest,
        guard: Guard,
        loop: asyncio.AbstractEventLoop,
    ) -> History | None:
        """Rollups of the time before the first sample that was found, where that is much later than it should be."""
        if told is None or self._tiered is None or isinstance(frames, Latest):
            return None
        first_ms = min((int(frame.times[0]) for frame in frames), default=need.until_ms)
        if first_ms - need.after_ms <= _SPARSE_MS:
            return None
        until_ms = min(first_ms + told.range_ms + told.bucket_ms, need.until_ms)
        work = self._tiered.select_rollup(need.selector.matchers, need.after_ms + 1, until_ms, told.bucket_ms)
        try:
            rollups = guard.wait(asyncio.run_coroutine_threadsafe(work, loop))
        except StoreError as error:
            raise QueryError(ErrorKind.UNAVAILABLE, f"the store cannot be read: {error}") from error
        if not rollups:
            return None
        guard.read(sum(len(one.labels) for one in rollups), sum(one.values.size for one in rollups))
        return History(told, rollups, first_ms)

    def _latest(self, need: Need, guard: Guard, loop: asyncio.AbstractEventLoop) -> Latest | None:
        matchers = need.selector.matchers
        if self._readable is not None and self._readable.is_whole:
            return self._readable.latest_now(matchers)
        if self._tiered is None:
            return None
        return guard.wait(asyncio.run_coroutine_threadsafe(self._tiered.latest(matchers), loop))

    def _select(self, need: Need, guard: Guard, loop: asyncio.AbstractEventLoop) -> list[Frame]:
        wanted = need.selector.matchers, need.after_ms + 1, need.until_ms
        if self._readable is not None and self._readable.is_whole:
            return self._readable.select_now(*wanted)
        return guard.wait(asyncio.run_coroutine_threadsafe(self._store.select(*wanted), loop))
