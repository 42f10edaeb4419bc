"""Which periods a series repeats itself with, and how much of what varies they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

FEWEST_PERIODS = 2
LEAST = 0.1
"""The part of what varies from which on a season is one."""


@dataclass(frozen=True)
class Season:
    """period: in steps. strength: the part of the variance that it explains beyond those found before, 0 to 1. highest,
    lowest: at which step of the period, counted from the first value."""

    period: int
    strength: float
    highest: int
    lowest: int


def seasons(values: Float64, periods: tuple[int, ...]) -> list[Season]:
    """Those of `periods` (such as a day and a week) with which a regular series without gaps repeats itself, ascending.

    The strongest is found first, the others in what it leaves; but a period before its multiples, which repeat all that
    it does. The strength is an adjusted R squared of the mean at each step of the period, so that a long period is not
    stronger for having more steps; two whole periods are the least.
    """
    sought = {period for period in periods if len(values) >= FEWEST_PERIODS * period}
    if not sought:
        return []
    at = np.arange(len(values))
    scaled = values / (np.abs(values).max() or 1.0)
    left = scaled - np.polynomial.Polynomial.fit(at, scaled, 1)(at)
    whole = float(left @ left)
    found = []
    while sought and whole > 1e-12 * len(values):
        first = [one for one in sought if not any(one % other == 0 for other in sought - {one})]
        season, rest = max((_season(left, one, whole) for one in first), key=lambda one: one[0].strength)
        sought -= {season.period} if season.strength >= LEAST else set(first)
        if season.strength >= LEAST:
            found.append(season)
            left = rest
    return sorted(found, key=lambda one: one.period)


def _season(left: Float64, period: int, whole: float) -> tuple[Season, Float64]:
    """What a period explains of what is left, and what it leaves of that."""
    phase = np.arange(len(left)) % period
    profile = np.bincount(phase, left) / np.bincount(phase)
    rest = left - profile[phase]
    before, after = float(left @ left) / (len(left) - 1), float(rest @ rest) / max(len(left) - period, 1)
    strength = min((before - after) * (len(left) - 1) / whole, 1.0)
    return Season(period, strength, int(profile.argmax()), int(profile.argmin())), rest
