"""Our own ensembles behind the interfaces of models."""

from typing import Final

import numpy as np

from netmon_analytics.anomaly import Constants, Detector, State, explain
from netmon_analytics.forecast.ensemble import ensemble, fewest, fill, unit_of
from netmon_analytics.forecast.exhaustion import drawn_paths
from netmon_analytics.models.interfaces import Detection, Float64, Outlook, Reason

DAY_S: Final = 86_400.0
FEWEST: Final = 9
"""Values without which nothing is forecast."""
MOST_STEPS_A_DAY: Final = 96
"""A step of a quarter of an hour: weeks of finer ones take seconds for each series."""
MOST_REASONS: Final = 1000
DRAWN: Final = "increments drawn again"
NONE: Final = "too little history"


class EnsembleDetector:
    """See `DetectorModel`. Its state can be had, and put back, as arrays."""

    def __init__(self, state: State, constants: Constants | None = None) -> None:
        self.detector = Detector(state, constants)

    def observe(self, times_s: Float64, values: Float64) -> Detection:
        """Raises ValueError where the shapes are not those."""
        values, times_s = matrix(values), np.asarray(times_s, np.float64)
        series, steps = values.shape
        if times_s.shape != (steps,) or series != self.detector.state.series:
            raise ValueError(
                f"{values.shape} values at {times_s.shape} times for {self.detector.state.series} series: "
                f"({self.detector.state.series}, times) values are needed"
            )
        scores = np.full((series, steps), np.nan)
        alarms = np.zeros((series, steps), np.bool_)
        reasons: list[Reason] = []
        for step in range(steps):
            found = self.detector.observe(float(times_s[step]), values[:, step])
            scores[:, step], alarms[:, step] = found.score, found.alarm
            for row in np.flatnonzero(found.alarm)[: MOST_REASONS - len(reasons)].tolist():
                told = explain(self.detector, row)
                reasons.append(Reason(row, step, told.component, told.expected, told.low, told.high))
        return Detection(scores, alarms, reasons)


class EnsembleForecaster:
    """See `ForecasterModel`. Series with a day and weeks in them get the ensemble, others increments drawn again."""

    def forecast(self, values: Float64, step_s: float, steps: int, share: float = 0.8) -> Outlook:
        """Raises ValueError where something is not as it must be."""
        values = matrix(values)
        if not step_s > 0 or steps < 1 or not 0 < share < 1:
            raise ValueError(f"step {step_s} s, {steps} steps or share {share} cannot be")
        paths = np.full((3, len(values), steps), np.nan)
        methods = []
        for row, series in enumerate(values):
            unit = unit_of(series)
            scaled, method = _of_one(series / unit, step_s, steps, share)
            paths[:, row] = scaled * unit
            methods.append(method)
        return Outlook(paths[0], paths[1], paths[2], methods)


def matrix(values: Float64) -> Float64:
    """(S, T). Raises ValueError where it is something else."""
    given = np.asarray(values, np.float64)
    if given.ndim != 2:
        raise ValueError(f"values must be of (series, times): two axes, not {given.ndim}")
    return given


def _of_one(series: Float64, step_s: float, steps: int, share: float) -> tuple[Float64, str]:
    """Low, middle and high of one series, (3, steps), and by what."""
    known = np.flatnonzero(np.isfinite(series))
    if len(known) < FEWEST:
        return np.full((3, steps), np.nan), NONE
    whole = fill(series[known[0] :])
    day = _steps_a_day(step_s)
    for week in (7 * day, 2 * day) if day > 1 else ():
        if len(whole) >= fewest(steps, day, week):
            told = ensemble(whole, steps, day, week, (share,))
            best = max(told.weights, key=lambda name: told.weights[name])
            return np.stack([told.low[0], told.mean, told.high[0]]), best
    paths = whole[-1] + drawn_paths(np.diff(whole), steps, np.random.default_rng(len(whole)))
    return np.quantile(paths, [(1 - share) / 2, 0.5, (1 + share) / 2], axis=0), DRAWN


def _steps_a_day(step_s: float) -> int:
    """0 where steps and days do not fit, or are too many."""
    steps = DAY_S / step_s
    return round(steps) if abs(steps - round(steps)) < 1e-9 and steps <= MOST_STEPS_A_DAY else 0
