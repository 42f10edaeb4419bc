"""What was learned can be had, and taken up again."""

from pathlib import Path

import numpy as np

from netmon_analytics.anomaly import State
from netmon_collector.store.base import Row
from tests.collector.anomaly.test_assessor import GROUP, LATER_MS, STEP_MS, series, taught


def test_a_state_is_taken_up_for_its_series_and_others_stay(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    web1, unknown = series("load", "web1"), series("load", "gone")
    state, labels = assessor.snapshot([web1, unknown])
    assert labels == [web1]
    assessor.offer([Row(GROUP, LATER_MS, np.array([300.0, 300.0, 300.0]))])
    assessor.judge()
    other = State.empty(2)
    other.put(np.array([1]), state)
    assessor.adopt(other, [unknown, web1])
    now, _ = assessor.snapshot([web1, series("load", "web2")])
    assert now.basics.last_s.tolist() == [(LATER_MS - STEP_MS) / 1000, LATER_MS / 1000]
    assert assessor.tally.scores == 0


def test_what_was_fine_stays_so_when_another_state_is_taken_up(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    before, labels = assessor.snapshot()
    assessor.offer([Row(GROUP, LATER_MS, np.array([100.0, 700.0, 100.0]))])
    assessor.judge()
    assert len(assessor.accept(lambda one: one == series("load", "web1"), "ann")) == 1
    said, _ = assessor.snapshot()
    assert said.basics.fine.max() > 0
    assessor.adopt(before, labels)
    now, _ = assessor.snapshot()
    assert np.array_equal(now.basics.fine, said.basics.fine)
    assert np.array_equal(now.basics.last_s, before.basics.last_s)
    assert len(assessor.feedback) == 1


def test_what_was_said_is_counted(tmp_path: Path) -> None:
    assessor = taught(tmp_path)
    scores, alarms = assessor.tally.scores, assessor.tally.alarms
    assert scores > 1000
    assert 0.9 < assessor.tally.watched_s / (scores * STEP_MS / 1000) <= 1
    assessor.offer([Row(GROUP, LATER_MS, np.array([100.0, 700.0, 100.0]))])
    assessor.judge()
    assert (assessor.tally.scores, assessor.tally.alarms) == (scores + 3, alarms + 1)
