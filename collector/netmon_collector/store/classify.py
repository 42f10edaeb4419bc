"""Sorts columns by what their values are, so that each is compressed in the company of its like."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.record import Bits

_TENS: Final = 10.0 ** np.arange(10)
_GLIMPSE: Final = 4
"""So many samples of a column tell soon that it is no decimal."""
_ROUGH: Final = 0.12
"""The mean step of noise is a fifth to a third of its range; that of what drifts is much less."""


_SLIGHT: Final = 8
"""A slope that is so many times less than the steps is none."""
_COARSE: Final = 0.5
"""Of columns that seldom change, those are alike whose largest steps are within a factor of four."""
_END: Final = 32
"""So many samples at either end of a column tell what it is, and half as many where it is short."""


class Code(IntEnum):
    """What the values of a column are."""

    CONSTANT = 0
    MOVING = 1
    """Integers whose differences are smaller than they are; what is stored is less the line between the ends."""
    STEPPING = 2
    """Integers that mostly stay what they were."""
    NOISY = 3
    """Integers whose differences are no smaller than they are."""
    FLOAT = 4


@dataclass(frozen=True, slots=True)
class Columns:
    """What `classify` found; codes, places, slopes, scales and rows have one entry per column.

    `scales`: of what size the noise of a column is, in powers of two; columns of one class and scale are much alike.
    `integers`: int64 [I, T], of the columns that are decimals and not constant, and `rows`: which of them is a
    column's. The value is integer / 10**places, to the bit. Of a MOVING column what is stored is less slope x slot.
    """

    codes: npt.NDArray[np.uint8]
    places: npt.NDArray[np.uint8]
    slopes: npt.NDArray[np.int64]
    scales: npt.NDArray[np.int64]
    rows: npt.NDArray[np.intp]
    integers: npt.NDArray[np.int64]


def classify(bits: Bits) -> Columns:
    """Sorts columns, uint64 [C, T] bit by bit."""
    count = len(bits)
    codes = np.full(count, Code.FLOAT, np.uint8)
    places = np.zeros(count, np.uint8)
    constant = (bits == bits[:, :1]).all(axis=1)
    codes[constant] = Code.CONSTANT
    integer, integers = take_decimals(bits, np.flatnonzero(~constant), places)
    rows = np.full(count, -1)
    rows[integer] = np.arange(len(integer))
    columns = Columns(codes, places, np.zeros(count, np.int64), np.zeros(count, np.int64), rows, integers)
    if len(integer):
        _tell_apart(integer, columns)
    return columns


def take_decimals(
    bits: Bits, rest: npt.NDArray[np.intp], places: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Finds the columns that are decimals of a few places: which these are, and their integers.

    A glimpse of a column tells how many places it has at least; mostly it has just these.
    """
    found, parts = [], []
    maybe = _fitting(bits[rest, :_GLIMPSE])
    while True:
        likely = maybe.any(axis=1)
        if not likely.all():
            rest, maybe = rest[likely], maybe[likely]
        if not len(rest):
            break
        fewest = maybe.argmax(axis=1)
        scaled, exact = _scaled(bits if len(rest) == len(bits) else bits[rest], fewest)
        if exact.all():
            places[rest] = fewest
            found.append(rest)
            parts.append(scaled)
            break
        places[rest[exact]] = fewest[exact]
        found.append(rest[exact])
        parts.append(scaled[exact])
        maybe[np.arange(len(rest)), fewest] = False
        rest, maybe = rest[~exact], maybe[~exact]
    if len(parts) == 1:
        return found[0], parts[0]
    integers = np.concatenate(parts) if parts else np.empty((0, bits.shape[1]), np.int64)
    return np.concatenate(found) if found else rest[:0], integers


def _fitting(bits: Bits) -> npt.NDArray[np.bool_]:
    """Of how many places columns [C, n] may be [C, places]."""
    rows = np.ascontiguousarray(bits.T)[None]  # inner loops over columns, of which there are many
    tens = _TENS[:, None, None]
    with np.errstate(invalid="ignore", over="ignore"):
        back = np.rint(rows.view(np.float64) * tens).astype(np.int64) / tens
    fits: npt.NDArray[np.bool_] = (back.view(np.uint64) == rows).all(axis=1).T
    return fits


def _scaled(bits: Bits, places: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Values times 10**places as integers; and which columns come back from there to the bit."""
    values = bits.view(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        if not places.any():
            scaled = values.astype(np.int64)
            back = scaled.astype(np.float64)
        else:
            tens = _TENS[places][:, None]
            back = values * tens
            np.rint(back, out=back)
            scaled = back.astype(np.int64)
            np.divide(scaled, tens, out=back)
    return scaled, (back.view(np.uint64) == bits).all(axis=1)


def _tell_apart(integer: npt.NDArray[np.intp], columns: Columns) -> None:
    """Gives each integer column its class, scale and slope. A look at its ends will do: any class is right."""
    values = columns.integers
    count = values.shape[1]
    end = _END if count > 8 * _END else _END // 2
    ends = (values,) if count <= 2 * end else (values[:, :end], values[:, -end:])
    steps = np.concatenate([part[:, 1:] - part[:, :-1] for part in ends], axis=1)
    least = np.minimum.reduce([part.min(axis=1) for part in ends])
    most = np.maximum.reduce([part.max(axis=1) for part in ends])
    ranges = most.astype(np.float64) - least
    sizes = np.abs(steps, dtype=np.float64)
    moves = sizes.mean(axis=1)
    stepping = 2 * np.count_nonzero(steps, axis=1) < steps.shape[1]
    codes = np.where(stepping, Code.STEPPING, np.where(moves < _ROUGH * ranges, Code.MOVING, Code.NOISY))
    slopes = (values[:, -1] - values[:, 0]) // (count - 1)
    slopes[(np.abs(slopes, dtype=np.float64) * _SLIGHT < moves) | (codes != Code.MOVING)] = 0
    left = np.abs(steps - slopes[:, None], dtype=np.float64).mean(axis=1)
    noise = np.where(codes == Code.NOISY, ranges, np.where(codes == Code.MOVING, left, sizes.max(axis=1) ** _COARSE))
    columns.codes[integer] = codes
    columns.slopes[integer] = slopes
    columns.scales[integer] = np.log2(np.maximum(noise, 1.0)).round()
