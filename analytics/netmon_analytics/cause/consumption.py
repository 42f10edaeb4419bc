"""Who takes what is shared: a consumer that takes more of a processor or of memory than it ever did."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_analytics.cause.network import Floats
from netmon_analytics.forecast.trend import mann_kendall, theil_sen

BEGUN: Final = 0.1
"""A consumer takes more since this part of its rise was there."""
LAST: Final = 3
"""So many of the last values say what is taken now."""
LEAST_GROWN_S: Final = 90.0
"""What grows for a shorter time may be no more than a start."""
CHANCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Rise:
    """now: what is taken. since_s: since when it is more than usual. pace: by how much it grows each second, 0 where it
    does not do so steadily."""

    now: float
    since_s: float
    pace: float


def rise(times_s: Floats, taken: Floats, usual: float) -> Rise | None:
    """How what a consumer takes has risen above the most that it usually takes; None where it has not.

    taken: at ascending times, NaN where the consumer was not there, which is as if it took nothing.
    """
    taken = np.nan_to_num(taken)
    now = float(np.median(taken[-LAST:])) if len(taken) else 0.0
    if now <= usual:
        return None
    below = np.flatnonzero(taken <= usual + BEGUN * (now - usual))
    first = int(below[-1]) + 1 if len(below) else 0
    if first >= len(taken):  # it is over, though the last values are not all low yet
        return None
    return Rise(now, float(times_s[first]), _pace(times_s[first:], taken[first:]))


def _pace(times_s: Floats, taken: Floats) -> float:
    """A trend that is none by chance, and that still goes on in the last quarter."""
    if not len(taken) or times_s[-1] - times_s[0] < LEAST_GROWN_S or mann_kendall(taken)[1] > CHANCE:
        return 0.0
    slope = theil_sen(times_s, taken)
    late = 3 * len(taken) // 4
    lately = (taken[-1] - taken[late - 1]) / (times_s[-1] - times_s[late - 1])
    return max(0.0, slope) if lately > slope / 2 else 0.0
