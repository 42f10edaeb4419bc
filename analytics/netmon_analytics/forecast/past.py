"""What a series has done: its seasons, whether there is a trend, and when it changed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast.periods import periods
from netmon_analytics.forecast.seasons import Season, seasons
from netmon_analytics.forecast.trend import changes, mann_kendall, theil_sen

DAY, WEEK = 24, 168
FEWEST_DAYS = 8
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Past:
    """slope: a day, NaN where less than eight days are known. chance: of as much of a trend where there is none.
    changes: how many hours before the end of the values each change was, the oldest first."""

    seasons: list[Season]
    slope: float
    chance: float
    changes: list[int]

    @property
    def has_trend(self) -> bool:
        return self.chance < SIGNIFICANT


def past_of(hours: NDArray[np.float64]) -> Past:
    """hours: one value an hour, without gaps. Trend and changes are of the means of days that end with the values."""
    found = seasons(hours, (DAY, WEEK, *periods(hours)))
    whole = len(hours) // DAY
    if whole < FEWEST_DAYS:
        return Past(found, np.nan, 1.0, [])
    size = float(np.abs(hours).max()) or 1.0
    days = (hours[len(hours) - whole * DAY :] / size).reshape(whole, DAY).mean(axis=1)
    at = np.arange(float(whole))
    slope, (_, chance) = theil_sen(at, days), mann_kendall(days)
    changed = changes(days)
    if chance < SIGNIFICANT and _around(days - slope * at, []) < _around(days, changed):
        changed = []  # a line says more than steps do
    return Past(found, slope * size, chance, [(whole - one) * DAY for one in changed])


def _around(days: NDArray[np.float64], changed: list[int]) -> float:
    """The sum of squares around the mean of each regime."""
    return float(sum(((one - one.mean()) ** 2).sum() for one in np.split(days, changed)))
