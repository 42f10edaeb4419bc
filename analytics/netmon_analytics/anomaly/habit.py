"""What is forgiven: what came at the same time of day on two days, or at the same hour of the week in two weeks."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Bytes, Columns, Float32, Int32, Rows, column
from netmon_analytics.anomaly.constants import DAY_S, HOUR_S, WEEK_S, Constants
from netmon_analytics.anomaly.moment import HALF_KNOTS_PER_HOUR, KNOTS, Moment

NEIGHBOURS = (-1, 0, 1)
WEEK_HOURS = round(WEEK_S / HOUR_S)
HOURS_TO_MONDAY = round(4 * DAY_S / HOUR_S)  # the epoch was a Thursday
STEPS = np.float32(4)  # of a score of 1, in which scores of the week are kept


@dataclass
class Habit(Columns):
    last: Float32 = column(width=KNOTS)  # the highest score around a time of day when it was last met
    usual: Float32 = column(width=KNOTS)  # what was reached on two days
    peak: Float32 = column()  # the highest score of this half hour
    by_day: Float32 = column()  # what is usual around this time of day
    week_last: Bytes = column(width=WEEK_HOURS, dtype=np.uint8)  # the highest score of an hour of the week
    week_usual: Bytes = column(width=WEEK_HOURS, dtype=np.uint8)  # what was reached in two weeks
    week_peak: Float32 = column()  # the highest score of this hour
    by_week: Float32 = column()  # what is usual around this hour of the week, with some slack

    def allowed(self) -> Float32:
        """The score that is usual around now."""
        return np.maximum(self.by_day, self.by_week)

    def meet(self, score: Float32) -> None:
        np.maximum(self.peak, score, out=self.peak)
        np.maximum(self.week_peak, score, out=self.week_peak)

    def turn(self, moment: Moment, c: Constants) -> None:
        """A half hour, or an hour, is over in some rows."""
        rows, before = moment.moved, moment.half_knot_before
        over = moment.half_knot[rows] // 2 != before // 2
        if over.any():
            self.turn_day(rows[over], before[over] // 2, moment.half_knot[rows[over]] // 2, c)
        hour, hour_before = moment.half_knot[rows] // HALF_KNOTS_PER_HOUR, before // HALF_KNOTS_PER_HOUR
        over = hour != hour_before
        if over.any():
            self.turn_week(rows[over], _of_week(hour_before[over]), _of_week(hour[over]), c)

    def turn_day(self, rows: Rows, before: Int32, now: Int32, c: Constants) -> None:
        before = before % KNOTS
        peak = self.peak[rows]
        # The half hour before has today's peak already; only this one and the next still have that of the day before.
        around = np.maximum(self.last[before, rows], self.last[(before + 1) % KNOTS, rows])
        usual = self.usual[before, rows] * np.float32(c.habit_day)
        self.usual[before, rows] = np.maximum(usual, np.minimum(peak, around))
        self.last[before, rows] = np.maximum(peak, np.float32(c.habit_day / 2) * self.last[before, rows])
        self.peak[rows] = 0
        self.by_day[rows] = np.max([self.usual[(now + step) % KNOTS, rows] for step in NEIGHBOURS], axis=0)

    def turn_week(self, rows: Rows, before: Int32, now: Int32, c: Constants) -> None:
        peak = (self.week_peak[rows] * STEPS).astype(np.uint8)
        around = np.maximum(self.week_last[before, rows], self.week_last[(before + 1) % WEEK_HOURS, rows])
        usual = (self.week_usual[before, rows] * np.float32(c.habit_week)).astype(np.uint8)
        self.week_usual[before, rows] = np.maximum(usual, np.minimum(peak, around))
        fading = (self.week_last[before, rows] * np.float32(c.habit_week / 2)).astype(np.uint8)
        self.week_last[before, rows] = np.maximum(peak, fading)
        self.week_peak[rows] = 0
        around_now = [self.week_usual[(now + step) % WEEK_HOURS, rows] for step in NEIGHBOURS]
        self.by_week[rows] = np.max(around_now, axis=0) / STEPS * np.float32(1 + c.habit_slack)


def _of_week(hour: Int32) -> Int32:
    """Which hour of the week, from Monday."""
    of_week: Int32 = (hour - HOURS_TO_MONDAY) % WEEK_HOURS
    return of_week
