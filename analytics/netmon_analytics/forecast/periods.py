"""Which periods a series has that nobody named.

AUTOPERIOD (Vlachos, Yu and Castelli, On Periodicity Detection and Structural Periodic Similarity, SDM 2005): the
periodogram says which periods there may be, and the autocorrelation, which is finer at long periods and has no hill at
harmonics, which of these there are. Their test by shuffling takes any series with a memory for periodic; here a peak is
held against what is around it (the median of the spectrum, as Mann and Lees do, Climatic Change 33, 1996), after the
memory of one step was taken out.
"""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

CHANCE = 0.01
"""Of a peak as high anywhere in the spectrum of noise."""
FEWEST_CYCLES = 4
FEWEST_VALUES = 48
AROUND = 12
"""At least so many frequencies to each side are what is around a peak."""
HIGH, LEAST = 3.0, 0.1
"""Standard errors of the autocorrelation of noise, and how much at least, by which a hill rises above its foot."""


def periods(values: Float64) -> list[int]:
    """Periods, in steps, with which a regular series without gaps repeats itself, ascending; four times at least."""
    if len(values) < FEWEST_VALUES:
        return []
    at = np.arange(len(values))
    scaled = values / (np.abs(values).max() or 1.0)
    left = scaled - np.polynomial.Polynomial.fit(at, scaled, 1)(at)
    if float(left @ left) <= 1e-12 * len(left):
        return []
    alike = _autocorrelation(left)
    found = (_hill(alike, cycles) for cycles in _peaks(left, float(alike[1])))
    return sorted({one for one in found if one})


def _peaks(left: Float64, memory: float) -> list[int]:
    """Frequencies, in cycles over the whole, with more power than noise of the same colour has anywhere."""
    white = left[1:] - memory * left[:-1]
    power = np.abs(np.fft.rfft((white - white.mean()) * np.hanning(len(white)))) ** 2
    frequencies = np.arange(FEWEST_CYCLES, len(power))
    reach = np.maximum(AROUND, frequencies // 4)
    first, last = np.maximum(frequencies - reach, 1), np.minimum(frequencies + reach + 1, len(power))
    usual = np.array([np.median(power[low:high]) for low, high in zip(first, last, strict=True)]) / np.log(2)
    needed = -np.log(CHANCE / len(frequencies))
    return [int(one) for one in frequencies[power[frequencies] > needed * usual]]


def _autocorrelation(left: Float64) -> Float64:
    """At lags from 0 to half of the series."""
    spectrum = np.abs(np.fft.rfft(left, 2 * len(left))) ** 2
    sums = np.fft.irfft(spectrum)[: len(left) // 2]
    told: Float64 = sums / (len(left) - np.arange(len(sums))) * len(left) / sums[0]
    return told


def _hill(alike: Float64, cycles: int) -> int | None:
    """The top of the hill of the autocorrelation on which a frequency lies; None where it lies on none."""
    length = 2 * len(alike)
    lags = np.arange(max(2, length // (cycles + 1)), min(len(alike) - 1, -(-length // (cycles - 1)) + 1))
    if not len(lags):
        return None
    top = int(lags[alike[lags].argmax()])
    away = max(1, top // 4)
    height = alike[top] - (alike[top - away] + alike[top + away]) / 2
    is_top = alike[top] > max(alike[top - 1], alike[top + 1])
    return top if is_top and height > max(LEAST, HIGH / np.sqrt(length)) else None
