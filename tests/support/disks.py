"""Disks that fill, made in six ways, with what came after: for asking when they will be full."""

import numpy as np
from numpy.typing import NDArray

FAMILIES = ("steady", "noisy", "weekday", "bursts", "cleanups", "wandering")


def growth(family: str, days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The increments of so many days, in GB, about 1 a day in the mean."""
    day = np.arange(days)
    if family == "steady":
        return 1 + 0.2 * rng.normal(size=days)
    if family == "noisy":
        return 1 + 2 * rng.normal(size=days)
    if family == "weekday":
        weekdays: NDArray[np.float64] = np.where((day + rng.integers(7)) % 7 < 5, 1.4, 0.0) * rng.gamma(4, 0.25, days)
        return weekdays
    if family == "bursts":
        return rng.gamma(0.3, 1 / 0.3, days)
    if family == "cleanups":
        kept: NDArray[np.float64] = 2 + 0.5 * rng.normal(size=days)
        kept[(day + rng.integers(7)) % 7 == 0] -= 7
        return kept
    if family == "wandering":
        drift = np.zeros(days)
        shocks = 0.8 * rng.normal(size=days)
        for at in range(1, days):
            drift[at] = 0.7 * drift[at - 1] + shocks[at]
        return 1 + drift
    raise ValueError(f"no such family: {family}")
