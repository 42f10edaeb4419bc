"""What a server has not got for sure: batches on our disk, in the order in which they came.

Written in the format of the embedded store's log. A record is *pending* until it is sent, *held* until the server can
no more lose it, then *settled*; a file goes when all in it is settled. After a restart everything in the files is
pending again: to send a sample twice changes nothing.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Final

import numpy as np
from pyroaring import BitMap

from netmon_collector.store.acks import Acks
from netmon_collector.store.base import ABSENT_BITS, Group, Origin, Places, Points, Row, StoreError, StoreUnavailable
from netmon_collector.store.catalog import Catalog
from netmon_collector.store.commit import Committer, Waiting
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.enrolment import Enrolment
from netmon_collector.store.entries import count
from netmon_collector.store.framing import HEADER_BYTES, RECORD_BYTES, Record, read_record
from netmon_collector.store.groups import Groups
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.lock import FolderLock
from netmon_collector.store.log import Log, Placed
from netmon_collector.store.match import Matching
from netmon_collector.store.record import GatherGroup, Gathers, Part, Singles, joined, span_ms
from netmon_collector.store.replay import Replay
from netmon_collector.store.segment import Segment
from netmon_proto.model import Kind, Labels

_ONE_SLICE_MS: Final = 1 << 62
_WAITING_BYTES: Final = 64 << 20
"""No more waits in memory for the disk; it comes on top of what the queue may take on disk."""
_FILE_BYTES: Final = 16 << 20
_FILES: Final = 8
"""A queue's files are so many at least when it is full: what the server has got leaves room in steps of one file."""


@dataclass(eq=False, slots=True)
class QueueFile:
    """A file of the queue, and the groups that it uses by the numbers that they have in it."""

    segment: Segment
    groups: dict[int, GatherGroup] = field(default_factory=dict)
    settled: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """A record in the queue, and where it is."""

    file: QueueFile
    offset: int
    size_bytes: int
    oldest_ms: int
    newest_ms: int


@dataclass(slots=True)
class Written:
    """What was put into a queue since it was opened; times in Unix milliseconds."""

    samples: int = 0
    duplicates: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None
    damages: DamageBook = field(default_factory=DamageBook)


