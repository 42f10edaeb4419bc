"""Reads the samples that a query needs, on the thread that evaluates it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.foresight import ANOMALY_RATE
from netmon_collector.query.guard import Guard
from netmon_collector.query.history import History, Told
from netmon_collector.query.options import QueryOptions
from netmon_collector.query.plan import Need
from netmon_collector.store.base import (
    ABSENT,
    Frame,
    Latest,
    Lines,
    Matcher,
    ReadableStore,
    Rollup,
    RollupField,
    Store,
    StoreError,
    TieredStore,
)
from netmon_collector.store.judged import JudgingStore

_LONG_MS: Final = 12 * 3_600_000
"""From this length on it is looked at how many samples there will be, before all are read."""
_PARTS: Final = 24
_SPARSE_MS: Final = 600_000
"""So much later than asked for a series may begin that is read seldom."""

_MOST_SERIES_MS: Final = 500_000_000
_MOST_WINDOWS_MS: Final = 1_000_000_000
"""Series for so long, and windows of so long of which each sample is looked at, take a millisecond or
a few.
"""

_TOLD: Final = np.array([ABSENT, 0.0, 1.0])
"""By verdict."""

Found = list[Frame] | Lines | Latest
"""Samples of some series, as the store has them at hand."""


class NotAtHand(Exception):
    """To read this, or to evaluate it, may take longer than the event loop can wait."""


class Reader:
    """Reads from a store: directly where it lets any thread read, else by way of its event loop."""

    def __init__(self, store: Store, options: QueryOptions) -> None:
        self._most_samples = options.raw_samples
        self._most_series = options.limits.series
        self._most_cells = options.at_hand_cells
        self._store = store
        self._readable = store if isinstance(store, ReadableStore) else None
        self._tiered = store if isinstance(store, TieredStore) else None

    def read_at_hand(self, need: Need, steps: int, windows_ms: int, guard: Guard) -> Found:
        """The samples of a need for so many steps, in well below a millisecond; the windows of a range vector are so
        long, together. Raises NotAtHand where that cannot be, and QueryError.
        """
        store = self._readable
        if store is None or not store.is_whole or need.function == ANOMALY_RATE:
            raise NotAtHand
        if need.until_ms <= need.after_ms:
            return []
        matchers, length_ms = need.selector.matchers, need.until_ms - need.after_ms
        try:
            latest = store.latest_at_hand(matchers, self._most_cells) if need.newest_only else None
            if latest is not None and latest.times.max(initial=need.after_ms) <= need.until_ms:
                guard.read(len(latest.labels), len(latest.labels))
                return latest
            most = min(self._most_cells // steps, _MOST_SERIES_MS // length_ms)
            most = min(most, _MOST_WINDOWS_MS // windows_ms) if windows_ms else most
            lines = store.lines_at_hand(matchers, need.after_ms + 1, need.until_ms, most)
            if lines is None:
                raise NotAtHand
            guard.read(len(lines.labels), len(lines.values))
            return lines
        except StoreError as error:
            raise QueryError(ErrorKind.UNAVAILABLE, f"the store cannot be read: {error}") from error
        except ValueError as error:
            raise QueryError(ErrorKind.BAD_DATA, str(error)) from error

    def read(
        self, need: Need, told: Told | None, guard: Guard, loop: asyncio.AbstractEventLoop
    ) -> tuple[Found, History | None]:
        """The samples of a need; where they are enough, the newest alone. Of times of which samples are gone, and where
        they would be very many, the rollups that tell what is wanted. Raises QueryError.
        """
        if need.until_ms <= need.after_ms:
            return [], None
        try:
            if need.function == ANOMALY_RATE:
                return self._verdicts(need, guard, loop), None
            latest = self._latest(need, guard, loop) if need.newest_only else None
            if latest is not None and latest.times.max(initial=need.after_ms) <= need.until_ms:
                guard.read(len(latest.labels), len(latest.labels))
                return latest, None
            return self._all(need, told, guard, loop)
        except StoreError as error:
            raise QueryError(ErrorKind.UNAVAILABLE, f"the store cannot be read: {error}") from error
        except ValueError as error:
            raise QueryError(ErrorKind.BAD_DATA, str(error)) from error

    def _all(
        self, need: Need, told: Told | None, guard: Guard, loop: asyncio.AbstractEventLoop
    ) -> tuple[Found, History | None]:
        kept = self._kept(need)
        about = self._estimated(need, guard, loop) if kept is None else len(kept.values)
        if told is not None and about > self._most_samples:
            older = self._history(need, told, need.until_ms, guard, loop)
            if older is not None:
                return [], older
        guard.expect(about)
        found = self._samples(need, kept, guard, loop)
        guard.check()
        first_ms = _first_ms(found, need)
        if told is None or first_ms - need.after_ms <= _SPARSE_MS:
            return found, None
        return found, self._history(need, told, first_ms, guard, loop)

    def _verdicts(self, need: Need, guard: Guard, loop: asyncio.AbstractEventLoop) -> list[Frame]:
        """1 for each sample that is an anomaly, 0 for each that is none; what nobody judged is not there."""
        if not isinstance(self._store, JudgingStore):
            raise ValueError("anomaly_rate() needs the embedded store: others do not keep what is an anomaly")
        guard.expect(self._estimated(need, guard, loop))
        work = self._store.select_judged(need.selector.matchers, need.after_ms + 1, need.until_ms)
        found = guard.wait(asyncio.run_coroutine_threadsafe(work, loop))
        guard.read(sum(len(one.frame.labels) for one in found), sum(one.verdicts.size for one in found))
        return [replace(one.frame, values=np.take(_TOLD, one.verdicts.T).T) for one in found]

    def _kept(self, need: Need) -> Lines | None:
        """The samples of a long need, if they are in memory; then nobody has to estimate how many they are."""
        if self._readable is None or not self._readable.is_whole or not _is_long(need):
            return None
        after_ms, until_ms = need.after_ms, need.until_ms
        return self._readable.lines_at_hand(need.selector.matchers, after_ms + 1, until_ms, self._most_series)

    def _samples(
        self, need: Need, kept: Lines | None, guard: Guard, loop: asyncio.AbstractEventLoop
    ) -> list[Frame] | Lines:
        matchers = need.selector.matchers
        if kept is not None:
            guard.read(len(kept.labels), len(kept.values))
            return kept
        if self._readable is not None and self._readable.is_whole:
            return self._lines(self._readable, need, guard)
        frames = self._select(matchers, need.after_ms, need.until_ms, guard, loop)
        guard.read(sum(len(frame.labels) for frame in frames), sum(frame.values.size for frame in frames))
        return frames

    @staticmethod
    def _lines(store: ReadableStore, need: Need, guard: Guard) -> Lines:
        lines = store.lines_now(need.selector.matchers, need.after_ms + 1, need.until_ms)
        guard.read(len(lines.labels), len(lines.values))
        return lines

    def _estimated(self, need: Need, guard: Guard, loop: asyncio.AbstractEventLoop) -> int:
        """About how many samples a long need has, going by its end; 0 for a short one."""
        if not _is_long(need):
            return 0
        part_ms = (need.until_ms - need.after_ms) // _PARTS
        frames = self._select(need.selector.matchers, need.until_ms - part_ms, need.until_ms, guard, loop)
        return sum(frame.values.size for frame in frames) * _PARTS

    def _history(
        self, need: Need, told: Told, first_ms: int, guard: Guard, loop: asyncio.AbstractEventLoop
    ) -> History | None:
        """Rollups for the windows that begin before the first sample there is, of series that had samples then."""
        if self._tiered is None:
            return None
        until_ms = min(first_ms + told.range_ms + told.bucket_ms, need.until_ms)
        work = self._tiered.select_rollup(need.selector.matchers, need.after_ms + 1, until_ms, told.bucket_ms)
        rollups = guard.wait(asyncio.run_coroutine_threadsafe(work, loop))
        rollups = [older for one in rollups or () if (older := _begun_before(first_ms, one)) is not None]
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

    def _select(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int, guard: Guard, loop: asyncio.AbstractEventLoop
    ) -> list[Frame]:
        wanted = matchers, after_ms + 1, until_ms
        if self._readable is not None and self._readable.is_whole:
            return self._readable.select_now(*wanted)
        return guard.wait(asyncio.run_coroutine_threadsafe(self._store.select(*wanted), loop))


def _is_long(need: Need) -> bool:
    return need.until_ms - need.after_ms >= _LONG_MS


def _begun_before(time_ms: int, rollup: Rollup) -> Rollup | None:
    """The series that have a sample before some time; the others are told by samples alone."""
    begun = np.fmin.reduce(rollup.values[:, RollupField.FIRST_MS], axis=1) < time_ms
    if begun.all():
        return rollup
    if not begun.any():
        return None
    labels = [one for one, has_begun in zip(rollup.labels, begun.tolist(), strict=True) if has_begun]
    return replace(rollup, labels=labels, values=rollup.values[begun])


def _first_ms(found: list[Frame] | Lines, need: Need) -> int:
    """The time of the first sample that is needed; the end, where there is none."""
    if isinstance(found, Lines):
        if len(found.axis_begins) == 2:  # times that all series share, ascending
            times = found.times[found.times.searchsorted(need.after_ms, "right") :][:1]
        else:
            times = found.times[found.times > need.after_ms]
        return int(times.min(initial=need.until_ms))
    return min((int(frame.times[0]) for frame in found), default=need.until_ms)
