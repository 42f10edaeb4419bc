"""A chunk: the samples of a block in some time, compressed; any column can be read without the others.

Columns are sorted by what their values are. Most metrics are integers, or decimals of a few places, that only travel
as floats: such a column is stored as integers, a rising one less the line between its ends, so that a counter becomes
noise around zero. The columns of one class are one pcodec chunk with a page for each column. Every bit is kept.

Payload: HEAD (block, slots, series, fields), u32 lengths of the sections in the order of `_Section`, the sections.
Numbers are little-endian. A column's byte in CODES is its class, 8 if it has no sample at some times, 16 x its places.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, PagingSpec, standalone
from pcodec.wrapped import FileCompressor, FileDecompressor

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.classify import Code, Columns, classify
from netmon_collector.store.record import Bits

_HEAD: Final = struct.Struct("<IIII")
_LEVEL: Final = 4
_RAGGED: Final = 8
_LONG: Final = 1000
_CLASS: Final = 7
_PLACES_SHIFT: Final = 4


class _Section(IntEnum):
    """The parts of a payload. ANOMALIES is kept free for one bit per sample; METAS for up to eight classes."""

    TIMES = 0
    SERIES = 1
    CODES = 2
    PRESENT = 3
    ANOMALIES = 4
    CONSTANTS = 5
    SLOPES = 6
    LENGTHS = 7
    METAS = 8
    PAGES = 16


_SECTION_LENGTHS: Final = struct.Struct("<17I")
_CODECS: Final[dict[Code, tuple[str, Any, Any]]] = {
    Code.MOVING: ("i64", ModeSpec.classic(), DeltaSpec.try_consecutive(1)),
    Code.STEPPING: ("i64", ModeSpec.classic(), DeltaSpec.try_consecutive(1)),
    Code.NOISY: ("i64", ModeSpec.classic(), DeltaSpec.no_op()),
    Code.FLOAT: ("f64", ModeSpec.auto(), DeltaSpec.auto()),
}
_COMPRESSOR: Final = FileCompressor()
_DECOMPRESSOR: Final = FileDecompressor.new(_COMPRESSOR.write_header())[0]


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


def encode(matrix: Matrix) -> bytes:
    """The payload of a chunk."""
    absent = matrix.bits == ABSENT_BITS
    ragged = absent.any(axis=1)
    present = ~absent if ragged.any() else None
    columns = classify(matrix.bits if present is None else _filled(matrix.bits, present))
    codes = columns.codes | (ragged * np.uint8(_RAGGED)) | (columns.places << _PLACES_SHIFT)
    sections = [b""] * (_Section.PAGES + 1)
    sections[_Section.TIMES] = _pack_progression(matrix.times)
    sections[_Section.SERIES] = _pack_progression(matrix.series)
    sections[_Section.CODES] = _squeezed(codes.tobytes())
    if present is not None:
        sections[_Section.PRESENT] = zlib.compress(np.packbits(present[ragged], axis=1).tobytes(), 1)
    sections[_Section.CONSTANTS] = _squeezed(_constants(matrix.bits, columns))
    sections[_Section.SLOPES] = _squeezed(columns.slopes[columns.codes == Code.MOVING].tobytes())
    pages: list[bytes] = []
    for code, (chosen, values) in sorted(columns.stored.items()):
        meta, written = _write_pages(code, values, None if present is None else present[chosen])
        sections[_Section.METAS + code] = meta
        pages += written
    sections[_Section.LENGTHS] = _squeezed(np.array([len(page) for page in pages], np.uint32).tobytes())
    sections[_Section.PAGES] = b"".join(pages)
    head = _HEAD.pack(matrix.block, len(matrix.times), len(matrix.series), matrix.fields)
    return b"".join((head, _SECTION_LENGTHS.pack(*map(len, sections)), *sections))


def _filled(bits: Bits, present: npt.NDArray[np.bool_]) -> Bits:
    """Absent samples replaced by the one before in their row, or the first: that disturbs a row least."""
    source = np.maximum.accumulate(np.where(present, np.arange(bits.shape[1]), -1), axis=1)
    source = np.where(source < 0, present.argmax(axis=1)[:, None], source)
    filled: Bits = np.take_along_axis(bits, source, axis=1)
    return filled


def _constants(bits: Bits, columns: Columns) -> bytes:
    """The value of each constant column."""
    constant = bits[columns.codes == Code.CONSTANT]
    first = (constant != ABSENT_BITS).argmax(axis=1)
    values: bytes = constant[np.arange(len(constant)), first].tobytes()
    return values


def _write_pages(
    code: Code, values: npt.NDArray[Any], present: npt.NDArray[np.bool_] | None
) -> tuple[bytes, list[bytes]]:
    """Columns of one class, [C, T]: what pcodec says of them all, and a page for each."""
    _, mode, delta = _CODECS[code]
    if present is None:
        samples, counts = values.reshape(-1), [values.shape[1]] * len(values)
    else:
        samples, counts = values[present], np.count_nonzero(present, axis=1).tolist()
    paging = PagingSpec.exact_page_sizes(counts)
    config = ChunkConfig(compression_level=_LEVEL, mode_spec=mode, delta_spec=delta, paging_spec=paging)
    compressor = _COMPRESSOR.chunk_compressor(samples, config)
    return compressor.write_meta(), [compressor.write_page(at) for at in range(len(counts))]


def samples_in(payload: bytes) -> int:
    """How many samples a chunk's payload holds; values are not unpacked for it."""
    _, slots, series, fields = _HEAD.unpack_from(payload)
    lengths = _SECTION_LENGTHS.unpack_from(payload, _HEAD.size)
    length = lengths[_Section.PRESENT]
    if not length:
        return int(slots * series)
    start = _HEAD.size + _SECTION_LENGTHS.size + sum(lengths[: _Section.PRESENT])
    ragged = np.frombuffer(zlib.decompress(payload[start : start + length]), np.uint8)
    rows = len(ragged) // ((slots + 7) // 8)
    return int(slots * (series * fields - rows) + np.bitwise_count(ragged).sum(dtype=np.int64)) // int(fields)


