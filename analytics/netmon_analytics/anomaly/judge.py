"""From what the components say to one score, an alarm and news; and what is forgiven."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from netmon_analytics.anomaly.columns import Bytes, Float32, Float64, Mask, Rows
from netmon_analytics.anomaly.constants import HOUR_S, Constants
from netmon_analytics.anomaly.kinds import Kind
from netmon_analytics.anomaly.moment import Moment
from netmon_analytics.anomaly.occasions import SAME_ALARM_S
from netmon_analytics.anomaly.state import COMPONENTS, Basics, State
from netmon_analytics.anomaly.tail import foretold

HIGHEST_SCORE = np.float32(50)
FURTHEST = np.float32(1000)  # what is remembered of a score beyond, to forgive as much
LOWEST_BAR, HIGHEST_BAR = np.float32(-2.5), np.float32(6)
FAR_BIAS = np.float32(0.1)  # it follows by steps, and these raise the bar by so much on the whole
FLAT_STEEPNESS = 8.0
NOVELTY, FLAT = COMPONENTS.index("novelty"), COMPONENTS.index("flat")


class Calibrated(Protocol):
    """What the bar of each series is made of, see Basics."""

    bar: Float32
    far: Float32
    peak: Float32
    alarmed: Float32


@dataclass(frozen=True)
class Scores:
    """Per series, in the order of the values. Where there was none, or the series is not warm yet, the score is NaN."""

    score: Float32
    alarm: Mask
    news: Float32
    """How new the value is, where it is newer than all of the last hours, else 0: nothing is said twice."""
    part: Bytes
    """Which of COMPONENTS gave the score."""
    surprises: Float32
    """(components, series): what each of COMPONENTS said."""


class Judge:
    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.needed = np.float32(np.log(constants.weeks_per_alarm * 7 * 24))
        """The score that alarms: once per so many weeks, if the series stays as it is."""
        self.reach = np.float32(0.3 + constants.far_reach * (self.needed + np.log(constants.far_share)))
        """How many times the error at a lesser score is expected at the one that alarms."""

    def stretched(self, lasts: Float32) -> Float32:
        """There is no probability of a stretch as long as none before: it alarms at the stated multiple."""
        ratio = np.clip(lasts / np.float32(self.constants.flat_factor), np.float32(0.01), np.float32(1))
        score: Float32 = self.needed + np.float32(FLAT_STEEPNESS) * np.log(ratio)
        return score

    def bar(self, basics: Calibrated) -> Float32:
        """The score that alarms, per series: what theory asks, moved by how often lesser scores and alarms came."""
        lesser = basics.far + np.float32(np.log(self.constants.far_share)) - FAR_BIAS
        bar: Float32 = self.needed + np.clip(basics.bar + self.reach * lesser, LOWEST_BAR, HIGHEST_BAR)
        return bar

    def bar_now(self, basics: Basics) -> Float32:
        """The score that alarms, per series, as little as is known of young ones."""
        age_h = np.nan_to_num((basics.last_s - basics.first_s) / HOUR_S).astype(np.float32)
        return foretold(self.bar(basics), age_h, self.constants)

    def turn(self, basics: Calibrated, rows: Rows) -> None:
        """An hour is over in these rows: a bar that lets too much or too little through is moved."""
        c = self.constants
        step = np.float32(c.correction) * (basics.alarmed[rows] - np.exp(-self.needed))
        basics.bar[rows] = np.clip(basics.bar[rows] + step, LOWEST_BAR, HIGHEST_BAR)
        basics.alarmed[rows] = 0
        over = basics.peak[rows] > basics.far[rows]
        basics.far[rows] += np.float32(c.far_rate) * (over - np.float32(c.far_share))
        basics.peak[rows] = 0

    def judge(
        self, state: State, times: Float64, judged: Mask, moment: Moment, surprises: tuple[Float32, ...], new: Float32
    ) -> Scores:
        basics, c = state.basics, self.constants
        fade = 1 - moment.dt_s * np.float32(np.log(2) / c.fine_s)
        basics.fine *= np.maximum(np.where(moment.ok, fade, np.float32(1)), 0)
        part = np.zeros(len(times), np.uint8)
        score = np.full(len(times), -HIGHEST_SCORE, np.float32)
        numeric = basics.kind != Kind.STATE
        for number, surprise in enumerate(surprises):
            forgiven = np.maximum(basics.fine[number] - (self.needed - 1), 0)
            spent = np.float32(np.log(c.shares[number]))
            own = np.where(numeric | (number == NOVELTY), surprise + spent - forgiven, np.float32(0))
            higher = own > score
            part[higher] = number
            score = np.where(higher, own, score)
        uncut, score = np.clip(score, 0, FURTHEST), np.clip(score, 0, HIGHEST_SCORE)
        state.habit.meet(np.where(judged, score, np.float32(0)))
        usual = state.habit.allowed()
        excused = np.where(usual >= self.needed, usual - self.needed + 1, np.float32(0))
        score = np.where(judged, score, np.float32(np.nan))
        np.maximum(basics.peak, np.where(judged, score, np.float32(0)), out=basics.peak)
        strange = self._strange(state, times, moment, score, excused)
        alarm = np.where(part == FLAT, score >= self.needed, strange)
        basics.alarmed[alarm] = 1
        news = self._news(basics, moment, new)
        began = np.flatnonzero(alarm & ~(times - basics.alarm_s < SAME_ALARM_S))
        basics.before_s[began] = basics.began_s[began]
        basics.began_s[began] = times[began]
        basics.alarm_s[:] = np.where(alarm, times, basics.alarm_s)
        basics.score[:] = np.where(judged, uncut, basics.score)
        basics.part[:] = np.where(judged, part, basics.part)
        return Scores(score, alarm, news, part, np.stack(surprises))

    def _strange(self, state: State, times: Float64, moment: Moment, score: Float32, excused: Float32) -> Mask:
        """Which scores reach the bar of their series, and are not what it does now and then."""
        bar = self.bar(state.basics)
        strange: Mask = score - excused >= bar
        rows = np.flatnonzero(strange)
        if len(rows):
            age_s = moment.age_s[rows]
            known = score[rows] - excused[rows] >= foretold(bar[rows], age_s / np.float32(HOUR_S), self.constants)
            strange[rows[~known]] = False
            rows, age_s = rows[known], age_s[known]
            far = float(self.needed) + self.constants.occasion_far
            usual = state.occasions.meet(rows, score[rows], times[rows], age_s, far, self.constants)
            strange[rows[usual]] = False
        return strange

    def _news(self, basics: Basics, moment: Moment, new: Float32) -> Float32:
        """Only what is newer than all of the last hours is news; then the bar falls."""
        c = self.constants
        dt_s = np.where(moment.ok, moment.dt_s, np.float32(0))
        basics.held_s += dt_s
        fall = 1 - dt_s / (np.float32(c.quiet_decay_s) + dt_s)
        basics.held *= np.where(basics.held_s > np.float32(c.quiet_s), fall, np.float32(1))
        newer = new > basics.held
        basics.held[:] = np.where(newer, new, basics.held)
        basics.held_s[:] = np.where(newer, np.float32(0), basics.held_s)
        return np.where(newer, new, np.float32(0))
