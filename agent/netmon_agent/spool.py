"""Batches on disk until the collector has them, or has refused them for good.

A write survives the end of the process at any instant. A power cut may take the last seconds back; the numbering by
epochs makes that good (ingest.proto, Welcome.highest_acked).
"""

import asyncio
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from netmon_agent.clock import Clock
from netmon_agent.columns import Encoded
from netmon_agent.spool_file import Spooled, SpoolFile
from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import Batch, Event, EventBatch, Layout, Reason, Series

log = EventLog("netmon.agent.spool")
T = TypeVar("T")

FRESH_BATCHES = 16  # newest batches kept in memory as well, so that live data is sent without reading the disk
MOST_SETTLED = 64  # batches that are settled, but still on disk
MEMORY_BYTES = 4 << 20  # batches that wait in memory alone while the disk takes none


@dataclass(slots=True)
class SpoolCounts:
    """What the spool holds, and what it did since it was opened."""

    batches: int = 0
    bytes: int = 0
    quarantined: int = 0
    acked_total: int = 0
    dropped_total: int = 0
    refused_total: dict[str, int] = field(default_factory=dict)


class Spool:
    """The queue between gathering and sending.

    Bounded in bytes and age: beyond either the oldest batches are dropped, counted and logged. While the disk takes
    nothing, batches wait in memory, within MEMORY_BYTES. A batch that `take` gave out stays until `settle` or
    `quarantine` names it; `give_back` and `rewind` let it be taken again.
    """

    def __init__(self, path: Path, *, most_bytes: int, most_age_s: float, quarantine_bytes: int, clock: Clock) -> None:
        """Opens the spool file or makes it. Raises SpoolUnusable."""
        self._most_bytes = most_bytes
        self._most_age_ms = int(most_age_s * 1000)
        self._quarantine_bytes = quarantine_bytes
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._file = SpoolFile(path)
        self.epoch, self.last_sequence = self._file.epoch, self._file.last_sequence
        batches, held_bytes, highest, quarantined = self._file.held()
        self.counts = SpoolCounts(batches, held_bytes, quarantined)
        self._next_number = highest + 1
        self.last_series_id, self.last_layout_id = self._file.retire_all(highest)
        self._fresh: deque[Spooled] = deque()
        self._unwritten: dict[int, Spooled] = {}
        self._undefined: list[tuple[int, Encoded]] = []  # definitions not on disk, with the batch they came with
        self._taken: dict[int, Spooled] = {}
        self._settled: list[int] = []  # still on disk, to be deleted with the next write
        self._cursor = 0  # batches on disk up to this number are taken, or above `_fresh`
        self._retired = True  # whether there are definitions to be forgotten
        self._disk_refuses = False
        self._lock = asyncio.Lock()  # what is on disk changes by one hand at a time
        self.generation = 0
        """Grows when definitions were lost with a damaged file: inputs have to be defined anew."""
        self.arrived = asyncio.Event()
        """Set when there may be something to take."""
        if batches:
            self.arrived.set()

    async def append(self, encoded: Sequence[Encoded]) -> None:
        """Closes a batch over some gathers and queues it; never raises for a full or broken disk."""
        gathers = [gather for one in encoded for gather in one.gathers]
        if not gathers:
            return
        now_ms = self._clock.now_ms()
        self.last_sequence += 1
        frame = wire.encode_batch(Batch(self.epoch, self.last_sequence, now_ms, 0, gathers))
        self._undefined += [(self._next_number, one) for one in encoded if one.layouts or one.retired_layouts]
        await self._queue(frame, now_ms, sum(len(gather.values) for gather in gathers))

    async def append_events(self, events: Sequence[Event]) -> None:
        """Closes a batch over some events and queues it, in a spool of nothing but events; as `append` else."""
        if not events:
            return
        now_ms = self._clock.now_ms()
        self.last_sequence += 1
        frame = wire.encode_events(EventBatch(self.epoch, self.last_sequence, now_ms, 0, events))
        await self._queue(frame, now_ms, len(events))

    async def _queue(self, frame: bytes, now_ms: int, samples: int) -> None:
        batch = Spooled(
            number=self._next_number,
            epoch=self.epoch,
            sequence=self.last_sequence,
            closed_ms=now_ms,
            boot_id=self._clock.boot_id,
            boot_ms=self._clock.boot_ms(),
            samples=samples,
            frame=frame,
        )
        self._next_number += 1
        self._unwritten[batch.number] = batch
        self._fresh.append(batch)
        self.counts.batches += 1
        self.counts.bytes += len(frame)
        self.arrived.set()
        await self._write()
        self._bound_memory()

    def take_fresh(self) -> Spooled | None:
        """The oldest of the newest batches, which wait in memory."""
        if not self._fresh:
            return None
        batch = self._fresh.popleft()
        self._taken[batch.number] = batch
        return batch

    async def take(self) -> Spooled | None:
        """The next batch to send: live data first, then what waits on disk, oldest first; None where all are taken."""
        if batch := self.take_fresh():
            return batch
        if len(self._taken) >= self.counts.batches:
            return None
        async with self._lock:
            cursor, below, skip = self._cursor, self._next_number, [*self._taken, *self._unwritten, *self._settled]
            skip += [one.number for one in self._fresh]
            found = await self._on_disk(lambda: self._file.read_after(cursor, below, skip))
            if found is None:
                return None
            self._taken[found.number] = found
            self._cursor = found.number
            return found

    async def definitions(self, layout: int, known: Callable[[int], bool]) -> tuple[Layout | None, list[Series]]:
        """A layout, and those of its series that are not known yet; None where the spool has lost it."""
        for _, encoded in self._undefined:
            for one in encoded.layouts:
                if one.id == layout:
                    return one, await self._series([number for number in one.series if not known(number)])
        found = await self._on_disk(lambda: self._file.layout(layout))
        if found is None:
            return None, []
        return found, await self._series([number for number in found.series if not known(number)])

    async def settle(self, batches: Sequence[Spooled]) -> None:
        """Lets go of batches that the collector has.

        They leave the disk with the next write. After a crash before it they are sent again, and acked again.
        """
        async with self._lock:
            held = [batch for batch in batches if batch.number in self._taken]
            self.counts.acked_total += len(held)
            self._settled += [batch.number for batch in held]
            self._count_out(held)
            if len(self._settled) > MOST_SETTLED:
                await self._delete_settled()
            if self._retired and not self.counts.batches:
                self._retired = False
                below = self._next_number
                await self._delete_settled()
                await self._on_disk(lambda: self._file.delete_retired(below))
                await self._on_disk(self._file.shrink)

    async def quarantine(self, batch: Spooled, reason: Reason, message: str) -> None:
        """Moves a batch that was refused for good out of the queue, to be looked at."""
        name = reason.name.lower()
        log.warning("batch.refused", sequence=batch.sequence, samples=batch.samples, reason=name, message=message)
        self.counts.refused_total[name] = self.counts.refused_total.get(name, 0) + 1
        now_ms, most_bytes = self._clock.now_ms(), self._quarantine_bytes
        async with self._lock:
            if batch.number not in self._taken:
                return
            kept = await self._on_disk(lambda: self._file.quarantine(batch, reason, message, now_ms, most_bytes))
            if kept is not None:
                self.counts.quarantined = kept
            self._count_out([batch])

    def give_back(self, batch: Spooled) -> None:
        """Lets a taken batch be taken again, after what is fresh."""
        self._taken.pop(batch.number, None)
        if batch.number in self._unwritten:
            self._fresh.appendleft(batch)
        else:
            self._cursor = min(self._cursor, batch.number - 1)
        self.arrived.set()

    def rewind(self) -> None:
        """Lets all taken batches be taken again: the stream that carried them is gone."""
        for batch in sorted(self._taken.values(), key=lambda one: one.number, reverse=True):
            self.give_back(batch)

    async def first_sequence(self) -> int:
        """The lowest sequence of the current epoch that is still held; last_sequence + 1 where there is none."""
        held = [batch.sequence for batch in self._unwritten.values() if batch.epoch == self.epoch]
        epoch = self.epoch
        async with self._lock:
            await self._delete_settled()
        stored = await self._on_disk(lambda: self._file.first_sequence(epoch))
        return min([*held, *([stored] if stored else [])], default=self.last_sequence + 1)

    async def start_epoch(self) -> None:
        """Numbers new batches in a new epoch; those that wait keep their old names."""
        epoch = secrets.randbits(63) | 1
        self.epoch, self.last_sequence = epoch, 0
        await self._on_disk(lambda: self._file.set_epoch(epoch))

    async def oldest_age_s(self) -> float:
        """How long the batch that waits longest has waited; 0 where none does."""
        if not self.counts.batches:
            return 0.0
        async with self._lock:
            await self._delete_settled()
            found = await self._on_disk(self._file.oldest)
        waiting = [found] if found else list(self._unwritten.values())
        return age_ms(waiting[0], self._clock) / 1000 if waiting else 0.0

    async def close(self) -> None:
        """Writes what is still in memory, if the disk takes it, and lets go of the file."""
        await self._write()
        await self._delete_settled()
        self._thread.shutdown()
        self._file.close()

    async def _write(self) -> None:
        async with self._lock:
            batches, definitions, settled = list(self._unwritten.values()), list(self._undefined), list(self._settled)
            if not batches and not definitions:
                return
            dropped = await self._on_disk(lambda: self._write_and_bound(definitions, batches, settled))
            if dropped is None:
                return
            del self._settled[: len(settled)]
            for batch in batches:
                self._unwritten.pop(batch.number, None)
            del self._undefined[: len(definitions)]
            self._retired |= any(encoded.retired_layouts for _, encoded in definitions)
            if dropped:
                self._drop(dropped)

    async def _delete_settled(self) -> None:
        settled = list(self._settled)
        is_done = await self._on_disk(lambda: self._file.delete(settled)) if settled else False
        if is_done:
            del self._settled[: len(settled)]

    def _write_and_bound(
        self, definitions: Sequence[tuple[int, Encoded]], batches: Sequence[Spooled], settled: Sequence[int]
    ) -> list[Spooled]:
        self._file.write(definitions, batches, settled)
        dropped = []
        while (oldest := self._file.oldest()) and (
            age_ms(oldest, self._clock) > self._most_age_ms or self._file.used_bytes() > self._most_bytes
        ):
            self._file.delete([oldest.number])
            dropped.append(oldest)
        return dropped

    def _bound_memory(self) -> None:
        while len(self._fresh) > FRESH_BATCHES and self._fresh[0].number not in self._unwritten:
            batch = self._fresh.popleft()
            self._cursor = min(self._cursor, batch.number - 1)
        held_bytes = sum(len(batch.frame) for batch in self._unwritten.values())
        dropped = []
        for batch in list(self._unwritten.values()):
            if held_bytes <= MEMORY_BYTES:
                break
            held_bytes -= len(batch.frame)
            dropped.append(batch)
        if dropped:
            self._drop(dropped)

    def _drop(self, batches: Sequence[Spooled]) -> None:
        self.counts.dropped_total += len(batches)
        log.warning("spool.dropped_oldest", batches=len(batches), samples=sum(batch.samples for batch in batches))
        self._count_out(batches)

    def _count_out(self, batches: Sequence[Spooled]) -> None:
        for batch in batches:
            self._taken.pop(batch.number, None)
            self._unwritten.pop(batch.number, None)
            self.counts.batches -= 1
            self.counts.bytes -= len(batch.frame)
        gone = {batch.number for batch in batches}
        if any(batch.number in gone for batch in self._fresh):
            self._fresh = deque(batch for batch in self._fresh if batch.number not in gone)

    async def _series(self, ids: Sequence[int]) -> list[Series]:
        wanted = set(ids)
        pending = [one for _, encoded in self._undefined for one in encoded.series if one.id in wanted]
        missing = wanted - {one.id for one in pending}
        stored = await self._on_disk(lambda: self._file.series(missing)) if missing else []
        return [*pending, *(stored or [])]

    async def _on_disk(self, work: Callable[[], T]) -> T | None:
        """Runs work on the file in its thread; None where the disk does not do it."""
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._thread, work)
        except sqlite3.OperationalError as error:  # full, read-only, I/O error: it may pass
            if not self._disk_refuses:
                log.error("spool.disk_refuses", error=str(error), waiting="in memory", bound_bytes=MEMORY_BYTES)
            self._disk_refuses = True
            return None
        except sqlite3.DatabaseError as error:  # the file is not what was written to it: it will not pass
            aside = await loop.run_in_executor(self._thread, self._file.set_aside)
            log.error("spool.damaged", error=str(error), kept_as=aside)
            self._start_over()
            return None
        if self._disk_refuses:
            log.info("spool.disk_recovered")
        self._disk_refuses = False
        return result

    def _start_over(self) -> None:
        waiting = self._unwritten.values()
        self.counts.batches = len(waiting)
        self.counts.bytes = sum(len(batch.frame) for batch in waiting)
        self.counts.quarantined = 0
        self._fresh = deque(waiting)
        self._taken.clear()
        self._settled.clear()
        self._cursor = 0
        self.generation += 1


def age_ms(batch: Spooled, clock: Clock) -> int:
    """How long ago a batch was closed, by the clock that never steps where that was in this boot."""
    if batch.boot_id and batch.boot_id == clock.boot_id:
        return max(0, clock.boot_ms() - batch.boot_ms)
    return max(0, clock.now_ms() - batch.closed_ms)
