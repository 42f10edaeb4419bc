"""Writes chunks. Most metrics are integers, or decimals of a few places, that only travel as floats: such a column is
stored as the steps between its integers, those of a rising one less its slope, so that a counter becomes noise around
zero; and columns of about the same noise are compressed together, by pcodec. Every bit is kept.
"""

import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, PagingSpec

from netmon_collector.store.base import ABSENT_BITS, RollupField
from netmon_collector.store.chunkmap import Part
from netmon_collector.store.classify import Code, Columns, Decimals, classify
from netmon_collector.store.draft import DEFLATE_LEVEL, Draft
from netmon_collector.store.judged import Verdict, Verdicts
from netmon_collector.store.layout import (
    COMPRESSOR,
    FIRST_PART,
    RAGGED,
    RISEN,
    SAME,
    SECTION_LENGTHS,
    SLOPED,
    Matrix,
    Section,
    apart,
    filled,
    pack_progression,
    page,
    page_size,
    sealed_head,
)
from netmon_collector.store.record import Bits

_LEVEL: Final = 6
"""Of pcodec."""
_DEFLATE_LEVEL: Final = 6
_GROUP: Final = 2048
"""So many samples, about, are in a page of short columns; with half as many it is read sooner, but takes more."""
_SHORT: Final = 240
"""Columns of less samples are in half as many companies: a company has its price too."""
_RAGGED: Final = 1000
_VERY_SHORT: Final = 48
"""And of less than these, in half as many again."""
_OWN: Final = -1
_RISEN: Final = -2
_LIKELY: Final = (
    (RollupField.MAX, RollupField.MIN),
    (RollupField.FIRST, RollupField.MIN),
    (RollupField.LAST, RollupField.MAX),
)
"""Fields that are often the same as another, which is looked at before."""
_FLOATS: Final = ModeSpec.auto(), DeltaSpec.auto()
_INTEGERS: Final = ModeSpec.classic(), DeltaSpec.no_op()

_FIELDS: Final = len(RollupField)

Columnar = npt.NDArray[np.intp]


def encode(
    matrix: Matrix, verdicts: Verdicts | None = None, *, lasts: bool = True, decimals: Decimals | None = None
) -> tuple[bytes, int]:
    """The payload of a chunk, and how much of it is before the pages; `verdicts` [S, T] where there is any.

    `decimals`: those of the columns, as far as they are known, where no sample is absent.
    One that does not last, as it is merged soon, is a draft.
    """
    sames = _sames(matrix)
    own = np.flatnonzero(sames == _OWN) if len(sames) else np.arange(len(matrix.bits))
    bits = matrix.bits if len(own) == len(matrix.bits) else matrix.bits[own]
    packer = _Packer(bits, decimals) if lasts else Draft(bits, decimals)
    kinds = np.where(sames == _RISEN, np.uint8(RISEN), np.uint8(SAME)) if len(sames) else np.empty(len(own), np.uint8)
    flags = np.zeros(len(matrix.bits), np.uint8)
    kinds[own], flags[own] = packer.kinds, packer.flags
    sections = packer.sections()
    sections[Section.TIMES] = pack_progression(matrix.times)
    sections[Section.SERIES] = pack_progression(matrix.series)
    sections[Section.KINDS] = kinds.tobytes()
    sections[Section.FLAGS] = flags.tobytes()
    sections[Section.SAMES] = apart(sames[sames >= 0].astype(np.uint32))
    judged = b"" if verdicts is None else _judged_page(verdicts)
    sections[Section.ANOMALIES] = len(judged).to_bytes(4, "little") if judged else b""
    plain = SECTION_LENGTHS.pack(*map(len, sections)) + b"".join(sections)
    meta = zlib.compress(plain, _DEFLATE_LEVEL if lasts else DEFLATE_LEVEL)
    numbers = int(np.count_nonzero(matrix.bits != ABSENT_BITS)) if packer.ragged else matrix.bits.size
    shape = (matrix.block, len(matrix.times), len(matrix.series), matrix.fields)
    samples = numbers // matrix.fields
    head = sealed_head((*shape, len(meta), len(plain), len(packer.present_page), samples), meta)
    return b"".join((head, *packer.pages, packer.present_page, judged)), len(head)


