"""What a new user sees: series that have been known for hours, most of them regular, some as only hosts have them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants, Detector, State, bands
from tests.support.clean_series import FAMILIES, OF_HOSTS, clean, of_host

START = 1_700_006_400.0 + 9 * 3600
STEP_S, HOUR_ROWS, SERIES = 10.0, 360, 8
ASKED = 1 / (Constants().weeks_per_alarm * 7 * 24)
"""False alarms of a series and hour."""

Values = NDArray[np.float64]
Hours = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def seen(detector: Detector, values: Values, after_rows: int = 0) -> NDArray[np.bool_]:
    """The alarms of (rows, series)."""
    return np.array(
        [detector.observe(START + STEP_S * (after_rows + row), one).alarm for row, one in enumerate(values)]
    )


def hours_with(alarms: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.array(alarms.reshape(-1, HOUR_ROWS, alarms.shape[1]).any(axis=1))


@pytest.fixture(scope="module")
def half_a_day() -> Hours:
    """The hours with alarms of regular series from the first value on, and of those of hosts."""
    times, rng = START + STEP_S * np.arange(12 * HOUR_ROWS), np.random.default_rng(5)
    regular = [clean(family, times, SERIES, rng) for family in FAMILIES]
    irregular = [of_host(family, times, SERIES, rng) for family in OF_HOSTS]
    hours = hours_with(seen(Detector(State.empty(SERIES * 14)), np.concatenate([*regular, *irregular], axis=1)))
    return hours[:, : SERIES * len(FAMILIES)], hours[:, SERIES * len(FAMILIES) :]


def test_a_regular_series_alarms_no_more_often_in_its_first_hours_than_was_asked(half_a_day: Hours) -> None:
    regular, _ = half_a_day
    assert regular[1:].sum() <= 1 + 1.5 * ASKED * regular[1:].size


def test_what_happens_now_and_then_is_told_once_on_the_first_day(half_a_day: Hours) -> None:
    _, irregular = half_a_day
    assert irregular.any(axis=0).sum() >= 1, "the first error after quiet hours is news"
    assert irregular.sum(axis=0).max() <= 2
    assert irregular[3:].sum() <= 10 * ASKED * irregular[3:].size


def test_a_gross_fault_of_a_regular_series_is_seen_after_some_hours_and_outside_of_the_band_that_is_told() -> None:
    times, rng = START + STEP_S * np.arange(5 * HOUR_ROWS), np.random.default_rng(6)
    values = np.concatenate([clean(family, times, 2, rng) for family in FAMILIES], axis=1)
    detector = Detector(State.empty(values.shape[1]))
    seen(detector, values)
    _, low, high = bands(detector)
    alarms = seen(detector, np.tile(values[-1] + 20 * np.ptp(values, axis=0), (3, 1)), len(values))
    assert alarms.any(axis=0).mean() >= 0.9
    assert ((low < values.min(axis=0)) & (high > values.max(axis=0))).all()
