"""How a chunk is laid out: a head, what is known of its columns (deflated), then pages, each with a checksum.

HEAD: block, slots, series, fields, length of the meta part, of that before it was deflated, of the map of what is
present, how many samples, then the CRC-32 of all this and the meta part. Meta: u32 lengths of the sections, in the
order of `Section`, then the sections. Numbers are little-endian; those of some sections lie byte by byte, all lowest
first, because the high ones are mostly alike. A page is what pcodec wrote and its CRC-32; after these comes the map,
then the verdicts, if there are any.

A column is constant, or the same as an earlier one, or made of others, or belongs to a part: columns whose values are
of one kind and of about one size, compressed together. The columns of a part, in their order, are in consecutive pages:
several columns in one page where they are short, several pages for a column where it is long. See PART. In a draft the
numbers of a page are not compressed: where one byte is all that is said of a part, it says how many bytes each takes.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone
from pcodec.wrapped import FileCompressor, FileDecompressor

from netmon_collector.store.base import Times
from netmon_collector.store.classify import Code
from netmon_collector.store.record import Bits

HEAD: Final = struct.Struct("<IIIIIIIQI")
HEAD_CRC: Final = struct.Struct("<I")
PART: Final = struct.Struct("<BBHIIIIII")
"""A part: its Code; 1 where each column has as many samples as COUNTS says; how many columns are in one page; how many
there are; its first page, base and count; where what pcodec says of it begins in the section, and how long that is."""
CRC_BYTES: Final = 4
PAGE: Final = 1440
"""Most samples of a page."""
CONSTANT: Final = 0
SAME: Final = 1
FIRST_PART: Final = 2
RISEN: Final = 255
"""Of a rollup: by how much a series rose is what there is between its first and its last."""
PLACES: Final = 0x0F
SLOPED: Final = 0x10
RAGGED: Final = 0x20
COMPRESSOR: Final = FileCompressor()
DECOMPRESSOR: Final = FileDecompressor.new(COMPRESSOR.write_header())[0]


class Section(IntEnum):
    """The sections of the meta part."""

    TIMES = 0
    SERIES = 1
    PARTS = 2
    """A PART for each part, then what pcodec says of them."""
    KINDS = 3
    """By column: 0 constant, SAME, RISEN, or FIRST_PART + the number of its part."""
    FLAGS = 4
    """By column: places after the point, SLOPED, RAGGED."""
    SAMES = 5
    """By column that is the same as another, which one."""
    CONSTANTS = 6
    SLOPES = 7
    """By column with SLOPED, how much it rises per slot."""
    COUNTS = 8
    """By column of a part with RAGGED, how many samples it has."""
    BASES = 9
    """By column of integers, or its pages, what is to be added."""
    LENGTHS = 10
    """By page, with its checksum."""
    ANOMALIES = 11
    """The length of the page of verdicts (u32), where there is one: deflated, of each series a bit for each slot that
    says whether it is known, then of each series one that says whether it is an anomaly."""


SECTION_LENGTHS: Final = struct.Struct(f"<{len(Section)}I")


@dataclass(frozen=True, eq=False, slots=True)
class Matrix:
    """Samples of a block: times int64 [T], strictly increasing; series [S], none twice; bits uint64 [S x fields, T].

    ABSENT_BITS stands where there is no sample; no row has only these. A sample is `fields` numbers, and the rows of
    one series stand together.
    """

    block: int
    times: Times
    series: npt.NDArray[np.int64]
    bits: Bits
    fields: int = 1


def pages_of(count: int) -> int:
    """Into how many pages a column of so many samples goes."""
    return -(-count // PAGE)


def page_size(count: int) -> int:
    """How many samples each page of a column has but the last, which may have less."""
    return -(-count // max(1, pages_of(count)))


def filled(bits: Bits, present: npt.NDArray[np.bool_]) -> Bits:
    """Absent samples replaced by the one before in their row, or the first: that disturbs a row least."""
    source = np.maximum.accumulate(np.where(present, np.arange(bits.shape[1]), -1), axis=1)
    source = np.where(source < 0, present.argmax(axis=1)[:, None], source)
    whole: Bits = np.take_along_axis(bits, source, axis=1)
    return whole


def page(data: bytes) -> bytes:
    """A page as it stands in the file."""
    return data + zlib.crc32(data).to_bytes(CRC_BYTES, "little")


def number_type(code: int) -> str:
    """What pcodec is to make of a page."""
    return "f64" if code == Code.FLOAT else "i64"


def sealed_head(numbers: tuple[int, ...], meta: bytes) -> bytes:
    """Head and meta part, from the numbers of the head."""
    plain = HEAD.pack(*numbers, 0)[: -HEAD_CRC.size]
    return plain + HEAD_CRC.pack(zlib.crc32(meta, zlib.crc32(plain))) + meta


def apart(numbers: npt.NDArray[Any]) -> bytes:
    """Numbers byte by byte: first the lowest of all."""
    plain: bytes = numbers.view(np.uint8).reshape(len(numbers), numbers.itemsize).T.tobytes()
    return plain


def together(data: bytes, kind: type[np.generic]) -> npt.NDArray[Any]:
    """What `apart` wrote."""
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(width, -1).T).view(kind).reshape(-1)


_PROGRESSION: Final = struct.Struct("<qq")
_LEVEL: Final = 6


def pack_progression(numbers: npt.NDArray[np.int64]) -> bytes:
    """Increasing numbers; where they are evenly spaced, which is the rule, only the first and the step."""
    step = int(numbers[1]) - int(numbers[0]) if len(numbers) > 1 else 0
    if bool((np.diff(numbers) == step).all()):
        return _PROGRESSION.pack(int(numbers[0]), step)
    config = ChunkConfig(
        compression_level=_LEVEL, mode_spec=ModeSpec.classic(), delta_spec=DeltaSpec.try_consecutive(2)
    )
    packed: bytes = standalone.simple_compress(numbers, config)
    return packed if len(packed) != _PROGRESSION.size else packed + b"\0"


class Progression:
    """What `pack_progression` wrote of so many numbers. Raises ValueError where it did not."""

    __slots__ = ("_all", "count", "first", "step")

    def __init__(self, packed: bytes, count: int) -> None:
        self.count = count
        self._all: npt.NDArray[np.int64] | None = None
        if len(packed) == _PROGRESSION.size:
            self.first, self.step = _PROGRESSION.unpack(packed)
            return
        self.first = self.step = 0
        self._all = np.empty(count, np.int64)
        if standalone.simple_decompress_into(packed, self._all).n_processed != count:
            raise ValueError(f"not the {count} numbers that were stored")

    @property
    def size_bytes(self) -> int:
        return 0 if self._all is None else self._all.nbytes

    def all(self) -> npt.NDArray[np.int64]:
        """All numbers; not to be changed."""
        return self.part(0, self.count)

    def part(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """The numbers from a place to before another."""
        if self._all is not None:
            return self._all[first:last]
        if not self.step:
            return np.full(last - first, self.first)
        return np.arange(self.first + first * self.step, self.first + last * self.step, self.step)

    def below(self, number: int) -> int:
        """How many numbers are less."""
        if self._all is not None:
            return int(self._all.searchsorted(number))
        if number <= self.first:
            return 0
        return self.count if not self.step else min(self.count, -(-(number - self.first) // self.step))

    def find(self, number: int) -> int:
        """The place of a number, or -1."""
        at = self.below(number)
        if at < self.count and (self.first + at * self.step if self._all is None else self._all[at]) == number:
            return at
        return -1
