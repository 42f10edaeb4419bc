"""What users of anomaly detectors complain about, each complaint as a test."""

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_analytics.anomaly import COMPONENTS, Constants, Detector, Kind, State, bands, explain, pardon, undo
from netmon_analytics.anomaly.judge import HIGHEST_SCORE
from netmon_analytics.anomaly.novelty import CELLS

MINUTE, HOUR, DAY, WEEK = 60.0, 3600.0, 86_400.0, 604_800.0
START = 1_700_006_400.0  # a midnight in UTC, a Wednesday
STEP = 15 * MINUTE
DAY_ROWS = 96


def seen(detector: Detector, start: float, values: NDArray[np.float64], step: float = STEP) -> NDArray[np.bool_]:
    """The alarms of (rows, series) from `start` on."""
    return np.array([detector.observe(start + step * row, one).alarm for row, one in enumerate(values)])


def noise(days: float, series: int = 8, step: float = STEP, seed: int = 1) -> NDArray[np.float64]:
    return 100 + 5 * np.random.default_rng(seed).normal(size=(int(days * DAY / step), series))


def detector_of(series: int = 8, **constants: float) -> Detector:
    return Detector(State.empty(series), Constants(**constants))  # type: ignore[arg-type]


def test_a_spike_alarms_and_what_follows_does_not() -> None:
    detector = detector_of()
    values = noise(4)
    values[-20] = 300
    alarms = seen(detector, START, values)
    assert alarms[-20].all()
    assert alarms[-18:].sum() == 0


def test_an_unchanged_series_is_never_stuck() -> None:
    detector = detector_of(1)
    alarms = seen(detector, START, np.full((3 * DAY_ROWS, 1), 42.0))
    jump = seen(detector, START + 3 * DAY, np.full((4 * DAY_ROWS, 1), 43.0))
    assert not alarms.any()
    assert not jump[-2 * DAY_ROWS :].any()


def test_what_seldom_changes_is_not_flat_and_what_always_changed_is() -> None:
    """The size of a file system that grew once; the clock of a device that stopped."""
    detector = detector_of(2)
    moving = np.arange(4 * DAY_ROWS) % 7
    grown = np.where(np.arange(4 * DAY_ROWS) < DAY_ROWS, 100.0, 101.0)
    seen(detector, START, np.stack([grown, moving], axis=1))
    stays = seen(detector, START + 4 * DAY, np.tile([101.0, 3.0], (2 * DAY_ROWS, 1)))
    assert not stays[:, 0].any()
    assert stays[:, 1].any()


def test_a_daily_job_is_quiet_from_its_third_day() -> None:
    detector = detector_of()
    values = noise(9)
    at = (np.arange(len(values)) * STEP % DAY).astype(int)
    job = (at >= 3 * HOUR) & (at < 3 * HOUR + 20 * MINUTE) & (np.arange(len(values)) * STEP > 4 * DAY)
    values[job] += 400
    alarms = seen(detector, START, values)
    assert alarms[4 * DAY_ROWS : 5 * DAY_ROWS].any(axis=0).all()
    assert alarms[6 * DAY_ROWS :].sum() <= 1  # of 24 days of a series, one other false alarm may come by chance


def test_a_spike_every_two_hours_is_learned() -> None:
    detector = detector_of()
    values = noise(10)
    values[::8] += 200
    alarms = seen(detector, START, values)
    assert alarms[4 * DAY_ROWS :: 8].sum() <= 1


def test_a_new_level_is_accepted_after_the_time_that_is_stated() -> None:
    detector = detector_of()
    values = noise(8)
    values[5 * DAY_ROWS :] += 1000
    alarms = seen(detector, START, values)
    accepted = 5 * DAY_ROWS + int(2 * detector.constants.accept_s / STEP)
    assert alarms[5 * DAY_ROWS].all()
    assert alarms[accepted:].sum() <= 1


