"""What a level comes to many steps ahead: by increments that pile up, or by a line to which it comes back."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast.exhaustion import SIGNIFICANT, drawn_lines, drawn_paths
from netmon_analytics.forecast.trend import mann_kendall

Float64 = NDArray[np.float64]
Draw = Callable[[Float64, float, np.random.Generator], Float64]
"""From levels and how many steps ahead to values that it may come to."""

ORIGINS = 5
FEWEST = 20
COMES_BACK = -3.5
"""Dickey and Fuller's statistic, with a constant and a trend, below which a series comes back; 5 % of walks seem to."""


def drawn_ends(levels: Float64, steps: float, rng: np.random.Generator) -> Float64:
    """Values that it may come to, `steps` after the last of at least nine levels.

    A line is taken where the level comes back to it (Dickey and Fuller, 1979), and where it did better at rolling
    origins: there most walks of chance look like lines as well.
    """
    if len(levels) >= FEWEST and dickey_fuller(levels) < COMES_BACK:
        reach = max(1, min(int(steps), len(levels) // 3))
        if _error(_by_line, levels, reach) <= _error(_by_increments, levels, reach):
            return _by_line(levels, steps, rng)
    return _by_increments(levels, steps, rng)


def dickey_fuller(levels: Float64) -> float:
    """The t statistic of how much a level is drawn back to its line; 0 where nothing varies around it."""
    changes, before = np.diff(levels)[1:], levels[1:-1]
    at = np.linspace(-1.0, 1.0, len(changes))
    size = float(np.abs(levels).max()) or 1.0
    given = np.stack([np.ones(len(changes)), at, before / size, np.diff(levels)[:-1] / size], axis=1)
    if np.linalg.matrix_rank(given) < given.shape[1]:
        return 0.0
    inverse = np.linalg.inv(given.T @ given)
    weights = inverse @ given.T @ (changes / size)
    rest = changes / size - given @ weights
    variance = float(rest @ rest) / (len(changes) - given.shape[1])
    return float(weights[2] / np.sqrt(variance * inverse[2, 2])) if variance > 0 else 0.0


def _by_increments(levels: Float64, steps: float, rng: np.random.Generator) -> Float64:
    whole = int(steps)
    paths = drawn_paths(np.diff(levels), whole + 1, rng)
    before = paths[:, whole - 1] if whole else np.zeros(len(paths))
    ends: Float64 = levels[-1] + before + (steps - whole) * (paths[:, whole] - before)
    return ends


def _by_line(levels: Float64, steps: float, rng: np.random.Generator) -> Float64:
    lines = drawn_lines(levels, rng, has_slope=mann_kendall(levels)[1] <= SIGNIFICANT)
    ends: Float64 = lines.now + lines.slope * steps + rng.choice(lines.around, len(lines.now))
    return ends


def _error(draw: Draw, levels: Float64, reach: int) -> float:
    ends = [len(levels) - reach - origin * max(1, reach // 2) for origin in range(ORIGINS)]
    errors = [
        abs(float(np.median(draw(levels[:end], reach, np.random.default_rng(end)))) - levels[end + reach - 1])
        for end in ends
        if end >= FEWEST // 2
    ]
    return float(np.mean(errors)) if errors else np.inf
