"""Combinations that are odd though each value is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants
from netmon_analytics.combination import MOST_SERIES, Alarms, Models, choose, fit
from netmon_analytics.combination.scale import KNOTS, between, knots_of

Values = NDArray[np.float64]


def office(rows: int, seed: int = 1) -> Values:
    """Requests by the time of day, load and traffic that follow, and a temperature that has nothing to do with it."""
    rng = np.random.default_rng(seed)
    requests = 500 + 400 * np.sin(np.arange(rows) / 1440 * 2 * np.pi) + 30 * rng.normal(size=rows)
    load = requests / 100 * rng.lognormal(0, 0.05, rows)
    traffic = requests**2 * rng.lognormal(0, 0.05, rows)
    return np.stack([requests, load, traffic, rng.normal(21, 1, rows)], axis=1)


def judged(learned: Values, *rows: Values) -> tuple[Values, Values, Values]:
    models = Models.of([fit(learned)] * len(rows))
    return models.judge(np.pad(np.array(rows), ((0, 0), (0, MOST_SERIES - learned.shape[1]))))  # type: ignore[return-value]


def test_values_that_do_not_fit_each_other_are_far_off_and_it_is_told_what_would() -> None:
    learned = office(10_000)
    by_day, by_night = np.array([900, 9, 810_000, 21.0]), np.array([110, 1.1, 12_000, 21.0])
    idle_by_day = np.array([900, 1.1, 810_000, 21.0])
    distance, off, usual = judged(learned, by_day, by_night, idle_by_day)
    assert distance[0] < 1
    assert distance[1] < 1
    assert distance[2] > 2
    assert off[2].argmax() == 1
    assert usual[2, 1] == pytest.approx(9, rel=0.15)


def test_a_value_higher_than_ever_is_no_odd_combination_by_itself() -> None:
    distance, _, _ = judged(office(10_000), np.array([2000, 20, 4e6, 21.0]), np.array([500, 5, 250_000, 90.0]))
    assert (distance < 1.2).all()


def test_what_is_usual_stays_below_one_nearly_always() -> None:
    distance, _, _ = judged(office(10_000), *office(2000, seed=2))
    assert 0.1 < np.median(distance) < 0.8
    assert (distance > 1).mean() < 0.02


def test_nothing_is_said_while_a_value_is_missing() -> None:
    distance, _, _ = judged(office(2000), np.array([900, np.nan, 810_000, 21.0]))
    assert np.isnan(distance[0])


def test_devices_are_judged_together_as_each_alone() -> None:
    rows = [office(2000, seed)[:, : 3 + seed % 2] for seed in range(5)]
    values = np.zeros((5, MOST_SERIES))
    for device, own in enumerate(rows):
        values[device, : own.shape[1]] = own[700]
    together = Models.of([fit(own) for own in rows]).judge(values)
    for device, own in enumerate(rows):
        alone = Models.of([fit(own)]).judge(values[device : device + 1])
        assert np.allclose(together[0][device], alone[0][0], atol=1e-5)
        assert np.allclose(together[2][device], alone[2][0], rtol=1e-4)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_huge_and_tiny_values_are_judged_like_any(factor: float) -> None:
    distance, _, _ = judged(office(5000) * factor, np.array([900, 1.1, 810_000, 21.0]) * factor)
    assert distance[0] > 2


def test_only_series_that_go_together_are_chosen_and_each_thing_once() -> None:
    values = office(5000)
    rng = np.random.default_rng(3)
    same, constant = 1000 - values[:, :1], np.full((5000, 1), 7.0)
    assert choose(np.hstack([constant, values, same, rng.normal(size=(5000, 6))])).tolist() == [1, 2, 3]
    assert not len(choose(rng.normal(size=(5000, 6))))
    assert not len(choose(np.full((5000, 6), 1.0)))
    assert len(choose(np.hstack([values[:, :1] + rng.normal(0, 100, (5000, 1)) for _ in range(20)]))) == MOST_SERIES


def test_a_scale_leads_back_where_it_came_from_and_ends_at_its_ends() -> None:
    values = np.random.default_rng(1).lognormal(size=(3000, 1))
    knots, scores = knots_of(values)
    x = values[:50].astype(np.float32)
    assert np.allclose(between(between(x, knots, scores), scores, knots), x, rtol=1e-3)
    assert between(np.array([1e9], np.float32), knots, scores)[0] == scores[0, -1]
    assert between(np.array([-1.0], np.float32), knots, scores)[0] == scores[0, 0]
    tied, of_ties = knots_of(np.repeat([[0.0], [1.0], [5.0]], [900, 80, 20], axis=0))
    assert tied.shape == of_ties.shape == (1, KNOTS)
    assert between(np.array([0.0], np.float32), tied, of_ties)[0] == pytest.approx(of_ties[0, 0])


def test_two_to_eight_series_are_taken_together() -> None:
    with pytest.raises(ValueError, match="9 series"):
        fit(np.zeros((500, 9)))


def distances(weeks: int, devices: int, step_s: float) -> Values:
    rng = np.random.default_rng(5)
    return rng.gamma(6, 0.07, (int(weeks * 604_800 / step_s), devices))


def test_one_false_alarm_in_so_many_weeks_is_a_setting_that_holds_for_combinations() -> None:
    alarms, step_s = Alarms.empty(100, Constants(weeks_per_alarm=1)), np.full(100, 600, np.float32)
    said = np.array(
        [
            alarms.observe(1_700_006_400 + 600.0 * row, one.astype(np.float32), step_s)
            for row, one in enumerate(distances(6, 100, 600))
        ]
    )
    hours = said[3 * 1008 :].reshape(-1, 6, 100).any(axis=1)
    assert 1 / 1.5 < hours.sum() / 300 < 1.5


def test_nothing_alarms_on_the_first_day_and_maintenance_teaches_nothing() -> None:
    alarms, step_s = Alarms.empty(2, Constants()), np.full(2, 600, np.float32)
    for row, one in enumerate(distances(2, 2, 600)):
        said = alarms.observe(1_700_006_400 + 600.0 * row, one.astype(np.float32), step_s)
        assert row >= 24 * 6 or not said.any()
    before = alarms.needed().copy()
    for row in range(2016, 2060):
        far = np.full(2, 5, np.float32)
        alarm = alarms.observe(1_700_006_400 + 600.0 * row, far, step_s, np.array([True, False]))
    assert alarm.all()
    assert alarms.needed()[0] > before[0]
    assert alarms.needed()[1] == before[1]
