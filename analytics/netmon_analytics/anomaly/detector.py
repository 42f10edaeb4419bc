"""The ensemble, one step of all series at a time: values in, scores out, state kept in arrays.

The score is -ln of the probability that an hour of this series brings something as strange, so it is in the same unit
for every series and every component. Three seasonal models (slow, fast, and fast of the logarithm) each say how far a
value is off the model and off what was just before; the mean of the logarithms of these six is the first component. The
spread, how new a value is, and how long nothing has changed are the others.
"""

from dataclasses import replace

import numpy as np

from netmon_analytics.anomaly.columns import Array, Float32, Float64, Mask
from netmon_analytics.anomaly.constants import HOUR_S, Constants
from netmon_analytics.anomaly.judge import Judge, Scores
from netmon_analytics.anomaly.kinds import Kind, rates
from netmon_analytics.anomaly.moment import HALF_KNOTS_PER_HOUR, KNOT_S, Moment
from netmon_analytics.anomaly.state import Basics, State

CHUNK = 4096
LEAST_OFF = np.float32(0.05)
MOST_OFF = np.float32(1e4)
LARGEST = np.float32(1e12)
TINY = np.float32(1e-9)
MOST_NEW = 8.0
TOLD = ("last_s", "raw", "score", "part", "expected", "usual", "alarm_s", "began_s", "before_s")
"""Of Basics: what came last and what was said of it, which is known also where nothing is learned."""


