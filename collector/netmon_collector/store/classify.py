"""Sorts columns by what their values are, so that each is compressed in the company of its like."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.record import Bits

_NEGATIVE_ZERO: Final = 1 << 63
_EXACT: Final = 2.0**53
_PLACES: Final = range(7)
_GLIMPSE: Final = 4
"""So many samples of a column tell soon that it is no decimal."""


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
    """codes, places and slopes have one entry per column; integers are int64 [T, C], zero for other columns.

    The value is integer / 10**places, and for MOVING (integer + slope x slot) / 10**places, exactly.
    """

    codes: npt.NDArray[np.uint8]
    places: npt.NDArray[np.uint8]
    slopes: npt.NDArray[np.int64]
    integers: npt.NDArray[np.int64]


def classify(bits: Bits) -> Columns:
    """Sorts the columns of samples, uint64 [T, C] bit by bit."""
    width = bits.shape[1]
    columns = Columns(
        np.full(width, Code.FLOAT, np.uint8),
        np.zeros(width, np.uint8),
        np.zeros(width, np.int64),
        np.zeros(bits.shape, np.int64),
    )
    constant = (bits == bits[0]).all(axis=0)
    columns.codes[constant] = Code.CONSTANT
    integer = _take_decimals(bits, np.flatnonzero(~constant), columns)
    if len(integer):
        _tell_apart(integer, columns)
    return columns


def _take_decimals(bits: Bits, rest: npt.NDArray[np.intp], columns: Columns) -> npt.NDArray[np.intp]:
    """Finds the columns that are decimals of a few places, and their integers."""
    found = [rest[:0]]
    rest = rest[(bits[:, rest] != _NEGATIVE_ZERO).all(axis=0)]
    for places in _PLACES:
        maybe = rest[_scaled(bits[:_GLIMPSE, rest], places)[1]]
        scaled, exact = _scaled(bits[:, maybe], places)
        chosen = maybe[exact]
        columns.places[chosen] = places
        columns.integers[:, chosen] = scaled[:, exact]
        found.append(chosen)
        rest = np.setdiff1d(rest, chosen, assume_unique=True)
        if not len(rest):
            break
    return np.concatenate(found)


def _scaled(bits: Bits, places: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Values times 10**places, rounded; and which columns come back from there bit by bit."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(bits.view(np.float64) * 10.0**places)
        back = (scaled / 10.0**places).view(np.uint64)
        return scaled, ((back == bits) & (np.abs(scaled) < _EXACT)).all(axis=0)


def _tell_apart(integer: npt.NDArray[np.intp], columns: Columns) -> None:
    """Gives each integer column its class, and takes the line out of the moving ones."""
    values = columns.integers[:, integer]
    steps = np.diff(values, axis=0)
    stepping = np.count_nonzero(steps, axis=0) * 2 < len(steps)
    moves = np.abs(steps).mean(axis=0)
    spread = np.abs(values - values.mean(axis=0)).mean(axis=0)
    codes = np.where(stepping, Code.STEPPING, np.where(moves < spread, Code.MOVING, Code.NOISY))
    columns.codes[integer] = codes
    moving = codes == Code.MOVING
    slopes = (values[-1, moving] - values[0, moving]) // len(steps)
    columns.slopes[integer[moving]] = slopes
    columns.integers[:, integer[moving]] = values[:, moving] - slopes * np.arange(len(values))[:, None]
