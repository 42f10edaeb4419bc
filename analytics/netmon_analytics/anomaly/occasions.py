"""What alarms again and again, at whatever time, is usual: only what is stranger is told."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Columns, Float32, Float64, Mask, Rows, column
from netmon_analytics.anomaly.constants import DAY_S, WEEK_S, Constants

SAME_ALARM_S = 600.0
"""Alarms that are less apart are one occasion."""
ENOUGH = 3


@dataclass
class Occasions(Columns):
    scores: Float32 = column(width=ENOUGH)  # of the strangest occasions that are over, the least strange first
    highest: Float32 = column()  # of the last one, which may go on
    last_s: Float64 = column(dtype=np.float64, fill=-np.inf)

    def meet(self, rows: Rows, score: Float32, now_s: Float64, age_s: Float32, far: float, c: Constants) -> Mask:
        """Which of these rows, that would alarm, do what they did on enough occasions. Remembers what they do now.

        One occasion is enough within a series' first day, two within its first week: as often as that is far too often
        already. far: lesser scores are never usual here, as their number is what the bar follows.
        """
        apart_s = now_s - self.last_s[rows]
        begins = apart_s >= SAME_ALARM_S
        begun = rows[begins]
        if len(begun):
            kept = self.scores[:, begun] * np.exp2(-apart_s[begins] / c.fine_s).astype(np.float32)
            kept[0] = np.maximum(kept[0], self.highest[begun])
            self.scores[:, begun] = np.sort(kept, axis=0)
            self.highest[begun] = 0
        self.highest[rows] = np.maximum(self.highest[rows], score)
        self.last_s[rows] = now_s
        enough = 1 + (age_s >= np.float32(DAY_S)) + (age_s >= np.float32(WEEK_S))
        reached = self.scores[ENOUGH - enough, rows]
        usual: Mask = (reached >= np.float32(far)) & (score <= reached * np.float32(1 + c.habit_slack))
        return usual
