"""Windows of maintenance, by the calendar of a place and across the nights in which its clocks are set."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from netmon_collector.alerts.maintenance import Maintenance, NoWindow, Window, check_window
from netmon_collector.alerts.matching import parse_matchers

HOUR_MS = 3_600_000
BERLIN = "Europe/Berlin"


def window(starts_at: str, repeats: str = "", duration_s: int = 7200, zone: str = BERLIN) -> Window:
    made = Window(
        id="w1",
        name="patch night",
        matchers=parse_matchers('site="x"'),
        starts_at=datetime.fromisoformat(starts_at),
        duration_s=duration_s,
        zone=zone,
        repeats=repeats,
        created_by="ann",
        comment="",
        created_ms=0,
    )
    check_window(made)
    return made


def at(text: str, zone: str = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def begins(one: Window, first: str, last: str) -> list[str]:
    spans = one.spans(at(first), at(last))
    return [datetime.fromtimestamp(start / 1000, ZoneInfo(one.zone)).isoformat() for start, _ in spans]


def test_one_that_comes_once_comes_once() -> None:
    once = window("2026-11-21T22:00")
    assert once.spans(0, at("2030-01-01T00:00")) == [(at("2026-11-21T22:00"), at("2026-11-22T00:00"))]


def test_one_that_recurs_keeps_to_the_clock_of_its_place() -> None:
    weekly = window("2026-10-10T22:00", "FREQ=WEEKLY;BYDAY=SA")
    assert begins(weekly, "2026-10-17T00:00", "2026-11-02T00:00") == [
        "2026-10-17T22:00:00+02:00",
        "2026-10-24T22:00:00+02:00",
        "2026-10-31T22:00:00+01:00",
    ]


def test_an_end_in_utc_as_calendars_write_it_is_an_end() -> None:
    nightly = window("2026-07-10T22:00", "FREQ=DAILY;UNTIL=20260712T200000Z")
    assert begins(nightly, "2026-07-11T00:00", "2026-08-01T00:00") == [
        "2026-07-11T22:00:00+02:00",
        "2026-07-12T22:00:00+02:00",
    ]
    with pytest.raises(NoWindow, match="is no recurrence"):
        window("2026-07-10T22:00", "FREQ=DAILY;UNTIL=20261312T200000Z")


def test_a_time_that_clocks_skip_comes_as_much_later_as_they_skip() -> None:
    nightly = window("2026-03-01T02:30", "FREQ=DAILY")
    spans = nightly.spans(at("2026-03-28T12:00"), at("2026-03-29T23:00"))
    assert spans == [(at("2026-03-29T03:30"), at("2026-03-29T05:30"))]


def test_a_time_that_clocks_show_twice_comes_once_and_lasts_as_long_as_ever() -> None:
    nightly = window("2026-10-01T02:30", "FREQ=DAILY")
    ((start, end),) = nightly.spans(at("2026-10-24T12:00"), at("2026-10-25T12:00"))
    assert start == at("2026-10-25T02:30")
    assert end - start == 2 * HOUR_MS
    assert datetime.fromtimestamp(end / 1000, ZoneInfo(BERLIN)).isoformat() == "2026-10-25T03:30:00+01:00"


def test_a_year_of_nights_has_each_night_once_for_the_same_time() -> None:
    nightly = window("2026-01-01T01:00", "FREQ=DAILY", duration_s=3600, zone="America/New_York")
    spans = nightly.spans(at("2026-01-01T00:00", "America/New_York"), at("2027-01-01T00:00", "America/New_York"))
    assert len(spans) == 365
    assert {end - start for start, end in spans} == {HOUR_MS}


def test_only_what_it_is_for_is_mute_and_only_then() -> None:
    maintenance = Maintenance()
    maintenance.keep(window("2026-11-21T22:00"))
    inside, outside = at("2026-11-21T23:00"), at("2026-11-22T00:00")
    assert maintenance.muted_by({"site": "x"}, inside) == ["patch night"]
    assert maintenance.muted_by({"site": "y"}, inside) == []
    assert maintenance.muted_by({"site": "x"}, outside) == []
    maintenance.forget("w1")
    assert maintenance.muted_by({"site": "x"}, inside) == []


def test_a_window_for_a_site_is_for_its_devices_whatever_labels_their_alerts_have() -> None:
    maintenance = Maintenance(site_of=lambda instance: "x" if instance == "sw1" else "")
    maintenance.keep(window("2026-11-21T22:00"))
    inside = at("2026-11-21T23:00")
    assert maintenance.muted_by({"instance": "sw1"}, inside) == ["patch night"]
    assert maintenance.muted_by({"instance": "sw1", "site": "y"}, inside) == []
    assert maintenance.muted_by({"instance": "sw2"}, inside) == []
    assert maintenance.devices({"sw1", "sw2"}, inside) == {"sw1"}
    times = (at("2026-11-21T22:00"), at("2026-11-22T00:00"))
    assert maintenance.spans({"sw1", "sw2"}, 0, at("2027-01-01T00:00")) == {"sw1": [times]}


def test_one_that_was_ended_early_is_over() -> None:
    maintenance = Maintenance()
    maintenance.keep(replace(window("2026-11-21T22:00"), ended_at_ms=at("2026-11-21T22:30")))
    assert maintenance.muted_by({"site": "x"}, at("2026-11-21T22:29")) == ["patch night"]
    assert maintenance.muted_by({"site": "x"}, at("2026-11-21T22:30")) == []


def test_it_is_known_when_it_comes_next() -> None:
    yearly = window("2024-02-29T22:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")
    assert yearly.next_ms(at("2026-11-21T00:00")) == at("2028-02-29T22:00")
    assert window("2026-11-21T22:00").next_ms(at("2026-11-22T00:00")) is None


def test_ten_years_of_days_are_worked_out_for_a_day_at_a_time() -> None:
    maintenance = Maintenance()
    maintenance.keep(window("2016-01-01T02:00", "FREQ=DAILY"))
    start = at("2026-11-21T00:00")
    mute = [bool(maintenance.muted_by({"site": "x"}, start + minute * 60_000)) for minute in range(0, 2880, 30)]
    assert sum(mute) == 8
    assert timedelta(minutes=30) * mute.index(True) == timedelta(hours=2)


GOOD = window("2026-11-21T22:00")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (replace(GOOD, matchers=()), "must not be for everything"),
        (replace(GOOD, matchers=parse_matchers("site=~.*")), "must not be for everything"),
        (replace(GOOD, name=""), "needs a name"),
        (replace(GOOD, duration_s=59), "from a minute to 30 days"),
        (replace(GOOD, zone="Mars/Olympus"), "no time zone"),
        (replace(GOOD, repeats="FREQ=SECONDLY"), "needs FREQ=DAILY"),
        (replace(GOOD, repeats="FREQ=DAILY;BYHOUR=3"), "got BYHOUR"),
        (replace(GOOD, repeats="FREQ=DAILY;BYDAY=XX"), "no recurrence of RFC 5545"),
        (replace(GOOD, repeats="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"), "never comes"),
        (replace(GOOD, repeats="often"), "got OFTEN"),
    ],
)
def test_what_can_be_no_window_says_why(wrong: Window, why: str) -> None:
    with pytest.raises(NoWindow, match=why):
        check_window(wrong)
