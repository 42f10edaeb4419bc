"""Reads columns out of chunk files: only the pages that are needed, and what was read lately from a cache."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.cache import Cache
from netmon_collector.store.chunk import Chunk
from netmon_collector.store.chunkfile import ChunkFile
from netmon_collector.store.chunkmap import ChunkMap, Unreadable
from netmon_collector.store.labels import Numbers
from netmon_collector.store.layout import PAGE, page_size
from netmon_collector.store.many import Wanted, read_many, with_parts
from netmon_collector.store.merge import Piece
from netmon_collector.store.record import Bits
from netmon_collector.store.verdicts import Marks

_FEW: Final = 16
"""So many columns of a long chunk are read one by one, by way of the cache; more are read together, and not kept."""
_VERY_FEW: Final = 4
"""So many columns of a short chunk cost less to read one by one, as nothing is to be set up for many."""
_NUMBERS_AT_ONCE: Final = 1 << 15
"""So many at most are worked on together, so that they stay in the processor's cache."""
_ENTRY_BYTES: Final = 300
"""About what the cache takes for an entry beside its value."""
_MAP: Final = -1

_Key = tuple[object, int, bytes]


class ChunkReader:
    """Reads pieces of chunks, and keeps them in a cache. Any thread may use it."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def piece(
        self, file: ChunkFile, at: int, series: Numbers, start_ms: int, end_ms: int, *, keeps: bool = True
    ) -> Piece | None:
        """What a chunk holds of some series (ascending) in a time; None where it is damaged, which is told.

        keeps: whether what a short chunk has is kept; who keeps it himself, put together, would have it twice.
        Raises StoreError.
        """
        try:
            return self._piece(file, at, series, start_ms, end_ms, keeps=keeps)
        except Unreadable:
            chunk = file.read(at)  # tells what is damaged
            return None if chunk is None else _whole_piece(chunk, series, start_ms, end_ms)

    def _piece(
        self, file: ChunkFile, at: int, series: Numbers, start_ms: int, end_ms: int, *, keeps: bool
    ) -> Piece | None:
        known = self._map(file, at)
        first = known.times_found.below(start_ms)
        last = known.times_found.below(end_ms + 1)
        if first >= last:
            return None
        if known.slots <= PAGE:
            places, bits = self._together(file, at, known, series, keeps=keeps)
            bits = bits[:, first:last]
        else:
            places, columns = known.columns_of(series)
            if len(columns) > _FEW:
                bits = Chunk(known, file.fetcher(at)).read(columns, first, last)
            elif len(columns):
                bits = np.stack([self._column(file, at, known, column, first, last) for column in columns.tolist()])
        if not len(places):
            return None
        return Piece(known.times_found.part(first, last), _fields(places, known.fields), bits, is_ascending=True)

    def read_ahead(self, chunks: Sequence[tuple[ChunkFile, int, Numbers]]) -> None:
        """Reads many chunks at once, each with the series that it will be asked for, where these are few.

        Then `piece` finds them in the cache. What is damaged is left to it. Raises StoreError.
        """
        wanted: dict[int, list[tuple[_Key, npt.NDArray[np.intp], Wanted]]] = {}
        for file, at, series in chunks:
            key = _key(file, at, series)
            if len(series) > _VERY_FEW or self._cache.get(key) is not None:
                continue
            with suppress(Unreadable):
                known = self._map(file, at)
                places, columns = known.columns_of(series)
                own = with_parts(known, columns.tolist()) if known.slots <= PAGE else None
                if own:
                    one = Wanted(known, file.fetcher(at), own)
                    wanted.setdefault(known.slots, []).append((key, places, one))
        for slots, alike in wanted.items():
            step = max(1, _NUMBERS_AT_ONCE // (_VERY_FEW * slots))
            for some in (alike[first : first + step] for first in range(0, len(alike), step)):
                found = read_many([one for *_, one in some])
                for (key, places, _), bits in zip(some, found, strict=True):
                    if bits is not None:
                        self._keep(key, places, bits)

    def marks(self, chunks: Iterable[tuple[ChunkFile, int]]) -> Iterator[Marks]:
        """The verdicts that chunks hold; none of one that is damaged, which is told. Raises StoreError."""
        for file, at in chunks:
            try:
                yield from Chunk(self._map(file, at), file.fetcher(at)).marks()
            except Unreadable:
                file.read(at)  # tells what is damaged

    def _map(self, file: ChunkFile, at: int) -> ChunkMap:
        known: ChunkMap | None = self._cache.get((file.key, at, _MAP))
        if known is None:
            known = ChunkMap(file.fetch(at, file.heads[at], 0))
            self._cache.put((file.key, at, _MAP), known, known.size_bytes + _ENTRY_BYTES)
        return known

    def _together(
        self, file: ChunkFile, at: int, known: ChunkMap, series: Numbers, *, keeps: bool
    ) -> tuple[npt.NDArray[np.intp], Bits]:
        """All that a short chunk has of some series, and of which: what is asked for together is so again."""
        key = _key(file, at, series)
        kept: tuple[npt.NDArray[np.intp], Bits] | None = self._cache.get(key) if keeps else self._cache.drop(key)
        if kept is None:
            places, columns = known.columns_of(series)
            chunk = Chunk(known, file.fetcher(at))
            if 0 < len(columns) <= _VERY_FEW:
                bits = np.stack([chunk.read_one(column, 0, known.slots) for column in columns.tolist()])
            else:
                bits = chunk.read(columns)
            if not keeps:
                return places, bits
            kept = self._keep(key, places, bits)
        return kept

    def _keep(self, key: _Key, places: npt.NDArray[np.intp], bits: Bits) -> tuple[npt.NDArray[np.intp], Bits]:
        bits.flags.writeable = False
        kept = places, bits
        self._cache.put(key, kept, bits.nbytes + places.nbytes + len(key[2]) + _ENTRY_BYTES)
        return kept

    def _column(self, file: ChunkFile, at: int, known: ChunkMap, column: int, first: int, last: int) -> Bits:
        """A column of a long chunk, a page at a time. The result is not to be changed."""
        size = page_size(known.slots)
        begin = first // size * size
        pages = [
            self._kept(file, at, known, column, slot, min(slot + size, known.slots))
            for slot in range(begin, last, size)
        ]
        bits: Bits = np.concatenate(pages)[first - begin : last - begin]
        return bits

    def _kept(self, file: ChunkFile, at: int, known: ChunkMap, column: int, first: int, last: int) -> Bits:
        key = (file.key, at, column, first)
        bits: Bits | None = self._cache.get(key)
        if bits is None:
            bits = Chunk(known, file.fetcher(at)).read_one(column, first, last)
            bits.flags.writeable = False
            self._cache.put(key, bits, bits.nbytes + _ENTRY_BYTES)
        return bits


def _key(file: ChunkFile, at: int, series: Numbers) -> _Key:
    return file.key, at, series.tobytes()


def _whole_piece(chunk: Chunk, series: Numbers, start_ms: int, end_ms: int) -> Piece | None:
    places, columns = chunk.columns_of(series)
    first, last = chunk.map.times_found.below(start_ms), chunk.map.times_found.below(end_ms + 1)
    if not len(columns) or first >= last:
        return None
    return Piece(chunk.times[first:last], _fields(places, chunk.fields), chunk.read(columns, first, last))


def _fields(places: npt.NDArray[np.intp], fields: int) -> npt.NDArray[np.intp]:
    return places if fields == 1 else (places[:, None] * fields + np.arange(fields)).ravel()
