"""What goes on beside ingest: heads to the disk, the log behind them dropped, files merged and, when old, forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np

from netmon_collector.store.base import StoreError
from netmon_collector.store.blocks import Block, Blocks
from netmon_collector.store.catalog import Catalog, Entry
from netmon_collector.store.chunkfile import RECENT, ChunkFile, Name, Tier
from netmon_collector.store.framing import NOTHING
from netmon_collector.store.head import Head, Rows
from netmon_collector.store.health import Health
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.log import Log
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.sealing import merge_span, seal, spans_of
from netmon_collector.store.segment import Segment
from netmon_collector.store.shelf import Shelf

T = TypeVar("T")


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
        settings: StoreSettings,
    ) -> None:
        self._index = index
        self._blocks = blocks
        self._shelf = shelf
        self._catalog = catalog
        self._log = log
        self._roll_log = roll_log
        self._settings = settings
        self.seen: set[int] = set()
        """The numbers of groups of which each series is known to have a sample."""
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "netmon-upkeep")
        self._task: asyncio.Task[None] | None = None
        self._next_s = 0.0
        self._next_merge_s: float | None = None
        self._health = Health("store.upkeep_failing", "store.upkeep_recovered")

    def look(self, now_s: float) -> None:
        """Begins a round if it is time and none is under way; called after each commit."""
        if self._task is None and now_s >= self._next_s:
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
            self._next_merge_s = now_s + settings.merge_every_s
        async with self._turn:
            self._blocks.freeze(before_s=now_s - settings.seal_after_s, segment=self._log.beyond(settings.log_bytes))
            await self._seal()
            if now_s >= self._next_merge_s:
                self._next_merge_s = now_s + settings.merge_every_s
                await self._merge()

    async def forget_before(self, time_ms: int) -> bool:
        """Drops the files whose samples are all older; whether there was any. Raises StoreError."""
        async with self._turn:
            old = [file for file in self._shelf.files(Tier.RAW) if file.newest_ms < time_ms]
            pinned = max((file.segment for file in old), default=0)
            if any(segment.number <= pinned for segment in self._log.segments):
                await self._let_go_of_log()  # else a restart would bring back what is dropped here
            if old:
                self._shelf.put([], instead=old)
                await self._run(lambda: self._shelf.remove(old))
            return bool(old)

    async def _let_go_of_log(self) -> None:
        """Seals everything, so that no file of the log is needed but a new one."""
        await self._roll_log()
        self._blocks.freeze(before_s=float("inf"), segment=0)
        await self._seal()

    async def _seal(self) -> None:
        frozen = list(self._blocks.frozen)
        if frozen:
            name = Name(Tier.RAW, RECENT, self._shelf.next_order())
            segment = self._log.segments[-1].number
            file = await self._run(lambda: self._write_recent(name, frozen, segment))
            self._shelf.put([file])
            self._blocks.sealed(frozen)
        doomed = self._log.before(self._blocks.oldest_segment())
        if doomed:
            self._log.drop(doomed)
            await self._run(lambda: self._log.remove(doomed))

    def _write_recent(self, name: Name, frozen: Sequence[tuple[Block, Head]], segment: int) -> ChunkFile:
        """The catalog first: no chunk may have a series that nobody knows."""
        parts: dict[int, list[Rows]] = {}
        for block, head in frozen:
            parts.setdefault(block.number, []).append(head.rows())
        series = np.concatenate([head.grid.series for _, head in frozen])
        missing = self._catalog.missing(series.tolist())
        homes = [self._blocks.home(number) for number in missing]
        self._catalog.enter(
            [
                Entry(number, home, labels)
                for number, home, labels in zip(missing, homes, self._index.labels(missing), strict=True)
            ]
        )
        return self._shelf.write(name, seal(parts, self._settings.chunk_ms), segment)

    async def _merge(self) -> None:
        """Recent files become files of a span each, and those of one span, where they are many, one."""
        files = self._shelf.files(Tier.RAW)
        await self._merge_files([file for file in files if file.name.span == RECENT])
        spans = sorted((file for file in self._shelf.files(Tier.RAW) if file.name.span != RECENT), key=_span)
        for _, group in groupby(spans, key=_span):
            members = list(group)
            if len(members) >= self._settings.merge_files:
                await self._merge_files(sorted(members, key=_order))

    async def _merge_files(self, files: Sequence[ChunkFile]) -> None:
        """Puts one file for each span in the place of some: all of their span, or the recent ones."""
        if not files:
            return
        span_ms = self._settings.span_ms
        order = max(file.name.order for file in files)
        segment = max(file.segment for file in files)
        merged = []
        for span in spans_of(files, span_ms):
            name = Name(files[0].name.tier, str(span.start // span_ms), order)
            merged.append(await self._run(partial(self._write_merged, name, files, span, segment)))
        names = {file.name for file in merged}
        replaced = [file for file in self._shelf.files(files[0].name.tier) if file in files or file.name in names]
        self._shelf.put(merged, instead=replaced)
        await self._run(lambda: self._shelf.remove(replaced))

    def _write_merged(self, name: Name, files: Sequence[ChunkFile], span: range, segment: int) -> ChunkFile:
        return self._shelf.write(name, merge_span(files, span, self._settings.chunk_ms), segment)

    def mark_present(self) -> None:
        """Tells the index of which series there are samples."""
        self.seen.clear()
        self._index.mark_only(self._held())

    def _held(self) -> Iterator[Numbers]:
        for file in self._shelf.files(Tier.RAW):
            yield np.array(file.series.to_array(), np.int64)
        for head in self._blocks.heads():
            yield head.in_use()

    def span_ms(self) -> tuple[int | None, int | None]:
        """Oldest and newest time of what is stored, None where nothing is."""
        parts: list[ChunkFile | Segment] = [*self._shelf.files(Tier.RAW), *self._log.segments]
        oldest_ms = min((part.oldest_ms for part in parts), default=NOTHING[0])
        newest_ms = max((part.newest_ms for part in parts), default=NOTHING[1])
        return (oldest_ms, newest_ms) if oldest_ms <= newest_ms else (None, None)

    async def close(self) -> None:
        """Waits for the round that is under way; what is not sealed is in the log."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _span(file: ChunkFile) -> str:
    return file.name.span


def _order(file: ChunkFile) -> int:
    return file.name.order
