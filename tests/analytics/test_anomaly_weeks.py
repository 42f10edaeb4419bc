"""What comes again every week is learned, by the clocks of the place; and what comes again whenever it likes."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_analytics.anomaly import Detector, State

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
STEP = 1800.0
DAY_ROWS, WEEK_ROWS = 48, 7 * 48
START = 1_700_006_400.0  # a midnight in UTC, a Wednesday
SERIES = 8

Values = NDArray[np.float64]
Alarms = NDArray[np.bool_]


def seen(values: Values) -> Alarms:
    detector = Detector(State.empty(values.shape[1]))
    return np.array([detector.observe(START + STEP * row, one).alarm for row, one in enumerate(values)])


def noise(weeks: float, seed: int = 1) -> Values:
    return 100 + 5 * np.random.default_rng(seed).normal(size=(round(weeks * WEEK_ROWS), SERIES))


def test_a_weekly_job_is_quiet_from_its_third_time_even_when_one_was_left_out() -> None:
    values = noise(8)
    rng = np.random.default_rng(2)
    rows = np.arange(len(values))
    values[:, SERIES // 2 :] += 30 * np.sin(rows / DAY_ROWS * 2 * np.pi)[:, None]
    jobs = [week * WEEK_ROWS + 3 * DAY_ROWS + 6 for week in range(1, 8)]
    for number, begin in enumerate(jobs):
        values[begin : begin + 2] += 0 if number == 4 else 400 * rng.uniform(0.8, 1.2)
    alarms = seen(values)
    assert alarms[jobs[0] : jobs[0] + 2].any(axis=0).all()
    for begin in jobs[2:]:
        assert alarms[begin : begin + 2].any(axis=0).sum() <= 1


def test_something_much_larger_at_the_time_of_a_weekly_job_still_alarms() -> None:
    values = noise(6)
    jobs = [week * WEEK_ROWS + 3 * DAY_ROWS + 6 for week in range(1, 6)]
    for begin in jobs[:-1]:
        values[begin : begin + 2] += 60
    values[jobs[-1] : jobs[-1] + 2] += 5000
    assert seen(values)[jobs[-1] : jobs[-1] + 2].any(axis=0).sum() >= SERIES - 1


def test_a_spike_every_six_hours_is_quiet_after_three_days() -> None:
    values = noise(2)
    values[DAY_ROWS::12] += 300
    alarms = seen(values)
    assert alarms[DAY_ROWS : 2 * DAY_ROWS].any()
    assert alarms[4 * DAY_ROWS :].sum() <= 2


def office(weeks: int) -> tuple[Values, Alarms]:
    """Busy from 8 to 18 on five days a week."""
    rows = np.arange(weeks * WEEK_ROWS)
    weekday = ((START + STEP * rows) // DAY + 3) % 7 < 5
    hour = rows % DAY_ROWS / 2
    busy = weekday & (hour >= 8) & (hour < 18)
    return np.where(busy, 100.0, 20.0)[:, None] + 4 * np.random.default_rng(3).normal(size=(len(rows), SERIES)), busy


def test_a_holiday_does_no_harm_on_the_day_nor_on_those_after() -> None:
    half, _ = office(7)
    values = np.hstack([half, half])
    holiday = 5 * WEEK_ROWS + DAY_ROWS
    values[holiday : holiday + DAY_ROWS, SERIES:] = 20 + 4 * np.random.default_rng(4).normal(size=(DAY_ROWS, SERIES))
    alarms = seen(values)[holiday:]
    assert alarms[:, SERIES:].any(axis=0).sum() <= alarms[:, :SERIES].any(axis=0).sum() + 1


def test_a_series_is_warm_after_an_hour_and_knows_the_week_after_two() -> None:
    values, busy = office(4)
    detector = Detector(State.empty(SERIES))
    first = None
    off = []
    for row, one in enumerate(values):
        found = detector.observe(START + STEP * row, one)
        if first is None and np.isfinite(found.score).all():
            first = row
        if row >= 2 * WEEK_ROWS:
            basics = detector.state.basics
            expected = basics.expected * basics.unit + basics.origin
            off.append((row, abs(float(np.median(expected)) - (100 if busy[row] else 20))))
    assert first is not None
    assert first * STEP <= HOUR + STEP
    weekend = [far for row, far in off if ((START + STEP * row) // DAY + 3) % 7 >= 5 and 8 <= row % DAY_ROWS / 2 < 18]
    assert np.median(weekend) < 25


@pytest.mark.parametrize("first_day", [datetime(2026, 3, 12), datetime(2026, 10, 8)])  # noqa: DTZ001 - clocks there
def test_the_morning_comes_when_the_clocks_there_say_so_after_they_were_set(first_day: datetime) -> None:
    zone = ZoneInfo("Europe/Oslo")
    start = first_day.replace(tzinfo=zone).timestamp()
    times = [datetime.fromtimestamp(start + STEP * row, zone) for row in range(21 * DAY_ROWS)]
    ahead_s = np.array([(one.utcoffset() or timedelta()).total_seconds() for one in times])
    values = np.where([8 <= one.hour < 18 for one in times], 100.0, 20.0)[:, None] + noise(3) - 100
    detector = Detector(State.empty(SERIES))
    basics = detector.state.basics
    off = []
    changed = int(np.argmax(ahead_s != ahead_s[0]))
    assert changed > 14 * DAY_ROWS
    for row, one in enumerate(values[: changed + 2 * DAY_ROWS]):
        basics.ahead_s[: SERIES // 2] = ahead_s[row]  # the others go by UTC
        detector.observe(start + STEP * row, one)
        expected = basics.expected * basics.unit + basics.origin
        if row > changed and times[row].hour in (7, 8, 17, 18):
            off.append(np.abs(expected - (100 if 8 <= times[row].hour < 18 else 20)))
    by_clock, by_utc = np.median(np.array(off).reshape(-1, 2, SERIES // 2), axis=(0, 2))
    assert by_clock < 20
    assert by_utc > by_clock + 10


def test_what_comes_again_at_any_time_is_usual_after_three_times_and_far_more_is_not() -> None:
    rng = np.random.default_rng(6)
    values = noise(6)
    values[0 : 3 * WEEK_ROWS] = noise(3)  # nothing in the first weeks
    jobs = 3 * WEEK_ROWS + 3 * DAY_ROWS * np.arange(7) + rng.integers(0, 2 * DAY_ROWS, 7)
    values[jobs] += 400
    values[jobs[-1]] += 40_000
    alarms = seen(values)[jobs]
    assert alarms[:3].all()
    assert alarms[3:-1].sum() <= 1
    assert alarms[-1].all()
