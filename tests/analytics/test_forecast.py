"""Forecasts, dates of exhaustion, trends and changes, on series whose future is known."""

from typing import Any

import numpy as np
import pytest

from netmon_analytics.forecast import (
    changes,
    ensemble,
    fill,
    last_change,
    mann_kendall,
    similar,
    theil_sen,
    time_until,
    trend_until,
)
from netmon_analytics.forecast.ahead import DAY_S, HOUR_S, busy_until, look_ahead, until
from netmon_analytics.forecast.ensemble import _paths
from netmon_analytics.forecast.exhaustion import first_passage
from netmon_analytics.forecast.levels import drawn_ends
from netmon_analytics.forecast.repeated import last_day, levelled_week, mean_week, median_week, smoothed
from netmon_analytics.models import EnsembleForecaster
from tests.support.disks import growth

DAY, WEEK = 24, 168


def test_a_day_and_a_week_are_carried_on() -> None:
    hours = np.arange(5 * WEEK)
    shape = 100 + 30 * np.sin(2 * np.pi * hours / DAY) * np.where(hours // DAY % 7 < 5, 1.0, 0.3)
    noisy = shape + np.random.default_rng(1).normal(size=len(hours))
    told = ensemble(noisy[: 4 * WEEK], 48, DAY, WEEK)
    truth = shape[4 * WEEK :][:48]
    assert np.abs(told.mean - truth).mean() < 3
    assert ((truth > told.low[1]) & (truth < told.high[1])).mean() > 0.9
    assert (told.high[1] >= told.high[0]).all()
    assert sum(told.weights.values()) == pytest.approx(1, abs=0.01)


def test_too_short_a_series_is_refused() -> None:
    with pytest.raises(ValueError, match="too few for 48 steps"):
        ensemble(np.ones(300), 48, DAY, WEEK)


def test_a_constant_stays_constant() -> None:
    told = ensemble(np.full(4 * WEEK, 7.0), DAY, DAY, WEEK)
    assert told.mean == pytest.approx(7, abs=1e-6)


def test_gaps_become_lines_and_nothing_at_all_is_refused() -> None:
    assert fill(np.array([np.nan, 1, np.nan, 3, np.nan])).tolist() == [1, 1, 2, 3, 3]
    with pytest.raises(ValueError, match="no values"):
        fill(np.array([np.nan]))


def test_days_and_weeks_are_said_again_for_as_many_steps_as_asked() -> None:
    weeks = np.array([1.0, 2, 3, 4, 3, 4, 5, 6, 11, 12, 13, 14])
    assert last_day(weeks, 5, 2).tolist() == [13, 14, 13, 14, 13]
    assert mean_week(weeks, 3, 4, 2).tolist() == [7, 8, 9]
    assert median_week(weeks, 2, 4).tolist() == [3, 4]
    assert levelled_week(weeks, 4, 2, 4).tolist() == [19, 20, 21, 22]


def test_weeks_that_are_not_there_are_not_needed() -> None:
    week = np.array([1.0, 2, 3, 4])
    assert mean_week(week, 4, 4, 3).tolist() == [1, 2, 3, 4]
    assert levelled_week(week, 4, 2, 4).tolist() == [1, 2, 3, 4]


def test_smoothing_follows_a_week_that_stays_and_saw_nothing_after_its_end() -> None:
    weeks = np.resize(np.sin(np.arange(24)), 240)
    told = smoothed(weeks, [96, 144], 30, 6, 24)
    assert told[0] == pytest.approx(weeks[96:126], abs=0.02)
    weeks[100:] = 7
    assert smoothed(weeks, [96, 144], 30, 6, 24)[0] == pytest.approx(told[0])


def test_a_forecast_saw_nothing_but_the_past_of_each_origin() -> None:
    rng = np.random.default_rng(3)
    values = 50 + 10 * np.sin(np.arange(5 * WEEK) * 2 * np.pi / DAY) + rng.normal(size=5 * WEEK)
    first = len(values) - DAY - 6 * DAY
    changed = values.copy()
    changed[first:] += 5
    before, after = (_paths(one, [first], DAY, DAY, WEEK) for one in (values, changed))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_steady_disk_has_a_date_and_a_quiet_one_has_never() -> None:
    rng = np.random.default_rng(1)
    steady = time_until(np.cumsum(growth("steady", 90, rng)), 120, 365, rng)
    assert 25 < steady.low < steady.middle < steady.high < 36
    assert steady.never == 0
    quiet = time_until(50 + rng.normal(size=90) * 0.1, 100, 365, rng)
    assert quiet.never > 0.9
    assert quiet.high == np.inf


def test_a_limit_below_is_reached_by_falling() -> None:
    rng = np.random.default_rng(1)
    told = time_until(100 - np.arange(60.0), 0, 365, rng)
    assert told.middle == pytest.approx(41, abs=0.5)


def test_a_limit_that_is_there_is_now() -> None:
    assert time_until(np.arange(20.0), 19, 365, np.random.default_rng(1)).middle == 0


def test_few_values_have_no_date() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        time_until(np.arange(5.0), 19, 365, np.random.default_rng(1))


def test_a_change_of_regime_is_said_and_what_was_before_left_out() -> None:
    rng = np.random.default_rng(1)
    increments = np.concatenate([growth("steady", 60, rng), 5 + growth("steady", 30, rng)])
    told = time_until(np.cumsum(increments), increments.sum() + 60, 365, rng)
    assert told.changed == pytest.approx(61, abs=2)
    assert told.middle == pytest.approx(10, abs=1.5)


def test_a_path_reaches_a_limit_between_two_steps() -> None:
    paths = np.array([[1.0, 3, 5], [0.0, 0, 0]])
    assert first_passage(paths, 2).tolist() == [1.5, np.inf]


def test_a_trend_is_found_among_wild_values() -> None:
    times = np.arange(60.0)
    values = 2 * times + np.random.default_rng(1).normal(size=60)
    values[::10] += 1000
    assert theil_sen(times, values) == pytest.approx(2, abs=0.3)
    tau, chance = mann_kendall(values)
    assert tau > 0.5
    assert chance < 0.001


def test_noise_has_no_trend_and_no_change() -> None:
    noise = np.random.default_rng(2).normal(size=80)
    assert mann_kendall(noise)[1] > 0.05
    assert mann_kendall(np.ones(20)) == (0.0, 1.0)
    assert last_change(noise) is None
    assert last_change(np.ones(40)) is None


def daily(kind: str, length: int, rng: np.random.Generator) -> np.ndarray:
    """One value a day: a walk, or what comes back to a level or to a line."""
    noise = rng.normal(size=length)
    if kind == "walk":
        return np.cumsum(noise)
    levels: np.ndarray = 5 * noise + (0.3 if kind == "line" else 0.0) * np.arange(length)
    return levels


@pytest.mark.parametrize(("kind", "widest"), [("walk", 150.0), ("level", 25.0), ("line", 60.0)])
def test_a_year_ahead_is_as_wide_as_the_kind_of_series_asks(kind: str, widest: float) -> None:
    rng, held, widths = np.random.default_rng(2), [], []
    for _ in range(60):
        levels = daily(kind, 120 + 365, rng)
        low, high = np.quantile(drawn_ends(levels[:120], 365, rng), [0.1, 0.9])
        held.append(low <= levels[-1] <= high)
        widths.append(high - low)
    assert 0.65 <= sum(held) / 60 <= 0.95
    assert np.median(widths) < widest


def test_an_hour_ahead_is_forecast_from_hours_of_seconds() -> None:
    times = np.arange(0, 4 * 3600, 10.0)
    values = 5 + times / 1000 + np.random.default_rng(1).normal(size=len(times)) * 0.1
    told = look_ahead(times, values, times[-1], 3600)
    assert told.low < 5 + (times[-1] + 3600) / 1000 < told.high
    assert told.high - told.low < 1
    assert np.isnan(look_ahead(times, values, times[-1], 5 * 3600).middle)


ODD = {
    "nothing": np.full(60, np.nan),
    "one": np.array([1.0]),
    "constant": np.ones(60),
    "huge": np.full(60, 1e300),
    "infinite": np.r_[np.ones(30), np.inf, np.ones(30)],
    "tiny": np.full(60, -1e-300),
    "sparse": np.r_[1.0, np.full(58, np.nan), 2.0],
}


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
@pytest.mark.parametrize("step_s", [10.0, 3600.0, 86_400.0])
@pytest.mark.parametrize("ahead_s", [3600.0, 86_400.0, 30 * 86_400.0, 365 * 86_400.0])
def test_strange_series_are_harmless(values: np.ndarray, step_s: float, ahead_s: float) -> None:
    times = np.arange(float(len(values))) * step_s
    told = look_ahead(times, values, times[-1], ahead_s)
    assert np.isnan(told.middle) or told.low <= told.middle <= told.high
    until(times, values, times[-1], 1e5)
    busy_until(times, values, times[-1], 1e5)


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1e-9, 1e9, 1e300])
def test_a_forecast_is_the_same_in_any_unit(size: float) -> None:
    """Bit error rates and clocks are tiny: what keeps logarithms from zero must not be larger than the values."""
    hours = 3 + np.sin(2 * np.pi * np.arange(5 * WEEK) / DAY) + np.random.default_rng(2).normal(size=5 * WEEK) * 0.1
    times = np.arange(0, len(hours) * HOUR_S, HOUR_S)
    for ahead_s in (HOUR_S, 30 * DAY_S):
        told = look_ahead(times, size * hours, times[-1], ahead_s)
        assert 1.5 < told.low / size < told.middle / size < told.high / size < 4.5
    told_of_all = EnsembleForecaster().forecast(size * hours[None], HOUR_S, DAY)
    assert np.abs(told_of_all.middle / size - hours[:DAY]).max() < 1
    rising = size * np.arange(1.0, 400.0)
    found = until(times[:399], rising, times[398], 600 * size)
    assert found is not None
    assert found.middle_s == pytest.approx(201 * HOUR_S)


