"""What users of anomaly detectors complain about, on the way that samples take: offered, judged, told, restarted."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.store.base import Group, Points, Row
from netmon_collector.store.judged import Judged, JudgedPoints, Verdict

HOUR, DAY = 3600, 86_400
START_S = 1_700_006_400  # a midnight in UTC
STEP_S = 900
DAY_ROWS = DAY // STEP_S
SERIES = 6

Values = NDArray[np.float64]


class Live:
    """A collector's judging of some series of one device, value after value, restarted at will."""

    def __init__(self, folder: Path, name: str = "load", series: int = SERIES) -> None:
        self.path = folder / "anomaly.npz"
        self.now_s = float(START_S)
        self.assessor = self._opened()
        labels = [(("__name__", name), ("instance", "web1"), ("part", str(one))) for one in range(series)]
        self.group = Group(None, labels)

    def _opened(self) -> Assessor:
        return Assessor(AnomalyOptions(), self.path, lambda: self.now_s)

    def restart(self) -> None:
        self.assessor.save()
        self.assessor = self._opened()

    def alarms(self, values: Values, gap_s: float = 0) -> NDArray[np.bool_]:
        """(rows, series), after the verdicts that the store would keep."""
        self.now_s += gap_s
        rows = []
        for own in values:
            self.now_s += STEP_S
            rows.append(Row(self.group, round(self.now_s * 1000), own))
        self.assessor.offer(rows)
        at = {row.time_ms: place for place, row in enumerate(rows)}
        alarms = np.zeros(values.shape, np.bool_)
        for told in self.assessor.judge():
            assert isinstance(told, Judged)
            alarms[at[int(told.times[0])]] = told.verdicts[0] == Verdict.ANOMALOUS
        return alarms


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def noise(days: float, seed: int = 1) -> Values:
    return 100 + 5 * np.random.default_rng(seed).normal(size=(round(days * DAY_ROWS), SERIES))


def test_a_series_that_never_changes_is_never_stuck_and_a_change_of_it_ends(live: Live) -> None:
    assert not live.alarms(np.full((4 * DAY_ROWS, SERIES), 42.0))[DAY_ROWS:].any()
    assert not live.alarms(np.full((4 * DAY_ROWS, SERIES), 43.0))[2 * DAY_ROWS :].any()
    live.now_s += HOUR + 1
    live.assessor.judge()
    assert not live.assessor.anomalies


def test_a_daily_job_is_quiet_from_its_third_day_also_over_a_restart(live: Live) -> None:
    values = noise(9)
    of_day = np.arange(len(values)) % DAY_ROWS
    values[(of_day >= 12) & (of_day < 14) & (np.arange(len(values)) > 4 * DAY_ROWS)] += 400
    first = live.alarms(values[: 6 * DAY_ROWS])
    assert first[4 * DAY_ROWS : 5 * DAY_ROWS].any(axis=0).all()
    live.restart()
    assert live.alarms(values[6 * DAY_ROWS :]).sum() <= 1


def test_a_spike_that_comes_every_two_hours_is_learned(live: Live) -> None:
    values = noise(8)
    values[::8] += 200
    assert live.alarms(values)[4 * DAY_ROWS :: 8].sum() <= 1


def test_a_new_level_alarms_and_is_accepted(live: Live) -> None:
    values = noise(7)
    values[5 * DAY_ROWS :] += 1000
    alarms = live.alarms(values)
    assert alarms[5 * DAY_ROWS].all()
    assert alarms[5 * DAY_ROWS + 12 * HOUR // STEP_S :].sum() <= 1


def test_gaps_and_restarts_bring_no_alarm(live: Live) -> None:
    alarms = [live.alarms(noise(3))[DAY_ROWS:]]
    for gap_s in (HOUR, 8 * HOUR, 3 * DAY):
        live.restart()
        alarms.append(live.alarms(noise(1, seed=gap_s), gap_s))
    assert np.concatenate(alarms).sum() <= 2


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e300])
def test_huge_and_tiny_values_are_judged_like_any(live: Live, factor: float) -> None:
    values = noise(3)
    values[-5] = 300
    alarms = live.alarms(values * factor)
    assert alarms[-5].all()
    assert alarms[DAY_ROWS:-5].sum() <= 2


def test_sparse_values_nan_and_infinities_do_no_harm(live: Live) -> None:
    values = noise(5)
    rng = np.random.default_rng(5)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[rng.random(values.shape) < 0.01] = np.inf
    values[:, 0] = np.where(rng.random(len(values)) < 0.03, values[:, 0], np.nan)
    values[:, 1] = np.nan
    assert live.alarms(values)[DAY_ROWS:].sum() <= 2


def test_a_counter_is_told_as_a_rate_and_its_reset_is_no_alarm(tmp_path: Path) -> None:
    live = Live(tmp_path, "requests_total")
    total = np.cumsum(noise(4) * STEP_S, axis=0)
    total[3 * DAY_ROWS :] -= total[3 * DAY_ROWS - 1]
    assert live.alarms(total)[2 * DAY_ROWS :].sum() <= 1
    assert live.alarms(total[-1:] + 900 * STEP_S)[0].all()
    assert live.assessor.anomalies[0].value == pytest.approx(900, rel=0.01)


def test_samples_that_come_one_by_one_are_judged_whatever_their_order(tmp_path: Path) -> None:
    live = Live(tmp_path)
    values = noise(3)
    values[-1, 2] = 700
    times_ms = START_S * 1000 + STEP_S * 1000 * np.arange(len(values))
    live.now_s = START_S + 3.0 * DAY
    rng = np.random.default_rng(7)
    verdicts = []
    for begin in range(0, len(values), 24):
        rows, columns = (part.ravel() for part in np.mgrid[begin : begin + 24, 0:SERIES])
        order = rng.permutation(len(rows))
        rows, columns = rows[order], columns[order]
        points = Points(live.group, columns.astype(np.int64), times_ms[rows], values[rows, columns])
        live.assessor.offer([points])
        for told in live.assessor.judge():
            assert isinstance(told, JudgedPoints)
            verdicts += [
                (int(column), int(time))
                for column, time, verdict in zip(told.columns, told.times, told.verdicts, strict=True)
                if verdict == Verdict.ANOMALOUS
            ]
    assert (2, times_ms[-1]) in verdicts
    assert sum(time > times_ms[2 * DAY_ROWS] for _, time in verdicts) <= 2
    assert live.assessor.standing().judged > 0.9 * values.size


def test_of_a_long_past_that_is_written_at_once_the_newest_is_judged_and_the_rest_counted(live: Live) -> None:
    times_ms = START_S * 1000 + 60_000 * np.arange(1000)
    live.assessor.offer([Points(live.group, np.zeros(1000, np.int64), times_ms, np.arange(1000.0))])
    live.assessor.judge()
    assert live.assessor.standing().dropped == 940


def test_too_many_series_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = Live(tmp_path)
    live.assessor = Assessor(AnomalyOptions(max_series=2), live.path, lambda: live.now_s)
    alarms = [live.alarms(noise(1)) for _ in range(3)]
    assert caplog.text.count("anomaly.too_many_series") == 1
    assert live.assessor.standing().left_out == SERIES - 2
    assert not np.concatenate(alarms)[:, 2:].any()
