"""Series of a like shape: by the highest correlation with a piece of one series, wherever it lies in another.

All sliding correlations come of one product of Fourier transforms and running sums (MASS: Mueen et al., 2017).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

AT_ONCE = 1024
FLAT = 1e-9
"""The part of its size that a series must vary by to have a shape."""


@dataclass(frozen=True)
class Likeness:
    """For each series: correlation, -1 to 1, the largest by its size, 0 where there is no shape; and lag, how many
    steps it comes after the piece, negative where before."""

    correlation: Float64
    lag: NDArray[np.int64]


def similar(one: Float64, others: Float64, most_lag: int) -> Likeness:
    """one: (T,), others: (S, T), without gaps, at the same times. Level and size do not matter, nor does a shift by
    `most_lag` steps at most. Raises ValueError where less than half of `one` would be left to compare, or there are
    gaps."""
    if not 0 <= 4 * most_lag < len(one):
        raise ValueError(f"a lag of {most_lag} steps is too long for {len(one)} values")
    if others.shape != (len(others), len(one)) or not (np.isfinite(one).all() and np.isfinite(others).all()):
        raise ValueError("series as long as the one, all without gaps, are needed")
    piece = one[most_lag : len(one) - most_lag]
    correlation, lag = np.zeros(len(others)), np.zeros(len(others), np.int64)
    if _is_flat(piece, piece.std()):
        return Likeness(correlation, lag)
    unit = (piece - piece.mean()) / (piece.std() * len(piece))
    for begin in range(0, len(others), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        found = _sliding(unit, others[part])
        best = np.abs(found).argmax(axis=1)
        correlation[part] = found[np.arange(len(found)), best]
        lag[part] = best - most_lag
    lag[correlation == 0] = 0
    return Likeness(correlation, lag)


def _sliding(unit: Float64, others: Float64) -> Float64:
    """The correlation of a piece, of mean 0, with each stretch as long of each series: (S, T - len + 1)."""
    centred = others - others.mean(axis=1, keepdims=True)
    length, size = len(unit), others.shape[1]
    spectrum = np.fft.rfft(centred, size) * np.fft.rfft(unit[::-1], size)
    products = np.fft.irfft(spectrum, size)[:, length - 1 :]  # what wraps around is before
    means = _running(centred, length) / length
    spreads = np.sqrt(np.maximum(_running(centred**2, length) / length - means**2, 0))
    flat = _is_flat(others, spreads)
    found: Float64 = np.where(flat, 0.0, products / np.where(flat, 1.0, spreads))
    return np.clip(found, -1, 1)


def _running(values: Float64, length: int) -> Float64:
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    return sums[:, length:] - sums[:, :-length]


def _is_flat(values: Float64, spread: Float64 | np.floating) -> NDArray[np.bool_]:
    size = np.abs(values).max(axis=-1, keepdims=values.ndim > 1)
    flat: NDArray[np.bool_] = spread <= FLAT * size
    return flat
