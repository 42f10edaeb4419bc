"""Reads chunks: the samples of a block in some time, compressed; any column without the others.

How a chunk is laid out: layout.py. How it is written: packing.py.
"""

import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, RollupField, Times
from netmon_collector.store.chunkmap import ChunkMap, Part, Unreadable
from netmon_collector.store.classify import UNSURE, Code, Decimals
from netmon_collector.store.judged import Verdicts
from netmon_collector.store.layout import (
    CONSTANT,
    CRC_BYTES,
    DECOMPRESSOR,
    FIRST_PART,
    HEAD,
    PLACES,
    RAGGED,
    RISEN,
    Matrix,
    Section,
    number_type,
    page_size,
    pages_of,
)
from netmon_collector.store.record import Bits
from netmon_collector.store.verdicts import Marks

Fetch = Callable[[int, int], bytes]
"""Gives bytes of a chunk: how many, from which offset in its payload; a page is checked before it is decoded."""

_ENDS: Final = RollupField.LAST, RollupField.FIRST
TENS: Final = 10.0 ** np.arange(PLACES + 1)


def samples_in(payload: bytes) -> int:
    """How many samples a chunk holds; values are not unpacked for it."""
    samples: int = HEAD.unpack_from(payload)[7]
    return samples


def take_plain(part: Part, data: bytes, into: npt.NDArray[np.int64]) -> None:
    """Puts the numbers of a page that pcodec did not write into an array. Raises Unreadable."""
    numbers = np.frombuffer(data, f"<u{part.meta[0]}")
    if len(numbers) != len(into):
        raise Unreadable(f"a page of {len(numbers)} numbers, not {len(into)}")
    into[:] = numbers.view(np.int64) if numbers.itemsize == into.itemsize else numbers


def checked(data: bytes) -> bytes:
    """A page without its checksum. Raises Unreadable."""
    page = data[:-CRC_BYTES]
    if zlib.crc32(page) != int.from_bytes(data[-CRC_BYTES:], "little"):
        raise Unreadable("a page with a wrong checksum")
    return page


