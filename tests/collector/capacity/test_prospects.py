"""When things run out: what piles up, what is busy, what counts down, and what is said to be soon."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from netmon_collector.capacity.limits import LIMITED, Limited, Way
from netmon_collector.capacity.options import CapacityOptions
from netmon_collector.capacity.prospects import Prospect, prospects
from netmon_collector.capacity.warnings import NOT_SOON, SOON, Warnings, told
from netmon_collector.query.answer import Answer, Shape
from netmon_collector.query.syntax.parser import parse
from netmon_collector.state.events import EventRecord, NewEvent

NOW_S = 1_769_860_800.0
DAY_S, HOUR_S = 86_400.0, 3600.0
DISK = (("instance", "db1"), ("mountpoint", "/"))
SPACE = Limited("space", "used", 1.0, Way.PILES_UP)
LINK = Limited("link in", "busy", 0.8, Way.IS_BUSY)


def answer(values: np.ndarray, step_s: float) -> Answer:
    """One series that ends now; NaN is a gap."""
    times = np.round((NOW_S - step_s * np.arange(len(values))[::-1]) * 1000).astype(np.int64)
    return Answer(Shape.MATRIX, [DISK], times, values[None, :], ~np.isnan(values)[None, :])


def look(limited: Limited, hourly: np.ndarray, lately: np.ndarray | None = None) -> Prospect | None:
    by_minutes = None if lately is None else answer(lately, 60.0)
    return next(prospects(limited, [answer(hourly, HOUR_S)], by_minutes, NOW_S), None)


def noise(count: int, size: float) -> np.ndarray:
    return np.random.default_rng(3).normal(size=count) * size


def filling(days_left: float, days: int = 30) -> np.ndarray:
    """Four fifths are used, and the rest goes in so many days."""
    hours = np.arange(days * 24) - days * 24 + 1
    levels: np.ndarray = 0.8 + 0.2 * hours / (days_left * 24) + noise(len(hours), 1e-4)
    return levels


def test_a_disk_that_fills_has_a_date_in_its_interval() -> None:
    found = look(SPACE, filling(40))
    assert found is not None
    assert found.reached.low_s <= 40.5 * DAY_S
    assert found.reached.high_s >= 39.5 * DAY_S
    assert found.reached.high_s - found.reached.low_s < 20 * DAY_S


def test_weeks_may_be_told_in_parts_of_which_some_lack_a_series() -> None:
    whole = answer(filling(40), HOUR_S)
    parts = [
        replace(whole, times=whole.times[at : at + 48], values=whole.values[:, at : at + 48], present=there)
        for at in range(0, 720, 48)
        for there in [whole.present[:, at : at + 48]]
    ]
    other = (("instance", "db2"), ("mountpoint", "/"))
    both = [replace(one, labels=[other, DISK], values=np.repeat(one.values, 2, 0), present=np.repeat(one.present, 2, 0))
            for one in parts[5:]]  # fmt: skip
    none = replace(whole, labels=[], values=np.empty((0, 720)), present=np.empty((0, 720), np.bool_))
    expected = next(prospects(SPACE, [whole], None, NOW_S))
    found = {one.labels: one for one in prospects(SPACE, [none, *parts[:5], *both], None, NOW_S)}
    assert found[DISK] == expected
    assert found[other].used == expected.used
    assert list(prospects(SPACE, [none], None, NOW_S)) == []


def test_a_disk_that_fills_since_a_quarter_of_an_hour_is_seen_by_minutes() -> None:
    quiet = np.full(30 * 24, 0.3)
    lately = np.full(120, 0.3) + np.maximum(np.arange(120) - 104, 0) * 0.02 + noise(120, 1e-4)
    found = look(SPACE, quiet, lately)
    assert found is not None
    assert found.reached.middle_s == pytest.approx((1 - lately[-1]) / 0.02 * 60, rel=0.2)
    assert found.reached.changed_s == pytest.approx(15 * 60, abs=120)
    assert look(SPACE, quiet, np.full(120, 0.3)).reached.middle_s == math.inf  # type: ignore[union-attr]


def test_a_busy_link_has_a_date_by_its_busiest_hours_and_a_steady_one_never() -> None:
    day = 0.25 * np.sin(np.arange(30 * 24) * 2 * np.pi / 24)
    steady = 0.4 + day + noise(30 * 24, 0.01)
    found = look(LINK, steady)
    assert found is not None
    assert found.reached.low_s == math.inf
    growing = look(LINK, steady + np.arange(30 * 24) / 24 * 0.002)
    assert growing is not None
    assert growing.reached.low_s < (0.8 - 0.4 - 0.25 - 0.06) / 0.002 * DAY_S < growing.reached.high_s
    over = look(LINK, steady + 0.2)
    assert over is not None
    assert over.reached.high_s == 0


@pytest.mark.parametrize(
    "hourly",
    [
        np.full(30 * 24, np.nan),
        np.array([0.5]),
        np.array([0.2, 0.7]),
        np.r_[0.5, np.full(29 * 24, np.nan), 0.6],
        np.full(30 * 24, 0.5),
        np.full(30 * 24, 1e-300),
        np.r_[np.full(500, 0.1), np.full(3, np.inf), np.full(200, 0.1)],
        -1e12 + np.arange(720.0),
    ],
)
@pytest.mark.parametrize("limited", [SPACE, LINK])
def test_strange_series_have_no_date_that_comes_of_nothing(limited: Limited, hourly: np.ndarray) -> None:
    found = look(limited, hourly)
    assert found is None or found.reached.high_s == math.inf


@pytest.mark.parametrize("limited", [SPACE, LINK])
@pytest.mark.parametrize("hours", [24, 26])
def test_what_is_gone_for_a_day_has_no_date(limited: Limited, hours: int) -> None:
    assert look(limited, np.r_[filling(5)[:-hours], np.full(hours, np.nan)]) is None


def test_what_counts_down_is_its_own_date() -> None:
    found = look(Limited("certificate", "left", 0.0, Way.COUNTS_DOWN), np.array([5 * DAY_S]))
    assert found is not None
    assert (found.reached.middle_s, told(found)) == (
        5 * DAY_S,
        'certificate of {instance="db1", mountpoint="/"} ends in 5 days',
    )


def test_what_is_soon_is_told_once_and_taken_back_once_also_over_a_restart() -> None:
    soon, later = look(SPACE, filling(6)), look(SPACE, filling(20))
    assert soon is not None
    assert later is not None
    warnings = Warnings(10 * DAY_S)
    new = warnings.look([soon], 1000)
    assert [(one.kind, one.device) for one in new] == [(SOON, "db1")]
    assert "will be used up in 6 days (80 % interval" in new[0].text
    assert warnings.look([soon], 2000) == []
    after = Warnings(10 * DAY_S, [kept(new[0])])
    assert after.is_told(soon)
    assert after.look([soon], 3000) == []
    assert [one.kind for one in after.look([later], 4000)] == [NOT_SOON]
    assert after.look([later], 5000) == []


def test_a_wide_interval_is_no_cry_and_what_is_gone_is_taken_back() -> None:
    soon = look(SPACE, filling(6))
    assert soon is not None
    assert Warnings(soon.reached.high_s - 1).look([soon], 1) == []
    warnings = Warnings(10 * DAY_S)
    warnings.look([soon], 1)
    gone = warnings.look([], 2)
    assert [one.text for one in gone] == ['space of {instance="db1", mountpoint="/"} is there no more']


def test_every_expression_can_be_asked() -> None:
    assert len({one.what for one in LIMITED}) == len(LIMITED)
    for one in LIMITED:
        parse(one.expression)


def test_own_limits_are_checked_when_they_are_read() -> None:
    licences = {"what": "licences", "expr": "used / bought", "limit": 1}
    assert CapacityOptions.model_validate({"limits": [licences]}).all()[-1].way is Way.PILES_UP
    support = {"what": "support", "expr": "support_end - time()"}
    assert CapacityOptions.model_validate({"limits": [support]}).all()[-1].way is Way.COUNTS_DOWN
    with pytest.raises(ValueError, match="greater than 0"):
        CapacityOptions.model_validate({"limits": [licences | {"limit": 0}]})
    with pytest.raises(ValueError, match="parse error"):
        CapacityOptions.model_validate({"limits": [licences | {"expr": "used /"}]})


def kept(one: NewEvent) -> EventRecord:
    return EventRecord(**asdict(one), id=1, received_ms=1)
