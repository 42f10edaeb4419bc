"""A forecast with honest intervals for one regular series: unlike models weighted by how they did, errors as they were.

Each model forecasts from several rolling origins inside the history. Its weight is a power of the inverse of its mean
absolute error there, so the method is picked per series, softly. The interval is conformal (Vovk et al., here over
rolling origins): quantiles of the errors that the weighted forecast would have made, with weights that had seen neither
that origin nor those beside it, whose days are in part the same, each in the unit of the usual error at that hour and
day ahead.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast.linear import LARGEST_STEP, Float64, Regression
from netmon_analytics.forecast.repeated import last_day, levelled_week, mean_week, median_week, smoothed

POWER = 5.0
ORIGINS = 7
RIDGE, RIDGE_OF_CHANGES = 0.1, 1.0
SMOOTH = 2
"""The usual error of an hour is the mean with so many hours on either side."""
ALIKE = 10
"""So many neighbouring errors count as one, because they come together."""
MOST_BESIDE = 2
"""Origins to either side that are left out at most, so that three or more are left to make weights of."""
LEAST = 1e-9
SMALLEST, LARGEST = 1e-3, 1e100
"""Series all of which is smaller, or some of which is larger, are looked at in another unit: LEAST must be little
beside them, and squares numbers."""


@dataclass(frozen=True)
class Forecast:
    """Steps ahead, from the step after the last value on. Bands are (levels, steps)."""

    mean: Float64
    low: Float64
    high: Float64
    levels: tuple[float, ...]
    weights: dict[str, float]
    """What each model contributed."""


@dataclass(frozen=True)
class Unit:
    """The scale on which a model works: spread 1, after logarithms (made possible by an offset) or not."""

    logs: bool
    offset: float
    mean: float
    spread: float

    @classmethod
    def of(cls, values: Float64, *, logs: bool) -> "Unit":
        least = float(values.min())
        offset = 0.0 if least > 0 else 1.0 - least
        scaled = np.log(np.maximum(values + offset, LEAST)) if logs else values
        return cls(logs, offset, float(scaled.mean()), float(scaled.std()) or 1.0)

    def into(self, values: Float64) -> Float64:
        raw = np.log(np.maximum(values + self.offset, LEAST)) if self.logs else values
        scaled: Float64 = (raw - self.mean) / self.spread
        return scaled

    def back(self, scaled: Float64) -> Float64:
        raw = scaled * self.spread + self.mean
        values: Float64 = np.exp(raw) - self.offset if self.logs else raw
        return values


def ensemble(values: Float64, horizon: int, day: int, week: int, levels: tuple[float, ...] = (0.8, 0.95)) -> Forecast:
    """Forecasts a regular series without gaps, at least `fewest(horizon, day, week)` long.

    day, week: the two periods, in steps; week is a multiple of day. levels: probabilities of intervals. Raises
    ValueError where the series is too short, or something is not as it must be.
    """
    values = whole(values)
    if horizon < 1 or day < 1 or week < day or week % day or not all(0 < level < 1 for level in levels):
        raise ValueError(f"horizon {horizon}, day {day}, week {week} or levels {levels} cannot be")
    if len(values) < fewest(horizon, day, week):
        raise ValueError(f"{len(values)} values are too few for {horizon} steps ahead")
    unit = unit_of(values)
    told = _forecast(values / unit, horizon, day, week, levels)
    return Forecast(told.mean * unit, told.low * unit, told.high * unit, levels, told.weights)


def unit_of(values: Float64) -> float:
    """1, but for tiny and huge values: their largest."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    return 1.0 if largest == 0 or SMALLEST <= largest <= LARGEST else largest


