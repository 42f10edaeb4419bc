"""From a score in any unit to the probability of an hour with one as strange: the tail of a series' own hours.

The largest value of each hour is compared with the level that a stated share of hours exceeds; beyond it the excess is
taken as exponential, with a steepness from the excesses seen (peaks over threshold: Davison and Smith, 1990). The level
follows by stochastic approximation (Robbins and Monro, 1951), in steps as wide as the excesses are. From few hours the
steepness is hardly known: what they foretell is a Pareto distribution's tail, that of exponential ones with all the
steepnesses that are likely after so many excesses.
"""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Columns, Float32, Rows, column
from netmon_analytics.anomaly.constants import Constants

FIRST_HOURS = 4.0
LOWEST = np.float32(0)
LARGEST_EXCESS = 1.0
FIRST_EXCESS = 0.3
MOST_WIDENED = np.float32(5)  # far beyond all scores, and finite


@dataclass
class Tail(Columns):
    peak: Float32 = column(fill=-9)  # the largest value of the hour so far
    level: Float32 = column(fill=1.2)  # exceeded by the stated share of hours
    excess: Float32 = column(fill=FIRST_EXCESS)

    def surprise(self, value: Float32, shape: tuple[float, float], c: Constants) -> Float32:
        """-ln of the probability that an hour brings a value as large.

        shape: per unit of excess, how steeply the logarithm of the probability falls and how fast it steepens.
        """
        over = (value - self.level) / (self.excess + np.float32(c.tail_prior))
        beyond = np.maximum(over, 0)
        rarer = np.minimum(over, 0) + beyond * (np.float32(shape[0]) + np.float32(shape[1]) * beyond)
        surprise: Float32 = rarer - np.float32(np.log(c.tail_share))
        return surprise

    def threshold(self, surprise: Float32, shape: tuple[float, float], c: Constants) -> Float32:
        """The value with this surprise: the inverse."""
        rarer = surprise + np.float32(np.log(c.tail_share))
        steep, curve = np.float32(shape[0]), np.float32(max(shape[1], 1e-6))
        beyond = (np.sqrt(steep * steep + 4 * curve * np.maximum(rarer, 0)) - steep) / (2 * curve)
        value: Float32 = self.level + np.where(rarer > 0, beyond, rarer) * (self.excess + np.float32(c.tail_prior))
        return value

    def meet(self, value: Float32) -> None:
        np.maximum(self.peak, value, out=self.peak)

    def turn(self, rows: Rows, age_h: Float32, c: Constants, largest: float = LARGEST_EXCESS) -> None:
        """An hour is over in these rows."""
        peak = self.peak[rows]
        over = peak - self.level[rows]
        seen = over > 0
        excess = self.excess[rows]
        self.excess[rows] = np.where(
            seen, excess + (np.minimum(over, np.float32(largest)) - excess) / np.float32(c.tail_memory_h), excess
        )
        wide = (excess + np.float32(c.tail_prior)) / np.float32(FIRST_EXCESS + c.tail_prior)
        rate = np.maximum(c.tail_rate, np.minimum(0.2, 1 / (FIRST_HOURS + age_h))) * np.maximum(wide, 1)
        level = self.level[rows] + np.where(peak > -9, rate * (seen - np.float32(c.tail_share)), 0)
        self.level[rows] = np.maximum(level, LOWEST)
        self.peak[rows] = -9


def foretold(surprise: Float32, hours: Float32, c: Constants) -> Float32:
    """The surprise that a tail known for so many hours has to give, to be as improbable as this one of an old tail."""
    excesses = np.float32(c.young) + np.float32(c.young_share) * hours
    wider: Float32 = excesses * np.expm1(np.minimum(surprise / excesses, MOST_WIDENED))
    return wider
