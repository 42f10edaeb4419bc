"""How likely it is that so many of so many show a sign, for each level of what is known of it."""

import numpy as np

from netmon_analytics.cause.network import Floats, Ints
from netmon_analytics.cause.weights import Level, Weights


class Tables:
    """Logarithms of beta-binomial probabilities, from sums of logarithms: counts are whole numbers."""

    def __init__(self, most: int, weights: Weights) -> None:
        self._weights = weights
        self._ones = _rising(1.0, most)
        self._all = _rising(weights.firmness, most)
        rates = {level: weights.rate_of(level) for level in Level}
        self._there = {level: _rising(one * weights.firmness, most) for level, one in rates.items()}
        self._missing = {level: _rising((1.0 - one) * weights.firmness, most) for level, one in rates.items()}

    def worth(self, level: Level, number: Ints, of: Ints) -> Floats:
        """That so many of so many show a sign which does so, if at all, at a rate as a level says.

        What may show says nothing where it does not: it is one of several ways in which such a fault shows.
        """
        if level in (Level.FEW, Level.PART):
            few, some = 1.0 / np.maximum(number * (number + 1.0), 1.0), 1.0 / np.maximum(of, 1)
            not_all = (few + some) / 2 if level is Level.FEW else some
            return np.where(number > 0, np.log((not_all + np.exp(self._rate(Level.SURE, number, of))) / 2), 0.0)
        chance = self._weights.chance(level)
        nowhere = 0.0 if level is Level.MAYBE else 1.0 - chance
        found: Floats = np.log(chance * np.exp(self._rate(level, number, of)) + nowhere * (number == 0))
        return np.where(number == 0, 0.0, found) if level is Level.MAYBE else found

    def _rate(self, level: Level, number: Ints, of: Ints) -> Floats:
        ways = self._ones[of] - self._ones[number] - self._ones[of - number]
        found: Floats = ways + self._there[level][number] + self._missing[level][of - number] - self._all[of]
        return found


def _rising(start: float, most: int) -> Floats:
    """log of start (start + 1) … for each number of factors up to `most`."""
    return np.concatenate([[0.0], np.cumsum(np.log(start + np.arange(most)))])
