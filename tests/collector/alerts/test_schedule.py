"""Who is on call: turns, exceptions, and nights in which clocks are set."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from netmon_collector.alerts.schedule import Layer, Override, Schedule, local_ms

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def week(starts: str, *overrides: Override) -> Schedule:
    return Schedule("primary", BERLIN, (Layer(("ada", "bob", "eve"), datetime.fromisoformat(starts), 7),), overrides)


@pytest.mark.parametrize(
    ("time", "who"),
    [
        ("2026-03-16T08:59:59+01:00", ""),
        ("2026-03-16T09:00:00+01:00", "ada"),
        ("2026-03-23T08:59:59+01:00", "ada"),
        ("2026-03-23T09:00:00+01:00", "bob"),
        ("2026-03-30T08:59:59+02:00", "bob"),
        ("2026-03-30T09:00:00+02:00", "eve"),
        ("2026-04-06T09:00:00+02:00", "ada"),
    ],
)
def test_turns_change_when_clocks_there_say_so(time: str, who: str) -> None:
    assert week("2026-03-16T09:00").who(at(time)) == who


def test_an_hour_that_comes_twice_hands_over_once() -> None:
    schedule = week("2026-10-18T02:30")
    times = ["02:29:59+02:00", "02:30:00+02:00", "02:10:00+01:00", "02:30:00+01:00"]
    assert [schedule.who(at(f"2026-10-25T{time}")) for time in times] == ["ada", "bob", "bob", "bob"]


def test_an_hour_that_never_comes_hands_over_after_it() -> None:
    schedule = week("2026-03-22T02:30")
    times = ["01:59:59+01:00", "03:29:59+02:00", "03:30:00+02:00"]
    assert [schedule.who(at(f"2026-03-29T{time}")) for time in times] == ["ada", "ada", "bob"]
    assert schedule.next(at("2026-03-28T12:00:00+01:00")) == (at("2026-03-29T03:30:00+02:00"), "bob")


def test_an_override_counts_before_turns_and_the_last_one_before_others() -> None:
    days = [local_ms(datetime(2026, 3, day), BERLIN) for day in (17, 18, 19, 20)]  # noqa: DTZ001 - of the zone
    schedule = week("2026-03-16T09:00", Override("bob", days[0], days[2]), Override("eve", days[1], days[3]))
    found = [schedule.who(at(f"2026-03-{day}T12:00:00+01:00")) for day in (16, 17, 18, 19, 20)]
    assert found == ["ada", "bob", "eve", "eve", "ada"]
    assert schedule.next(at("2026-03-16T12:00:00+01:00")) == (at("2026-03-17T00:00:00+01:00"), "bob")


def test_one_who_is_alone_is_never_relieved() -> None:
    schedule = Schedule("primary", BERLIN, (Layer(("ada",), datetime(2026, 3, 16), 1),))  # noqa: DTZ001 - of the zone
    assert schedule.next(at("2026-03-16T12:00:00+01:00")) is None
