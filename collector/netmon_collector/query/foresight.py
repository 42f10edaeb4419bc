"""Functions of netmon's own: what is usual at this time, and what comes next. Prometheus does not have them."""

from collections.abc import Callable
from typing import Final

import numpy as np

from netmon_collector.query.answer import Mask
from netmon_collector.query.over_time import Padded, per_window, quantiles
from netmon_collector.query.windows import Kernel, Windows
from netmon_collector.store.base import Times, Values

_DAY_MS: Final = 86_400_000
_WEEK_MS: Final = 7 * _DAY_MS
_AROUND_MS: Final = 1_800_000
_FEWEST: Final = 4
"""Samples at the same time of the week, or else of the day, from which anything is said."""
_BAND: Final = 4.0
_TO_DEVIATION: Final = 1.4826  # from the median of deviations to a normal distribution's standard deviation

Judge = Callable[[Values, Values, Values], Values]
"""From the newest values, medians and usual deviations, each (R,), to a result."""

BASELINES: Final[dict[str, Judge]] = {
    "anomaly_score": lambda newest, middle, usual: np.abs(newest - middle) / usual,
    "baseline_high": lambda _, middle, usual: middle + _BAND * usual,
    "baseline_low": lambda _, middle, usual: middle - _BAND * usual,
}
ANOMALY_RATE: Final = "anomaly_rate"
"""The part of the samples that were anomalies; what it reads is verdicts, 1 or 0, and nothing where there is none."""
FORECASTS: Final = ("forecast", "forecast_high", "forecast_low")
LIMITS: Final = ("time_until", "time_until_high", "time_until_low")


def baseline_kernel(function: str, ends: Times) -> Kernel:
    """What the samples of a window within half an hour of this time of the week, or else of the day, come to."""

    def compute(part: Padded) -> Values:
        return BASELINES[function](*_usual(part, ends[part.rows % len(ends)]))

    of_windows = per_window(1, compute)

    def kernel(windows: Windows) -> tuple[Values, Mask]:
        result, there = of_windows(windows)
        return result, there & ~np.isnan(result)

    return kernel


def _usual(part: Padded, now_ms: Times) -> tuple[Values, Values, Values]:
    """The newest values, and the median and the usual deviation of those at the same time; NaN where there are few."""
    ago = now_ms[:, None] - part.times
    there = part.there & np.isfinite(part.values) & (ago > _AROUND_MS)
    weekly, daily = there & _near(ago, _WEEK_MS), there & _near(ago, _DAY_MS)
    chosen = np.where((weekly.sum(axis=1) >= _FEWEST)[:, None], weekly, daily)
    enough = chosen.sum(axis=1) >= _FEWEST
    chosen = np.where(enough[:, None], chosen, part.there)  # something to sort; left out below
    half = np.full(len(part.rows), 0.5)
    middle = quantiles(part.values, chosen, half)
    deviation = quantiles(np.abs(part.values - middle[:, None]), chosen, half) * _TO_DEVIATION
    usual = np.maximum(deviation, np.maximum(np.abs(middle) * 1e-3, 1e-12))
    newest = part.values[np.arange(len(part.rows)), part.there.sum(axis=1) - 1]
    return newest, np.where(enough, middle, np.nan), np.where(enough, usual, np.nan)


def _near(ago: Times, period_ms: int) -> Mask:
    return (ago + _AROUND_MS) % period_ms <= 2 * _AROUND_MS


def forecast_kernel(function: str, times: Times, seconds: Values) -> Kernel:
    """What each window comes to, so many seconds after its step, and the ends of the 80 % interval."""
    from netmon_analytics.forecast.ahead import look_ahead

    field = {"forecast": "middle", "forecast_high": "high", "forecast_low": "low"}[function]
    return _each(
        times, lambda at, values, now_s, step: float(getattr(look_ahead(at, values, now_s, seconds[step]), field))
    )


def limit_kernel(function: str, times: Times, limits: Values) -> Kernel:
    """In how many seconds each window reaches a limit, +Inf for never, and the ends of the 80 % interval."""
    from netmon_analytics.forecast.ahead import until

    field = {"time_until": "middle_s", "time_until_high": "high_s", "time_until_low": "low_s"}[function]

    def compute(at: Values, values: Values, now_s: float, step: int) -> float:
        told = until(at, values, now_s, limits[step])
        return np.nan if told is None else float(getattr(told, field))

    return _each(times, compute)


def _each(times: Times, compute: Callable[[Values, Values, float, int], float]) -> Kernel:
    """A kernel that computes something of one window after the other; NaN is no result."""

    def kernel(windows: Windows) -> tuple[Values, Mask]:
        result = np.full(windows.lo.shape, np.nan)
        for row, step in np.argwhere(windows.counts > 1):
            windows.check()
            part = slice(windows.lo[row, step], windows.hi[row, step])
            result[row, step] = compute(windows.times[part] / 1000, windows.values[part], times[step] / 1000, int(step))
        return result, ~np.isnan(result)

    return kernel
