"""Means over a step of the series that are looked at together, of all devices at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly.columns import Columns, column
from netmon_analytics.anomaly.kinds import rates
from netmon_analytics.combination import MOST_SERIES
from netmon_collector.anomaly.learned import Learned
from netmon_collector.anomaly.roster import NOT_JUDGED
from netmon_collector.store.base import Values

Places = NDArray[np.intp]


def _each(dtype: type, fill: float = 0) -> Any:
    return column(MOST_SERIES, dtype, fill)


@dataclass
class Steps(Columns):
    """Arrays (devices,), or (MOST_SERIES, devices) where there is one for each series."""

    step_s: NDArray[np.float32] = column(fill=60)
    step: NDArray[np.int64] = column(dtype=np.int64)  # since the epoch, the last that was taken
    rows: Places = _each(np.intp, NOT_JUDGED)  # of the detector
    is_counter: NDArray[np.bool_] = _each(np.bool_)
    sum: Values = _each(np.float64)
    count: Values = _each(np.float64)
    raw: Values = _each(np.float64, np.nan)  # the last value of a counter
    raw_s: Values = _each(np.float64, np.nan)  # and its time

    def begin(self, device: int, learned: Learned) -> None:
        """Collects for a device anew."""
        self.put(np.array([device]), Steps.empty(1))
        self.step_s[device] = learned.step_s
        self.is_counter[: len(learned.series), device] = learned.counters

    def add(self, times_s: Values, values: Values) -> None:
        """Values of all series by row, NaN where there is none."""
        there = (self.rows != NOT_JUDGED) & (self.rows < len(values))
        rows = np.where(there, self.rows, 0)
        x, at_s = np.where(there, values[rows], np.nan), times_s[rows]
        value = np.where(self.is_counter, rates(self.raw, x, at_s - self.raw_s), x)
        there = np.isfinite(x)
        self.raw[there], self.raw_s[there] = x[there], at_s[there]
        counts = np.isfinite(value)
        self.sum[counts] += value[counts]
        self.count[counts] += 1

    def over(self, now_s: float) -> Places:
        """Devices of which something came in a step that is over."""
        return np.flatnonzero((np.floor(now_s / self.step_s) != self.step) & self.count.any(axis=0))

    def take_means(self, devices: Places, now_s: float) -> Values:
        """(devices, MOST_SERIES), NaN where nothing came; then another step begins."""
        with np.errstate(invalid="ignore"):
            means: Values = (self.sum[:, devices] / self.count[:, devices]).T
        self.sum[:, devices], self.count[:, devices] = 0, 0
        self.step[devices] = np.floor(now_s / self.step_s[devices])
        return means
