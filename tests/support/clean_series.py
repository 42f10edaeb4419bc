"""Series in which nothing is wrong, for counting false alarms: eight families of noise, and six as hosts have them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FAMILIES = ("normal", "autoregressive", "laplace", "student 4", "daily", "poisson", "lognormal", "weekly")
OF_HOSTS = ("rare events", "bursts", "disk", "jobs", "on and off", "steps")
DAY_S, HOUR_S = 86_400.0, 3600.0


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


def of_host(family: str, times: NDArray[Any], series: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(times, series) of one of OF_HOSTS, at even times."""
    shape, step_s = (len(times), series), float(times[1] - times[0])

    def happens(per_hour: float) -> NDArray[np.bool_]:
        return rng.random(shape) < per_hour * step_s / HOUR_S

    def lasting(begins: NDArray[np.bool_], for_s: float) -> NDArray[np.bool_]:
        rows = np.arange(len(times))[:, None]
        last = np.maximum.accumulate(np.where(begins, rows, -len(times)), axis=0)
        return (rows - last) * step_s < for_s

    if family == "rare events":  # errors: one every five hours, else nothing
        return happens(0.2) / step_s
    if family == "bursts":  # nothing, then something, twice an hour
        return np.where(happens(2), rng.lognormal(2, 1, shape), 0.0)
    if family == "disk":  # some traffic, and much when a buffer is written out
        return rng.gamma(0.7, 5, shape) + np.where(happens(6), rng.lognormal(5, 0.8, shape), 0.0)
    if family == "jobs":  # a processor, taken for 20 s every ten minutes or so
        return np.where(
            lasting(happens(6), 20), rng.uniform(0.3, 0.9, shape), 0.02 + 0.01 * np.abs(rng.normal(size=shape))
        )
    if family == "on and off":  # builds: 50 minutes of work, 50 of none
        return 5 + 60 * (np.cumsum(happens(1.2), axis=0) % 2) + 3 * rng.normal(size=shape)
    if family == "steps":  # a file system that is seldom written to
        return 1e10 + np.cumsum(np.where(happens(2), 4096.0 * rng.integers(1, 50, shape), 0.0), axis=0)
    raise ValueError(f"no such family: {family}")
