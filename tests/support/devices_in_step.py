"""Devices whose series go together in four ways, minute by minute, and what is odd although each value is usual."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rng = np.random.Generator

SERIES = 8
DAY = 1440
ODD_FOR = 30


def work(minutes: int, devices: int, rng: Rng) -> Values:
    """(minutes, devices): load by the time of day, with noise that lasts and bursts."""
    lasting = rng.normal(size=(minutes, devices)) * 0.05
    for minute in range(1, minutes):
        lasting[minute] += 0.98 * lasting[minute - 1]
    day = np.arange(minutes)[:, None] / DAY * 2 * np.pi
    made = 1 + 0.6 * np.sin(day + rng.uniform(0, 6, devices)) + lasting
    for device in range(devices):
        for start in rng.integers(0, minutes - 200, minutes // 300).tolist():
            made[start : start + rng.integers(10, 120), device] += rng.exponential(0.5)
    return np.maximum(made, 0.05)


def proportional(minutes: int, devices: int, rng: Rng) -> Values:
    one, other, third = (work(minutes, devices, rng) for _ in range(3))
    noise = rng.normal(size=(6, *one.shape))
    alike = [one * factor + 0.08 * noise[place] for place, factor in enumerate((0.5, 1.0, 2.0))]
    rest = [np.sqrt(one) + 0.05 * noise[3], other + 0.05 * noise[4], 3 * other + 0.3 * noise[5], third]
    return np.stack([*alike, *rest, one**2 * rng.lognormal(0, 0.1, one.shape)], axis=2)


def in_modes(minutes: int, devices: int, rng: Rng) -> Values:
    """Idle, backup, reports, both: each mode has its own levels."""
    levels = np.array(
        [[1, 1, 1, 1, 1, 1, 1, 1], [5, 1, 6, 1, 3, 2, 1, 1], [1, 6, 1, 5, 1, 3, 4, 1], [5, 6, 1, 1, 4, 1, 1, 6]]
    )
    mode = np.zeros((minutes, devices), np.intp)
    for device in range(devices):
        minute = 0
        while minute < minutes:
            lasts = int(rng.integers(20, 240))
            mode[minute : minute + lasts, device] = rng.choice(4, p=[0.5, 0.2, 0.2, 0.1])
            minute += lasts
    made: Values = levels[mode] * rng.lognormal(0, 0.15, (minutes, devices, SERIES))
    return made


def curved(minutes: int, devices: int, rng: Rng) -> Values:
    one, other, third = (work(minutes, devices, rng) for _ in range(3))
    noise = 0.05 * rng.normal(size=(5, *one.shape))
    full = np.maximum(one - 1.5, 0) * 3 + rng.gamma(1, 0.05, one.shape)
    bent = [(one - 1.2) ** 2, np.minimum(one, 1.5), 1 / (0.3 + one)]
    return np.stack(
        [one + noise[0], *(part + noise[at] for at, part in enumerate(bent, 1)), full, other, third, noise[4] + other],
        axis=2,
    )


def lagging(minutes: int, devices: int, rng: Rng) -> Values:
    """Means over some time, such as load averages, and counts of few."""
    one, other = work(minutes, devices, rng), work(minutes, devices, rng)

    def mean(width: int) -> Values:
        total = np.cumsum(np.concatenate([np.repeat(one[:1], width, axis=0), one]), axis=0)
        means: Values = (total[width:] - total[:-width]) / width
        return means

    return np.stack(
        [
            one * rng.lognormal(0, 0.15, one.shape),
            mean(5) * rng.lognormal(0, 0.05, one.shape),
            mean(15),
            0.5 * mean(60) + 20 + 0.05 * rng.normal(size=one.shape),
            rng.poisson(3 * one).astype(np.float64),
            rng.poisson(30 * one).astype(np.float64),
            other,
            other + 0.1 * rng.normal(size=one.shape),
        ],
        axis=2,
    )


FAMILIES: dict[str, Callable[[int, int, Rng], Values]] = {
    "proportional": proportional,
    "in modes": in_modes,
    "curved": curved,
    "lagging": lagging,
}
"""Each gives (minutes, devices, SERIES)."""


def spoiled(values: Values, first: int, every: int, rng: Rng) -> tuple[Values, list[int]]:
    """From minute `first` on, every so many minutes, one or two series have for half an hour what they had around that
    time of another day before `first`; and when that begins. Each value is one that is usual at this hour.
    """
    made, begins = values.copy(), list(range(first, len(values) - 2 * ODD_FOR, every))
    for begin in begins:
        for device in range(values.shape[1]):
            around = rng.integers(1, first // DAY - 1) * DAY + begin % DAY + rng.integers(-120, 120)
            for one in rng.choice(values.shape[2], rng.integers(1, 3), replace=False):
                made[begin : begin + ODD_FOR, device, one] = values[around : around + ODD_FOR, device, one]
    return made, begins
