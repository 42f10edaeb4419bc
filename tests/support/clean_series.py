"""Series in which nothing is wrong, in eight families of noise, for counting false alarms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FAMILIES = ("normal", "autoregressive", "laplace", "student 4", "daily", "poisson", "lognormal", "weekly")
DAY_S = 86_400.0


def clean(family: str, times: NDArray[Any], series: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(times, series) of one family."""
    shape = (len(times), series)
    noise = rng.normal(size=shape)
    day = np.sin(2 * np.pi * times / DAY_S)[:, None]
    if family == "normal":
        return 100 + 5 * noise
    if family == "autoregressive":
        for row in range(1, len(times)):
            noise[row] += 0.9 * noise[row - 1]
        return 100 + 5 * noise
    if family == "laplace":
        return 100 + 5 * rng.laplace(size=shape)
    if family == "student 4":
        return 100 + 5 * rng.standard_t(4, size=shape)
    if family == "daily":
        return 100 + 40 * day + 5 * noise
    if family == "poisson":
        return rng.poisson(6 + 3 * np.broadcast_to(day, shape)).astype(np.float64)
    if family == "lognormal":
        skewed: NDArray[np.float64] = np.exp(1 + 0.5 * noise)
        return skewed
    if family == "weekly":
        weekend = ((times // DAY_S + 3) % 7 >= 5)[:, None]
        weekly: NDArray[np.float64] = 100 + 30 * day * (1 - 0.6 * weekend) + 5 * noise
        return weekly
    raise ValueError(f"no such family: {family}")