def whole(values: Float64) -> Float64:
    """One series without gaps. Raises ValueError where it is something else."""
    given = np.asarray(values, np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise ValueError("one series of finite values is needed; `fill` fills gaps")
    return given


def _forecast(values: Float64, horizon: int, day: int, week: int, levels: tuple[float, ...]) -> Forecast:
    ends = [len(values) - horizon - day * back for back in range(ORIGINS - 1, -1, -1)]
    paths = _paths(values, [*ends, len(values)], horizon, day, week)
    names, made = list(paths), np.stack(list(paths.values()), axis=1)
    truth = np.stack([values[end : end + horizon] for end in ends])
    errors = np.abs(made[:-1] - truth[:, None]).mean(axis=2)
    beside = min((horizon - 1) // day, MOST_BESIDE)
    residuals = np.stack([_weights(_without(errors, i, beside)) @ made[i] - truth[i] for i in range(ORIGINS)])
    weights = _weights(errors)
    mean = weights @ made[-1]
    reach = _reach(np.abs(residuals), day, levels)
    contributed = {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}
    return Forecast(mean, mean - reach, mean + reach, levels, contributed)


def fewest(horizon: int, day: int, week: int) -> int:
    """The values that `ensemble` needs: two horizons, a day and a week before the first of the rolling origins."""
    return week + day * ORIGINS + 3 * horizon


def _paths(values: Float64, ends: list[int], horizon: int, day: int, week: int) -> dict[str, Float64]:
    """What each model said at each end: (ends, horizon). None saw more than what was before that end."""
    unit, plain = Unit.of(values[: ends[0]], logs=True), Unit.of(values[: ends[0]], logs=False)
    logs, scaled = unit.into(values), plain.into(values)
    lags = min(2 * day + 2, week)
    own, change = Regression(lags), Regression(week)
    paths: dict[str, list[Float64]] = {}
    for end in ends:
        until, changes = values[:end], scaled[day:end] - scaled[: end - day]
        own.extend(logs[:end])
        change.extend(changes)
        steps = change.path(changes, RIDGE_OF_CHANGES, horizon)
        said = {
            "two days of lags": unit.back(own.path(logs[:end], RIDGE, horizon)),
            "day over day": plain.back(_summed(scaled[end - day : end], steps, scaled[:end])),
            "last day": last_day(until, horizon, day),
            "mean of two weeks": mean_week(until, horizon, week, 2),
            "mean of three weeks": mean_week(until, horizon, week, 3),
            "median of three weeks": median_week(until, horizon, week),
            "last week, levelled": unit.back(levelled_week(logs[:end], horizon, day, week)),
        }
        for name, path in said.items():
            paths.setdefault(name, []).append(path)
    made = {name: np.stack(each) for name, each in paths.items()}
    made["smoothing"] = plain.back(smoothed(scaled, ends, horizon, day, week))
    made["smoothing of logarithms"] = unit.back(smoothed(logs, ends, horizon, day, week))
    return made


def _summed(last: Float64, changes: Float64, past: Float64) -> Float64:
    """From changes against the day before to values."""
    path = np.concatenate([last, changes])
    for step in range(len(changes)):
        path[len(last) + step] += path[step]
    clipped: Float64 = np.clip(path[len(last) :], past.min() - LARGEST_STEP, past.max() + LARGEST_STEP)
    return clipped


def _without(errors: Float64, origin: int, beside: int) -> Float64:
    """The errors of the origins that are further than `beside` from this one."""
    return errors[np.abs(np.arange(ORIGINS) - origin) > beside]


def _weights(errors: Float64) -> Float64:
    """errors: (origins, models)."""
    mean = errors.mean(axis=0)
    good: Float64 = (mean.min() + LEAST) / (mean + LEAST)
    raised: Float64 = good**POWER
    shares: Float64 = raised / raised.sum()
    return shares


def _reach(errors: Float64, day: int, levels: tuple[float, ...]) -> Float64:
    """How far the truth may be from the forecast at each step: (levels, steps), from the errors (origins, steps)."""
    usual = _usual(errors.mean(axis=0), day)
    share = errors / usual
    quantiles = [np.quantile(share, min(1.0, level * (1 + ALIKE / share.size))) for level in levels]
    return np.outer(quantiles, usual)


def _usual(errors: Float64, day: int) -> Float64:
    """The usual error per step: half from how far ahead its day is, half from its hour of the day as well."""
    steps = np.arange(len(errors))
    by_day = np.bincount(steps // day, errors) / np.bincount(steps // day)
    by_hour = np.bincount(steps % day, errors) / np.bincount(steps % day)
    around = np.mean([np.roll(by_hour, shift) for shift in range(-SMOOTH, SMOOTH + 1)], axis=0)
    shape = around / (around.mean() or 1.0)
    usual: Float64 = by_day[steps // day] * (1 + shape[steps % day]) / 2
    return np.maximum(usual, LEAST)


def fill(values: Float64) -> Float64:
    """Gaps become straight lines, and the ends level. Raises ValueError where there is nothing."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise ValueError("no values at all")
    filled: NDArray[np.float64] = np.interp(np.arange(len(values)), known, values[known])
    return filled
