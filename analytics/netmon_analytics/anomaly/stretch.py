"""Flat-lined and silent: how long nothing has changed, or come, compared with the longest such stretch so far."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Columns, Float32, column
from netmon_analytics.anomaly.constants import HOUR_S, Constants
from netmon_analytics.anomaly.moment import Moment


@dataclass
class Stretch(Columns):
    value: Float32 = column(fill=np.nan)
    same_s: Float32 = column()
    longest_same_s: Float32 = column(fill=HOUR_S)
    longest_gap_s: Float32 = column()
    changes: Float32 = column()
    """How often it changed within the memory of the longest stretch."""

    def step(self, x: Float32, moment: Moment, c: Constants) -> Float32:
        """How many times the longest stretch without change so far this one lasts.

        0 where the value has changed, and where it changes so seldom that its staying says nothing.
        """
        same = x == self.value
        lasts = np.where(same, self.same_s + moment.dt_s, np.float32(0))
        fade = 1 - moment.dt_s / (np.float32(c.longest_s) + moment.dt_s)
        ended = np.where(moment.ok & ~same, self.same_s, 0)
        longest = np.maximum(self.longest_same_s * fade, np.float32(HOUR_S))
        lively = self.changes >= np.float32(c.flat_changes)
        ratio = np.where(moment.ok & lively, lasts / longest, np.float32(0))
        taught = np.maximum(ended, np.where(lasts > c.accept_s * c.flat_factor + longest, lasts, 0))
        self.longest_same_s[:] = np.where(moment.ok, np.maximum(longest, taught), self.longest_same_s)
        self.longest_gap_s[:] = np.where(
            moment.ok, np.maximum(self.longest_gap_s * fade, moment.dt_s), self.longest_gap_s
        )
        self.changes[:] = np.where(moment.ok, self.changes * fade + ~same, self.changes)
        self.same_s[:] = np.where(moment.ok, lasts, self.same_s)
        self.value[:] = np.where(moment.ok, x, self.value)
        return ratio