class Queue:
    """Batches on disk, at most `max_bytes` of them. All state is changed on the event loop; one thread writes."""

    def __init__(self, folder: Path, *, max_bytes: int, window_s: float) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._lock = FolderLock(folder)
        self._index = LabelIndex()
        self._groups = Groups(self._index)
        self._acks = Acks()
        self._entries: deque[Entry] = deque()
        self._held: deque[tuple[float, int]] = deque()
        """When, and how many entries were sent then; together they are the first `_sent` entries."""
        self._sent = 0
        self._news = asyncio.Event()
        self._writer = ThreadPoolExecutor(1, "netmon-queue")
        self._committer = Committer(self._write, window_s=window_s, waiting_bytes=_WAITING_BYTES)
        self._file: QueueFile | None = None
        """The file of the last entry, which ends at `_end`."""
        self._end = HEADER_BYTES
        self.written = Written()
        self._catalog = Catalog(folder)
        self._enrolment = Enrolment(self._catalog, self._index, self._groups, np.zeros_like)
        try:
            self._log = Log(folder, slice_ms=_ONE_SLICE_MS, segment_bytes=min(_FILE_BYTES, max_bytes // _FILES))
            self._recall(folder)
        except BaseException:
            self._lock.release()
            raise

    def _recall(self, folder: Path) -> None:
        """Takes what is on the disk back into memory. Raises StoreUnavailable, StoreError."""
        damages = self.written.damages
        try:
            entries = self._catalog.load(damages)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot open {error.filename or folder}: {error.strerror}: let the user who runs the collector read "
                "and write it"
            ) from error
        self._index.restore(entries)
        replay = Replay(self._catalog, self._groups, self._acks, damages)
        used = BitMap()
        for segment, record in self._log.recover(damages):
            for part in replay.take(segment, record):
                if isinstance(part, Singles):
                    used.update(part.series.tolist())
            if self._file is None or self._file.segment is not segment:
                self._file = QueueFile(segment)
            self._file.groups.update(replay.numbered)
            size_bytes = RECORD_BYTES + len(record.payload)
            self._entries.append(Entry(self._file, record.offset, size_bytes, record.oldest_ms, record.newest_ms))
        used.update(*(group.series.tolist() for group in self._groups))
        if 2 * len(used) < count(entries):
            self._catalog.keep([part.only(np.isin(part.numbers, used.to_array())) for part in entries])

    @property
    def pool(self) -> Group:
        """As a store has it."""
        return self._groups.pool

    def enroll(self, labels: Sequence[Labels]) -> Places:
        """As a store does."""
        return self._groups.enroll(labels)

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> Group:
        """As a store does."""
        group = self._groups.register(labels, kinds)
        return Group(group, group.labels)

    def group(self, places: Places, kinds: Sequence[Kind]) -> Group:
        """As a store does."""
        group = self._groups.at(places, kinds)
        return Group(group, group.labels)

    def accept(self, rows: Sequence[Row | Points]) -> list[Part]:
        """What is appended, as columns. Raises ValueError."""
        return self._groups.accept(rows)

    def labels(self, series: int) -> Labels:
        """The series of a number; from any thread."""
        return self._index.one(series)

    def match(self, matching: Matching) -> Numbers:
        """The numbers of the series that fulfil all conditions; from any thread."""
        return self._index.match(matching, gone=True)

    async def put(self, parts: list[Part], origin: Origin | None) -> bool:
        """Takes a batch; it is on disk when this returns. False: a batch of this origin was taken before.

        Raises StoreError, also where the queue is full.
        """
        if origin is not None:
            await self._committer.outcome_of(origin)
            if self._acks.has(origin):
                self.written.duplicates += 1
                return False
        if self.size_bytes() + sum([part.size_bytes for part in parts]) > self._max_bytes:
            raise StoreError(f"the queue is full: {self.size_bytes()} bytes wait for the server")
        await self._committer.commit(parts, origin)
        return True

    async def _write(self, batches: Sequence[Waiting]) -> None:
        parts = joined(part for batch in batches for part in batch.parts)
        origins = [batch.origin for batch in batches if batch.origin is not None]
        acks = self._acks.dump() if self._log.full(0) else None

        def write() -> Placed:
            self._enrolment.enter(parts)
            return self._log.write(parts, self._groups, origins, acks)

        placed = await asyncio.get_running_loop().run_in_executor(self._writer, write)
        self._log.add(placed)
        if self._file is None or self._file.segment is not placed.segment:
            self._file = QueueFile(placed.segment)
            self._end = HEADER_BYTES
        offset, self._end = self._end, placed.segment.size_bytes
        for part in parts:
            self._count(part)
        self._add_acks(origins)
        self._entries.append(Entry(self._file, offset, self._end - offset, placed.oldest_ms, placed.newest_ms))
        self._news.set()

    def _add_acks(self, origins: Iterable[Origin]) -> None:
        for origin in origins:
            self._acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)

    def _count(self, part: Part) -> None:
        """Notes what is on disk now."""
        written = self.written
        if isinstance(part, Gathers):
            assert self._file is not None
            groups = {number: self._groups[number] for number in set(part.groups.tolist())}
            self._file.groups.update(groups)
            present = part.values != ABSENT_BITS
            written.samples += int(np.count_nonzero(present))
            self._index.mark(np.concatenate([groups[number].series for number in part.groups.tolist()])[present])
        else:
            written.samples += len(part.series)
            self._index.mark(part.series.astype(np.int64))
        oldest_ms, newest_ms = span_ms([part])
        written.oldest_ms = oldest_ms if written.oldest_ms is None else min(written.oldest_ms, oldest_ms)
        written.newest_ms = newest_ms if written.newest_ms is None else max(written.newest_ms, newest_ms)

    def highest_acked(self, agent_id: str, epoch: int) -> int:
        """As a store does."""
        return self._acks.highest(agent_id, epoch)

    def forget_acks(self, agent_id: str, epoch: int, below: int) -> None:
        """As a store's `settle` does."""
        self._acks.settle(agent_id, epoch, below)

    async def news(self, timeout_s: float | None) -> None:
        """Waits until something is pending, or for so long."""
        if self._sent == len(self._entries):
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()

    def pending(self, most_bytes: int) -> list[Entry]:
        """The next entries to send, of about so many bytes at most, but one at least if there is any."""
        chosen: list[Entry] = []
        for entry in islice(self._entries, self._sent, None):
            most_bytes -= entry.size_bytes
            if chosen and most_bytes < 0:
                break
            chosen.append(entry)
        return chosen

    def sent(self, count: int, now_s: float) -> None:
        """Notes that the server took the next `count` entries."""
        self._sent += count
        self._held.append((now_s, count))

    def rewind(self) -> None:
        """Everything that is not settled is pending again."""
        self._sent = 0
        self._held.clear()

    def held_since(self) -> float | None:
        """When the oldest held entries were sent."""
        return self._held[0][0] if self._held else None

    async def settle(self, before_s: float) -> None:
        """Lets go of what was sent before a time. Raises StoreError."""
        while self._held and self._held[0][0] <= before_s:
            _, count = self._held.popleft()
            self._sent -= count
            for _ in range(count):
                file = self._entries.popleft().file
                file.settled = not self._entries or self._entries[0].file is not file
        async with self._committer.turn:
            self._log.drop(self._log.before(self._entries[0].file.segment.number if self._entries else None))
            if self._log.has_unwanted:
                await asyncio.get_running_loop().run_in_executor(self._writer, self._log.remove)

    def unsettled(self) -> list[Entry]:
        """All that the server may not have, or not show, in the order of coming."""
        return list(self._entries)

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Record]]:
        """The records of entries, from any thread; one that has been damaged is told and left out.

        Raises StoreError.
        """
        for file, members in groupby(entries, key=lambda entry: entry.file):
            path = file.segment.path
            try:
                with path.open("rb") as data:
                    for entry in members:
                        record = read_record(data, entry.offset)
                        if record is None:
                            self.written.damages.found(path, entry.offset, "a record that was good before")
                        else:
                            yield entry, record
            except OSError as error:
                if not file.settled:  # what is settled is at the server, and its file may be gone
                    raise StoreError(f"cannot read {path}: {error.strerror}") from error

    def series_written(self) -> int:
        """Of how many series a sample was put in since the queue was opened."""
        return self._index.present()

    def size_bytes(self) -> int:
        """What the files take on disk."""
        return sum(segment.size_bytes for segment in self._log.segments)

    async def close(self) -> None:
        """Writes what waits and lets go of the files."""
        await self._committer.close()
        async with self._committer.turn:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._log.close)
        self._writer.shutdown()
        self._lock.release()