class Chunk:
    """A chunk's payload, ready to be read; raises ValueError or RuntimeError for what `encode` did not write."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.block, self.slots, series, self.fields = _HEAD.unpack_from(payload)
        lengths = _SECTION_LENGTHS.unpack_from(payload, _HEAD.size)
        at = _HEAD.size + _SECTION_LENGTHS.size
        self._sections = []
        for length in lengths:
            self._sections.append(payload[at : at + length])
            at += length
        self.times: Times = _unpack_progression(self._sections[_Section.TIMES], self.slots)
        self.series = _unpack_progression(self._sections[_Section.SERIES], series)
        codes = np.frombuffer(_loosened(self._sections[_Section.CODES]), np.uint8)
        self._ragged = (codes & _RAGGED) != 0
        self._places = codes >> _PLACES_SHIFT
        self._codes = codes & _CLASS

    def matrix(self) -> Matrix:
        """All that is in the chunk."""
        return Matrix(self.block, self.times, self.series, self.read(np.arange(len(self._codes))), self.fields)

    def columns_of(self, series: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of some series (ascending) are here, as places in `series`, and their columns, field by field."""
        at = np.minimum(np.searchsorted(series, self.series), len(series) - 1)
        own = np.flatnonzero(series[at] == self.series)
        columns = own if self.fields == 1 else (own[:, None] * self.fields + np.arange(self.fields)).ravel()
        return at[own], columns

    def read(self, columns: npt.NDArray[np.intp]) -> Bits:
        """Some columns: uint64 [len(columns), slots], ABSENT_BITS where there is no sample."""
        out = np.empty((len(columns), self.slots), np.uint64)
        codes = self._codes[columns]
        ragged = self._ragged[columns]
        present = self._present(columns[ragged])
        for code in set(codes.tolist()):
            at = np.flatnonzero(codes == code)
            chosen = columns[at]
            if code == Code.CONSTANT:
                values = np.frombuffer(_loosened(self._sections[_Section.CONSTANTS]), np.uint64)
                out[at] = values[self._rank(Code.CONSTANT, chosen)][:, None]
            elif code == Code.FLOAT:
                out[at] = self._read_pages(Code.FLOAT, chosen, present).view(np.uint64)
            else:
                out[at] = self._read_integers(Code(code), chosen, present).view(np.uint64)
        for row in np.flatnonzero(ragged).tolist():
            out[row, ~present[int(columns[row])]] = ABSENT_BITS
        return out

    def _rank(self, code: Code, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The places of columns among those of their class."""
        return np.searchsorted(np.flatnonzero(self._codes == code), columns)

    def _present(self, ragged: npt.NDArray[np.intp]) -> dict[int, npt.NDArray[np.bool_]]:
        """By column, where a ragged one has its samples."""
        if not len(ragged):
            return {}
        packed = np.frombuffer(zlib.decompress(self._sections[_Section.PRESENT]), np.uint8)
        rows = packed.reshape(-1, (self.slots + 7) // 8)
        ranks = np.searchsorted(np.flatnonzero(self._ragged), ragged)
        bits = np.unpackbits(rows[ranks], axis=1, count=self.slots).astype(np.bool_)
        return dict(zip(ragged.tolist(), bits, strict=True))

    def _read_integers(
        self, code: Code, columns: npt.NDArray[np.intp], present: dict[int, npt.NDArray[np.bool_]]
    ) -> npt.NDArray[np.float64]:
        """Columns of a class of integers; what is absent has some value."""
        integers = self._read_pages(code, columns, present)
        if code is Code.MOVING:
            slopes = np.frombuffer(_loosened(self._sections[_Section.SLOPES]), np.int64)
            integers += slopes[self._rank(code, columns)][:, None] * np.arange(self.slots)
        places = self._places[columns]
        values = integers.astype(np.float64)
        return values / np.power(10.0, places)[:, None] if places.any() else values

    def _read_pages(
        self, code: Code, columns: npt.NDArray[np.intp], present: dict[int, npt.NDArray[np.bool_]]
    ) -> npt.NDArray[Any]:
        """What is stored of columns of one class, [len(columns), slots]."""
        out = np.zeros((len(columns), self.slots), np.float64 if code is Code.FLOAT else np.int64)
        ends = np.cumsum(np.frombuffer(_loosened(self._sections[_Section.LENGTHS]), np.uint32), dtype=np.int64)
        earlier = np.count_nonzero((self._codes < code) & (self._codes != Code.CONSTANT))
        chunk, _ = _DECOMPRESSOR.chunk_decompressor(self._sections[_Section.METAS + code], _CODECS[code][0])
        pages = self._sections[_Section.PAGES]
        ranks = self._rank(code, columns) + earlier
        starts = np.where(ranks > 0, ends[ranks - 1], 0)
        for row, column, start, end in zip(out, columns.tolist(), starts.tolist(), ends[ranks].tolist(), strict=True):
            where = present.get(column)
            if where is None:
                chunk.read_page_into(pages[start:end], self.slots, row)
            else:
                samples = np.empty(np.count_nonzero(where), row.dtype)
                chunk.read_page_into(pages[start:end], len(samples), samples)
                row[where] = samples
        return out


def _squeezed(data: bytes) -> bytes:
    """A section, deflated if it is long: of the many short columns of rollups much is alike. A first byte tells."""
    if len(data) >= _LONG:
        packed = zlib.compress(data, 1)
        if len(packed) < len(data):
            return b"\1" + packed
    return b"\0" + data


def _loosened(section: bytes) -> bytes:
    return zlib.decompress(section[1:]) if section[0] else section[1:]


_PROGRESSION: Final = struct.Struct("<qq")


def _pack_progression(numbers: npt.NDArray[np.int64]) -> bytes:
    """Increasing numbers; where they are evenly spaced, which is the rule, only the first and the step."""
    step = int(numbers[1]) - int(numbers[0]) if len(numbers) > 1 else 0
    if bool((np.diff(numbers) == step).all()):
        return _PROGRESSION.pack(int(numbers[0]), step)
    config = ChunkConfig(
        compression_level=_LEVEL, mode_spec=ModeSpec.classic(), delta_spec=DeltaSpec.try_consecutive(2)
    )
    packed: bytes = standalone.simple_compress(numbers, config)
    return packed if len(packed) != _PROGRESSION.size else packed + b"\0"


def _unpack_progression(packed: bytes, count: int) -> npt.NDArray[np.int64]:
    if len(packed) == _PROGRESSION.size:
        first, step = _PROGRESSION.unpack(packed)
        numbers = np.arange(count, dtype=np.int64)
        numbers *= step
        numbers += first
        return numbers
    numbers = np.empty(count, np.int64)
    if standalone.simple_decompress_into(packed, numbers).n_processed != count:
        raise ValueError(f"not the {count} numbers that were stored")
    return numbers
