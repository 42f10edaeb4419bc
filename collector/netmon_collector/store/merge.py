"""From pieces of a block, oldest first, to one table: of two samples of a series at one time the later wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.classify import UNSURE, Decimals
from netmon_collector.store.record import Bits


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Samples of some of the wanted columns: times [T], none twice; bits uint64 [columns, T]. Not to be changed."""

    times: Times
    columns: npt.NDArray[np.intp]
    bits: Bits
    is_ascending: bool = False
    """Whether the columns are known to be in their order."""

    def is_whole(self, width: int) -> bool:
        """Whether it has all columns, in their order."""
        columns = self.columns
        return len(columns) == width and (self.is_ascending or bool((columns[1:] > columns[:-1]).all()))


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Samples: times [T], strictly increasing; bits uint64 [C, T], ABSENT_BITS where there is none.

    decimals: of each column, or UNSURE; only known where no sample is absent, and not of rollups.
    """

    times: Times
    bits: Bits
    decimals: Decimals | None = None

    def of(self, columns: npt.NDArray[Any]) -> "Table":
        """The same of some columns."""
        return Table(self.times, self.bits[columns], None if self.decimals is None else self.decimals[columns])

    def present(self) -> npt.NDArray[np.bool_]:
        present: npt.NDArray[np.bool_] = self.bits != ABSENT_BITS
        return present


def table_of(times: Times, bits: Bits) -> Table:
    """A table of which nobody knows yet whether a sample is absent."""
    absent = (bits == ABSENT_BITS).any()
    return Table(times, bits, None if absent else np.full(len(bits), UNSURE, np.uint8))


def merge(pieces: Sequence[Piece], width: int) -> Table | None:
    """All pieces as one table of `width` columns; None where there is no piece with a time in it.

    The bits are a C-contiguous array of the table's own, unless one piece is all there is.
    """
    pieces = _by_time([piece for piece in pieces if len(piece.times) and len(piece.columns)])
    if not pieces:
        return None
    if len(pieces) == 1 and pieces[0].is_whole(width):
        times, bits = pieces[0].times, pieces[0].bits
    else:
        times = np.concatenate([piece.times for piece in pieces])
        bits = _side_by_side(pieces, width, len(times))
    if bool((times[1:] > times[:-1]).all()):
        return Table(times, bits)
    distinct, slots = np.unique(times, return_inverse=True)
    if len(distinct) == len(times):
        order = np.argsort(times)
        return Table(distinct, bits.take(order, axis=1))
    merged = np.full((width, len(distinct)), ABSENT_BITS, np.uint64)
    columns, rows = np.nonzero(bits != ABSENT_BITS)
    merged[columns, slots[rows]] = bits[columns, rows]  # numpy: of repeated indices the last assignment stays
    return Table(distinct, merged)


def trimmed(table: Table, fields: int = 1) -> tuple[Table, npt.NDArray[np.intp]] | None:
    """The table without empty times and series, and which series are left; None where none is.

    A series has `fields` columns, which are there together or not at all.
    """
    if table.decimals is not None or not (table.bits == ABSENT_BITS).any():
        return table, np.arange(len(table.bits) // fields)
    present = table.present()[::fields]
    times = np.logical_or.reduce(present, axis=0)
    columns = np.logical_or.reduce(present, axis=1)
    if not times.any():
        return None
    left = table.bits[np.ix_(np.repeat(columns, fields), times)]
    return Table(table.times[times], left), np.flatnonzero(columns)


def _by_time(pieces: list[Piece]) -> list[Piece]:
    """The pieces by their times, if no two of them are of one time: then it does not matter which is the later."""
    if all(one.times[-1] < other.times[0] for one, other in pairwise(pieces)):
        return pieces
    if any((one.times[1:] <= one.times[:-1]).any() for one in pieces):
        return pieces
    by_time = sorted(pieces, key=lambda piece: int(piece.times[0]))
    return by_time if all(one.times[-1] < other.times[0] for one, other in pairwise(by_time)) else pieces


def _side_by_side(pieces: Sequence[Piece], width: int, count: int) -> Bits:
    """The samples of pieces, one piece after the other; absent in columns that a piece does not have."""
    if width == 1:
        joined: Bits = np.concatenate([piece.bits for piece in pieces], axis=1)
        return joined
    bits = np.empty((width, count), np.uint64)
    at = 0
    for piece in pieces:
        span = slice(at, at + len(piece.times))
        at = span.stop
        if piece.is_whole(width):
            bits[:, span] = piece.bits
        else:
            bits[:, span] = ABSENT_BITS
            bits[piece.columns, span] = piece.bits
    return bits
