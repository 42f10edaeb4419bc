"""Forecasts that say a past day or week again. Each is poor alone and errs in its own way, which is what a weighted
mean of forecasts lives on."""

import numpy as np

from netmon_analytics.forecast.linear import LARGEST_STEP, Float64

WEEKS = 3


def last_day(values: Float64, steps: int, day: int) -> Float64:
    return np.resize(values[-day:], steps)


def mean_week(values: Float64, steps: int, week: int, count: int) -> Float64:
    """Each time of the week as it was on average in the last `count` weeks."""
    return np.resize(_weeks(values, week, count).mean(axis=0), steps)


def median_week(values: Float64, steps: int, week: int) -> Float64:
    return np.resize(np.median(_weeks(values, week, WEEKS), axis=0), steps)


def levelled_week(values: Float64, steps: int, day: int, week: int) -> Float64:
    """The last week again, moved by how far the last day is from the same day a week ago."""
    before = values[-week - day : -week]
    moved = values[-day:].mean() - before.mean() if len(before) else 0.0
    return np.resize(values[-week:], steps) + moved


def smoothed(values: Float64, ends: list[int], steps: int, day: int, week: int) -> Float64:
    """Exponential smoothing with a day, a week and autocorrelated errors, from each of the ascending `ends`.

    Taylor, Short-term electricity demand forecasting using double seasonal exponential smoothing, J. Oper. Res. Soc. 54
    (2003). values: in a unit of spread 1. Returns (ends, steps).
    """
    level_gain, day_gain, week_gain, kept, largest = 0.05, 0.15, 0.15, 0.9, 4.0
    start = min(2 * week, ends[0] // week * week)
    weekly = values[:start].reshape(-1, week).mean(axis=0)
    daily = weekly.reshape(-1, day).mean(axis=0)
    days, weeks = daily.tolist(), (weekly - np.resize(daily, week)).tolist()
    level = error = 0.0
    ahead = np.arange(steps)
    fading = kept ** (ahead + 1)
    paths = []
    for at, value in enumerate([*values[start : ends[-1]].tolist(), 0.0], start):
        if at in ends:
            path = level + np.array(days)[(at + ahead) % day] + np.array(weeks)[(at + ahead) % week] + fading * error
            paths.append(np.clip(path, values[:at].min() - LARGEST_STEP, values[:at].max() + LARGEST_STEP))
        usual = level + days[at % day] + weeks[at % week]
        news = min(max(value - usual - kept * error, -largest), largest)
        level += level_gain * news
        days[at % day] += day_gain * news
        weeks[at % week] += week_gain * news
        error = value - (level + days[at % day] + weeks[at % week])
    return np.stack(paths)


def _weeks(values: Float64, week: int, count: int) -> Float64:
    kept = min(count, len(values) // week)
    return values[len(values) - kept * week :].reshape(kept, week)