@pytest.mark.parametrize("ahead_s", [-HOUR_S, np.nan, -np.inf, np.inf, 6 * 366 * DAY_S])
def test_nothing_is_said_of_the_past_nor_of_decades(ahead_s: float) -> None:
    times = np.arange(400.0) * 3600
    assert np.isnan(look_ahead(times, times, times[-1], ahead_s).middle)


def test_a_limit_that_is_no_number_is_not_reached_nor_never() -> None:
    times = np.arange(400.0) * 3600
    assert until(times, times, times[-1], np.nan) is None


RISING = np.arange(30.0)


@pytest.mark.parametrize("reach", [time_until, trend_until])
@pytest.mark.parametrize(
    ("levels", "limit", "horizon", "share"),
    [
        (np.where(RISING == 3, np.nan, RISING), 50, 9, 0.8),
        (np.full(30, np.inf), 50, 9, 0.8),
        (np.ones((30, 2)), 50, 9, 0.8),
        (RISING, np.nan, 9, 0.8),
        (RISING, 50, 0, 0.8),
        (RISING, 50, 9, 1.0),
    ],
)
def test_what_has_no_date_is_refused(reach: Any, levels: Any, limit: float, horizon: int, share: float) -> None:
    with pytest.raises(ValueError, match=r"finite|cannot be"):
        reach(levels, limit, horizon, np.random.default_rng(1), share)


