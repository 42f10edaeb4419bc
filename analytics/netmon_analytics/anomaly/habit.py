"""What is forgiven: what came at the same time of day on two days, and what people said was fine."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Columns, Float32, column
from netmon_analytics.anomaly.constants import Constants
from netmon_analytics.anomaly.moment import KNOTS, Moment

NEIGHBOURS = (-1, 0, 1)


@dataclass
class Habit(Columns):
    last: Float32 = column(width=KNOTS)  # the highest score around a time of day when it was last met
    usual: Float32 = column(width=KNOTS)  # what was reached on two days
    peak: Float32 = column()  # the highest score of this half hour
    allowed: Float32 = column()  # what is usual around now

    def turn(self, moment: Moment, c: Constants) -> None:
        """A half hour is over in some rows."""
        rows, before = moment.moved, moment.half_knot_before
        over = moment.half_knot[rows] // 2 != before // 2
        rows, before = rows[over], before[over] // 2 % KNOTS
        if not len(rows):
            return
        peak = self.peak[rows]
        # The half hour before has today's peak already; only this one and the next still have that of the day before.
        around = np.maximum(self.last[before, rows], self.last[(before + 1) % KNOTS, rows])
        usual = self.usual[before, rows] * np.float32(c.habit_day)
        self.usual[before, rows] = np.maximum(usual, np.minimum(peak, around))
        self.last[before, rows] = np.maximum(peak, np.float32(c.habit_day / 2) * self.last[before, rows])
        self.peak[rows] = 0
        here = moment.half_knot[rows] // 2
        self.allowed[rows] = np.max([self.usual[(here + step) % KNOTS, rows] for step in NEIGHBOURS], axis=0)

    def meet(self, score: Float32) -> None:
        np.maximum(self.peak, score, out=self.peak)
