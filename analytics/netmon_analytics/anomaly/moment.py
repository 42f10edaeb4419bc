"""What all parts of the ensemble share at one step: who has a value, how long since the last, where in the day."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Float32, Int32, Mask, Rows
from netmon_analytics.anomaly.constants import DAY_S, HOUR_S, WEEK_S

KNOTS = 48
KNOT_S = DAY_S / KNOTS
WEEK_BLOCKS = 42
HALF_KNOTS_PER_HOUR = round(2 * HOUR_S / KNOT_S)
HALF_KNOTS_PER_BLOCK = round(2 * WEEK_S / WEEK_BLOCKS / KNOT_S)
HALF_KNOTS_TO_MONDAY = round(2 * 4 * DAY_S / KNOT_S)  # the epoch was a Thursday


@dataclass(frozen=True)
class Moment:
    """One step of some series, all arrays as long as these."""

    ok: Mask
    """There is a value, and it is not the series' first."""
    dt_s: Float32
    age_s: Float32
    half_knot: Int32
    """Half knots since the epoch, now, by the local clock: where it is set back some come twice."""
    share: Float32
    """Where between the two knots around it now is."""
    moved: Rows
    """Rows, as indices, that have passed at least half a knot since their last value."""
    half_knot_before: Int32
    """Of the rows in `moved`."""
    new_hour: Rows
    """Rows, as indices, whose last value was in an earlier hour."""

    def gain(self, tau_s: float) -> Float32:
        """How much of a new value enters a mean with this memory; a mean younger than that is a plain mean."""
        return np.where(self.ok, self.dt_s / (np.minimum(self.age_s, np.float32(tau_s)) + self.dt_s), np.float32(0))


def week_block(half_knot: Int32) -> Int32:
    """Which four hours of the week, from Monday."""
    block: Int32 = ((half_knot - HALF_KNOTS_TO_MONDAY) // HALF_KNOTS_PER_BLOCK) % WEEK_BLOCKS
    return block
