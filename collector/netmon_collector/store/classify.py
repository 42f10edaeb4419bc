"""Sorts columns by what their values are, so that each is compressed in the company of its like."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

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
_AT_ONCE: Final = 1 << 14
"""So many numbers are looked at together."""
_END: Final = 32
"""So many samples at either end of a column tell what it is, and half as many where it is short."""


Decimals = npt.NDArray[np.uint8]
"""By column, how many decimals its values have: each is an integer / 10**decimals, to the bit."""
UNSURE: Final = 255
"""Stands where that is not known, or not so."""


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
    places: Decimals
    slopes: npt.NDArray[np.int64]
    scales: npt.NDArray[np.int64]
    rows: npt.NDArray[np.intp]
    integers: npt.NDArray[np.int64]


def classify(bits: Bits, decimals: Decimals | None = None) -> Columns:
    """Sorts columns, uint64 [C, T] bit by bit; `decimals`: as far as these are known already."""
    count = len(bits)
    codes = np.full(count, Code.FLOAT, np.uint8)
    places = np.zeros(count, np.uint8)
    constant = bits[:, 0] == bits[:, -1]
    maybe = np.flatnonzero(constant)
    constant[maybe] = (bits[maybe] == bits[maybe, :1]).all(axis=1)
    codes[constant] = Code.CONSTANT
    integer, integers = take_decimals(bits, np.flatnonzero(~constant), places, decimals)
    rows = np.full(count, -1)
    rows[integer] = np.arange(len(integer))
    columns = Columns(codes, places, np.zeros(count, np.int64), np.zeros(count, np.int64), rows, integers)
    if len(integer):
        _tell_apart(integer, columns)
    return columns


def count_decimals(bits: Bits, rows: npt.NDArray[np.intp], known: Decimals | None) -> Decimals:
    """How many decimals some columns have, or UNSURE, as far as that is known or not."""
    decimals = np.full(len(bits), UNSURE, np.uint8) if known is None else known.copy()
    take_decimals(bits, rows[decimals[rows] == UNSURE], decimals)
    return decimals[rows]


def take_decimals(
    bits: Bits, rest: npt.NDArray[np.intp], places: Decimals, known: Decimals | None = None
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Finds the columns that are decimals of a few places: which these are, and their integers.

    What is known of a column is believed. Of another a glimpse tells how many places it has at least; mostly it has
    just these.
    """
    found, parts = [], []
    if known is not None:
        sure = known[rest] != UNSURE
        if sure.any():
            own, rest = rest[sure], rest[~sure]
            places[own] = known[own]
            found.append(own)
            parts.append(_integers(bits, own, places[own]))
    maybe = _fitting(bits[rest, :_GLIMPSE])
    while True:
        likely = maybe.any(axis=1)
        if not likely.all():
            rest, maybe = rest[likely], maybe[likely]
        if not len(rest):
            break
        fewest = maybe.argmax(axis=1)
        scaled, exact = _scaled(bits if len(rest) == len(bits) else _chosen(bits, rest), fewest)
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


def _chosen(bits: Bits, rows: npt.NDArray[np.intp]) -> Bits:
    """Some rows, in memory as all of them are."""
    return bits[rows] if bits.flags.c_contiguous else bits.T[:, rows].T


def _integers(bits: Bits, rows: npt.NDArray[np.intp], places: Decimals) -> npt.NDArray[np.int64]:
    """The values of some rows times 10**places as integers."""
    integers = np.empty((len(rows), bits.shape[1]), np.int64)
    for own in _at_once(integers):
        values = bits[rows[own]].view(np.float64)
        values *= _TENS[places[own]][:, None]
        integers[own] = np.rint(values, out=values)
    return integers


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
    scaled = np.empty_like(bits, np.int64)
    exact = np.empty(len(bits), np.bool_)
    with np.errstate(invalid="ignore", over="ignore"):
        for own in _at_once(scaled):
            tens = _TENS[places[own]][:, None]
            values = bits[own].view(np.float64) * tens
            np.rint(values, out=values)
            scaled[own] = values
            values[...] = scaled[own]
            values /= tens
            exact[own] = (values.view(np.uint64) == bits[own]).all(axis=1)
    return scaled, exact


def _at_once(numbers: npt.NDArray[Any]) -> Iterator[slice]:
    """The rows of an array, so many at a time that what they take stays near the processor."""
    rows = max(1, _AT_ONCE // numbers.shape[1])
    for first in range(0, len(numbers), rows):
        yield slice(first, first + rows)


def _tell_apart(integer: npt.NDArray[np.intp], columns: Columns) -> None:
    """Gives each integer column its class, scale and slope. A look at its ends will do: any class is right."""
    values = columns.integers
    count = values.shape[1]
    end = _END if count > 8 * _END else _END // 2
    looked_at = [values] if count <= 2 * end else [values[:, :end], values[:, -end:]]
    ends = [np.ascontiguousarray(part.T) for part in looked_at]  # inner loops over columns
    steps = np.concatenate([part[1:] - part[:-1] for part in ends])
    least = np.minimum.reduce([part.min(axis=0) for part in ends])
    most = np.maximum.reduce([part.max(axis=0) for part in ends])
    ranges = most.astype(np.float64) - least
    sizes = np.abs(steps, dtype=np.float64)
    moves = sizes.mean(axis=0)
    stepping = 2 * np.count_nonzero(steps, axis=0) < len(steps)
    codes = np.where(stepping, Code.STEPPING, np.where(moves < _ROUGH * ranges, Code.MOVING, Code.NOISY))
    slopes = (values[:, -1] - values[:, 0]) // (count - 1)
    slopes[(np.abs(slopes, dtype=np.float64) * _SLIGHT < moves) | (codes != Code.MOVING)] = 0
    left = np.abs(steps - slopes, dtype=np.float64).mean(axis=0)
    noise = np.where(codes == Code.NOISY, ranges, np.where(codes == Code.MOVING, left, sizes.max(axis=0) ** _COARSE))
    columns.codes[integer] = codes
    columns.slopes[integer] = slopes
    columns.scales[integer] = np.log2(np.maximum(noise, 1.0)).round()