def _sames(matrix: Matrix) -> npt.NDArray[np.int64]:
    """By column, which earlier one is the same to the bit; _OWN where none is, _RISEN where it follows from others.

    Only fields of rollups are compared. All series of a block have as many samples in a bucket, at the same times; and
    of what only rises the first is the least, the last the most, and what is between them is by how much it rose.
    """
    if matrix.fields != _FIELDS:
        return np.empty(0, np.int64)
    fields = matrix.bits.reshape(-1, _FIELDS, len(matrix.times))
    own = np.arange(fields.shape[0] * _FIELDS).reshape(-1, _FIELDS)
    sames = own.copy()
    for field in (RollupField.COUNT, RollupField.FIRST_MS, RollupField.LAST_MS):
        sames[(fields[:, field] == fields[0, field]).all(axis=1), field] = field
    for field, other in _LIKELY:
        same = (fields[:, field] == fields[:, other]).all(axis=1)
        sames[same, field] = sames[same, other]
    with np.errstate(invalid="ignore", over="ignore"):
        values = fields.view(np.float64)
        risen = values[:, RollupField.LAST] - values[:, RollupField.FIRST]
    follows = (fields[:, RollupField.INC] == risen.view(np.uint64)).all(axis=1)
    sames[follows & (fields[:, RollupField.COUNT] != ABSENT_BITS).all(axis=1), RollupField.INC] = _RISEN
    constant = (fields == fields[:, :, :1]).all(axis=2)
    return np.where((sames == own) | constant, _OWN, sames).reshape(-1)