@pytest.mark.parametrize(
    "asked", [(0, DAY, WEEK), (-5, DAY, WEEK), (5, 0, WEEK), (5, DAY, 100), (5, DAY, WEEK, (1.5,))]
)
def test_what_cannot_be_forecast_is_refused(asked: Any) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        ensemble(np.ones(6 * WEEK), *asked)
    with pytest.raises(ValueError, match="finite"):
        ensemble(np.full(6 * WEEK, np.nan), 5, DAY, WEEK)


def test_trends_changes_and_shapes_of_nothing_are_none_or_refused() -> None:
    assert changes(np.empty(0)) == []
    assert last_change(np.empty(0)) is None
    with pytest.raises(ValueError, match="two times"):
        theil_sen(np.ones(4), RISING[:4])
    for others in (np.ones((2, 20)), np.full((2, 30), np.nan)):
        with pytest.raises(ValueError, match="without gaps"):
            similar(RISING, others, 3)


def test_a_date_counts_from_now_and_not_from_the_middle_of_the_last_day() -> None:
    times = np.arange(0, 20 * 86_400, 3600.0)
    told = until(times, times / 3600, times[-1], times[-1] / 3600 + 240)
    assert told is not None
    assert told.middle_s == pytest.approx(240 * 3600)


def test_the_trend_of_busy_hours_has_a_date_that_holds() -> None:
    rng, held, told = np.random.default_rng(4), [], []
    for _ in range(80):
        trend = 0.3 + rng.uniform(0.001, 0.004) * np.arange(1300)
        found = trend_until((trend + 0.03 * rng.normal(size=1300))[:60], 0.8, 1200, rng)
        told.append(found.high < np.inf)
        held.append(found.low <= np.argmax(trend >= 0.8) - 59 <= found.high)
    assert sum(told) > 60
    assert 0.65 <= sum(held) / 80 <= 0.95