class Detector:
    """Scores series as they come.

    state: as many series as there are; rows are given out by the caller.
    """

    def __init__(self, state: State, constants: Constants | None = None) -> None:
        self.state = state
        self.constants = constants or Constants()
        self._views: dict[tuple[int, int], State] = {}
        self.judge = Judge(self.constants)

    def observe(
        self, now_s: Float64 | float, values: Array, rows: slice | None = None, teach: Mask | None = None
    ) -> Scores:
        """One value per series of `rows` (all, when not given), NaN where there is none.

        now_s: Unix seconds, one for all or one per series; a value that is not later than the one before is left out.
        teach: where False the value is scored and nothing is learned from it (maintenance, known outages).
        """
        rows = rows or slice(0, self.state.series)
        length = rows.stop - rows.start
        values = np.asarray(values, np.float64)
        if values.shape != (length,) or (teach is not None and teach.shape != (length,)):
            raise ValueError(f"{values.shape} values for {length} series, or another number in teach")
        times = np.broadcast_to(np.asarray(now_s, np.float64), (length,))
        found: list[Scores] = []
        for start in range(0, max(length, 1), CHUNK):
            part = slice(start, min(start + CHUNK, length))
            view = self._view(rows.start + part.start, rows.start + part.stop)
            untaught = None if teach is None else np.flatnonzero(~teach[part])
            with np.errstate(all="ignore"):  # hostile values become infinities, which are cut off where they matter
                found.append(self._taught(view, times[part], values[part], untaught))
        names = ("score", "alarm", "news", "part", "surprises")
        return Scores(*(np.concatenate([getattr(one, name) for one in found], axis=-1) for name in names))

    def grow(self, series: int) -> None:
        """Makes room for more series; those that there are keep their rows. One part at a time, to take less."""
        for name, part in self.state.parts.items():
            setattr(self.state, name, part.grown(series))
        self._views.clear()

    def silence(self, now_s: float) -> Float32:
        """Scores of series for having no value: they alarm after a multiple of the longest gap so far."""
        basics, stretch = self.state.basics, self.state.stretch
        with np.errstate(all="ignore"):
            lasts = ((now_s - basics.last_s) / np.maximum(stretch.longest_gap_s, TINY)).astype(np.float32)
        known = (basics.warm == 1) & np.isfinite(lasts)
        return np.where(known, np.maximum(self.judge.stretched(np.nan_to_num(lasts)), 0), np.float32(np.nan))

    def _view(self, start: int, stop: int) -> State:
        if (start, stop) not in self._views:
            self._views[start, stop] = self.state.view(slice(start, stop))
        return self._views[start, stop]

    def _taught(self, state: State, times: Float64, values: Float64, untaught: Array | None) -> Scores:
        if untaught is None or not len(untaught):
            return self._step(state, times, values)
        kept = state.take(untaught)
        scores = self._step(state, times, values)
        for name in TOLD:
            getattr(kept.basics, name)[:] = getattr(state.basics, name)[untaught]
        state.put(untaught, kept)
        return scores

    def _step(self, state: State, times: Float64, values: Float64) -> Scores:
        basics, c = state.basics, self.constants
        x, has = _levels(basics, times, values)
        first = np.flatnonzero(has & np.isfinite(x) & np.isnan(basics.first_s))
        moment = _moment(basics, times, has & np.isfinite(x) & ~np.isnan(basics.first_s))
        if len(first):
            _begin(state, first, times, x)
        linear, logarithm = self._units(state, moment, x)
        self._turn(state, moment)
        deviation = self._deviation(state, moment, linear, logarithm)
        restless = np.abs(np.log(basics.restless * basics.restless + LEAST_OFF))
        warm = moment.age_s >= np.float32(c.warm_up_s)
        lasts = state.stretch.step(linear, moment, c)
        judged = moment.ok & warm
        known = judged & (moment.age_s >= np.float32(2 * c.warm_up_s))  # logarithms have a unit only after an hour
        new = self._new(state, moment, linear, logarithm, known)
        surprises = (
            state.deviation.surprise(deviation, c.deviation_shape, c),
            state.spread.surprise(restless, c.spread_shape, c),
            np.where(new > 0, state.new.surprise(new, c.novelty_shape, c), np.float32(0)),
            self.judge.stretched(lasts),
        )
        unheard = np.float32(-9)
        state.deviation.meet(np.where(judged, deviation, unheard))
        state.spread.meet(np.where(judged, restless, unheard))
        state.new.meet(np.where(known, new, unheard))
        self._remember(basics, times, has, moment)
        return self.judge.judge(state, times, judged, moment, surprises, new)

    def _units(self, state: State, moment: Moment, x: Float64) -> tuple[Float32, Float32]:
        """The values from their origin and in their unit, and the logarithm of their size."""
        basics, c = state.basics, self.constants
        linear = np.clip((x - basics.origin) / basics.unit, -LARGEST, LARGEST).astype(np.float32)
        size = np.minimum(np.abs(x) / basics.unit, LARGEST).astype(np.float32)
        linear = np.where(moment.ok, linear, np.float32(0))
        size = np.where(moment.ok, size, np.float32(0))
        logarithm: Float32 = np.log(size / basics.log_unit + np.float32(c.log_offset))
        basics.magnitude += moment.gain(c.scale_s) * (size - basics.magnitude)
        ready = np.flatnonzero((basics.warm == 0) & moment.ok & (moment.age_s >= np.float32(c.warm_up_s)))
        if len(ready):  # only now is it known what is large for this series
            basics.warm[ready] = 1
            basics.log_unit[ready] = np.maximum(basics.magnitude[ready], TINY)
            logarithm[ready] = np.log(size[ready] / basics.log_unit[ready] + np.float32(c.log_offset))
            state.log.begin(ready, logarithm)
        return linear, logarithm

    def _turn(self, state: State, moment: Moment) -> None:
        """What is done once an hour, and once a half hour, for the rows in which it is over."""
        c, rows = self.constants, moment.new_hour
        state.habit.turn(moment, c)
        state.slow.turn(moment, c.slow_day_rate, c)
        state.fast.turn(moment, c.fast_day_rate, c)
        state.log.turn(moment, c.fast_day_rate, c)
        if not len(rows):
            return
        hours = moment.age_s[rows] / np.float32(HOUR_S)
        state.deviation.turn(rows, hours, c)
        state.spread.turn(rows, hours, c)
        state.new.turn(rows, hours, c, MOST_NEW)
        self.judge.turn(state.basics, rows)

    def _deviation(self, state: State, moment: Moment, linear: Float32, logarithm: Float32) -> Float32:
        """Mean of the logarithms of how many usual deviations the value is off."""
        c = self.constants
        floor = np.float32(c.floor) * state.basics.magnitude + TINY
        basics = state.basics
        basics.expected[:] = np.where(moment.ok, state.fast.expected(moment), basics.expected)
        basics.usual[:] = np.where(moment.ok, state.fast.usual(floor), basics.usual)
        pairs = (
            state.slow.step(linear, moment, floor, c.slow_level_s, c),
            state.fast.step(linear, moment, floor, c.fast_level_s, c),
            state.log.step(logarithm, moment, c.floor, c.log_level_s, c),
        )
        product = np.ones_like(linear)
        for off in (off for pair in pairs for off in pair):
            product *= np.minimum(np.abs(off), MOST_OFF) + LEAST_OFF
        restless = basics.restless
        restless += moment.gain(c.spread_s) * (np.sqrt(np.minimum(np.abs(pairs[1][1]), np.float32(c.clip))) - restless)
        mean: Float32 = (np.log(product) / np.float32(2 * len(pairs))).astype(np.float32)
        return mean

    def _new(self, state: State, moment: Moment, linear: Float32, logarithm: Float32, known: Mask) -> Float32:
        """How new a value is: the mean of how new it and its logarithm are. 0 while the logarithm's grid fills.

        Among bursts, where only several times the largest is remarkable, the logarithm says less than the value; near
        zero it says more.
        """
        c = self.constants
        warm = replace(moment, ok=moment.ok & (state.basics.warm == 1))  # before, the logarithm has no unit
        plain = state.novelty.step(linear, moment, known, c)
        of_size = state.novelty_of_size.step(logarithm, warm, known, c)
        mean: Float32 = (plain + of_size) / np.float32(2)
        return mean

    def _remember(self, basics: Basics, times: Float64, has: Mask, moment: Moment) -> None:
        basics.last_s[:] = np.where(has, times, basics.last_s)
        basics.half_knot[:] = np.where(moment.ok, moment.half_knot, basics.half_knot)


