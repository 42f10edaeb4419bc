"""Reads the samples that a query needs, on the thread that evaluates it."""

import asyncio

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.guard import Guard
from netmon_collector.query.plan import Need
from netmon_collector.store.base import Frame, Latest, ReadableStore, Store, StoreError, TieredStore


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
