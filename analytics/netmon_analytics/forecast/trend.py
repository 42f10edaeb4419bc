"""Trends and changes that a few wild values do not make: Theil-Sen, Mann-Kendall, and where the mean last changed."""

import math

import numpy as np
from numpy.typing import NDArray

SHORTEST = 7
SURE = 4.5
"""The standardised difference of means, largest over all places, that counts; noise rarely reaches it."""


def theil_sen(times: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The median of the slopes between all pairs (Sen, 1968); for thousands of values, thin them before.

    Raises ValueError where there are not two times.
    """
    if len(times) != len(values) or len(np.unique(times)) < 2:
        raise ValueError("a slope needs values at two times")
    first, second = np.triu_indices(len(values), 1)
    apart = times[second] - times[first]
    return float(np.median((values[second] - values[first])[apart > 0] / apart[apart > 0]))


def mann_kendall(values: NDArray[np.float64]) -> tuple[float, float]:
    """Kendall's tau against time, and the probability of one as large without a trend (Mann, 1945), ties regarded."""
    count = len(values)
    first, second = np.triu_indices(count, 1)
    score = float(np.sign(values[second] - values[first]).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (count * (count - 1) * (2 * count + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    if variance <= 0:
        return 0.0, 1.0
    z = (score - math.copysign(1, score)) / math.sqrt(variance) if score else 0.0
    return 2 * score / (count * (count - 1)), math.erfc(abs(z) / math.sqrt(2))


def last_change(values: NDArray[np.float64]) -> int | None:
    """Where the mean changed for the last time: the first value of the present regime, None where it has not changed.

    Binary segmentation, on values clipped to eight usual deviations, by the standardised difference of means.
    """
    clipped = _clipped(values)
    begin = 0
    while (found := _change(clipped[begin:])) is not None:
        begin += found
    return begin or None


def changes(values: NDArray[np.float64]) -> list[int]:
    """Where the mean changed, all of it: the first value of each new regime, ascending; as `last_change` finds one."""
    clipped = _clipped(values)
    found: list[int] = []
    waiting = [(0, len(clipped))]
    while waiting:
        begin, end = waiting.pop()
        place = _change(clipped[begin:end])
        if place is not None:
            found.append(begin + place)
            waiting += [(begin, begin + place), (begin + place, end)]
    return sorted(found)


def _clipped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(values):
        return values
    middle = np.median(values)
    spread = 1.4826 * float(np.median(np.abs(values - middle))) or float(values.std())
    return np.clip(values, middle - 8 * spread, middle + 8 * spread)


def _change(values: NDArray[np.float64]) -> int | None:
    count = len(values)
    if count < 2 * SHORTEST:
        return None
    at = np.arange(SHORTEST, count - SHORTEST + 1)
    sums = np.cumsum(values)
    before, after = sums[at - 1] / at, (sums[-1] - sums[at - 1]) / (count - at)
    best = int(np.abs((after - before) * np.sqrt(at * (count - at) / count)).argmax())
    place = int(at[best])
    rest = np.concatenate([values[:place] - before[best], values[place:] - after[best]])
    noise = math.sqrt(_long_run_variance(rest))
    if noise == 0:
        return place if before[best] != after[best] else None
    size = abs(after[best] - before[best]) * math.sqrt(place * (count - place) / count) / noise
    return place if size > SURE else None


def _long_run_variance(values: NDArray[np.float64]) -> float:
    """Of means of values that depend on those before: Newey and West's, over a week."""
    count = len(values)
    variance = float(values @ values) / count
    reach = min(SHORTEST, count // 4)
    for lag in range(1, reach + 1):
        variance += 2 * (1 - lag / (reach + 1)) * float(values[lag:] @ values[:-lag]) / count
    return max(variance, float(values @ values) / count / 4)
