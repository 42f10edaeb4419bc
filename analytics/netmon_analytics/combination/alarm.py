"""From the distances of devices to scores and alarms, calibrated as those of single series are.

The mean of the last minutes is compared with the device's own hours. It alarms as often as it is allowed to: once in so
many weeks, if the device stays as it is.
"""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Columns, Float32, Int32, Mask, Rows, column
from netmon_analytics.anomaly.constants import HOUR_S, Constants
from netmon_analytics.anomaly.judge import Judge
from netmon_analytics.anomaly.tail import Tail

RECENT_S = 300.0
LEARNING_H = np.float32(24)
SHAPE = (2.0, 0.15)
"""How the logarithm of the probability falls with that of the distance, see Tail."""
NONE = np.float32(0.05)
"""A distance below this is none."""
YOUNG = np.float32(3)
"""What newness adds to the bar; half of it is left after a day, a third after two."""
BEYOND_FINE = np.float32(1)
"""What was called fine does not alarm again up to so much more of the score: e times rarer."""


@dataclass
class Standing(Columns):
    """Of each device."""

    recent: Float32 = column(fill=np.nan)  # mean distance of the last minutes
    hour: Int32 = column(dtype=np.int32)  # since the epoch, of the last distance
    hours: Float32 = column()  # in which there was a distance
    score: Float32 = column(fill=np.nan)
    bar: Float32 = column()  # what the device's own alarms have added to the score that it needs
    far: Float32 = column(fill=3.87)  # what the highest score of an hour exceeds once in two days
    peak: Float32 = column()  # the highest score of the hour
    alarmed: Float32 = column()  # whether this hour had an alarm


class Alarms:
    """Scores of devices, and which alarm. standing and tail: as many devices as there are."""

    def __init__(self, standing: Standing, tail: Tail, constants: Constants) -> None:
        self.standing = standing
        self.tail = tail
        self.constants = constants
        self.judge = Judge(constants)
        self.fine = np.zeros(len(standing.hour), np.float32)
        """Of each device, the score that was called fine; 0 where none was. Whoever sets it lets it fade."""

    @classmethod
    def empty(cls, devices: int, constants: Constants) -> "Alarms":
        return cls(Standing.empty(devices), Tail.empty(devices), constants)

    def grow(self, devices: int) -> None:
        self.standing, self.tail = self.standing.grown(devices), self.tail.grown(devices)
        self.fine = np.zeros(devices, np.float32)

    def forget(self, device: int) -> None:
        """The device gets another model, whose distances are other ones, or is another device."""
        self.standing.put(np.array([device]), Standing.empty(1))
        self.tail.put(np.array([device]), Tail.empty(1))

    def observe(self, now_s: float, distance: Float32, step_s: Float32, teach: Mask | None = None) -> Mask:
        """Which devices alarm. distance: (devices,), NaN where there is none now; step_s: how long it is for.

        teach: where False nothing is learned (maintenance).
        """
        state = self.standing
        there = np.isfinite(distance)
        learns = there if teach is None else there & teach
        hour = np.int32(now_s // HOUR_S)
        self._turn(np.flatnonzero(learns & (state.hour != hour)), hour)
        gain = np.minimum(step_s / np.float32(RECENT_S), np.float32(1))
        recent = np.where(np.isnan(state.recent), distance, state.recent + gain * (distance - state.recent))
        state.recent[:] = np.where(there, recent, state.recent)
        value = np.log(np.maximum(np.where(there, state.recent, np.float32(1)) / NONE, 1))
        score = np.maximum(self.tail.surprise(value, SHAPE, self.constants), 0)
        judged = there & (state.hours >= LEARNING_H)
        state.score[:] = np.where(judged, score, np.float32(np.nan))
        alarm: Mask = judged & (score >= self.needed())
        np.maximum(self.tail.peak, np.where(learns, value, np.float32(-9)), out=self.tail.peak)
        np.maximum(state.peak, np.where(learns & judged, score, np.float32(0)), out=state.peak)
        state.alarmed[alarm & learns] = 1
        return alarm

    def needed(self) -> Float32:
        """The score that alarms."""
        young = YOUNG / (self.standing.hours / np.float32(24) + 1)
        fine = np.where(self.fine > 0, self.fine + BEYOND_FINE, np.float32(0))
        needed: Float32 = np.maximum(self.judge.bar(self.standing) + young, fine)
        return needed

    def limit(self) -> Float32:
        """The mean distance of the last minutes that alarms."""
        limit: Float32 = NONE * np.exp(self.tail.threshold(self.needed(), SHAPE, self.constants))
        return limit

    def _turn(self, devices: Rows, hour: np.int32) -> None:
        """An hour is over for these."""
        state = self.standing
        known = devices[state.hours[devices] > 0]
        if len(known):
            self.tail.turn(known, state.hours[known], self.constants)
            self.judge.turn(state, known)
        state.hour[devices] = hour
        state.hours[devices] += 1
