"""The embedded store: the way of a batch from `append` to the disk, and of a query back, on one page.

append: refuse what is stored already -> wait for the group commit -> one record in the log, written and synced -> only
now visible: acks, heads, index. Beside it, the upkeep seals heads into chunk files and drops the log behind them.
select: match labels -> per block, what chunk files and heads hold -> merge.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

from netmon_collector.store.acks import Acks
from netmon_collector.store.arrivals import Arrivals
from netmon_collector.store.backlog import Backlog, recall_acks
from netmon_collector.store.base import (
    Frame,
    Group,
    Latest,
    Lines,
    Matcher,
    Origin,
    Places,
    Points,
    Rollup,
    Row,
    StoreError,
    StoreStats,
    StoreUnavailable,
)
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.cache import Cache
from netmon_collector.store.catalog import Catalog
from netmon_collector.store.chunkfile import ChunkFile, Tier
from netmon_collector.store.commit import Committer, Waiting
from netmon_collector.store.damage import DamageBook
from netmon_collector.store.enrolment import Enrolment
from netmon_collector.store.finding import Finder
from netmon_collector.store.gathering import FEW_SERIES, Gatherer
from netmon_collector.store.groups import Groups
from netmon_collector.store.inventory import Cardinality, Inventory
from netmon_collector.store.judged import Judged, JudgedFrame, JudgedPoints
from netmon_collector.store.judging import Judging
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.latest import LatestTable, find_newest
from netmon_collector.store.lock import FolderLock
from netmon_collector.store.log import Log, Placed
from netmon_collector.store.match import Matching
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.record import Part, joined, sliced, span_ms
from netmon_collector.store.rollups import RollupReader
from netmon_collector.store.segment import Segment
from netmon_collector.store.selection import Selector
from netmon_collector.store.shelf import Shelf
from netmon_collector.store.stock import Stock
from netmon_collector.store.upkeep import Upkeep
from netmon_collector.store.worker import Worker
from netmon_proto.model import Kind, Labels


class EmbeddedStore:
    """Keeps samples in files of its own, below one folder.

    All state is changed on the event loop. One thread writes the log; a commit is under way at most once, and what it
    wrote is taken into memory only when it is on disk, so a failed commit leaves no trace. Another thread seals.
    """

    def __init__(self, folder: Path, settings: StoreSettings) -> None:
        self.folder = folder
        self._lock = FolderLock(folder)
        self._damages = DamageBook()
        self._index = LabelIndex()
        self._finder = Finder(self._index)
        self._groups = Groups(self._index)
        self._blocks = Blocks(
            self._groups,
            slots=settings.head_slots,
            lane_slots=settings.lane_slots,
            head_s=settings.seal_after_s,
            kind_of=self._kind_of,
        )
        self._judging = Judging(self._groups, self._blocks)
        self._acks = Acks()
        self._committer = Committer(self._write, window_s=settings.window_s, waiting_bytes=settings.waiting_bytes)
        self._writer = Worker("netmon-store")
        self._duplicates = 0
        self._cache = Cache(settings.cache_bytes)
        self._shelf = Shelf(folder, self._damages, self._cache)
        self._catalog = Catalog(folder)
        self._enrolment = Enrolment(self._catalog, self._index, self._groups, self._blocks.homes.of)
        self._selector = Selector(self._index, self._blocks, self._shelf)
        self._gatherer = Gatherer(self._index, self._blocks, self._shelf, self._selector, self._cache)
        self._latest = LatestTable(self._index, partial(find_newest, self._blocks, self._shelf))
        try:
            self._log = Log(folder, slice_ms=settings.log_slice_ms, segment_bytes=settings.segment_bytes)
            doubt, roll, keep = self._latest.doubt, self._roll_log, self._keep_series
            self._upkeep = Upkeep(
                self._index, self._blocks, self._shelf, self._catalog, self._log, roll, doubt, keep, settings
            )
            self._arrivals = Arrivals(self._groups, self._index, self._latest, self._upkeep.seen)
            self.changes = self._arrivals.changes
            self._stock = Stock(self._index, self._blocks, self._shelf, self._log, self._catalog, settings)
            self._open(folder)
            self._backlog: Backlog | None = Backlog(
                self._log, self._shelf, self._blocks.homes.copy(), self._upkeep.make_room, self._damages, settings
            )
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def open(cls, path: Path, settings: StoreSettings | None = None, **changes: Any) -> Self:
        """Opens or creates the store in a folder, and reads what is there. Raises StoreUnavailable.

        `changes` are fields of StoreSettings.
        """
        return cls(path, replace(settings or StoreSettings(), **changes))

    def _open(self, folder: Path) -> None:
        try:
            self._shelf.open()
            entries = self._catalog.load(self._damages)
            self._index.restore(entries)
            for part in entries:
                self._blocks.settle(part.numbers, part.blocks)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot open {error.filename or folder}: {error.strerror}: let the user who runs the collector read "
                "and write it"
            ) from error
        self._log.inherit(self._damages)
        recall_acks(self._log, self._acks, self._damages)
        self._upkeep.mark_present()

    @property
    def is_whole(self) -> bool:
        return self._backlog is None

    async def _whole(self) -> None:
        """Waits until all that an earlier process left is in memory. Raises StoreError if that takes too long."""
        if self._backlog is not None:
            await self._backlog.taken()
            self._adopt()

    def _adopt(self) -> None:
        """Takes what an earlier process left, if all of it is there."""
        backlog = self._backlog
        if backlog is not None and backlog.is_taken:
            self._backlog = None
            self._blocks.adopt(backlog.heads)
            self._index.mark(backlog.series)
            backlog.stop()
            self._upkeep.ready = True

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> Group:
        group = self._groups.register(labels, kinds)
        return Group(group, group.labels)

    def group(self, places: Places, kinds: Sequence[Kind]) -> Group:
        group = self._groups.at(places, kinds)
        return Group(group, group.labels)

    @property
    def pool(self) -> Group:
        return self._groups.pool

    def enroll(self, labels: Sequence[Labels]) -> Places:
        return self._groups.enroll(labels)

    async def append(self, rows: Sequence[Row | Points], origin: Origin | None) -> bool:
        if origin is not None:
            await self._committer.outcome_of(origin)
            if self._acks.has(origin):
                self._duplicates += 1
                return False
        await self._committer.commit(self._groups.accept(rows), origin)
        return True

    async def _write(self, batches: Sequence[Waiting]) -> None:
        """The record goes to the disk; then, and only then, all that it brings becomes visible."""
        parts = joined(part for batch in batches for part in batch.parts)
        origins = [batch.origin for batch in batches if batch.origin is not None]
        self._upkeep.check_room(sum(batch.size_bytes for batch in batches))
        await self._blocks.house(parts)
        segment = await self._write_log(parts, origins)
        for origin in origins:
            self._acks.add(origin.agent_id, origin.epoch, origin.sequence, origin.sequence)
        now_s = asyncio.get_running_loop().time()
        for at, part in enumerate(chain.from_iterable(map(sliced, parts))):
            if at:
                await asyncio.sleep(0)  # others have their turn on the event loop
            self._blocks.put(part, segment, now_s)
            self._arrivals.note(part)
        self._adopt()
        self._upkeep.look(now_s)

    async def _roll_log(self) -> None:
        """Begins another file of the log, and freezes all heads: no sample of theirs is in that file."""
        async with self._committer.turn:
            await self._write_log([], [], roll=True)
            await self._blocks.freeze(before_s=math.inf, segment=0)

    async def _keep_series(self) -> None:
        """Takes series out of the catalog of which nothing is left; nothing is written to the log meanwhile."""

        def keep() -> None:
            held = self._upkeep.held_anywhere()
            for number in {number for segment in self._log.segments for number in segment.described().tolist()}:
                held.update(self._groups[number].series.tolist())
            self._enrolment.keep(held)

        async with self._committer.turn:
            await self._writer.run(keep)

    async def _write_log(self, parts: Sequence[Part], origins: Sequence[Origin], *, roll: bool = False) -> int:
        """Writes a record, into a new file where it is time or `roll` asks for it; returns the number of the file."""
        acks = self._acks.dump() if roll or self._log.full(max(0, span_ms(parts)[1])) else None

        def write() -> Placed:
            self._enrolment.enter(parts)
            return self._log.write(parts, self._groups, origins, acks)

        placed = await self._writer.run(write)
        self._log.add(placed)
        return placed.segment.number

    def highest_acked(self, agent_id: str, epoch: int) -> int:
        return self._acks.highest(agent_id, epoch)

    def settle(self, agent_id: str, epoch: int, below: int) -> None:
        self._acks.settle(agent_id, epoch, below)

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        await self._whole()
        series = self._finder.find_at_hand(matchers, FEW_SERIES)
        at_hand = None if series is None else self._gatherer.frames_at_hand(series, start_ms, end_ms)
        if at_hand is not None:  # a thread would take longer to begin
            return at_hand
        return await asyncio.to_thread(self.select_now, matchers, start_ms, end_ms)

    def select_now(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        return self._gatherer.frames(self._finder.find(matchers), start_ms, end_ms)

    def lines_at_hand(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, most: int) -> Lines | None:
        series = self._finder.find_at_hand(matchers, most)
        return None if series is None else self._gatherer.gather_at_hand(series, start_ms, end_ms)

    def lines_now(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Lines:
        return self._gatherer.gather(self._finder.find(matchers), start_ms, end_ms)

    async def scan(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> AsyncIterator[Frame]:
        """What `select` finds, block by block: no more than the samples of some hundred series are in memory."""
        await self._whole()
        series = await asyncio.to_thread(self._finder.find, matchers)
        parts: list[ChunkFile | Segment] = [*self._shelf.files(Tier.RAW), *self._log.segments]
        if not any(part.oldest_ms <= end_ms and part.newest_ms >= start_ms for part in parts):
            return
        frames = self._selector.scan(series, start_ms, end_ms)
        while (found := await asyncio.to_thread(next, frames, None)) is not None:
            yield found

    def judge(self, judged: Sequence[Judged | JudgedPoints]) -> None:
        self._judging.take(judged)

    async def select_judged(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[JudgedFrame]:
        await self._whole()
        series = await asyncio.to_thread(self._finder.find, matchers)
        return await asyncio.to_thread(lambda: list(self._selector.scan_judged(series, start_ms, end_ms)))

    async def select_rollup(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, step_ms: int
    ) -> list[Rollup] | None:
        await self._whole()
        matching = Matching(matchers)
        reader = RollupReader.of(step_ms, self._index, self._blocks, self._shelf)
        return None if reader is None else await asyncio.to_thread(reader.read, matching, start_ms, end_ms)

    async def delete(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> None:
        await self._whole()
        if not matchers:
            raise ValueError("say which series: without a matcher everything would be deleted")
        matching = Matching(matchers)
        series = await asyncio.to_thread(self._index.match, matching, gone=True)
        try:
            await self._upkeep.delete(series, start_ms, end_ms)
        finally:
            self._latest.doubt(series, start_ms, end_ms)
            self.changes.note(start_ms)
        await self._mark_present()

    async def snapshot(self, folder: Path) -> None:
        """Makes a folder that holds what this store holds now, and can be opened as one; files are hard-linked.

        Raises StoreError.
        """
        await self._whole()
        await self._upkeep.snapshot(folder)

    async def days(self) -> Sequence[int]:
        """The starts of the days (UTC) of which there are samples, ascending. Raises StoreError."""
        await self._whole()
        return await asyncio.to_thread(self._stock.days)

    async def inventory(self) -> Inventory:
        await self._whole()
        return await self._stock.inventory()

    async def cardinality(self, top: int) -> Cardinality:
        await self._whole()
        return await self._stock.cardinality(top)

    async def mend(self, hours: Collection[int]) -> None:
        """Makes files with damage anew without it, and the rollups of some hours, which are given by their starts.

        Raises StoreError.
        """
        await self._whole()
        await self._upkeep.mend(hours)

    async def _mark_present(self) -> None:
        async with self._committer.turn:
            await asyncio.to_thread(self._upkeep.mark_present)

    async def series(self, matchers: Sequence[Matcher]) -> list[Labels]:
        await self._whole()
        return await asyncio.to_thread(lambda: self._index.labels(self._finder.find(matchers).tolist()))

    async def label_names(self, matchers: Sequence[Matcher]) -> list[str]:
        return await self._texts(None, matchers)

    async def label_values(self, name: str, matchers: Sequence[Matcher]) -> list[str]:
        return await self._texts(name, matchers)

    async def _texts(self, label: str | None, matchers: Sequence[Matcher]) -> list[str]:
        await self._whole()
        known = self._finder.texts_at_hand(label, matchers)
        return list(known if known is not None else await asyncio.to_thread(self._finder.texts, label, matchers))

    async def latest(self, matchers: Sequence[Matcher]) -> Latest:
        await self._whole()
        return await asyncio.to_thread(self.latest_now, matchers)

    def latest_at_hand(self, matchers: Sequence[Matcher], most: int) -> Latest | None:
        series = self._finder.find_at_hand(matchers, most)
        return None if series is None else self._latest.at_hand(series)

    def latest_now(self, matchers: Sequence[Matcher]) -> Latest:
        return self._latest.told(self._finder.find(matchers))

    async def forget_before(self, time_ms: int) -> None:
        await self._whole()
        if await self._upkeep.forget_before(time_ms):
            await self._mark_present()

    def stats(self) -> StoreStats:
        oldest_ms, newest_ms = self._stock.span_ms() or (None, None)
        return StoreStats(
            series=self._index.present(),
            samples_appended=self._arrivals.samples,
            batches_duplicate=self._duplicates,
            bytes=self._upkeep.cap.size_bytes,
            oldest_ms=oldest_ms,
            newest_ms=newest_ms,
            damaged=self._damages.count,
            overwritten=self._blocks.overwritten,
            cache_bytes=self._cache.size_bytes + self._finder.size_bytes,
            begins_ms=self._stock.begins_ms(),
        )

    async def close(self) -> None:
        await self._committer.close()
        if self._blocks.judged:  # verdicts are kept in files alone, and none is written before all is in memory
            with suppress(StoreError):
                await self._whole()
        if self._backlog is not None:
            await asyncio.to_thread(self._backlog.stop)
        await self._upkeep.close()
        async with self._committer.turn:
            await self._writer.run(self._log.close)
        self._writer.close()
        self._lock.release()

    def _kind_of(self, series: int) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair in self._index.one(series) if pair[0] in ("instance", "job"))
