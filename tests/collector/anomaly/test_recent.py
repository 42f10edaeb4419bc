"""What was odd is told after a restart as it was before, until it is an hour old."""

from pathlib import Path

import numpy as np
import pytest

from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from tests.collector.anomaly.test_assessor import GROUP, LATER_MS, assessor_at, series, taught
from tests.collector.anomaly.test_combinations import STEP_S, WEEK_ROWS, Office, by_day, idle


def odd(folder: Path) -> Assessor:
    assessor = taught(folder)
    assessor.offer([Row(GROUP, LATER_MS, np.array([100.0, 700.0, 100.0]))])
    assessor.judge()
    assert series("load", "web1") in [one.labels for one in assessor.anomalies]
    return assessor


def test_what_is_odd_is_told_after_a_restart_and_may_be_called_fine(tmp_path: Path) -> None:
    before = odd(tmp_path)
    before.save()
    again = assessor_at(tmp_path)
    assert again.anomalies == before.anomalies
    again.judge()
    assert again.anomalies == before.anomalies
    said, own = (one.accept(lambda labels: labels == series("load", "web1"), "ann") for one in (again, before))
    assert [one.pardon for one in said] == [one.pardon for one in own]


def test_after_an_hour_it_is_told_no_more(tmp_path: Path) -> None:
    odd(tmp_path).save()
    assert not Assessor(AnomalyOptions(), tmp_path / "anomaly.npz", lambda: LATER_MS / 1000 + 3601).anomalies


def test_when_it_was_saved_is_known_after_a_restart(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    assert assessor.standing().saved_s is None
    assessor.save()
    later = Assessor(AnomalyOptions(), tmp_path / "anomaly.npz", lambda: LATER_MS / 1000 + 60)
    assert later.standing().saved_s == assessor.standing().saved_s == LATER_MS / 1000


@pytest.mark.parametrize("told", [b"{}", b"[]", b'{"alone": [{}], "together": []}', b'{"alone": [], "together": [1]}'])
def test_what_cannot_be_understood_of_it_loses_nothing_else(
    tmp_path: Path, told: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    odd(tmp_path).save()
    with np.load(tmp_path / "anomaly.npz") as saved:
        arrays = {name: saved[name] for name in saved.files} | {"recent": np.frombuffer(told, np.uint8)}
    np.savez(tmp_path / "anomaly.npz", **arrays)
    again = assessor_at(tmp_path)
    assert (list(again.anomalies), again.standing().warm) == ([], 3)
    assert caplog.text.count("anomaly.recent_forgotten") == 1


def test_a_state_that_was_saved_without_it_is_taken(tmp_path: Path) -> None:
    odd(tmp_path).save()
    with np.load(tmp_path / "anomaly.npz") as saved:
        new = {"recent", "saved_s", "absent_h", "looked_s"}
        arrays = {name: saved[name] for name in saved.files if name not in new}
    np.savez(tmp_path / "anomaly.npz", **arrays)
    again = assessor_at(tmp_path)
    assert (again.standing().warm, again.standing().saved_s, list(again.anomalies)) == (3, None, [])


async def test_devices_whose_series_do_not_fit_are_told_too(tmp_path: Path) -> None:
    device = Office(tmp_path, EmbeddedStore.open(tmp_path / "store", window_s=0.0))
    await device.remember_a_week(by_day(WEEK_ROWS + 400))
    assert await device.learn()
    device.goes_on(range(WEEK_ROWS, WEEK_ROWS + 320))
    assert device.goes_on(range(WEEK_ROWS + 320, WEEK_ROWS + 324), idle)
    before = device.assessor.anomalies
    device.assessor.save()
    device.now_s += STEP_S
    device.assessor = device.restarted()
    assert repr(device.assessor.anomalies) == repr(before)  # what was expected may be NaN, which is like nothing
    await device.store.close()