class _Packer:
    """The parts of columns [C, T], and what is to be known of them."""

    def __init__(self, bits: Bits, decimals: Decimals | None) -> None:
        self._slots = bits.shape[1]
        present = bits != ABSENT_BITS if decimals is None else None
        ragged = np.zeros(len(bits), np.bool_) if present is None else ~present.all(axis=1)
        self._present = present if ragged.any() else None
        self.ragged = self._present is not None
        self._columns = classify(bits if self._present is None else filled(bits, self._present), decimals)
        self._ragged = ragged
        self.kinds = np.zeros(len(bits), np.uint8)
        self.flags = self._columns.places | (ragged * np.uint8(RAGGED))
        self.flags |= (self._columns.slopes != 0) * np.uint8(SLOPED)
        self.pages: list[bytes] = []
        self.present_page = b""
        if self._present is not None:
            packed = zlib.compress(np.packbits(self._present[ragged], axis=1).tobytes(), _DEFLATE_LEVEL)
            self.present_page = page(packed)
        self._parts: list[Part] = []
        self._bases: list[npt.NDArray[np.int64]] = []
        self._counts: list[int] = []
        self._constants = _constants(bits, self._columns)
        for code in (Code.MOVING, Code.STEPPING, Code.NOISY, Code.FLOAT):
            chosen = np.flatnonzero(self._columns.codes == code)
            for places in _alike(self._companies(chosen)) if len(chosen) else ():
                self._pack(code, chosen[places], bits)

    def sections(self) -> list[bytes]:
        slopes = self._columns.slopes[self._columns.slopes != 0]
        sections = [b""] * len(Section)
        sections[Section.PARTS] = Part.packed(self._parts)
        sections[Section.CONSTANTS] = apart(self._constants)
        sections[Section.SLOPES] = apart(slopes)
        sections[Section.COUNTS] = apart(np.array(self._counts, np.uint32))
        sections[Section.BASES] = apart(np.concatenate(self._bases)) if self._bases else b""
        sections[Section.LENGTHS] = apart(np.array([len(page) for page in self.pages], np.uint32))
        return sections

    def _companies(self, chosen: Columnar) -> npt.NDArray[np.int64]:
        """By column of a class, in whose company it is compressed; of all classes there are less than 250."""
        scales, ragged = self._columns.scales[chosen], self._ragged[chosen]
        coarse = ragged | (self._slots < _SHORT)
        coarseness = 4 if self._slots < _VERY_SHORT else 2
        companies: npt.NDArray[np.int64] = np.where(coarse, scales // coarseness, scales) + _RAGGED * ragged
        return companies

    def _pack(self, code: Code, chosen: Columnar, bits: Bits) -> None:
        """Makes a part of columns of one class and of about one size."""
        integers, slopes = self._columns.integers, self._columns.slopes[chosen]
        if code is Code.FLOAT:
            values: npt.NDArray[Any] = bits[chosen].view(np.float64)
        else:
            rows = self._columns.rows[chosen]
            values = integers if np.array_equal(rows, np.arange(len(integers))) else integers[rows]
        self.kinds[chosen] = FIRST_PART + len(self._parts)
        starts = len(self.pages), sum(map(len, self._bases)), len(self._counts)
        ragged = bool(self._ragged[chosen[0]])
        group = 1 if ragged or code is Code.FLOAT else max(1, _GROUP // self._slots)
        if ragged:
            assert self._present is not None
            level = values - slopes[:, None] * np.arange(self._slots) if slopes.any() else values
            cut_short = [row[there] for row, there in zip(level, self._present[chosen], strict=True)]
            self._counts += map(len, cut_short)
            samples, counts = self._based(code, list(chain.from_iterable(map(_cut, cut_short))))
        else:
            samples, counts = self._whole(code, values, slopes, group)
        mode, delta = _FLOATS if code is Code.FLOAT else _INTEGERS
        paging = PagingSpec.exact_page_sizes(counts)
        config = ChunkConfig(compression_level=_LEVEL, mode_spec=mode, delta_spec=delta, paging_spec=paging)
        compressor = COMPRESSOR.chunk_compressor(samples, config)
        meta = compressor.write_meta()
        self.pages += [page(compressor.write_page(at)) for at in range(len(counts))]
        self._parts.append(Part(code, ragged, group, len(chosen), *starts, meta))

    def _based(self, code: Code, pieces: list[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], list[int]]:
        """Ragged columns, in pieces of a page each."""
        if code is not Code.FLOAT:
            based = [_relative(code, piece[None, :]) for piece in pieces]
            self._bases += [base for _, base in based]
            pieces = [piece[0] for piece, _ in based]
        return np.concatenate(pieces), list(map(len, pieces))

    def _whole(
        self, code: Code, values: npt.NDArray[Any], slopes: npt.NDArray[np.int64], group: int
    ) -> tuple[npt.NDArray[Any], list[int]]:
        """Columns of which each has a sample in every slot."""
        count = self._slots
        if group > 1:
            samples, bases = _relative(code, values, slopes)
            self._bases.append(bases)
            return samples.reshape(-1), [len(values[at : at + group]) * count for at in range(0, len(values), group)]
        size = page_size(count)
        sizes = [min(size, count - at) for at in range(0, count, size)]
        if code is not Code.FLOAT:
            parts = [_relative(code, values[:, at : at + size], slopes, at) for at in range(0, count, size)]
            self._bases.append(np.stack([base for _, base in parts], axis=1).reshape(-1))
            values = np.concatenate([part for part, _ in parts], axis=1)
        return np.ascontiguousarray(values).reshape(-1), sizes * len(values)


def _relative(
    code: Code, values: npt.NDArray[np.int64], slopes: npt.NDArray[np.int64] | None = None, first: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Integers [C, n] less their base [C]: of noise the least, else the first, and then steps.

    The integers are those from slot `first` on, and are taken less the slopes.
    """
    if code is Code.NOISY:
        bases = values.min(axis=1)
        return values - bases[:, None], bases
    steps = np.empty_like(values)
    steps[:, 0] = 0
    np.subtract(values[:, 1:], values[:, :-1], out=steps[:, 1:])
    if slopes is None or not slopes.any():
        return steps, values[:, 0].copy()
    steps[:, 1:] -= slopes[:, None]
    return steps, values[:, 0] - slopes * first


def _cut(row: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """A ragged column in pieces of a page each."""
    size = page_size(len(row))
    for at in range(0, len(row), size):
        yield row[at : at + size]


def _alike(scales: npt.NDArray[np.int64]) -> Iterator[Columnar]:
    """The places of equal numbers."""
    for scale in np.unique(scales).tolist():
        yield np.flatnonzero(scales == scale)


def _constants(bits: Bits, columns: Columns) -> npt.NDArray[np.uint64]:
    """The value of each constant column."""
    constant = bits[columns.codes == Code.CONSTANT]
    first = (constant != ABSENT_BITS).argmax(axis=1)
    values: npt.NDArray[np.uint64] = constant[np.arange(len(constant)), first]
    return values


def _judged_page(verdicts: Verdicts) -> bytes:
    known = np.packbits(verdicts != Verdict.UNKNOWN, axis=1)
    anomalous = np.packbits(verdicts == Verdict.ANOMALOUS, axis=1)
    return page(zlib.compress(known.tobytes() + anomalous.tobytes(), _DEFLATE_LEVEL))
