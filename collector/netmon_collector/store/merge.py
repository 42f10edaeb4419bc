"""From pieces of a block, oldest first, to one table: of two samples of a series at one time the later wins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Frame, Times
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.record import Bits


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Samples of some of the wanted columns: times [T], none twice; bits uint64 [len(columns), T]."""

    times: Times
    columns: npt.NDArray[np.intp]
    bits: Bits


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Samples: times [T], strictly increasing; bits uint64 [C, T], ABSENT_BITS where there is none."""

    times: Times
    bits: Bits

    def present(self) -> npt.NDArray[np.bool_]:
        present: npt.NDArray[np.bool_] = self.bits != ABSENT_BITS
        return present


def merge(pieces: Sequence[Piece], width: int) -> Table | None:
    """All pieces as one table of `width` columns; None where there is no piece with a time in it."""
    pieces = [piece for piece in pieces if len(piece.times)]
    if not pieces:
        return None
    times = np.concatenate([piece.times for piece in pieces])
    bits = np.concatenate([_spread(piece, width) for piece in pieces], axis=1)
    if bool(np.all(times[1:] > times[:-1])):
        return Table(times, bits)
    distinct, slots = np.unique(times, return_inverse=True)
    if len(distinct) == len(times):
        order = np.argsort(times)
        return Table(distinct, bits[:, order])
    merged = np.full((width, len(distinct)), ABSENT_BITS, np.uint64)
    columns, rows = np.nonzero(bits != ABSENT_BITS)
    merged[columns, slots[rows]] = bits[columns, rows]  # numpy: of repeated indices the last assignment stays
    return Table(distinct, merged)


def trimmed(table: Table, fields: int = 1) -> tuple[Table, npt.NDArray[np.intp]] | None:
    """The table without empty times and series, and which series are left; None where none is.

    A series has `fields` columns, which are there together or not at all.
    """
    present = table.present()[::fields]
    if present.all():
        return table, np.arange(len(present))
    times = np.logical_or.reduce(present, axis=0)
    columns = np.logical_or.reduce(present, axis=1)
    if not times.any():
        return None
    left = table.bits[np.ix_(np.repeat(columns, fields), times)]
    return Table(table.times[times], left), np.flatnonzero(columns)


def frame(table: Table, series: Numbers, index: LabelIndex) -> Frame | None:
    """A frame of what is there."""
    left = trimmed(table)
    if left is None:
        return None
    small, kept = left
    return Frame(index.view(series[kept]), small.times, small.bits.T.view(np.float64))


def _spread(piece: Piece, width: int) -> Bits:
    if len(piece.columns) == width and bool((piece.columns == np.arange(width)).all()):
        return piece.bits
    bits = np.full((width, len(piece.times)), ABSENT_BITS, np.uint64)
    bits[piece.columns] = piece.bits
    return bits
