"""Gauges as they are, counters as rates, states by how rare they are."""

from enum import IntEnum

import numpy as np

from netmon_analytics.anomaly.columns import Float64, Mask


class Kind(IntEnum):
    GAUGE = 0
    COUNTER = 1
    STATE = 2


def rates(before: Float64, value: Float64, elapsed_s: Float64) -> Float64:
    """Increase per second since the value before; a smaller value means that the counter began again at 0.

    NaN where there is no value before, or no time in between.
    """
    grown = np.where(value >= before, value - before, value)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(elapsed_s > 0, grown / elapsed_s, np.nan)


def finite(value: Float64) -> Mask:
    return np.isfinite(value)
