"""What goes on beside ingest: heads to the disk, the log behind them dropped, files merged and, when old, forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from pyroaring import BitMap

from netmon_collector.store.base import StoreError
from netmon_collector.store.block import Block
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.cap import Cap, NoRoomError
from netmon_collector.store.catalog import Catalog
from netmon_collector.store.chunkfile import RECENT, ChunkFile, Name, Packed, Tier
from netmon_collector.store.classes import Classes
from netmon_collector.store.damage import log
from netmon_collector.store.head import Head, Rows
from netmon_collector.store.health import Health
from netmon_collector.store.judging import again
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.lanes import LaneHead
from netmon_collector.store.log import Log
from netmon_collector.store.mending import good_chunks
from netmon_collector.store.merging import WIDTH_MS, Merger, windows_in, windows_of
from netmon_collector.store.numberset import NumberSet
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.rewrite import without
from netmon_collector.store.sealing import EVER, seal
from netmon_collector.store.shelf import Shelf, hides_none_of
from netmon_collector.store.snapshot import gather_files
from netmon_collector.store.trimming import give_back_memory
from netmon_collector.store.undone import Deletion, Undone
from netmon_collector.store.verdicts import Marks
from netmon_collector.store.worker import Worker

T = TypeVar("T")

_WORTH: Final = 8
"""One series in so many must be gone for the catalog to be written anew."""


class Upkeep:
    """One task at a time changes files; encoding, writing and reading them is done on a thread of its own."""

    def __init__(
        self,
        index: LabelIndex,
        blocks: Blocks,
        shelf: Shelf,
        catalog: Catalog,
        log: Log,
        roll_log: Callable[[], Awaitable[None]],
        doubt: Callable[[Numbers, int, int], None],
        keep_series: Callable[[], Awaitable[None]],
        settings: StoreSettings,
    ) -> None:
        self._index = index
        self._blocks = blocks
        self._shelf = shelf
        self._catalog = catalog
        self._log = log
        self._roll_log = roll_log
        self._doubt = doubt
        """To be told of which series samples in some time may be gone."""
        self._keep_series = keep_series
        self._undone = Undone(shelf.folder)
        self._settings = settings
        self.ready = False
        """Whether files may be changed: not before all that an earlier process left is in memory."""
        self.seen = NumberSet()
        """The numbers of groups of which each series is known to have a sample."""
        self._turn = asyncio.Lock()
        self._thread = Worker("netmon-upkeep")
        self._task: asyncio.Task[None] | None = None
        self._next_s = self._latest_s = 0.0
        self._next_merge_s: float | None = None
        self._past_bytes = 0
        self._classes = Classes(index, settings.retention)
        self.cap = Cap(log, shelf, settings)
        self._merger = Merger(shelf, self._classes, settings, self._run, self.cap.check)
        self._health = Health("store.upkeep_failing", "store.upkeep_recovered")

    def look(self, now_s: float) -> None:
        """Begins a round if it is time and none is under way; called after each commit."""
        self._latest_s = now_s
        if self.ready and self._task is None and now_s >= self._next_s:
            self._next_s = now_s + self._settings.seal_every_s
            self._task = asyncio.create_task(self._look(now_s))

    async def _look(self, now_s: float) -> None:
        try:
            await self.round(now_s)
        except StoreError as error:
            self._health.tell(error)
        else:
            self._health.tell(None)
        finally:
            self._task = None

    async def round(self, now_s: float) -> None:
        """Seals what is full or old, and merges when it is time. Raises StoreError; what was not done stays to do."""
        settings = self._settings
        if self._next_merge_s is None:
            self._next_merge_s = now_s + settings.merge_every_s - self._merger.waited_s()
        async with self._turn:
            await self._run(self._shelf.clear)
            await self._blocks.freeze(
                before_s=now_s - settings.seal_after_s,
                segment=self._log.beyond(min(settings.log_bytes, self.cap.share_bytes)),
                most_bytes=settings.head_bytes,
            )
            await self._seal()
            await self._fit(0)
            await self._finish_delete()
            if self._has_past_ended() or self._is_crowded() or now_s >= self._next_merge_s:
                self._next_merge_s = now_s + settings.merge_every_s
                await self._merge()
                await self._fit(0)
                await self._forget_series()
            await self._run(give_back_memory)

    def _has_past_ended(self) -> bool:
        """Whether much past was written at once, as by an import, and nothing of it since the last round.

        It is merged then and not hours later: until it is, rollups are made of its samples at each query.
        """
        before, self._past_bytes = self._past_bytes, self._merger.past_bytes()
        return before == self._past_bytes >= self._settings.past_bytes

    def _is_crowded(self) -> bool:
        """Whether recent files are so large that a merge of still more would find no room."""
        return self._merger.needs_bytes() > self.cap.share_bytes // 2

    async def _merge(self) -> None:
        """Merges, after room was made for it: for more, where rollups take more than the samples."""
        needs_bytes = self._merger.needs_bytes()
        while True:
            await self._fit(needs_bytes)
            try:
                await self._merger.merge()
                break
            except NoRoomError:
                await self._run(self._shelf.clear)
                needs_bytes = max(2 * needs_bytes, self._settings.segment_bytes)

    async def forget_before(self, time_ms: int) -> bool:
        """Drops the files whose samples are all older, each by its own class; whether there was any.

        The time is that of raw samples that no rule is for. Raises StoreError.
        """
        now_ms = time_ms + self._settings.retention.base.raw_ms
        async with self._turn:
            await self._run(self._classes.refresh)
            old: list[ChunkFile] = []
            kept: list[ChunkFile] = []
            mixed = []
            for file in self._shelf.all():
                if file.name.span == RECENT:  # no rollups are made of it yet
                    kept.append(file)
                    continue
                shortest_ms, longest_ms = self._classes.keeps_ms(file)
                age_ms = now_ms - file.newest_ms - WIDTH_MS.get(file.name.tier, 0)  # a bucket's time is its start
                if age_ms > longest_ms and hides_none_of(file, kept):
                    old.append(file)
                    continue
                kept.append(file)
                if age_ms > shortest_ms:
                    mixed.append((age_ms, file))
            await self._drop(old)
            if mixed:
                await self._thin_out(*max(mixed, key=itemgetter(0)))
            return bool(old or mixed)

    async def _thin_out(self, age_ms: int, file: ChunkFile) -> None:
        """Takes series out of a file that were of another class when it was written; one file now, others later."""
        await self._unpin([file])
        series = await self._run(partial(self._classes.kept_less, file, age_ms))
        await self._rewrite(file, partial(without, file, series, *EVER))
        self._doubt(series, *file.span_ms)

    async def _drop(self, files: Sequence[ChunkFile]) -> None:
        await self._unpin(files)
        self._shelf.put([], instead=files)
        for file in files:
            if file.name.tier is Tier.RAW:
                self._doubt(np.array(file.series.to_array(), np.int64), *file.span_ms)
        await self._run(partial(self._shelf.remove, files))

    async def _unpin(self, files: Sequence[ChunkFile]) -> None:
        """Sees to it that a restart does not bring back from the log what is dropped of files."""
        pinned = max((file.segment for file in files), default=0)
        if self._log.has_unwanted or any(segment.number <= pinned for segment in self._log.segments):
            await self._let_go_of_log()

    async def _let_go_of_log(self) -> None:
        """Seals everything, so that no file of the log is needed but a new one."""
        await self._roll_log()
        await self._seal()

    def check_room(self, size_bytes: int) -> None:
        """Raises StoreError where the log cannot grow by so much; the next round makes room."""
        log_bytes = self._log.size_bytes
        if log_bytes + size_bytes > 2 * (self._settings.log_bytes + self._settings.segment_bytes):
            raise StoreError(f"the log has {log_bytes} bytes, and nothing of it can be sealed")
        try:
            self.cap.check(size_bytes)
        except NoRoomError:
            self._next_s = 0.0
            self.look(self._latest_s)
            raise

    async def _fit(self, extra_bytes: int) -> None:
        """Drops the oldest until there is room for some bytes, and for what the log may grow before the next round."""
        doomed = self.cap.oldest(extra_bytes + 2 * self._settings.segment_bytes)
        if doomed:
            log.warning("store.over_cap", cap_bytes=self._settings.max_bytes, files_dropped=len(doomed))
            await self._drop(doomed)
            await self._run(self.mark_present)

    def make_room(self, size_bytes: int) -> None:
        """As `_fit`, on any thread, while nobody else changes files; what is dropped may be in the log still."""
        doomed = self.cap.oldest(size_bytes)
        if doomed:
            log.warning("store.over_cap", cap_bytes=self._settings.max_bytes, files_dropped=len(doomed))
            self._shelf.put([], instead=doomed)
            self._shelf.remove(doomed)

    async def delete(self, series: Numbers, start_ms: int, end_ms: int) -> None:
        """Removes samples from memory and from all files. Raises StoreError; then it may be repeated."""
        async with self._turn:
            await self._let_go_of_log()
            await self._run(self._shelf.clear)
            await self._finish_delete()
            deletion = Deletion(series, start_ms, end_ms)
            await self._run(partial(self._undone.begin, deletion))
            for file in self._shelf.files(Tier.RAW):
                await self._rewrite(file, partial(without, file, series, start_ms, end_ms))
            await self._delete_rollups(deletion, windows_in((start_ms, end_ms)))

    async def _finish_delete(self) -> None:
        """Sees to it that rollups say what samples are left, where a delete failed or was killed halfway."""
        deletion = await self._run(self._undone.find)
        if deletion is not None:
            blocks = [block for block, _ in self._blocks.homes.apart(deletion.series)]
            time = range(deletion.start_ms, deletion.end_ms + 1)
            files = self._shelf.files(Tier.RAW)
            windows = {window for block in blocks for window in windows_of(files, block, time)}
            await self._delete_rollups(deletion, sorted(windows, key=attrgetter("start")))

    async def _delete_rollups(self, deletion: Deletion, windows: Sequence[range]) -> None:
        """Of series and time that were deleted; those of some windows are made anew of what raw samples are left."""
        series, start_ms, end_ms = deletion
        homes = list(self._blocks.homes.apart(series))
        for tier, width_ms in WIDTH_MS.items():
            bounds = start_ms // width_ms * width_ms, end_ms
            for file in self._shelf.files(tier):
                await self._rewrite(file, partial(without, file, series, *bounds))
            await self._merger.roll_again(tier, homes, windows)
        await self._run(self._undone.finish)

    async def mend(self, hours: Collection[int]) -> None:
        """Makes files with damage anew without it, and the rollups of these hours."""
        async with self._turn:
            await self._let_go_of_log()
            await self._finish_delete()
            for file in self._shelf.all():
                await self._rewrite(file, partial(good_chunks, file))
            homes = list(self._blocks.homes.apart(np.arange(len(self._index))))
            for tier in WIDTH_MS:
                await self._merger.roll_again(tier, homes, windows_in(hours))

    async def _rewrite(self, file: ChunkFile, chunks: Callable[[], Iterator[Packed] | None]) -> None:
        """Puts a file of the same name in the place of one, or none; unless there is nothing to change."""
        replacement = await self._run(chunks)
        if replacement is not None:
            written = await self._run(lambda: self._shelf.write(file.name, replacement, file.segment))
            self._shelf.put([written] if len(written.entries) else [], instead=[file])
            if not len(written.entries):
                await self._run(partial(self._shelf.remove, [written]))

    async def snapshot(self, folder: Path) -> None:
        """Gives a folder all files as they are: a store that holds what this one holds now. Raises StoreError.

        Nothing is sealed or awaited for it: what still grows is copied up to what is in it now.
        """
        async with self._turn:
            segments = self._log.segments
            whole = [*self._shelf.paths(), *self._undone.paths(), *(segment.path for segment in segments[:-1])]
            # In this order: the catalog knows all that the log names.
            growing = {segment.path: segment.size_bytes for segment in segments[-1:]}
            growing |= {path: path.stat().st_size for path in self._catalog.paths()}
            await self._run(partial(gather_files, folder, whole, growing))

    async def _seal(self) -> None:
        frozen, late = list(self._blocks.frozen), self._blocks.late.all()
        if frozen or late:
            for _, head in frozen:
                head.closed = True
            name = Name(Tier.RAW, RECENT, self._shelf.next_order())
            segment = self._log.segments[-1].number
            file = await self._run(lambda: self._write_recent(name, frozen, late, segment))
            if len(file.entries):
                self._shelf.put([file])
            else:
                await self._run(lambda: self._shelf.remove([file]))
            self._blocks.sealed(frozen)
            self._blocks.late.done(late)
            if lost := self._blocks.late.lost:
                self._blocks.late.lost = 0
                log.warning("store.verdicts_lost", verdicts=lost, consequence="these stay unknown")
        self._log.drop(self._log.before(self._blocks.oldest_segment()))
        if self._log.has_unwanted:
            await self._run(self._log.remove)

    def _write_recent(
        self,
        name: Name,
        frozen: Sequence[tuple[Block, Head | LaneHead]],
        late: Mapping[int, Sequence[Marks]],
        segment: int,
    ) -> ChunkFile:
        parts: dict[int, list[Rows]] = {}
        marks: dict[int, list[Marks]] = {}
        for block, head in frozen:
            parts.setdefault(block.number, []).extend(head.rows())
            if told := list(head.marks()):
                marks.setdefault(block.number, []).extend(told)
        stored = partial(self._shelf.pieces, Tier.RAW)
        for number, rows in list(again(late, parts, stored)):
            parts[number] = [rows, *parts.get(number, ())]  # what is sealed now came later
        for number, late_marks in late.items():
            marks.setdefault(number, []).extend(late_marks)
        return self._shelf.write(name, seal(parts, self._settings.chunk_ms, marks), segment)

    def mark_present(self) -> None:
        """Tells the index of which series there are samples."""
        self.seen.clear()
        self._index.mark_only(self._held())

    async def _forget_series(self) -> None:
        """Takes series of which nothing is left out of the catalog, where they are many. Raises StoreError.

        The log is let go first: of what it may name, all that is not in a file is in memory then.
        """
        entered = len(self._catalog.entered())
        gone = entered - 1 - len(await self._run(self.held_anywhere))  # one, the highest, always stays
        if gone * _WORTH > entered:
            await self._let_go_of_log()
            await self._keep_series()

    def held_anywhere(self) -> BitMap:
        """The series that something is left of, in files or in memory."""
        held = BitMap.union(BitMap(), *(file.series for file in self._shelf.all()))
        for numbers in self._blocks.held():
            held.update(numbers.tolist())
        return held

    def _held(self) -> Iterator[Numbers]:
        for file in self._shelf.files(Tier.RAW):
            yield np.array(file.series.to_array(), np.int64)
        yield from self._blocks.held()

    async def close(self) -> None:
        """Waits for the round that is under way; what is not sealed is in the log, unless there are verdicts on it."""
        if self._task is not None:
            await self._task
        ready, self.ready = self.ready, False
        if ready and self._blocks.judged:
            with suppress(StoreError):  # samples are safe, and what is not known can be said again
                async with self._turn:
                    await self._let_go_of_log()
        with suppress(StoreError):
            await self._run(self._log.remove)
        self._thread.close()

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._thread.run(work)