class Chunk:
    """A chunk that can be read: its map, and its pages, which are fetched when they are needed.

    `payload` is empty where not all of it was read.
    """

    def __init__(self, known: ChunkMap, fetch: Fetch, payload: bytes = b"") -> None:
        self.map = known
        self.payload = payload
        self._fetch = fetch
        self._decompressors: dict[int, Any] = {}

    @classmethod
    def of(cls, payload: bytes) -> "Chunk":
        """A chunk of which all is there and was checked. Raises Unreadable."""
        return cls(ChunkMap(payload), lambda length, offset: payload[offset : offset + length], payload)

    @property
    def block(self) -> int:
        return self.map.block

    @property
    def times(self) -> Times:
        return self.map.times

    @property
    def series(self) -> npt.NDArray[np.int64]:
        return self.map.series

    @property
    def fields(self) -> int:
        return self.map.fields

    def columns_of(self, series: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """See ChunkMap."""
        return self.map.columns_of(series)

    def matrix(self) -> Matrix:
        """All that is in the chunk. Raises Unreadable, as `read` does."""
        return Matrix(self.block, self.times, self.series, self.read(np.arange(len(self.map.kinds))), self.fields)

    def decimals(self) -> Decimals | None:
        """By column, how many decimals it has, or UNSURE; None for rollups, and where a sample is absent."""
        known = self.map
        if known.fields > 1 or (known.flags_of & RAGGED).any():
            return None
        decimals = known.flags_of & np.uint8(PLACES)
        for kind in set(known.kinds):
            if kind < FIRST_PART or known.part(kind).code == Code.FLOAT:
                decimals[known.kind_of == kind] = UNSURE
        return decimals

    def read(self, columns: npt.NDArray[np.intp], first: int = 0, last: int | None = None) -> Bits:
        """Some columns from one slot to before another: uint64 [C, last - first], ABSENT_BITS where there is none."""
        known = self.map
        last = known.slots if last is None else last
        out = np.empty((len(columns), last - first), np.uint64)
        columns = known.own(columns)
        kinds = known.kind_of[columns]
        for kind in set(kinds.tolist()):
            rows = np.flatnonzero(kinds == kind)
            chosen = columns[rows]
            ranks = np.searchsorted(known.of(kind), chosen)
            if kind == RISEN:
                last_, first_ = (self.read(chosen - (RollupField.INC - field), first, last) for field in _ENDS)
                out[rows] = (last_.view(np.float64) - first_.view(np.float64)).view(np.uint64)
                continue
            if kind < FIRST_PART:
                out[rows] = known.array(Section.CONSTANTS, np.uint64)[ranks][:, None]
                self._blank(out, rows, chosen, first, last)
                continue
            part = known.part(kind)
            if part.group > 1:
                self._read_groups(kind, part, ranks, out, rows, first, last)
                self._blank(out, rows, chosen, first, last)
            else:
                for row, column, rank in zip(rows.tolist(), chosen.tolist(), ranks.tolist(), strict=True):
                    out[row] = self._read_long(kind, part, column, rank, first, last)
        return out

    def verdicts(self) -> Verdicts | None:
        """Verdicts on all samples, [S, T]; None where there is none. Raises Unreadable, as `read` does."""
        length = self.map.judged_bytes
        if not length:
            return None
        start = (int(self.map.ends[-1]) if len(self.map.ends) else self.map.head_bytes) + self.map.present_bytes
        series, slots = len(self.map.series), self.map.slots
        try:
            plain = zlib.decompress(self._checked(length, start))
            packed = np.frombuffer(plain, np.uint8).reshape(2, series, (slots + 7) // 8)
        except (zlib.error, ValueError) as error:
            raise Unreadable(str(error)) from error
        known, anomalous = np.unpackbits(packed, axis=2, count=slots)
        verdicts: Verdicts = known + anomalous
        return verdicts

    def marks(self) -> Iterator[Marks]:
        """The verdicts that are here. Raises Unreadable."""
        verdicts = self.verdicts()
        if verdicts is not None:
            yield Marks(self.series, self.times, verdicts)

    def read_one(self, column: int, first: int, last: int) -> Bits:
        """One column from one slot to before another: uint64 [last - first]; the same as `read`, sooner."""
        known = self.map
        kind = known.kinds[column]
        if kind == CONSTANT and not known.flags[column] & RAGGED:
            value = known.pick(Section.CONSTANTS, known.rank(column), 8)
            return np.full(last - first, value, np.int64).view(np.uint64)
        if not FIRST_PART <= kind < RISEN:
            bits: Bits = self.read(np.array([column]), first, last)[0]
            return bits
        part = known.part(kind)
        if part.group > 1:
            return self._one_of_group(kind, part, column, known.rank(column))[first:last]
        return self._read_long(kind, part, column, known.rank(column), first, last)

    def _one_of_group(self, kind: int, part: Part, column: int, rank: int) -> Bits:
        """A column that shares a page with others."""
        slots = self.map.slots
        page, row = divmod(rank, part.group)
        count = min(part.group, part.columns - page * part.group)
        stored = self._stored(kind, part, part.first_page + page, count * slots)
        own = stored[row * slots : (row + 1) * slots]
        bits: Bits
        if part.code == Code.FLOAT:
            bits = own.view(np.uint64)
        else:
            bits = self._integral(part, column, part.first_base + rank, own)
        if self.map.flags[column] & RAGGED:
            bits[~self._present(column)] = ABSENT_BITS
        return bits

    def _read_groups(
        self,
        kind: int,
        part: Part,
        ranks: npt.NDArray[np.intp],
        out: Bits,
        rows: npt.NDArray[np.intp],
        first: int,
        last: int,
    ) -> None:
        """Columns of which several are in a page."""
        known = self.map
        group, slots = part.group, known.slots
        own = known.of(kind)
        if len(ranks) == len(own) and bool((ranks == np.arange(len(own))).all()):
            there, pages = ranks, range(-(-len(own) // group))  # all of them, in their order
        else:
            needed = np.unique(ranks // group)
            there, pages = (needed[:, None] * group + np.arange(group)).ravel(), needed.tolist()
            there = there[there < len(own)]  # the columns of these pages
        stored = np.empty((len(there), slots), np.int64)
        for at, page in enumerate(pages):
            columns = stored[at * group : (at + 1) * group]
            self._stored(kind, part, part.first_page + page, columns.size, columns.reshape(-1))
        bits = stored.view(np.uint64) if part.code == Code.FLOAT else self._restored(part, stored, own[there], there)
        out[rows] = bits[:, first:last] if there is ranks else bits[np.searchsorted(there, ranks), first:last]

    def _read_long(self, kind: int, part: Part, column: int, rank: int, first: int, last: int) -> Bits:
        """A column that has pages of its own."""
        if part.ragged:
            return self._ragged_column(kind, part, column, rank)[first:last]
        slots = self.map.slots
        size = page_size(slots)
        begin = first // size
        pages = [
            self._long_page(kind, part, column, rank * pages_of(slots) + at, at * size, min((at + 1) * size, slots))
            for at in range(begin, -(-last // size))
        ]
        bits = pages[0] if len(pages) == 1 else np.concatenate(pages)
        return bits[first - begin * size : last - begin * size]

    def _ragged_column(self, kind: int, part: Part, column: int, rank: int) -> Bits:
        """A column that has no sample in some slots, all of it."""
        counts = self.map.counts(part)
        page = sum(map(pages_of, counts[:rank]))
        slots = np.flatnonzero(self._present(column))
        whole = np.full(self.map.slots, ABSENT_BITS, np.uint64)
        size = page_size(counts[rank])
        for at in range(pages_of(counts[rank])):
            own = slots[at * size : (at + 1) * size]
            whole[own] = self._page(kind, part, column, page + at, own)
        return whole

    def _long_page(self, kind: int, part: Part, column: int, page: int, start: int, end: int) -> Bits:
        sloped = self.map.sloped(column)
        return self._page(kind, part, column, page, np.arange(start, end) if sloped else None, end - start)

    def _page(
        self, kind: int, part: Part, column: int, page: int, slots: npt.NDArray[np.intp] | None, count: int = 0
    ) -> Bits:
        """A page of one column, by its number in the part; `slots`: which slots it is of, if that matters."""
        stored = self._stored(kind, part, part.first_page + page, count if slots is None else len(slots))
        if part.code == Code.FLOAT:
            floats: Bits = stored.view(np.uint64)
            return floats
        return self._integral(part, column, part.first_base + page, stored, slots)

    def _integral(
        self, part: Part, column: int, base: int, stored: npt.NDArray[Any], slots: npt.NDArray[np.intp] | None = None
    ) -> Bits:
        """From the integers that are stored of a column, or a page of it, to the bits of its samples.

        `base`: the number of its base; `slots`: which slots it is of, if not all from the first on.
        """
        known = self.map
        first = known.pick(Section.BASES, base, 8)
        if part.code == Code.NOISY:
            stored += first
        else:
            stored[0] += first
            stored = stored.cumsum()
            slope = known.sloped(column)
            if slope:
                stored += slope * (np.arange(len(stored)) if slots is None else slots)
        places = known.flags[column] & PLACES
        bits: Bits = (stored / TENS[places] if places else stored.astype(np.float64)).view(np.uint64)
        return bits

    def _restored(
        self, part: Part, stored: npt.NDArray[Any], columns: npt.NDArray[np.intp], ranks: npt.NDArray[np.intp]
    ) -> Bits:
        """From the integers that are stored of columns [C, T] to the bits of samples; `ranks`: which of the part's."""
        known = self.map
        bases = known.array(Section.BASES, np.int64)[part.first_base + ranks]
        if part.code == Code.NOISY:
            stored += bases[:, None]
        else:
            slopes = known.slopes(columns)
            if slopes is not None:
                stored += slopes
                stored[:, :1] -= slopes
            stored[:, 0] += bases
            np.cumsum(stored, axis=1, out=stored)
        places = known.flags_of[columns] & PLACES
        values = stored.astype(np.float64)
        if places.any():
            values /= TENS[places][:, None]
        bits: Bits = values.view(np.uint64)
        return bits

    def _stored(
        self, kind: int, part: Part, page: int, count: int, into: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """The numbers of a page, by its number in the chunk; `into` an array, if there is one."""
        if part.is_plain:
            plain = np.empty(count, np.int64) if into is None else into
            take_plain(part, self._page_bytes(page), plain)
            return plain
        decompressor = self._decompressors.get(kind)
        if decompressor is None:
            decompressor, _ = DECOMPRESSOR.chunk_decompressor(part.meta, number_type(part.code))
            self._decompressors[kind] = decompressor
        stored = np.empty(count, np.float64 if part.code == Code.FLOAT else np.int64) if into is None else into
        decompressor.read_page_into(self._page_bytes(page), count, stored)
        return stored

    def _page_bytes(self, page: int) -> bytes:
        ends = self._ends
        start = ends[page - 1] if page else self.map.head_bytes
        return self._checked(ends[page] - start, start)

    @cached_property
    def _ends(self) -> list[int]:
        """By page, where it ends."""
        ends: list[int] = self.map.ends.tolist()
        return ends

    def _checked(self, length: int, offset: int) -> bytes:
        return checked(self._fetch(length, offset))

    def _blank(
        self, out: Bits, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], first: int, last: int
    ) -> None:
        """Takes out what columns do not have for which something was filled in."""
        ragged = (self.map.flags_of[columns] & RAGGED) != 0
        for row, column in zip(rows[ragged].tolist(), columns[ragged].tolist(), strict=True):
            out[row, ~self._present(column)[first:last]] = ABSENT_BITS

    def _present(self, column: int) -> npt.NDArray[np.bool_]:
        """In which slots a ragged column has a sample."""
        row = int(np.count_nonzero(self.map.flags_of[:column] & RAGGED))
        bits = np.unpackbits(self._present_map[row], count=self.map.slots)
        return bits.view(np.bool_)

    @cached_property
    def _present_map(self) -> npt.NDArray[np.uint8]:
        start = int(self.map.ends[-1]) if len(self.map.ends) else self.map.head_bytes
        packed = zlib.decompress(self._checked(self.map.present_bytes, start))
        return np.frombuffer(packed, np.uint8).reshape(-1, (self.map.slots + 7) // 8)
