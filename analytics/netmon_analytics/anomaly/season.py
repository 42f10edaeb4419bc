"""A level, a profile of the day and, where it proves itself, one of the week; and how far values are usually off.

The day's profile has a knot each half hour and is linear between them; the week's has a step each four hours. Values
move them once per round, through the mean of their clipped deviations. The usual deviation is the squared mean square
root: a few wild values hardly move it, and unlike clipping against itself it cannot get stuck.
"""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Columns, Float32, Int32, Rows, column
from netmon_analytics.anomaly.constants import DAY_S, WEEK_S, Constants
from netmon_analytics.anomaly.moment import KNOTS, WEEK_BLOCKS, Moment, week_block

MOST_SKIPPED_KNOTS = 4
PROOF = np.float32(0.97)


@dataclass
class Season(Columns):
    level: Float32 = column()
    recent: Float32 = column()  # mean deviation just before
    root: Float32 = column()  # mean square root of the deviation from the model
    change_root: Float32 = column()  # the same of the deviation from just before
    astray_s: Float32 = column()  # for how long the recent deviation has been far out
    day: Float32 = column(width=KNOTS)
    left: Float32 = column()  # the two knots around now, until the next half knot
    right: Float32 = column()
    day_sum: Float32 = column()  # of the deviations around the knot, since it began
    day_count: Float32 = column()
    week: Float32 = column(width=WEEK_BLOCKS)
    block: Float32 = column()  # the week's step now, 0 while it is not trusted
    untried: Float32 = column()  # the week's step now
    week_sum: Float32 = column()
    week_count: Float32 = column()
    plain_root: Float32 = column()  # mean square roots of deviations without and with the week
    week_root: Float32 = column()

    def expected(self, moment: Moment) -> Float32:
        return self.level + self.left + moment.share * (self.right - self.left) + self.block

    def usual(self, floor: Float32 | float) -> Float32:
        """How far values usually are from the model."""
        return self.root * self.root + floor

    def begin(self, rows: Rows, y: Float32) -> None:
        """The first value of these rows, or the first in another unit."""
        self.level[rows] = y[rows]
        self.recent[rows] = 0

    def step(
        self, y: Float32, moment: Moment, floor: Float32 | float, level_s: float, c: Constants
    ) -> tuple[Float32, Float32]:
        """How many usual deviations a value is off the model, and off what was just before. Then learns from it."""
        off: Float32 = np.where(moment.ok, y - self.expected(moment), np.float32(0))
        usual = self.usual(floor)
        change = np.where(moment.ok, off - self.recent, np.float32(0))
        usual_change = self.change_root * self.change_root + floor
        bound = np.float32(c.clip) * usual
        clipped = np.minimum(np.maximum(off, -bound), bound)
        self.level += moment.gain(level_s) * clipped
        bound = np.float32(c.clip) * usual_change
        self.recent += moment.gain(c.recent_s) * np.minimum(np.maximum(change, -bound), bound)
        gain = moment.gain(c.scale_s)
        self.root += gain * (np.sqrt(np.abs(off)) - self.root)
        self.change_root += gain * (np.sqrt(np.abs(change)) - self.change_root)
        plain = clipped + self.block
        self.day_sum += clipped
        self.day_count += moment.ok
        self.week_sum += np.where(moment.ok, plain, np.float32(0))
        self.week_count += moment.ok
        gain = moment.gain(2 * WEEK_S)
        self.plain_root += gain * (np.sqrt(np.abs(plain)) - self.plain_root)
        self.week_root += gain * (np.sqrt(np.abs(plain - self.untried)) - self.week_root)
        self.accept(moment, np.float32(3) * usual, c.accept_s)
        odd: Float32 = (off / usual).astype(np.float32, copy=False)
        sudden: Float32 = change / usual_change
        return odd, sudden

    def accept(self, moment: Moment, far: Float32, accept_s: float) -> None:
        """Where recent values have been far off for long enough, that is the level now."""
        lasts = self.astray_s + np.where(moment.ok, moment.dt_s, np.float32(0))
        self.astray_s[:] = np.where(np.abs(self.recent) > far, lasts, np.float32(0))
        settled = np.flatnonzero(self.astray_s > accept_s)
        if len(settled):
            self.level[settled] += self.recent[settled]
            self.recent[settled] = 0
            self.astray_s[settled] = 0

    def turn(self, moment: Moment, rate: float, c: Constants) -> None:
        """Half a knot has passed in some rows: what was seen around a knot that is over goes into the profile."""
        rows = moment.moved
        if not len(rows):
            return
        here, before = moment.half_knot[rows], moment.half_knot_before
        knot, knot_before = (here + 1) // 2, (before + 1) // 2
        over = (knot != knot_before) & (self.day_count[rows] > 0)
        if over.any():
            self.turn_day(rows[over], knot_before[over], knot[over], moment.age_s[rows[over]], rate)
        over = (week_block(here) != week_block(before)) & (self.week_count[rows] > 0)
        if over.any():
            self.turn_week(rows[over], week_block(before[over]), c)
        self.left[rows] = self.day[here // 2 % KNOTS, rows]
        self.right[rows] = self.day[(here // 2 + 1) % KNOTS, rows]
        self.untried[rows] = self.week[week_block(here), rows]
        trusted = (moment.age_s[rows] > 2 * WEEK_S) & (self.week_root[rows] < PROOF * self.plain_root[rows])
        self.block[rows] = np.where(trusted, self.untried[rows], 0)

    def turn_day(self, rows: Rows, before: Int32, now: Int32, age_s: Float32, rate: float) -> None:
        gain = np.maximum(np.float32(rate), 1 / (np.floor(age_s / np.float32(DAY_S)) + 1))
        moved = gain * self.day_sum[rows] / self.day_count[rows]
        later = now - before
        skipped = np.where((later > 0) & (later <= MOST_SKIPPED_KNOTS), later, 1)
        for ahead in range(int(skipped.max(initial=1))):  # a series with a value an hour has none at every other knot
            some = skipped > ahead
            self.day[(before[some] + ahead) % KNOTS, rows[some]] += moved[some]
        self.day_sum[rows] = 0
        self.day_count[rows] = 0

    def turn_week(self, rows: Rows, block: Int32, c: Constants) -> None:
        mean = self.week_sum[rows] / self.week_count[rows]
        self.week[block, rows] += np.float32(c.week_rate) * (mean - self.week[block, rows])
        self.week_sum[rows] = 0
        self.week_count[rows] = 0
