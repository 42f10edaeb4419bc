"""Recent files become files of a span of time each, and rollups are made of what they touch."""

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final, Protocol, TypeVar

import numpy as np

from netmon_collector.store.chunkfile import RECENT, ChunkFile, Name, Packed, Tier
from netmon_collector.store.classes import Classes
from netmon_collector.store.labels import Numbers
from netmon_collector.store.merge import Piece, Table, merge
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.rollup import FIELDS, coarser, prefer_fuller, roll, totals
from netmon_collector.store.sealing import cut, packed
from netmon_collector.store.shelf import Shelf
from netmon_collector.store.unpacked import Unpacked
from netmon_collector.store.weaving import Strip, woven

T = TypeVar("T")

WIDTH_MS: Final = {Tier.FIVE_MINUTES: 300_000, Tier.HOUR: 3_600_000}
"""How long the buckets of a tier are; finest first."""
_WINDOW_MS: Final = WIDTH_MS[Tier.HOUR]


class Run(Protocol):
    """Has work done on the upkeep's thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class Merger:
    """Puts fewer, larger files in the place of others. Its callers see to it that nobody else changes files."""

    def __init__(
        self, shelf: Shelf, classes: Classes, settings: StoreSettings, run: Run, check_room: Callable[[int], None]
    ) -> None:
        self._shelf = shelf
        self._classes = classes
        self._settings = settings
        self._run = run
        self._check_room = check_room
        """Raises StoreError where a merge may not write so many bytes more."""

    async def merge(self) -> None:
        """Recent files first; then those of one span, where they are many. Raises StoreError.

        Rollups of a span that nothing was added to are drafts no longer: two files are many there.
        """
        await self._run(self._classes.refresh)
        recent = [file for file in self._shelf.files(Tier.RAW) if file.name.span == RECENT]
        added = max((file.name.order for file in recent), default=None)
        if recent:
            await self._take_in(recent)
        for tier in Tier:
            spans = sorted((file for file in self._shelf.files(tier) if file.name.span != RECENT), key=_span)
            for _, group in groupby(spans, key=_span):
                members = sorted(group, key=_order)
                rests = tier is not Tier.RAW and members[-1].name.order != added
                if len(members) >= (2 if rests else self._settings.merge_files):
                    await self._replace(members)

    def waited_s(self) -> float:
        """For how long the store has been in use since the oldest recent file was written, as far as files tell.

        So a collector that is started again and again merges nevertheless.
        """
        written_s = {file: os.fstat(file.handle).st_mtime for file in self._shelf.files(Tier.RAW)}
        recent_s = [time_s for file, time_s in written_s.items() if file.name.span == RECENT]
        return max(written_s.values()) - min(recent_s) if recent_s else 0.0

    def needs_bytes(self) -> int:
        """About how much disk a merge takes until the files before it are gone; with rollups it may be more."""
        return sum(file.size_bytes for file in self._shelf.files(Tier.RAW) if file.name.span == RECENT)

    def past_bytes(self) -> int:
        """What recent files have of times that had been past for a span when they were written."""
        found = 0
        for file in self._shelf.files(Tier.RAW):
            if file.name.span == RECENT and file.newest_ms - file.oldest_ms > self._settings.span_ms:
                is_past = file.entries["newest_ms"] < file.newest_ms - self._settings.span_ms
                found += int(file.entries["length"][is_past].sum())
        return found

    async def _replace(self, files: Sequence[ChunkFile]) -> None:
        """Puts one file for each span and class in the place of some: all of a span and class, or the recent ones."""
        tier = files[0].name.tier
        files = self._with_namesakes(files)
        merged = []
        for span in _spans_of(files, self._span_ms(tier)):
            for kept in self._classes.of(files):
                chunks = partial(self._merged, files, span, kept)
                names = [self._name(tier, span, kept, files)]
                merged += await self._run(partial(self._write_now, names, chunks, files))
        await self._exchange(files, merged)

    async def _exchange(self, files: Sequence[ChunkFile], written: Sequence[ChunkFile]) -> None:
        """Puts what was written, unless nothing is in it, in the place of some files and of those of its names."""
        names = {file.name for file in written}
        replaced = [one for tier in Tier for one in self._shelf.files(tier) if one in files or one.name in names]
        self._shelf.put([file for file in written if len(file.entries)], instead=replaced)
        empty = [file for file in written if not len(file.entries)]
        await self._run(partial(self._shelf.remove, [*replaced, *empty]))

    def _with_namesakes(self, files: Sequence[ChunkFile]) -> Sequence[ChunkFile]:
        """Also the files whose names will be written again; there are some only where a series' class has changed."""
        tier, order = files[0].name.tier, max(file.name.order for file in files)
        numbers = [str(span.start // len(span)) for span in _spans_of(files, self._span_ms(tier))]
        names = {Name(tier, number, order, kept) for number in numbers for kept in self._classes.of(files)}
        found = [file for file in self._shelf.files(tier) if file in files or file.name in names]
        return files if len(found) == len(files) else self._with_namesakes(found)

    async def _take_in(self, recent: Sequence[ChunkFile]) -> None:
        """Puts recent files into files of a span, and makes the rollups of all time that these have samples of anew.

        Rollups are made of all samples of that time; what is recent is unpacked once for both.
        """
        files = self._with_namesakes(recent)
        written = []
        for kept in self._classes.of(files):
            hours: dict[int, list[Packed]] = {}
            for span in _spans_of(files, self._span_ms(Tier.RAW)):
                names = self._name(Tier.FIVE_MINUTES, span, kept, files), self._name(Tier.RAW, span, kept, files)
                chunks = partial(self._taken_in, files, recent, span, kept, hours)
                written += await self._run(partial(self._write_now, names, chunks, files))
            for number, packs in hours.items():
                length = self._span_ms(Tier.HOUR)
                name = self._name(Tier.HOUR, range(number * length, (number + 1) * length), kept, files)
                hourly = partial(iter, [(name.tier, pack) for pack in packs])
                written += await self._run(partial(self._write_now, [name], hourly, files))
        await self._exchange(files, written)

    def _taken_in(
        self,
        files: Sequence[ChunkFile],
        recent: Sequence[ChunkFile],
        span: range,
        kept: str,
        hours: dict[int, list[Packed]],
    ) -> Iterator[tuple[Tier, Packed]]:
        """The chunks of a span and class; rollups of hours, which are few, are put into `hours` by their span."""
        for block in blocks_of(files):
            unpacked = Unpacked(self._classes, kept, block)
            strips_ = unpacked.strips(files, span.start, span.stop - 1)
            whole = list(woven(strips_))
            for strip in whole:
                for part in cut(strip.table, self._settings.chunk_ms):
                    for pack in packed(block, strip.series, part, 1, unpacked.marks):
                        yield Tier.RAW, pack
            windows = windows_of(recent, block, span)
            for strip in self._to_roll(unpacked, strips_, whole, windows):
                table = _inside(strip.table, windows)
                for tier, buckets in self._buckets(block, strip.series, table) if len(table.times) else ():
                    for pack in packed(block, strip.series, buckets, FIELDS, lasts=False):
                        if tier is Tier.HOUR:
                            hours.setdefault(pack.oldest_ms // self._span_ms(Tier.HOUR), []).append(pack)
                        else:
                            yield tier, pack

    def _to_roll(
        self, unpacked: Unpacked, strips_: Sequence[Strip], whole: Sequence[Strip], windows: Sequence[range]
    ) -> Sequence[Strip]:
        """All samples of some windows, of the series that are in strips."""
        if not strips_ or not windows:
            return ()
        start_ms, end_ms = windows[0].start, windows[-1].stop - 1
        around = [
            file for file in self._shelf.files(Tier.RAW) if file.oldest_ms <= end_ms and file.newest_ms >= start_ms
        ]
        all_ = unpacked.strips(around, start_ms, end_ms)
        if len(all_) == len(strips_) and all(one is other for one, other in zip(all_, strips_, strict=True)):
            return whole
        series = np.unique(np.concatenate([strip.series for strip in strips_]))
        return list(woven([narrow for strip in all_ if (narrow := _only(strip, series)) is not None]))

    def _buckets(self, block: int, series: Numbers, raw: Table) -> Iterator[tuple[Tier, Table]]:
        """The buckets of all windows that raw samples are in."""
        first_ms, last_ms = int(raw.times[0]) // _WINDOW_MS * _WINDOW_MS, int(raw.times[-1])
        window = range(first_ms, (last_ms // _WINDOW_MS + 1) * _WINDOW_MS)
        fresh = roll(raw, WIDTH_MS[Tier.FIVE_MINUTES])
        yield Tier.FIVE_MINUTES, _fuller(self._shelf, Tier.FIVE_MINUTES, block, series, window, raw, fresh)
        hours = coarser(fresh, WIDTH_MS[Tier.HOUR], raw.decimals) or roll(raw, WIDTH_MS[Tier.HOUR])
        yield Tier.HOUR, _fuller(self._shelf, Tier.HOUR, block, series, window, raw, hours)

    async def roll_again(self, tier: Tier, homes: Sequence[tuple[int, Numbers]], windows: Sequence[range]) -> None:
        """Makes rollups of some series, by block, in some windows anew, after samples of theirs were deleted."""
        order = self._shelf.next_order()
        for number in sorted({window.start // self._span_ms(tier) for window in windows}):
            own = [window for window in windows if window.start // self._span_ms(tier) == number]
            chunks = self._rolled_again(tier, homes, own)
            name = Name(tier, str(number), order)
            await self._exchange([], [await self._run(partial(self._shelf.write, name, chunks, 0))])

    def _rolled_again(
        self, tier: Tier, homes: Sequence[tuple[int, Numbers]], windows: Sequence[range]
    ) -> Iterator[Packed]:
        for block, series in homes:
            for window in windows:
                table = fresh_rollup(self._shelf, tier, block, series, window, [])
                if table is not None:
                    yield from packed(block, series, table, FIELDS)

    def _name(self, tier: Tier, span: range, kept: str, source: Sequence[ChunkFile]) -> Name:
        return Name(tier, str(span.start // len(span)), max(file.name.order for file in source), kept)

    def _write_now(
        self, names: Sequence[Name], chunks: Callable[[], Iterator[tuple[Tier, Packed]]], source: Sequence[ChunkFile]
    ) -> list[ChunkFile]:
        """Writes files of different tiers, each with the chunks of its tier."""
        return self._shelf.write_all(names, self._in_room(chunks()), max(file.segment for file in source))

    def _in_room(self, chunks: Iterator[tuple[Tier, Packed]]) -> Iterator[tuple[Tier, Packed]]:
        for tier, chunk in chunks:
            self._check_room(len(chunk.payload))
            yield tier, chunk

    def _merged(self, files: Sequence[ChunkFile], span: range, kept: str) -> Iterator[tuple[Tier, Packed]]:
        """The chunks that take the place of all that some files, in the order of writing, hold of a span and class."""
        chunk_ms = self._chunk_ms(files[0].name.tier)
        for block in blocks_of(files):
            unpacked = Unpacked(self._classes, kept, block)
            for strip in woven(unpacked.strips(files, span.start, span.stop - 1)):
                for part in cut(strip.table, chunk_ms):
                    for pack in packed(block, strip.series, part, strip.fields, unpacked.marks):
                        yield files[0].name.tier, pack

    def _span_ms(self, tier: Tier) -> int:
        return self._settings.span_ms * (32 if tier is Tier.HOUR else 1)

    def _chunk_ms(self, tier: Tier) -> int:
        return self._settings.chunk_ms if tier is Tier.RAW else self._span_ms(tier)


def fresh_rollup(
    shelf: Shelf, tier: Tier, block: int, series: Numbers, window: range, heads: Sequence[Piece]
) -> Table | None:
    """The buckets of a window [C x FIELDS, W], made of all samples; where raw samples are gone, what was stored."""
    raw = _raw(shelf, block, series, window, heads)
    return None if raw is None else _fuller(shelf, tier, block, series, window, raw, roll(raw, WIDTH_MS[tier]))


def _raw(shelf: Shelf, block: int, series: Numbers, window: range, heads: Sequence[Piece]) -> Table | None:
    pieces = shelf.pieces(Tier.RAW, block, series, window.start, window.stop - 1)
    return merge([*pieces, *(_within(piece, window) for piece in heads)], len(series))


def _fuller(shelf: Shelf, tier: Tier, block: int, series: Numbers, window: range, raw: Table, fresh: Table) -> Table:
    """Buckets that were made of raw samples; where these are gone, what was stored."""
    stored = merge(shelf.pieces(tier, block, series, window.start, window.stop - 1), len(series) * FIELDS)
    return fresh if stored is None else prefer_fuller(stored, fresh, totals(raw, WIDTH_MS[tier]))


def windows_of(files: Iterable[ChunkFile], block: int, span: range) -> list[range]:
    """The windows of time of which some files have samples of a block, within a span."""
    starts: set[int] = set()
    for file in files:
        entries = file.entries[file.places_of(block)]
        for oldest_ms, newest_ms in zip(entries["oldest_ms"].tolist(), entries["newest_ms"].tolist(), strict=True):
            starts.update(range(oldest_ms // _WINDOW_MS, newest_ms // _WINDOW_MS + 1))
    windows = [range(start * _WINDOW_MS, (start + 1) * _WINDOW_MS) for start in sorted(starts)]
    return [window for window in windows if window.start < span.stop and window.stop > span.start]


def windows_in(times: Iterable[int]) -> list[range]:
    """The windows that some times are in."""
    return [range(start, start + _WINDOW_MS) for start in sorted({time // _WINDOW_MS * _WINDOW_MS for time in times})]


def blocks_of(files: Iterable[ChunkFile]) -> list[int]:
    """The blocks that some files have chunks of."""
    blocks: list[int] = np.unique(np.concatenate([file.entries["block"] for file in files])).tolist()
    return blocks


def _spans_of(files: Iterable[ChunkFile], span_ms: int) -> list[range]:
    """The spans of time that some files have chunks of."""
    numbers = np.unique(np.concatenate([file.entries["oldest_ms"] // span_ms for file in files])).tolist()
    return [range(number * span_ms, (number + 1) * span_ms) for number in numbers]


def _only(strip: Strip, series: Numbers) -> Strip | None:
    """What a strip has of some series."""
    own = np.isin(strip.series, series)
    if own.all():
        return strip
    return Strip(strip.series[own], strip.table.of(own)) if own.any() else None


def _within(piece: Piece, window: range) -> Piece:
    slots = np.flatnonzero((piece.times >= window.start) & (piece.times < window.stop))
    return Piece(piece.times[slots], piece.columns, piece.bits[:, slots])


def _inside(table: Table, windows: Sequence[range]) -> Table:
    """The samples of a table that are in some windows."""
    starts = np.array([window.start for window in windows])
    places = np.searchsorted(starts, table.times, "right") - 1
    inside = (places >= 0) & (table.times < starts[places] + _WINDOW_MS)
    if inside.all():
        return table
    return Table(table.times[inside], table.bits[:, inside], table.decimals)


def _span(file: ChunkFile) -> tuple[str, str]:
    return file.name.span, file.name.kept


def _order(file: ChunkFile) -> int:
    return file.name.order