def _levels(basics: Basics, times: Float64, values: Float64) -> tuple[Float64, Mask]:
    """Counters as rates; and which rows have a value that is later than the one before."""
    has = np.isfinite(values) & ~(times <= basics.last_s)
    counters = np.flatnonzero(basics.kind == Kind.COUNTER)
    if not len(counters):
        return values, has
    x = values.copy()
    x[counters] = rates(basics.raw[counters], values[counters], times[counters] - basics.last_s[counters])
    counted = counters[has[counters]]
    basics.raw[counted] = values[counted]
    return x, has


def _moment(basics: Basics, times: Float64, ok: Mask) -> Moment:
    local = times + basics.ahead_s
    half_knot = np.floor(local / (KNOT_S / 2)).astype(np.int32)
    moved = np.flatnonzero((half_knot != basics.half_knot) & ok)
    before = basics.half_knot[moved]
    return Moment(
        ok,
        np.where(ok, times - basics.last_s, 0).astype(np.float32),
        np.where(ok, times - basics.first_s, 0).astype(np.float32),
        half_knot,
        (local / KNOT_S % 1).astype(np.float32),
        moved,
        before,
        moved[half_knot[moved] // HALF_KNOTS_PER_HOUR != before // HALF_KNOTS_PER_HOUR],
    )


def _begin(state: State, rows: Array, times: Float64, x: Float64) -> None:
    """The first values of these rows: origin and unit."""
    basics = state.basics
    basics.first_s[rows] = times[rows]
    basics.origin[rows] = x[rows]
    size = np.abs(x[rows])
    basics.unit[rows] = np.where(size > 0, size, 1)
    basics.half_knot[rows] = np.floor((times[rows] + basics.ahead_s[rows]) / (KNOT_S / 2))