def test_weekends_are_known_after_three_weeks() -> None:
    times = START + HOUR * np.arange(5 * 7 * 24)
    weekend = (times // DAY + 3) % 7 >= 5
    rng = np.random.default_rng(3)
    values = np.where(weekend, 20.0, 100.0)[:, None] + rng.normal(size=(len(times), 4))
    detector = detector_of(4)
    for now, row in zip(times, values, strict=True):
        detector.observe(now, row)
    monday = np.ceil((times[-1] + 1 - 4 * DAY) / WEEK) * WEEK + 4 * DAY
    last = START + 5 * WEEK
    expected = []
    for now in np.arange(last, monday + DAY, HOUR):
        quiet = (now // DAY + 3) % 7 >= 5
        detector.observe(now, np.full(4, 20.0 if quiet else 100.0))
        expected.append((bool(quiet), float(bands(detector)[0][0])))
    off = [abs(value - (20 if quiet else 100)) for quiet, value in expected]
    assert np.median(off) < 15


def test_a_counter_is_seen_as_a_rate_and_a_reset_is_no_anomaly() -> None:
    detector = detector_of()
    detector.state.basics.kind[:] = Kind.COUNTER
    rate = 100 + 5 * np.random.default_rng(1).normal(size=(4 * DAY_ROWS, 8))
    total = np.cumsum(rate * STEP, axis=0)
    total[3 * DAY_ROWS :] -= total[3 * DAY_ROWS - 1]
    alarms = seen(detector, START, total)
    assert alarms[3 * DAY_ROWS - 4 :].sum() <= 1
    stopped = seen(detector, START + 4 * DAY, np.broadcast_to(total[-1], (3, 8)).copy())
    assert stopped.any(axis=0).all()


def test_a_state_alarms_when_it_has_never_been_and_not_for_staying() -> None:
    detector = detector_of(1)
    detector.state.basics.kind[:] = Kind.STATE
    alarms = seen(detector, START, np.ones((3 * DAY_ROWS, 1)))
    assert not alarms.any()


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e300])
def test_huge_and_tiny_values_are_judged_like_any(factor: float) -> None:
    detector = detector_of()
    values = noise(3)
    values[-5] = 300
    with np.errstate(over="ignore"):
        alarms = seen(detector, START, values * factor)
    assert alarms[-5].all()
    assert alarms[DAY_ROWS:-5].sum() <= 2


def test_missing_values_gaps_and_infinities_do_no_harm() -> None:
    detector = detector_of()
    values = noise(4)
    rng = np.random.default_rng(5)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[rng.random(values.shape) < 0.01] = np.inf
    values[2 * DAY_ROWS : 2 * DAY_ROWS + 30] = np.nan
    alarms = seen(detector, START, values)
    everything = np.concatenate([array.ravel().astype(float) for array in detector.state.arrays().values()])
    assert alarms[DAY_ROWS:].sum() <= 2
    assert np.isnan(everything).sum() <= 3 * 8 * len(detector.state.arrays())
    assert not np.isnan(detector.state.slow.level).any()


def test_a_value_that_is_not_later_is_left_out() -> None:
    detector = detector_of(1)
    seen(detector, START, noise(1, 1))
    before = {name: array.copy() for name, array in detector.state.arrays().items()}
    score = detector.observe(START, np.array([900.0])).score
    assert np.isnan(score[0])
    assert np.array_equal(before["slow/level"], detector.state.slow.level)


def test_a_restart_changes_nothing() -> None:
    values = noise(3)
    whole, first = detector_of(), detector_of()
    through = [whole.observe(START + STEP * row, one).score for row, one in enumerate(values)]
    seen(first, START, values[:150])
    saved = {name: array.copy() for name, array in first.state.arrays().items()}
    second = Detector(State.from_arrays(saved))
    resumed = [second.observe(START + STEP * (150 + row), one).score for row, one in enumerate(values[150:])]
    assert np.array_equal(np.array(through[150:]), np.array(resumed), equal_nan=True)


def test_state_of_another_version_is_refused() -> None:
    arrays = dict(detector_of().state.arrays())
    with pytest.raises(ValueError, match="another version"):
        State.from_arrays({**arrays, "version": np.array([0])})
    with pytest.raises(ValueError, match="level is missing"):
        State.from_arrays({name: array for name, array in arrays.items() if name != "slow/level"})


def test_state_from_before_occasions_were_known_is_taken_up() -> None:
    detector = detector_of()
    values = noise(2)
    seen(detector, START, values[:150])
    arrays = {name: array for name, array in detector.state.arrays().items() if not name.startswith("occasions/")}
    again = Detector(State.from_arrays({**arrays, "version": np.array([3])}))
    now = START + STEP * 150
    assert np.array_equal(again.observe(now, values[150]).score, detector.observe(now, values[150]).score)


def test_series_that_join_later_leave_the_others_as_they_are() -> None:
    values = noise(2)
    alone, joined = detector_of(), detector_of()
    seen(alone, START, values)
    seen(joined, START, values[:90])
    joined.grow(12)
    for row, one in enumerate(values[90:], 90):
        joined.observe(START + STEP * row, np.append(one, np.full(4, np.nan)))
    assert np.array_equal(alone.state.slow.level, joined.state.slow.level[:8])


def test_rows_scored_apart_are_scored_as_together() -> None:
    values = noise(2)
    whole, parts = detector_of(), detector_of()
    for row, one in enumerate(values):
        together = whole.observe(START + STEP * row, one).score
        apart = [parts.observe(START + STEP * row, one[part], part).score for part in (slice(0, 3), slice(3, 8))]
    assert np.array_equal(together, np.concatenate(apart), equal_nan=True)


def test_maintenance_is_scored_and_teaches_nothing() -> None:
    detector = detector_of(2)
    seen(detector, START, noise(3, 2))
    level = detector.state.slow.level.copy()
    teach = np.array([False, True])
    for row in range(48):
        scores = detector.observe(START + 3 * DAY + STEP * row, np.full(2, 900.0), teach=teach)
    assert scores.alarm[0]
    assert detector.state.slow.level[0] == level[0]
    assert detector.state.slow.level[1] != level[1]


