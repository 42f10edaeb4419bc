"""The embedded store: the way of a batch from `append` to the disk, and of a query back, on one page.

append: refuse what is stored already -> wait for the group commit -> one record, written and synced -> only now
visible: acks, index, segment. select: match labels -> read the records of that time -> merge.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from netmon_collector.store.acks import Acks
from netmon_collector.store.base import (
    Frame,
    Group,
    Matcher,
    Origin,
    Row,
    StoreError,
    StoreStats,
    is_absent,
)
from netmon_collector.store.damage import DamageBook, log
from netmon_collector.store.groups import Groups
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.lock import FolderLock
from netmon_collector.store.log import Log
from netmon_collector.store.match import Matching
from netmon_collector.store.merge import merge
from netmon_collector.store.read import read, replay
from netmon_collector.store.record import StoredRow
from netmon_collector.store.segment import Segment
from netmon_proto.model import Kind, Labels

RECORD_BYTES: Final = 32 << 20
"""About the most that one group commit takes; what waits beyond goes into the next."""
BATCH_BYTES: Final = 1 << 30
"""No batch may be larger."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A batch on its way to the disk; the outcome is None once it is there."""

    rows: list[StoredRow]
    samples: int
    size_bytes: int
    origin: Origin | None
    outcome: asyncio.Future[Exception | None]


