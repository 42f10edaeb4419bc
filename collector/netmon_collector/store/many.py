"""Reads a few short columns of each of many chunks: first what is stored of each, then of all together what it means,
as that takes no longer for many columns than for one.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from netmon_collector.store.chunk import TENS, Fetch, checked, take_plain
from netmon_collector.store.chunkmap import ChunkMap, Part, Unreadable
from netmon_collector.store.classify import Code
from netmon_collector.store.layout import (
    CONSTANT,
    DECOMPRESSOR,
    FIRST_PART,
    PLACES,
    RAGGED,
    RISEN,
    Section,
    number_type,
)
from netmon_collector.store.record import Bits

Integers = npt.NDArray[np.int64]


class Wanted(NamedTuple):
    """Columns of a chunk and their parts; a column without a part is constant."""

    known: ChunkMap
    fetch: Fetch
    columns: Sequence[tuple[int, Part | None]]


class _Meaning(NamedTuple):
    """How the numbers that are stored of a column become its samples: they are added to `base`, each by itself or one
    after the other, with the slope; then the decimal point is set. Or they are the bits themselves.
    """

    base: int = 0
    slope: int = 0
    places: int = 0
    are_steps: bool = False
    are_bits: bool = False


_BITS: Final = _Meaning(are_bits=True)


def with_parts(known: ChunkMap, columns: Sequence[int]) -> list[tuple[int, Part | None]] | None:
    """Columns as they can be wanted; None where one does not have a sample in each slot, or has pages of its own."""
    found: list[tuple[int, Part | None]] = []
    for column in columns:
        kind = known.kinds[column]
        if known.flags[column] & RAGGED:
            return None
        if kind == CONSTANT:
            found.append((column, None))
        elif FIRST_PART <= kind < RISEN and (part := known.part(kind)).group > 1:
            found.append((column, part))
        else:
            return None
    return found


def read_many(chunks: Sequence[Wanted]) -> list[Bits | None]:
    """The columns of each chunk, uint64 [C, slots]; all chunks have as many slots. None for a chunk with damage.

    Raises StoreError.
    """
    stored = np.empty((sum(len(chunk.columns) for chunk in chunks), chunks[0].known.slots), np.int64)
    page = np.empty(0, np.int64)
    meanings: list[_Meaning] = []
    damaged = set()
    for number, (known, fetch, columns) in enumerate(chunks):
        for column, part in columns:
            row = stored[len(meanings)]
            if part is None:
                row[:] = known.pick(Section.CONSTANTS, known.rank(column), 8)
                meanings.append(_BITS)
                continue
            if part.group * len(row) > len(page):
                page = np.empty(part.group * len(row), np.int64)
            try:
                meanings.append(_unpack(known, fetch, column, part, page, row))
            except Unreadable:
                meanings.append(_BITS)
                damaged.add(number)
    bits = _restored(stored, meanings)
    parts = np.split(bits, np.cumsum([len(chunk.columns) for chunk in chunks[:-1]]))
    return [None if number in damaged else part.copy() for number, part in enumerate(parts)]


def _unpack(known: ChunkMap, fetch: Fetch, column: int, part: Part, page: Integers, row: Integers) -> _Meaning:
    """Gets the numbers of a column into a row, and what they mean. Raises Unreadable, StoreError."""
    rank, slots = known.rank(column), len(row)
    number, place = divmod(rank, part.group)
    count = min(part.group, part.columns - number * part.group) * slots
    data = checked(fetch(*known.page(part.first_page + number)))
    if part.is_plain:
        take_plain(part, data, page[:count])
    else:
        decompressor, _ = DECOMPRESSOR.chunk_decompressor(part.meta, number_type(part.code))
        decompressor.read_page_into(data, count, page[:count])
    row[:] = page[place * slots : (place + 1) * slots]
    if part.code == Code.FLOAT:
        return _BITS
    base = known.pick(Section.BASES, part.first_base + rank, 8)
    are_steps = part.code != Code.NOISY
    return _Meaning(base, known.sloped(column) if are_steps else 0, known.flags[column] & PLACES, are_steps)


def _restored(stored: Integers, meanings: Sequence[_Meaning]) -> Bits:
    """The bits of samples, from what is stored of columns [C, T], which is changed."""
    base, slope, places, are_steps, are_bits = (np.array(column) for column in zip(*meanings, strict=True))
    steps = np.flatnonzero(are_steps)
    moving = stored[steps] + slope[steps, None]
    moving[:, 0] += base[steps] - slope[steps]
    stored[steps] = np.cumsum(moving, axis=1, out=moving)
    noisy = np.flatnonzero(~are_steps & ~are_bits)
    stored[noisy] += base[noisy, None]
    bits: Bits = (stored / TENS[places][:, None]).view(np.uint64)
    bits[are_bits] = stored[are_bits].view(np.uint64)
    return bits
