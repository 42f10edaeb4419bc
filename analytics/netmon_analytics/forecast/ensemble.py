"""A forecast with honest intervals for one regular series: linear models weighted by how they did, errors as they were.

Each model forecasts from several rolling origins inside the history. Its weight is a power of the inverse of its mean
absolute error there, so the method is picked per series, softly. The interval is conformal (Vovk et al., here over
rolling origins): quantiles of the errors that the weighted forecast would have made, at about the same distance ahead,
with weights that had not seen that origin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast.ridge import Float64, Windows, same_time

POWER = 4.0
ORIGINS = 5
NEIGHBOURS = 8
LARGEST_STEP = 2.0
LEAST = 1e-9


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
class Model:
    """A linear model of the series' own past: direct or recursive, of so many lags, shrunk so strongly."""

    recursive: bool
    lags: int
    penalty: float

    @property
    def name(self) -> str:
        return f"{'recursive' if self.recursive else 'direct'} {self.lags} lags, penalty {self.penalty:g}"


def models(day: int, week: int) -> list[Model]:
    """For a series with these two periods, in steps."""
    return [
        Model(True, week, 0.1),
        Model(True, week, 1.0),
        Model(True, week + day, 0.1),
        Model(True, 2 * day + 2, 0.1),
        Model(False, week, 3.0),
        Model(False, week, 30.0),
        Model(False, week, 300.0),
        Model(False, 2 * day, 300.0),
    ]


@dataclass(frozen=True)
class Unit:
    """The scale on which models work: logarithms where all values are positive or nearly so, then of spread 1."""

    offset: float
    mean: float
    spread: float

    @classmethod
    def of(cls, values: Float64) -> "Unit":
        least = float(values.min())
        offset = 0.0 if least > 0 else 1.0 - least
        logs = np.log(np.maximum(values + offset, LEAST))
        return cls(offset, float(logs.mean()), float(logs.std()) or 1.0)

    def into(self, values: Float64) -> Float64:
        scaled: Float64 = (np.log(np.maximum(values + self.offset, LEAST)) - self.mean) / self.spread
        return scaled

    def back(self, scaled: Float64) -> Float64:
        values: Float64 = np.exp(scaled * self.spread + self.mean) - self.offset
        return values


def ensemble(values: Float64, horizon: int, day: int, week: int, levels: tuple[float, ...] = (0.8, 0.95)) -> Forecast:
    """Forecasts a regular series without gaps, at least two weeks and six horizons long.

    day, week: the two periods, in steps; week is a multiple of day. Raises ValueError where the series is too short.
    """
    chosen = models(day, week)
    order = max(model.lags for model in chosen)
    origins = [horizon + day * back for back in range(ORIGINS - 1, -1, -1)]
    if len(values) - origins[0] < order + 2 * horizon:
        raise ValueError(f"{len(values)} values are too few for {horizon} steps ahead")
    unit = Unit.of(values[: len(values) - origins[0]])
    scaled = unit.into(values)
    windows = Windows(order, horizon)
    paths = np.stack([_paths(windows, chosen, scaled[: len(scaled) - back], day) for back in [*origins, 0]])
    truth = np.stack([scaled[len(scaled) - back :][:horizon] for back in origins])
    # Errors are weighed as people see them, in the unit of the values.
    seen = unit.back(paths[:-1]) - unit.back(truth)[:, None]
    errors = np.abs(seen).mean(axis=2)
    residuals = np.stack([_combine(paths[i], _weights(np.delete(errors, i, 0))) - truth[i] for i in range(ORIGINS)])
    weights = _weights(errors[-3:])
    middle = _combine(paths[-1], weights)
    reach = np.stack([_quantiles(np.abs(residuals), level) for level in levels])
    return Forecast(
        (weights[:, None] * unit.back(paths[-1])).sum(axis=0),
        unit.back(middle - reach),
        unit.back(middle + reach),
        levels,
        {model.name: round(float(weight), 3) for model, weight in zip(chosen, weights, strict=True)},
    )


def _paths(windows: Windows, chosen: list[Model], scaled: Float64, day: int) -> Float64:
    """(models, horizon), from the end of what is given."""
    windows.extend(scaled)
    bound_low, bound_high = scaled.min() - LARGEST_STEP, scaled.max() + LARGEST_STEP
    paths = [
        windows.recursive(scaled, model.lags, model.penalty, windows.horizon)
        if model.recursive
        else windows.direct(scaled, model.lags, model.penalty, same_time(model.lags, windows.horizon, (day,)))
        for model in chosen
    ]
    return np.clip(np.stack(paths), bound_low, bound_high)


def _weights(errors: Float64) -> Float64:
    """errors: (origins, models)."""
    mean = errors.mean(axis=0)
    good: Float64 = (mean.min() + LEAST) / (mean + LEAST)
    raised: Float64 = good**POWER
    shares: Float64 = raised / raised.sum()
    return shares


def _combine(paths: Float64, weights: Float64) -> Float64:
    combined: Float64 = weights @ paths
    return combined


def _quantiles(residuals: Float64, level: float) -> Float64:
    """Per step ahead, over all origins and the steps around it."""
    horizon = residuals.shape[1]
    reach = np.empty(horizon)
    for step in range(horizon):
        near = residuals[:, max(0, step - NEIGHBOURS) : step + NEIGHBOURS + 1]
        reach[step] = np.quantile(near, min(1.0, level * (1 + 1 / near.shape[0] / 4)))
    return reach


def fill(values: Float64) -> Float64:
    """Gaps become straight lines, and the ends level. Raises ValueError where there is nothing."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise ValueError("no values at all")
    filled: NDArray[np.float64] = np.interp(np.arange(len(values)), known, values[known])
    return filled
