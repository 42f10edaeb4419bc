"""What is known of a chunk without its pages: which series and times it has, and where the page of a column is.

Most chunks are asked for one column, so next to nothing is decoded in advance, and single numbers are picked out of
the bytes.
"""

import struct
import zlib
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Times
from netmon_collector.store.layout import (
    FIRST_PART,
    HEAD,
    HEAD_CRC,
    PART,
    SAME,
    SECTION_LENGTHS,
    SLOPED,
    Progression,
    Section,
    together,
)

_OBJECT_BYTES: Final = 1500
"""About what a map takes beside its bytes."""


_FEW: Final = 4
"""So many series are sooner found one by one."""
_PLACES: Final = np.arange(_FEW)


class Unreadable(Exception):
    """A chunk, or a page of it, is not what `encode` wrote."""


class Part(NamedTuple):
    """Columns that are compressed together; see layout.PART. `meta`: what pcodec says of them all."""

    code: int
    ragged: int
    group: int
    columns: int
    first_page: int
    first_base: int
    first_count: int
    meta: bytes

    @property
    def is_plain(self) -> bool:
        """Whether it is of a draft; then `meta` is how many bytes each number takes."""
        return len(self.meta) == 1

    @staticmethod
    def packed(parts: "Sequence[Part]") -> bytes:
        """The section of some parts."""
        heads = []
        at = PART.size * len(parts)
        for part in parts:
            heads.append(PART.pack(*part[:-1], at, len(part.meta)))
            at += len(part.meta)
        return b"".join((*heads, *(part.meta for part in parts)))


class ChunkMap:
    """Raises Unreadable for what `encode` did not write."""

    def __init__(self, head: bytes) -> None:
        try:
            numbers = HEAD.unpack_from(head)
            meta, plain_bytes, self.present_bytes, self.samples, checksum = numbers[4:]
            self.head_bytes: int = HEAD.size + meta
            packed = head[HEAD.size : self.head_bytes]
            if zlib.crc32(packed, zlib.crc32(head[: HEAD.size - HEAD_CRC.size])) != checksum:
                raise Unreadable("a wrong checksum")
            plain = zlib.decompress(packed, bufsize=plain_bytes)
            lengths = SECTION_LENGTHS.unpack_from(plain)
        except (struct.error, zlib.error) as error:
            raise Unreadable(str(error)) from error
        self.block: int = numbers[0]
        self.slots: int = numbers[1]
        self.fields: int = numbers[3]
        self._plain = plain
        self._starts = list(accumulate(lengths, initial=SECTION_LENGTHS.size))
        self.kinds = self._section(Section.KINDS)
        self.flags = self._section(Section.FLAGS)
        self.times_found = Progression(self._section(Section.TIMES), self.slots)
        self.series_found = Progression(self._section(Section.SERIES), numbers[2])

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes, when all was asked for once."""
        return 2 * len(self._plain) + self.times_found.size_bytes + self.series_found.size_bytes + _OBJECT_BYTES

    @property
    def judged_bytes(self) -> int:
        """How long the page of verdicts is; 0 where there is none."""
        return int.from_bytes(self._section(Section.ANOMALIES), "little")

    @property
    def times(self) -> Times:
        return self.times_found.all()

    @property
    def series(self) -> npt.NDArray[np.int64]:
        return self.series_found.all()

    def _section(self, section: Section) -> bytes:
        return self._plain[self._starts[section] : self._starts[section + 1]]

    def array(self, section: Section, kind: type[np.generic]) -> npt.NDArray[Any]:
        """All numbers of a section."""
        return together(self._section(section), kind)

    def pick(self, section: Section, at: int, width: int) -> int:
        """One number of a section, of so many bytes."""
        start, end = self._starts[section], self._starts[section + 1]
        return int.from_bytes(self._plain[start + at : end : (end - start) // width], "little", signed=width == 8)

    def part(self, kind: int) -> Part:
        """The part of a kind."""
        start = self._starts[Section.PARTS]
        numbers = PART.unpack_from(self._plain, start + (kind - FIRST_PART) * PART.size)
        meta, length = numbers[-2:]
        return Part._make((*numbers[:-2], self._plain[start + meta : start + meta + length]))

    def page(self, page: int) -> tuple[int, int]:
        """How long a page is, and where it begins in the payload."""
        plain = self._plain
        start, end = self._starts[Section.LENGTHS], self._starts[Section.LENGTHS + 1]
        places = range(start, end, (end - start) // 4)  # see layout.apart
        before = [sum(plain[place : place + page]) for place in places]
        length = int.from_bytes(plain[start + page : end : places.step], "little")
        return length, self.head_bytes + before[0] + (before[1] << 8) + (before[2] << 16) + (before[3] << 24)

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """By page, where it ends in the payload."""
        lengths = self.array(Section.LENGTHS, np.uint32)
        ends: npt.NDArray[np.int64] = self.head_bytes + np.cumsum(lengths, dtype=np.int64)
        return ends

    @cached_property
    def kind_of(self) -> npt.NDArray[np.uint8]:
        """By column, its kind."""
        return np.frombuffer(self.kinds, np.uint8)

    @cached_property
    def flags_of(self) -> npt.NDArray[np.uint8]:
        """By column, its flags."""
        return np.frombuffer(self.flags, np.uint8)

    def of(self, kind: int) -> npt.NDArray[np.intp]:
        """The columns of a kind."""
        return np.flatnonzero(self.kind_of == kind)

    def rank(self, column: int) -> int:
        """The place of a column among those of its kind."""
        return self.kinds.count(self.kinds[column], 0, column)

    def sloped(self, column: int) -> int:
        """By how much a column rises per slot."""
        if not self.flags[column] & SLOPED:
            return 0
        at = int(np.count_nonzero(self.flags_of[:column] & SLOPED))
        return self.pick(Section.SLOPES, at, 8)

    def slopes(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.int64] | None:
        """By how much columns rise per slot, [C, 1]; None where none does."""
        sloped = (self.flags_of[columns] & SLOPED) != 0
        if not sloped.any():
            return None
        slopes = np.zeros((len(columns), 1), np.int64)
        places = np.searchsorted(np.flatnonzero(self.flags_of & SLOPED), columns[sloped])
        slopes[sloped, 0] = self.array(Section.SLOPES, np.int64)[places]
        return slopes

    def counts(self, part: Part) -> list[int]:
        """How many samples each column of a ragged part has."""
        counts = self.array(Section.COUNTS, np.uint32)[part.first_count : part.first_count + part.columns]
        return list(map(int, counts))

    def own(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The columns that have what some columns have: themselves, or those that these are the same as."""
        same = self.kind_of[columns] == SAME
        if not same.any():
            return columns
        columns = columns.copy()
        columns[same] = self.array(Section.SAMES, np.uint32)[np.searchsorted(self.of(SAME), columns[same])]
        return columns

    def columns_of(self, series: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of some series (ascending) are here, as places in `series`, and their columns, field by field."""
        if len(series) <= _FEW and self.fields == 1:
            found = [self.series_found.find(one) for one in series.tolist()]
            if min(found, default=-1) >= 0:
                return _PLACES[: len(found)], np.array(found)
        own_series = self.series
        at = np.minimum(np.searchsorted(own_series, series), len(own_series) - 1)
        places = np.flatnonzero(own_series[at] == series)
        own = at[places]
        columns = own if self.fields == 1 else (own[:, None] * self.fields + np.arange(self.fields)).ravel()
        return places, columns
