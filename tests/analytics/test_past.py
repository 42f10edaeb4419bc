"""Seasons, trends, changes and like shapes of series that are known."""

import numpy as np
import pytest

from netmon_analytics.forecast import changes, seasons, similar
from netmon_analytics.forecast.past import past_of
from netmon_analytics.forecast.periods import periods

DAY, WEEK = 24, 168
HOURS = np.arange(4 * WEEK)


def noise(count: int = len(HOURS)) -> np.ndarray:
    return np.random.default_rng(1).normal(size=count)


def test_a_day_and_a_week_are_told_apart_and_noise_has_neither() -> None:
    daily = 3 * np.sin(2 * np.pi * HOURS / DAY)
    weekend = 4.0 * (HOURS // DAY % 7 > 4)
    (day,) = seasons(daily + noise(), (DAY, WEEK))
    assert day.period == DAY
    assert day.highest == pytest.approx(6, abs=2)
    assert day.lowest == pytest.approx(18, abs=2)
    assert day.strength == pytest.approx(4.5 / 5.5, abs=0.05)
    assert [one.period for one in seasons(daily + weekend + noise(), (DAY, WEEK))] == [DAY, WEEK]
    assert [one.period for one in seasons(weekend + 0.3 * noise(), (DAY, WEEK))] == [WEEK]
    assert seasons(noise(), (DAY, WEEK)) == []


@pytest.mark.parametrize("values", [np.ones(500), np.zeros(500), np.arange(3.0), np.ones(1), np.full(500, 1e300)])
def test_what_has_no_shape_has_no_season(values: np.ndarray) -> None:
    assert seasons(values, (DAY, WEEK)) == []
    told = past_of(values)
    assert not told.has_trend
    assert told.changes == []


@pytest.mark.parametrize("period", [2, 3, 5, 6, 12, 36, 60])
def test_a_job_of_any_period_is_found_beside_the_day(period: int) -> None:
    rng = np.random.default_rng(3)
    job = 5.0 * (HOURS % period < max(1, period // 6))
    alone = [past_of(job + rng.normal(size=len(HOURS))).seasons for _ in range(10)]
    assert sum([one.period for one in found] == [period] for found in alone) >= 8
    daily = job + 1.5 * np.sin(2 * np.pi * HOURS / DAY)
    beside = [past_of(daily + rng.normal(size=len(HOURS)) / 2).seasons for _ in range(10)]
    assert sum({period, DAY} == {one.period for one in found} for found in beside) >= 8


def test_a_month_is_found_in_half_a_year() -> None:
    hours = np.arange(160 * DAY)
    (month,) = past_of(2 * np.sin(2 * np.pi * hours / (30 * DAY)) + noise(len(hours))).seasons
    assert month.period == pytest.approx(30 * DAY, rel=0.03)


def test_a_day_has_no_other_period_for_its_shape() -> None:
    office = 5.0 * ((HOURS % DAY > 7) & (HOURS % DAY < 18) & (HOURS // DAY % 7 < 5))
    assert {one.period for one in past_of(office + noise() / 2).seasons} == {DAY, WEEK}
    assert [one.period for one in past_of(9.0 * (HOURS % DAY == 3) + noise()).seasons] == [DAY]


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, 1.0])
def test_noise_seldom_has_a_period_however_long_it_remembers(memory: float) -> None:
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(200):
        values = rng.normal(size=500)
        for at in range(1, len(values)):
            values[at] += memory * values[at - 1]
        found += bool(periods(values))
    assert found <= 5


def test_all_changes_are_found_and_none_in_noise() -> None:
    assert changes(np.r_[noise(60), 4 + noise(40), noise(50) - 3]) == [60, 100]
    assert changes(noise(300)) == []


def test_a_line_is_a_trend_and_a_step_is_a_change() -> None:
    line, step = past_of(noise() + HOURS / 12), past_of(noise() + 5 * (HOURS >= 2 * WEEK))
    assert line.slope == pytest.approx(2, abs=0.1)
    assert (line.has_trend, line.changes, step.changes) == (True, [], [2 * WEEK])


def test_the_same_shape_is_found_wherever_it_lies_and_as_by_every_single_correlation() -> None:
    rng = np.random.default_rng(2)
    one = np.cumsum(rng.normal(size=400))
    others = np.cumsum(rng.normal(size=(50, 360)), axis=1)
    others[7], others[8], others[9] = 1e6 + 3 * one[12:372], -one[20:380], 5.0
    told = similar(one[20:380], others, 30)
    assert (told.correlation[7], told.lag[7]) == (pytest.approx(1), 8)
    assert (told.correlation[8], told.lag[8]) == (pytest.approx(-1), 0)
    assert (told.correlation[9], told.lag[9]) == (0, 0)
    piece = one[20:380][30:-30]
    single = [np.corrcoef(piece, others[3][at : at + 300])[0, 1] for at in range(61)]
    assert told.correlation[3] == pytest.approx(max(single, key=abs))


def test_ten_thousand_series_are_compared_and_a_flat_one_is_like_nothing() -> None:
    others = np.random.default_rng(3).normal(size=(10_000, 360))
    assert np.abs(similar(others[17], others, 30).correlation).argmax() == 17
    assert not similar(np.ones(360), others[:5], 30).correlation.any()
    with pytest.raises(ValueError, match="too long for 100 values"):
        similar(np.ones(100), others[:, :100], 25)