class EmbeddedStore:
    """Keeps samples in files of its own, below one folder.

    All state is changed on the event loop. One thread writes; a commit is under way at most once, and what it wrote is
    taken into memory only when it is on disk, so a failed commit leaves no trace.
    """

    def __init__(self, folder: Path, *, slice_ms: int, segment_bytes: int, window_s: float, waiting_bytes: int) -> None:
        self._window_s = window_s
        self._waiting_bytes = waiting_bytes
        self._lock = FolderLock(folder)
        self._damages = DamageBook()
        self._index = LabelIndex()
        self._groups = Groups(self._index)
        self._acks = Acks()
        self._waiting: list[_Waiting] = []
        self._in_flight: dict[Origin, _Waiting] = {}
        self._bytes_waiting = 0
        self._writer = ThreadPoolExecutor(1, "netmon-store")
        self._writing = asyncio.Lock()
        self._committing: asyncio.Task[None] | None = None
        self._next_commit_s = 0.0
        self._samples = 0
        self._duplicates = 0
        self._failing = False
        self._closed = False
        try:
            self._log = Log(folder, slice_ms=slice_ms, segment_bytes=segment_bytes)
            for segment, record in self._log.recover(self._damages):
                replay(segment, record, self._groups, self._acks, self._damages)
        except BaseException:
            self._lock.release()
            raise
        self._mark_present()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        slice_ms: int = 2 * 3600 * 1000,
        segment_bytes: int = 256 << 20,
        window_s: float = 0.1,
        waiting_bytes: int = 256 << 20,
    ) -> Self:
        """Opens or creates the store in a folder, and reads what is there.

        A file takes the samples of `slice_ms`, or `segment_bytes` if that is less. Commits are `window_s` apart where
        there is more to do than one. No more than `waiting_bytes` wait for the disk. Raises StoreUnavailable.
        """
        return cls(path, slice_ms=slice_ms, segment_bytes=segment_bytes, window_s=window_s, waiting_bytes=waiting_bytes)

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> Group:
        group = self._groups.register(labels, kinds)
        return Group(group, group.labels)

    async def append(self, rows: Sequence[Row], origin: Origin | None) -> bool:
        if origin is not None:
            earlier = self._in_flight.get(origin)
            if earlier is not None:
                await _outcome(earlier)
            if self._acks.has(origin):
                self._duplicates += 1
                return False
        waiting = self._accept(rows, origin)
        self._waiting.append(waiting)
        self._bytes_waiting += waiting.size_bytes
        if origin is not None:
            self._in_flight[origin] = waiting
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        await _outcome(waiting)
        return True

    def _accept(self, rows: Sequence[Row], origin: Origin | None) -> _Waiting:
        """Checks a batch and takes a copy of it."""
        if self._closed:
            raise StoreError("the store is closed")
        stored = []
        samples = size_bytes = 0
        for row in rows:
            group = self._groups.of(row.group)
            if row.values.shape != (len(group.labels),) or row.values.dtype != np.float64:
                raise ValueError(f"a row needs {len(group.labels)} values of float64, one per column of its group")
            present = ~is_absent(row.values)
            count = int(np.count_nonzero(present))
            if count:
                stored.append(StoredRow(group, row.time_ms, row.values.tobytes(), present))
                samples += count
                size_bytes += row.values.nbytes
        if size_bytes > BATCH_BYTES:
            raise ValueError(f"a batch of {size_bytes} bytes; the most is {BATCH_BYTES}")
        if self._bytes_waiting and self._bytes_waiting + size_bytes > self._waiting_bytes:
            raise StoreError(f"the disk does not keep up: {self._bytes_waiting} bytes wait for it")
        return _Waiting(stored, samples, size_bytes, origin, asyncio.get_running_loop().create_future())

    async def _commit_waiting(self) -> None:
        """Commits until nothing waits: at once after a pause, else a window after the last commit."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(max(0.0, self._next_commit_s - loop.time()))
                async with self._writing:
                    self._next_commit_s = loop.time() + self._window_s
                    await self._commit(self._take())
        finally:
            self._committing = None

    def _take(self) -> list[_Waiting]:
        """The batches of the next group commit."""
        taken = size_bytes = 0
        while taken < len(self._waiting) and size_bytes < RECORD_BYTES:
            size_bytes += self._waiting[taken].size_bytes
            taken += 1
        batches, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batches

    async def _commit(self, batches: Sequence[_Waiting]) -> None:
        """Writes one record of all these batches and tells those who wait for them."""
        error: Exception | None = None
        try:
            await self._write(batches)
        except Exception as failure:  # noqa: BLE001 - whoever waits for the disk must be told, whatever happened
            error = failure
        self._tell_health(error)
        for batch in batches:
            self._bytes_waiting -= batch.size_bytes
            if batch.origin is not None:
                del self._in_flight[batch.origin]
            batch.outcome.set_result(error)

    async def _write(self, batches: Sequence[_Waiting]) -> None:
        """The record goes to the disk; then, and only then, all that it brings becomes visible."""
        rows = [row for batch in batches for row in batch.rows]
        origins = [batch.origin for batch in batches if batch.origin is not None]
        newest_ms = max((row.time_ms for row in rows), default=0)
        acks = self._acks.dump() if self._log.full(newest_ms) else None
        loop = asyncio.get_running_loop()
        placed = await loop.run_in_executor(self._writer, self._log.write, rows, origins, acks)
        for numbers in self._log.add(placed, rows):
            self._index.mark(numbers)
        for origin in origins:
            self._acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)
        self._samples += sum(batch.samples for batch in batches)

    def _tell_health(self, error: Exception | None) -> None:
        if error is not None and not self._failing:
            log.error("store.failing", error=str(error) or type(error).__name__)
        if error is None and self._failing:
            log.info("store.recovered")
        self._failing = error is not None

    def highest_acked(self, agent_id: str, epoch: int) -> int:
        return self._acks.highest(agent_id, epoch)

    def settle(self, agent_id: str, epoch: int, below: int) -> None:
        self._acks.settle(agent_id, epoch, below)

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        matching = Matching(matchers)
        segments = list(self._log.segments)
        return await asyncio.to_thread(self._select, matching, segments, start_ms, end_ms)

    def _select(self, matching: Matching, segments: Sequence[Segment], start_ms: int, end_ms: int) -> list[Frame]:
        wanted = self._index.mask(self._index.match(matching))
        return merge(read(segments, wanted, start_ms, end_ms, self._damages), self._index)

    async def series(self, matchers: Sequence[Matcher]) -> list[Labels]:
        matching = Matching(matchers)
        return await asyncio.to_thread(lambda: self._index.labels(self._index.match(matching)))

    async def forget_before(self, time_ms: int) -> None:
        async with self._writing:
            doomed = self._log.older_than(time_ms)
            if not doomed:
                return
            loop = asyncio.get_running_loop()
            if doomed[-1] is self._log.segments[-1]:  # which batches were stored must outlive their samples
                placed = await loop.run_in_executor(self._writer, self._log.write, [], [], self._acks.dump())
                self._log.add(placed, [])
            self._log.drop(doomed)
            await asyncio.to_thread(self._mark_present)
            await loop.run_in_executor(self._writer, self._log.remove, doomed)

    def _mark_present(self) -> None:
        self._index.mark_only(numbers for segment in self._log.segments for numbers in segment.series())

    def stats(self) -> StoreStats:
        segments = [segment for segment in self._log.segments if segment.oldest_ms <= segment.newest_ms]
        return StoreStats(
            series=self._index.present(),
            samples_appended=self._samples,
            batches_duplicate=self._duplicates,
            bytes=sum(segment.size_bytes for segment in self._log.segments),
            oldest_ms=min((segment.oldest_ms for segment in segments), default=None),
            newest_ms=max((segment.newest_ms for segment in segments), default=None),
            damaged=self._damages.count,
        )

    async def close(self) -> None:
        self._closed = True
        if self._committing is not None:
            await self._committing
        async with self._writing:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._log.close)
        self._writer.shutdown()
        self._lock.release()


async def _outcome(batch: _Waiting) -> None:
    """Waits for the commit of a batch. Raises StoreError if it failed.

    Shielded: a caller who gives up takes neither the batch back nor the outcome from others who wait for it.
    """
    error = await asyncio.shield(batch.outcome)
    if error is not None:
        raise StoreError(str(error) or type(error).__name__) from error
