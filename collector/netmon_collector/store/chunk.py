"""A chunk: the samples of a block in some time, compressed; any column can be read without the others.

Columns are sorted by what their values are. Most metrics are integers, or decimals of a few places, that only travel
as floats: such a column is stored as integers, a rising one less the line between its ends, so that a counter becomes
noise around zero. The columns of one class are one pcodec chunk with a page for each column. Every bit is kept.

Payload: HEAD (block, slots, series, fields), u32 lengths of the sections in the order of `_Section`, the sections.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, PagingSpec, standalone
from pcodec.wrapped import FileCompressor, FileDecompressor

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.classify import Code, classify
from netmon_collector.store.record import Bits

_HEAD: Final = struct.Struct("<IIII")
_LEVEL: Final = 4
_RAGGED: Final = 0x80


class _Section(IntEnum):
    """The parts of a payload. `ANOMALIES` is kept free for one bit per sample; `METAS` for up to eight classes."""

    TIMES = 0
    SERIES = 1
    CODES = 2
    PRESENT = 3
    ANOMALIES = 4
    CONSTANTS = 5
    PLACES = 6
    SLOPES = 7
    LENGTHS = 8
    METAS = 9
    PAGES = 17


_LENGTHS: Final = struct.Struct(f"<{len(_Section) + 7}I")
_CODECS: Final[dict[Code, tuple[str, Any, Any]]] = {
    Code.MOVING: ("i64", ModeSpec.classic(), DeltaSpec.try_consecutive(1)),
    Code.STEPPING: ("i64", ModeSpec.classic(), DeltaSpec.try_consecutive(1)),
    Code.NOISY: ("i64", ModeSpec.classic(), DeltaSpec.no_op()),
    Code.FLOAT: ("f64", ModeSpec.auto(), DeltaSpec.auto()),
}


@dataclass(frozen=True, eq=False, slots=True)
class Matrix:
    """Samples of a block: times int64 [T], strictly increasing; series [C], none twice; bits uint64 [T, C x fields].

    ABSENT_BITS stands where there is no sample; no column has only these. A sample is `fields` numbers, and the
    columns of one series stand together.
    """

    block: int
    times: Times
    series: npt.NDArray[np.int64]
    bits: Bits
    fields: int = 1


def encode(matrix: Matrix) -> bytes:
    """The payload of a chunk."""
    present = matrix.bits != ABSENT_BITS
    ragged = ~present.all(axis=0)
    filled = _filled(matrix.bits, present) if ragged.any() else matrix.bits
    columns = classify(filled)
    sections = [b""] * _LENGTHS_COUNT
    sections[_Section.TIMES] = _pack(matrix.times, 2)
    sections[_Section.SERIES] = _pack(matrix.series.astype(np.uint32), 1)
    sections[_Section.CODES] = zlib.compress((columns.codes | (ragged * np.uint8(_RAGGED))).tobytes(), 1)
    sections[_Section.PRESENT] = zlib.compress(np.packbits(present[:, ragged].T, axis=1).tobytes(), 1)
    sections[_Section.CONSTANTS] = filled[0, columns.codes == Code.CONSTANT].tobytes()
    sections[_Section.PLACES] = zlib.compress(columns.places.tobytes(), 1)
    sections[_Section.SLOPES] = _pack(columns.slopes[columns.codes == Code.MOVING], 0)
    lengths = np.zeros(len(columns.codes), np.uint32)
    pages: list[bytes] = []
    for code in _CODECS:
        chosen = np.flatnonzero(columns.codes == code)
        if len(chosen):
            source = filled.view(np.float64) if code is Code.FLOAT else columns.integers
            meta, written = _write_pages(source, present, chosen, code)
            sections[_Section.METAS + code] = meta
            lengths[chosen] = [len(page) for page in written]
            pages += written
    sections[_Section.LENGTHS] = _pack(lengths[lengths > 0], 0)
    sections[_Section.PAGES] = b"".join(pages)
    head = _HEAD.pack(matrix.block, len(matrix.times), len(matrix.series), matrix.fields)
    return b"".join((head, _LENGTHS.pack(*map(len, sections)), *sections))


_LENGTHS_COUNT: Final = _LENGTHS.size // 4


def _filled(bits: Bits, present: npt.NDArray[np.bool_]) -> Bits:
    """Absent samples replaced by the one before in their column, or the first: that disturbs a column least."""
    slots = np.arange(len(bits))[:, None]
    source = np.maximum.accumulate(np.where(present, slots, -1), axis=0)
    source = np.where(source < 0, present.argmax(axis=0), source)
    filled: Bits = np.take_along_axis(bits, source, axis=0)
    return filled


def _write_pages(
    source: npt.NDArray[Any], present: npt.NDArray[np.bool_], chosen: npt.NDArray[np.intp], code: Code
) -> tuple[bytes, list[bytes]]:
    """The samples of some columns: what pcodec says of them all, and a page for each."""
    _, mode, delta = _CODECS[code]
    here = present[:, chosen].T
    counts = here.sum(axis=1).tolist()
    paging = PagingSpec.exact_page_sizes(counts)
    config = ChunkConfig(compression_level=_LEVEL, mode_spec=mode, delta_spec=delta, paging_spec=paging)
    compressor = FileCompressor().chunk_compressor(source[:, chosen].T[here], config)
    return compressor.write_meta(), [compressor.write_page(at) for at in range(len(counts))]


class Chunk:
    """A chunk's payload, ready to be read; raises ValueError or RuntimeError for what `encode` did not write."""

    def __init__(self, payload: memoryview | bytes) -> None:
        self.block, self.slots, series, self.fields = _HEAD.unpack_from(payload)
        lengths = _LENGTHS.unpack_from(payload, _HEAD.size)
        at = _HEAD.size + _LENGTHS.size
        self._sections: list[memoryview] = []
        for length in lengths:
            self._sections.append(memoryview(payload)[at : at + length])
            at += length
        self.times: Times = _unpack(self._sections[_Section.TIMES], np.dtype(np.int64), self.slots)
        self.series = _unpack(self._sections[_Section.SERIES], np.dtype(np.uint32), series).astype(np.int64)
        codes = np.frombuffer(zlib.decompress(self._sections[_Section.CODES]), np.uint8)
        self._ragged = (codes & _RAGGED) != 0
        self._codes = codes & ~np.uint8(_RAGGED)

    def matrix(self) -> Matrix:
        """All that is in the chunk."""
        return Matrix(self.block, self.times, self.series, self.read(np.arange(len(self._codes))), self.fields)

    def columns_of(self, series: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of some series (ascending) are here, as places in `series`, and their columns, field by field."""
        at = np.minimum(np.searchsorted(series, self.series), len(series) - 1)
        own = np.flatnonzero(series[at] == self.series)
        columns = (own[:, None] * self.fields + np.arange(self.fields)).ravel()
        return at[own], columns

    def read(self, columns: npt.NDArray[np.intp]) -> Bits:
        """Some columns: uint64 [slots, len(columns)], ABSENT_BITS where there is no sample."""
        out = np.empty((len(columns), self.slots), np.uint64)
        codes = self._codes[columns]
        constant = np.flatnonzero(codes == Code.CONSTANT)
        if len(constant):
            values = np.frombuffer(self._sections[_Section.CONSTANTS], np.uint64)
            rank = np.cumsum(self._codes == Code.CONSTANT) - 1
            out[constant] = values[rank[columns[constant]], None]
        present = self._present(columns)
        for code in _CODECS:
            chosen = np.flatnonzero(codes == code)
            if len(chosen):
                out[chosen] = self._read_class(code, columns[chosen], present)
        for at in np.flatnonzero(self._ragged[columns]).tolist():
            out[at, ~present[int(columns[at])]] = ABSENT_BITS
        return out.T

    def _present(self, columns: npt.NDArray[np.intp]) -> dict[int, npt.NDArray[np.bool_]]:
        """By column, where a ragged one has its samples."""
        ragged = columns[self._ragged[columns]].tolist()
        if not ragged:
            return {}
        packed = np.frombuffer(zlib.decompress(self._sections[_Section.PRESENT]), np.uint8)
        rows = packed.reshape(-1, (self.slots + 7) // 8)
        rank = np.cumsum(self._ragged) - 1
        return {column: np.unpackbits(rows[rank[column]], count=self.slots).astype(np.bool_) for column in ragged}

    def _read_class(self, code: Code, columns: npt.NDArray[np.intp], present: dict[int, npt.NDArray[np.bool_]]) -> Bits:
        """Columns of one class: uint64 [len(columns), slots]; what is absent has some value."""
        integer = code is not Code.FLOAT
        values = np.zeros((len(columns), self.slots), np.int64 if integer else np.float64)
        self._read_pages(code, columns, present, values)
        if not integer:
            return values.view(np.uint64)
        if code is Code.MOVING:
            rank = np.cumsum(self._codes == Code.MOVING) - 1
            slopes = _unpack(self._sections[_Section.SLOPES], np.dtype(np.int64), int(rank[-1]) + 1)
            values += slopes[rank[columns]][:, None] * np.arange(self.slots)
        places = np.frombuffer(zlib.decompress(self._sections[_Section.PLACES]), np.uint8)[columns]
        return (values / np.power(10.0, places)[:, None]).view(np.uint64)

    def _read_pages(
        self,
        code: Code,
        columns: npt.NDArray[np.intp],
        present: dict[int, npt.NDArray[np.bool_]],
        into: npt.NDArray[Any],
    ) -> None:
        starts, lengths = self._places_of_pages()
        pages = self._sections[_Section.PAGES]
        file, _ = FileDecompressor.new(_PCO_HEADER)
        chunk, _ = file.chunk_decompressor(bytes(self._sections[_Section.METAS + code]), _CODECS[code][0])
        for row, column in zip(into, columns.tolist(), strict=True):
            page = bytes(pages[starts[column] : starts[column] + lengths[column]])
            where = present.get(column)
            if where is None:
                chunk.read_page_into(page, self.slots, row)
            else:
                samples = np.empty(np.count_nonzero(where), row.dtype)
                chunk.read_page_into(page, len(samples), samples)
                row[where] = samples

    def _places_of_pages(self) -> tuple[Sequence[int], Sequence[int]]:
        """By column, where its page starts and how long it is. Pages stand in the order of the classes."""
        paged = np.flatnonzero(self._codes != Code.CONSTANT)
        lengths = np.zeros(len(self._codes), np.int64)
        lengths[paged] = _unpack(self._sections[_Section.LENGTHS], np.dtype(np.uint32), len(paged))
        order = np.concatenate([np.flatnonzero(self._codes == code) for code in _CODECS])
        starts = np.zeros(len(self._codes), np.int64)
        starts[order] = np.cumsum(lengths[order]) - lengths[order]
        return starts.tolist(), lengths.tolist()


_PCO_HEADER: Final = FileCompressor().write_header()


def _pack(numbers: npt.NDArray[Any], delta: int) -> bytes:
    """Numbers compressed; `delta` says how often differences are taken first."""
    if not len(numbers):
        return b""
    spec = DeltaSpec.try_consecutive(delta) if delta else DeltaSpec.no_op()
    config = ChunkConfig(compression_level=_LEVEL, mode_spec=ModeSpec.classic(), delta_spec=spec)
    packed: bytes = standalone.simple_compress(np.ascontiguousarray(numbers), config)
    return packed


def _unpack(packed: memoryview, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    numbers = np.empty(count, dtype)
    if count:
        progress = standalone.simple_decompress_into(bytes(packed), numbers)
        if progress.n_processed != count:
            raise ValueError(f"{progress.n_processed} numbers in place of {count}")
    return numbers
