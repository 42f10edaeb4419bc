"""Forecasts of samples at any times: what a value will be so many seconds ahead, and when a limit will be reached."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.forecast.ensemble import ensemble, fewest, fill, unit_of
from netmon_analytics.forecast.exhaustion import Exhaustion, time_until, trend_until
from netmon_analytics.forecast.levels import drawn_ends

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0
DAY, WEEK = 24, 168
LONGEST_HOURLY_S = 7 * DAY_S
FEWEST = 8
LONGEST = 4000
"""Buckets that are looked at: half a year of hours."""
MOST_DAYS = 1830


@dataclass(frozen=True)
class Ahead:
    """A value to come and its interval; all NaN where too little is known."""

    middle: float
    low: float
    high: float


UNKNOWN = Ahead(np.nan, np.nan, np.nan)


def look_ahead(
    times_s: NDArray[np.float64], values: NDArray[np.float64], now_s: float, ahead_s: float, share: float = 0.8
) -> Ahead:
    """What these samples come to, `ahead_s` after `now_s`.

    Up to a week ahead by hours, with the day and the week in them; beyond, or where hours are unknown, by days. Where
    less than nine hours are known, by minutes, at most as far ahead as they go back. Five years are the most.
    """
    if not 0 <= ahead_s <= MOST_DAYS * DAY_S:
        return UNKNOWN
    unit = unit_of(values)
    if unit != 1:
        told = look_ahead(times_s, values / unit, now_s, ahead_s, share)
        return Ahead(told.middle * unit, told.low * unit, told.high * unit)
    if ahead_s <= LONGEST_HOURLY_S:
        steps = max(1, int(np.ceil(ahead_s / HOUR_S)))
        hours = buckets(times_s, values, now_s, HOUR_S)
        if _is_enough(times_s, values, now_s, HOUR_S, len(hours)):
            for week in (WEEK, 2 * DAY):
                if len(hours) >= fewest(steps, DAY, week):
                    found = ensemble(hours, steps, DAY, week, (share,))
                    return Ahead(float(found.mean[-1]), float(found.low[0, -1]), float(found.high[0, -1]))
            return _drawn(times_s, values, now_s, ahead_s, HOUR_S, share)
        minutes = buckets(times_s, values, now_s, MINUTE_S)
        if ahead_s <= len(minutes) * MINUTE_S and _is_enough(times_s, values, now_s, MINUTE_S, len(minutes)):
            return _drawn(times_s, values, now_s, ahead_s, MINUTE_S, share)
    return _drawn(times_s, values, now_s, ahead_s, DAY_S, share)


@dataclass(frozen=True)
class Reached:
    """When a limit is reached, in seconds from now on, inf for never; `never` is the share of paths that do not get
    there. changed_s: how long ago the way of growing changed, None where it did not. step_s: by what was counted."""

    middle_s: float
    low_s: float
    high_s: float
    never: float
    changed_s: float | None
    step_s: float


def until(
    times_s: NDArray[np.float64],
    values: NDArray[np.float64],
    now_s: float,
    limit: float,
    share: float = 0.8,
    most_steps: int = MOST_DAYS,
) -> Reached | None:
    """When what piles up in these samples reaches a limit; None where too little is known, or the limit is NaN.

    By days where there are more than eight, else by hours, else by minutes, of most of which there are samples; so many
    steps are looked ahead.
    """
    if np.isnan(limit):
        return None
    values, limit = _in_unit(values, limit)
    for step_s in (DAY_S, HOUR_S, MINUTE_S):
        levels = buckets(times_s, values, now_s, step_s)
        if _is_enough(times_s, values, now_s, step_s, len(levels)):
            found = time_until(levels, limit, most_steps, np.random.default_rng(len(levels)), share)
            return _reached(found, len(levels), step_s, _age(times_s, values, now_s, step_s))
    return None


def busy_until(
    times_s: NDArray[np.float64],
    values: NDArray[np.float64],
    now_s: float,
    limit: float,
    share: float = 0.8,
    most_days: int = MOST_DAYS,
) -> Reached | None:
    """When the trend of the busiest hour of each day reaches a limit; None where less than nine days are known."""
    values, limit = _in_unit(values, limit)
    hours = buckets(times_s, values, now_s, HOUR_S)
    whole = len(hours) // DAY * DAY
    days = hours[len(hours) - whole :].reshape(-1, DAY).max(axis=1)
    if len(days) <= FEWEST or not _is_enough(times_s, values, now_s, HOUR_S, len(hours)):
        return None
    found = trend_until(days, limit, most_days, np.random.default_rng(len(days)), share)
    return _reached(found, len(days), DAY_S, 0.0)


def _in_unit(values: NDArray[np.float64], limit: float) -> tuple[NDArray[np.float64], float]:
    unit = unit_of(values)
    return values / unit, limit / unit


def _age(times_s: NDArray[np.float64], values: NDArray[np.float64], now_s: float, step_s: float) -> float:
    """How long ago the samples of the last step were in the mean; 0 where there are none."""
    ages = now_s - times_s[np.isfinite(values) & (times_s <= now_s) & (times_s > now_s - step_s)]
    return float(ages.mean()) if len(ages) else 0.0


def _is_enough(
    times_s: NDArray[np.float64], values: NDArray[np.float64], now_s: float, step_s: float, length: int
) -> bool:
    """Whether there are samples in most of so many steps, and in more than a few: a line over a gap is too sure."""
    known = times_s[np.isfinite(values) & (times_s <= now_s)]
    there = len(np.unique(np.floor((now_s - known) / step_s)))
    return there > FEWEST and there >= length / 2


def _reached(found: Exhaustion, length: int, step_s: float, age_s: float) -> Reached:
    """age_s: how old the last level is."""
    middle_s, low_s, high_s = (max(one * step_s - age_s, 0.0) for one in (found.middle, found.low, found.high))
    changed_s = None if found.changed is None else (length - found.changed) * step_s
    return Reached(middle_s, low_s, high_s, found.never, changed_s, step_s)


def buckets(
    times_s: NDArray[np.float64], values: NDArray[np.float64], now_s: float, width_s: float
) -> NDArray[np.float64]:
    """The mean of each stretch of this width that ends at `now_s` or a multiple before; gaps become lines."""
    known = np.isfinite(values) & (times_s <= now_s)
    if not known.any():
        return np.empty(0)
    back = np.floor((now_s - times_s[known]) / width_s).astype(np.int64)
    recent = back < LONGEST
    back = back[recent]
    if not len(back):
        return np.empty(0)
    length = int(back.max()) + 1
    sums = np.bincount(back, values[known][recent], length)
    counts = np.bincount(back, minlength=length)
    with np.errstate(invalid="ignore"):
        means = sums / counts
    return fill(means[::-1])


def _drawn(
    times_s: NDArray[np.float64],
    values: NDArray[np.float64],
    now_s: float,
    ahead_s: float,
    step_s: float,
    share: float,
) -> Ahead:
    levels = buckets(times_s, values, now_s, step_s)
    if not _is_enough(times_s, values, now_s, step_s, len(levels)):
        return UNKNOWN
    steps = (ahead_s + _age(times_s, values, now_s, step_s)) / step_s
    ends = drawn_ends(levels, steps, np.random.default_rng(len(levels)))
    low, middle, high = np.quantile(ends, [(1 - share) / 2, 0.5, (1 + share) / 2])
    return Ahead(float(middle), float(low), float(high))
