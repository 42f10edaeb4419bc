"""Sorts columns by what their values are, so that each is compressed in the company of its like."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.record import Bits

_PLACES: Final = range(10)
_GLIMPSE: Final = 4
"""So many samples of a column tell soon that it is no decimal."""
_ROUGH: Final = 0.12
"""The mean step of noise is a fifth to a third of its range; that of what drifts is much less."""


_SLIGHT: Final = 8
"""A slope that is so many times less than the steps is none."""
_COARSE: Final = 0.5
"""Of columns that seldom change, those are alike whose largest steps are within a factor of four."""


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
    """What `classify` found; codes, places, slopes and scales have one entry per column.

    `scales`: of what size the noise of a column is, in powers of two; columns of one class and scale are much alike.
    `stored`: by class, the columns of it and what is to be compressed of them: int64 [columns, T], float64 for FLOAT.
    The value is stored / 10**places, and for MOVING (stored + slope x slot) / 10**places, to the bit.
    """

    codes: npt.NDArray[np.uint8]
    places: npt.NDArray[np.uint8]
    slopes: npt.NDArray[np.int64]
    scales: npt.NDArray[np.int64]
    stored: dict[Code, tuple[npt.NDArray[np.intp], npt.NDArray[Any]]]


def classify(bits: Bits) -> Columns:
    """Sorts columns, uint64 [C, T] bit by bit."""
    count = len(bits)
    codes = np.full(count, Code.FLOAT, np.uint8)
    columns = Columns(codes, np.zeros(count, np.uint8), np.zeros(count, np.int64), np.zeros(count, np.int64), {})
    constant = (bits == bits[:, :1]).all(axis=1)
    codes[constant] = Code.CONSTANT
    rest, integer, integers = _take_decimals(bits, np.flatnonzero(~constant), columns.places)
    if len(integer):
        _tell_apart(integer, integers, columns)
    if len(rest):
        columns.stored[Code.FLOAT] = rest, bits[rest].view(np.float64)
    return columns


def _take_decimals(
    bits: Bits, rest: npt.NDArray[np.intp], places: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Finds the columns that are decimals of a few places: which are not, which are, and the integers of these."""
    found, integers = [rest[:0]], [np.empty((0, bits.shape[1]), np.int64)]
    for place in _PLACES:
        if not len(rest):
            break
        maybe = _scaled(bits[rest, :_GLIMPSE], place)[1]
        scaled, exact = _scaled(bits[rest[maybe]], place)
        chosen = rest[maybe][exact]
        places[chosen] = place
        found.append(chosen)
        integers.append(scaled if exact.all() else scaled[exact])
        rest = np.setdiff1d(rest, chosen, assume_unique=True) if len(chosen) else rest
    integer = np.concatenate(found)
    order = np.argsort(integer)
    return rest, integer[order], np.concatenate(integers)[order]


def _scaled(bits: Bits, places: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Values times 10**places as integers; and which columns come back from there to the bit."""
    with np.errstate(invalid="ignore", over="ignore"):
        values = bits.view(np.float64)
        scaled = (np.rint(values * 10.0**places) if places else values).astype(np.int64)
        back = scaled / 10.0**places if places else scaled.astype(np.float64)
    return scaled, (back.view(np.uint64) == bits).all(axis=1)


def _tell_apart(integer: npt.NDArray[np.intp], values: npt.NDArray[np.int64], columns: Columns) -> None:
    """Gives each integer column its class and scale, and takes the line out of the rising ones."""
    steps = np.diff(values, axis=1)
    moves = np.abs(steps, dtype=np.float64).mean(axis=1)
    ranges = values.max(axis=1).astype(np.float64) - values.min(axis=1)
    stepping = 2 * np.count_nonzero(steps, axis=1) < steps.shape[1]
    codes = np.where(stepping, Code.STEPPING, np.where(moves < _ROUGH * ranges, Code.MOVING, Code.NOISY))
    columns.codes[integer] = codes
    for code in (Code.MOVING, Code.STEPPING, Code.NOISY):
        own = np.flatnonzero(codes == code)
        if not len(own):
            continue
        level = values if len(own) == len(integer) else values[own]
        sizes = ranges[own] if code is Code.NOISY else np.abs(steps[own]).max(axis=1) ** _COARSE
        if code is Code.MOVING:
            level, sizes = _straightened(level, integer[own], columns)
        columns.scales[integer[own]] = np.log2(np.maximum(sizes, 1.0)).round()
        columns.stored[code] = integer[own], level


def _straightened(
    level: npt.NDArray[np.int64], chosen: npt.NDArray[np.intp], columns: Columns
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Columns less their slope, where they have one, and how long their steps are then."""
    count = level.shape[1]
    slopes = (level[:, -1] - level[:, 0]) // (count - 1)
    steps = np.diff(level, axis=1)
    slopes[np.abs(slopes, dtype=np.float64) * _SLIGHT < np.abs(steps, dtype=np.float64).mean(axis=1)] = 0
    columns.slopes[chosen] = slopes
    left = np.abs(steps - slopes[:, None], dtype=np.float64).mean(axis=1)
    return level - slopes[:, None] * np.arange(count), left
