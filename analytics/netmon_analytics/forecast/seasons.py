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
    """period: in steps. strength: the part of the variance that it explains beyond those before it, 0 to 1. highest,
    lowest: at which step of the period, counted from the first value."""

    period: int
    strength: float
    highest: int
    lowest: int


def seasons(values: Float64, periods: tuple[int, ...]) -> list[Season]:
    """Those of `periods` (ascending, such as a day and a week) with which a regular series without gaps repeats itself.

    The strength is an adjusted R squared of the mean at each step of the period, so that a long period is not stronger
    for having more steps; two whole periods are the least.
    """
    if len(values) < FEWEST_PERIODS * periods[0]:
        return []
    at = np.arange(len(values))
    scaled = values / (np.abs(values).max() or 1.0)
    left = scaled - np.polynomial.Polynomial.fit(at, scaled, 1)(at)
    whole = float(left @ left)
    found = []
    for period in periods:
        if len(values) < FEWEST_PERIODS * period or whole <= 1e-12 * len(values):
            continue
        phase = at % period
        profile = np.bincount(phase, left) / np.bincount(phase)
        rest = left - profile[phase]
        before, after = float(left @ left) / (len(left) - 1), float(rest @ rest) / max(len(left) - period, 1)
        strength = (before - after) * (len(left) - 1) / whole
        if strength >= LEAST:
            found.append(Season(period, min(strength, 1.0), int(profile.argmax()), int(profile.argmin())))
            left = rest
    return found
