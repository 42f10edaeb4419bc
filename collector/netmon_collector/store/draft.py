"""Drafts: how what is merged soon is written, at a third of what pcodec costs; half as many bytes more are the price.

Steps between integers are as wide as the widest of their column needs, 1, 2, 4 or 8 bytes, from the least step on,
which is the slope of the column. What a column has no sample for is filled, and left out again by the map of what there
is.
"""

import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.chunkmap import Part
from netmon_collector.store.classify import Code, Decimals, take_decimals
from netmon_collector.store.layout import CONSTANT, FIRST_PART, RAGGED, SLOPED, Section, apart, filled, page
from netmon_collector.store.record import Bits

_GROUP: Final = 4096
"""So many numbers, about, are in a page."""
_FEW: Final = 4
"""Columns of no more samples stay the floats they are: base and slope would take as much."""
_WIDTHS: Final = np.array([1, 2, 4, 8])
_BOUNDS: Final = np.array([1 << 8, 1 << 16, 1 << 32], np.uint64)
DEFLATE_LEVEL: Final = 1


class Draft:
    """The parts of columns [C, T], and what is to be known of them.

    Columns are short and many, so they lie side by side here, as in a head: numpy is quick along what is long.
    """

    def __init__(self, bits: Bits, decimals: Decimals | None) -> None:
        self._slots = bits.shape[1]
        bits = np.asfortranarray(bits)
        present = bits != ABSENT_BITS if decimals is None else None
        ragged = np.zeros(len(bits), np.bool_) if present is None else ~present.all(axis=1)
        self.ragged = bool(ragged.any())
        self.pages: list[bytes] = []
        self.present_page = b""
        self._parts: list[Part] = []
        if present is not None and self.ragged:
            bits = np.asfortranarray(filled(bits, present))
            self.present_page = page(zlib.compress(np.packbits(present[ragged], axis=1).tobytes(), DEFLATE_LEVEL))
        constant = (bits == bits[:, :1]).all(axis=1)
        self._constants = bits[constant, 0]
        self.kinds = np.full(len(bits), CONSTANT, np.uint8)
        self.flags = np.zeros(len(bits), np.uint8)
        moving = np.flatnonzero(~constant)
        integer, integers = take_decimals(bits, moving if self._slots > _FEW else moving[:0], self.flags, decimals)
        self.flags |= ragged * np.uint8(RAGGED)
        self._bases = self._slopes = integers[:0, 0]
        if len(integer):
            self._pack_integers(integer, integers)
        if len(integer) < len(moving):
            floats = np.setdiff1d(moving, integer) if len(integer) else moving
            self._pack(Code.FLOAT, floats, bits.T[:, floats])

    def sections(self) -> list[bytes]:
        sections = [b""] * len(Section)
        sections[Section.PARTS] = Part.packed(self._parts)
        sections[Section.CONSTANTS] = apart(self._constants)
        sections[Section.SLOPES] = apart(self._slopes)
        sections[Section.BASES] = apart(self._bases)
        sections[Section.LENGTHS] = apart(np.array([len(page) for page in self.pages], np.uint32))
        return sections

    def _pack_integers(self, columns: npt.NDArray[np.intp], integers: npt.NDArray[np.int64]) -> None:
        if not bool((columns[1:] > columns[:-1]).all()):
            order = np.argsort(columns)
            columns, integers = columns[order], integers[order]
        rows = np.ascontiguousarray(integers.T)
        steps = np.empty_like(rows)
        steps[0] = 0
        moved = steps[1:]
        np.subtract(rows[1:], rows[:-1], out=moved)
        self._slopes = moved.min(axis=0)
        moved -= self._slopes
        numbers = steps.view(np.uint64)
        widths = _WIDTHS[np.searchsorted(_BOUNDS, numbers.max(axis=0), "right")]
        self.flags[columns] |= SLOPED
        bases = []
        for width in np.unique(widths).tolist():
            own = np.flatnonzero(widths == width)
            bases.append(rows[0, own])
            self._pack(Code.MOVING, columns[own], numbers[:, own].astype(f"<u{width}"), sum(map(len, bases[:-1])))
        self._bases = np.concatenate(bases)

    def _pack(
        self, code: Code, columns: npt.NDArray[np.intp], numbers: npt.NDArray[np.unsignedinteger], base: int = 0
    ) -> None:
        """Makes a part of columns, which are those of `numbers` [T, C]."""
        group = max(2, _GROUP // self._slots)
        width = bytes([numbers.itemsize])
        self.kinds[columns] = FIRST_PART + len(self._parts)
        self._parts.append(Part(code, 0, group, len(columns), len(self.pages), base, 0, width))
        self.pages += [page(numbers[:, at : at + group].T.tobytes()) for at in range(0, len(columns), group)]