def test_an_alarm_is_explained() -> None:
    detector = detector_of(1)
    seen(detector, START, noise(5, 1))
    detector.observe(START + 5 * DAY, np.array([400.0]))
    detector.observe(START + 5 * DAY + STEP, np.array([100.0]))
    detector.observe(START + 6 * DAY, np.array([400.0]))
    told = explain(detector, 0)
    assert told.component in COMPONENTS
    assert told.score > told.needed
    assert told.expected == pytest.approx(100, abs=10)
    assert 20 < told.low < 95
    assert 105 < told.high < 180
    assert told.began_s == START + 6 * DAY
    assert told.before_s == START + 5 * DAY


def test_this_was_fine_teaches_and_can_be_undone() -> None:
    detector = detector_of(1)
    seen(detector, START, noise(5, 1))
    assert detector.observe(START + 5 * DAY, np.array([400.0])).alarm[0]
    given = pardon(detector, 0)
    kept = {name: array.copy() for name, array in detector.state.arrays().items()}
    assert not detector.observe(START + 5 * DAY + 2 * STEP, np.array([400.0])).alarm[0]
    again = Detector(State.from_arrays(kept))
    undo(again, given)
    assert again.observe(START + 5 * DAY + 2 * STEP, np.array([400.0])).alarm[0]


@pytest.mark.parametrize("value", [400.0, 3e3, 1e9, 1e300])
def test_what_was_fine_is_so_again_however_strange_it_was(value: float) -> None:
    detector = detector_of(1)
    seen(detector, START, noise(5, 1))
    assert detector.observe(START + 5 * DAY, np.array([value])).alarm[0]
    assert explain(detector, 0).score <= HIGHEST_SCORE
    pardon(detector, 0)
    for day in (6, 7):
        seen(detector, START + (day - 1) * DAY + STEP, noise(1, 1)[:-1])
        assert not detector.observe(START + day * DAY, np.array([value])).alarm[0]


def test_silence_and_a_stuck_value_are_told() -> None:
    detector = detector_of(2)
    values = noise(4, 2)
    values[-30:, 1] = values[-30, 1]
    alarms = seen(detector, START, values)
    needed = detector.judge.needed
    end = START + STEP * (len(values) - 1)
    assert alarms[-15:, 1].any()
    assert (detector.silence(end + STEP) < needed).all()
    assert (detector.silence(end + 20 * STEP) >= needed).all()


def test_one_false_alarm_in_so_many_weeks_is_a_setting_that_holds() -> None:
    values = noise(35, 100, HOUR / 2)
    detector = detector_of(100, weeks_per_alarm=1)
    alarms = seen(detector, START, values, HOUR / 2)[14 * 48 :]
    hours = alarms.reshape(-1, 2, 100).any(axis=1)
    assert 1 / 1.5 < hours.sum() / 100 / 3 < 1.5


def test_values_of_another_number_of_series_are_refused() -> None:
    detector = detector_of(3)
    with pytest.raises(ValueError, match="for 3 series"):
        detector.observe(START, np.zeros(2))


def test_a_series_takes_no_more_than_its_budget_of_memory() -> None:
    state = State.empty(1000)
    assert state.nbytes / 1000 <= 2500


def test_the_nearest_cell_is_that_which_counting_finds() -> None:
    rng = np.random.default_rng(1)
    novelty = State.empty(400).novelty
    novelty.seen[:] = rng.integers(0, 256, novelty.seen.shape) * (rng.random(novelty.seen.shape) < 0.08)
    novelty.seen[:, :20], novelty.seen[:, 20:40] = 0, 255
    rows, place = np.arange(400), rng.integers(0, CELLS, 400).astype(np.int32)
    bits = np.unpackbits(novelty.seen, axis=0, bitorder="little")
    apart = np.where(bits, np.abs(np.arange(CELLS)[:, None] - place), CELLS)
    assert novelty.nearest(rows, place).tolist() == apart.min(axis=0).tolist()


def test_next_to_nothing_is_new_where_values_come_in_bursts() -> None:
    """Values of 10 to 1000 lie no further from 0.01 than from each other; it is a thousandth of the least of them."""
    bursts = np.clip(100 * np.random.default_rng(1).lognormal(0, 1, (3 * DAY_ROWS, 8)), 10, 1000)
    detector = detector_of()
    seen(detector, START, bursts)
    after = START + STEP * len(bursts)
    found = detector.observe(after, np.full(8, 0.01))
    assert (found.surprises[COMPONENTS.index("novelty")] > 4).all()
    usual = detector.observe(after + STEP, np.full(8, 500.0))
    assert usual.surprises[COMPONENTS.index("novelty")].mean() < 1
