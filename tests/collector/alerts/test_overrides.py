"""Who stands in: counts before the file, is told of the end, outlives restarts, and is never somebody who is gone."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from netmon_collector.alerts.decision import Endpoint
from netmon_collector.alerts.overrides import NoOverride, OnCallOverride, Overrides
from netmon_collector.alerts.schedule import Layer, Override, Schedule
from netmon_collector.state.database import open_state
from netmon_collector.state.overrides import OverrideBook
from tests.collector.alerts.test_decision import Desk, alert

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PRIMARY = Schedule("primary", ZoneInfo("UTC"), (Layer(("ada",), datetime(1970, 1, 1), 7),))  # noqa: DTZ001 - of the zone
ENDPOINTS = {name: [Endpoint(name, "webhook/0")] for name in ("ada", "bob", "eve")}
BOB = OnCallOverride("1", "primary", "bob", 0, 8 * HOUR_MS, "eve", "ada is ill", 0)


def who(overrides: Overrides, at_ms: int, schedule: Schedule = PRIMARY) -> str:
    return overrides.applied(schedule, ENDPOINTS).who(at_ms)


def test_one_counts_before_the_file_and_the_one_made_last_before_others() -> None:
    late = replace(BOB, id="2", receiver="eve", starts_ms=HOUR_MS, ends_ms=2 * HOUR_MS, created_ms=5)
    said = replace(PRIMARY, overrides=(Override("ada", 0, DAY_MS),))
    overrides = Overrides([late, BOB])
    assert [who(overrides, hour * HOUR_MS, said) for hour in (0, 1, 2, 8)] == ["bob", "eve", "bob", "ada"]
    assert who(overrides, 0, replace(PRIMARY, name="other")) == "ada"


def test_one_for_whom_is_no_receiver_any_more_does_not_count() -> None:
    assert who(Overrides([replace(BOB, receiver="gone")]), 0) == "ada"


def test_one_that_is_ended_counts_no_more() -> None:
    overrides = Overrides([BOB])
    overrides.keep(overrides.ended("1", HOUR_MS))
    assert [who(overrides, at_ms) for at_ms in (0, HOUR_MS)] == ["bob", "ada"]
    assert overrides.ended("1", 2 * HOUR_MS) == overrides.all()["1"]
    ahead = Overrides([replace(BOB, starts_ms=5 * HOUR_MS)])
    ahead.keep(ahead.ended("1", HOUR_MS))
    assert [who(ahead, at_ms) for at_ms in (HOUR_MS, 5 * HOUR_MS)] == ["ada", "ada"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (replace(BOB, ends_ms=BOB.starts_ms), "must end after it starts"),
        (replace(BOB, ends_ms=HOUR_MS), "must not end in the past"),
        (replace(BOB, ends_ms=367 * DAY_MS), "366 days at most"),
    ],
)
def test_what_cannot_be_says_why(wrong: OnCallOverride, why: str) -> None:
    with pytest.raises(NoOverride, match=why):
        Overrides().check(wrong, 2 * HOUR_MS)


def test_a_thousand_are_enough() -> None:
    overrides = Overrides([replace(BOB, id=str(n)) for n in range(1000)])
    with pytest.raises(NoOverride, match="there are 1000 overrides already"):
        overrides.check(BOB, 0)
    overrides.check(replace(BOB, ends_ms=9 * HOUR_MS), BOB.ends_ms)


def test_all_are_there_after_a_restart_until_they_are_forgotten(tmp_path: Path) -> None:
    book = OverrideBook(open_state(f"sqlite:///{tmp_path}/state.db"))
    book.keep(BOB)
    book.keep(replace(BOB, id="2"))
    book.keep(replace(BOB, ends_ms=HOUR_MS))
    overrides = Overrides(book.all())
    assert overrides.all() == {"1": replace(BOB, ends_ms=HOUR_MS), "2": replace(BOB, id="2")}
    book.drop(overrides.forget_before(2 * HOUR_MS))
    assert [one.id for one in book.all()] == ["2"] == list(overrides.all())


def test_who_stood_in_when_it_fired_is_told_of_its_end() -> None:
    desk = Desk("route: {receiver: duty, group_by: [alertname], group_wait: 30s, group_interval: 5m}", ENDPOINTS)
    desk.decisions.on_call = {"duty": PRIMARY}
    desk.decisions.overrides = Overrides([BOB])
    desk.take(alert(0, alertname="Down", host="a"), 0)
    assert [one.endpoint.receiver for one in desk.until(HOUR_MS)] == ["bob"]
    desk.take(alert(0, resolved_at_ms=9 * HOUR_MS, alertname="Down", host="a"), 9 * HOUR_MS)
    ends = [one for one in desk.until(10 * HOUR_MS) if not one.firing]
    assert [one.endpoint.receiver for one in ends] == ["bob"]
