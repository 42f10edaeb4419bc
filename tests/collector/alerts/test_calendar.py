"""Times of the calendar, and nights in which clocks are set."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from netmon_collector.alerts.calendar_options import IntervalOptions, PeriodOptions


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000)


def holds(options: dict[str, Any], at_ms: int) -> bool:
    return PeriodOptions.model_validate(options).period().holds(at_ms)


OFFICE = {
    "times": [{"start_time": "09:00", "end_time": "17:00"}],
    "weekdays": ["monday:friday"],
    "location": "Europe/Berlin",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T08:59:59", False),
        ("2026-11-20T09:00:00", True),
        ("2026-11-20T16:59:59", True),
        ("2026-11-20T17:00:00", False),
        ("2026-11-21T12:00:00", False),
        ("2026-07-20T09:00:00", True),
    ],
)
def test_office_hours_are_those_of_the_place(text: str, expected: bool) -> None:
    assert holds(OFFICE, at(text, "Europe/Berlin")) is expected


def test_a_window_keeps_to_the_clock_in_the_nights_in_which_it_is_set() -> None:
    window = {"times": [{"start_time": "02:00", "end_time": "03:00"}], "location": "Europe/Berlin"}
    spring = [at("2026-03-29T00:00:00") + minute * 60_000 for minute in range(0, 300, 15)]
    assert not any(holds(window, moment) for moment in spring), "there is no such hour in that night"
    autumn = [at("2026-10-24T23:00:00") + minute * 60_000 for minute in range(0, 300, 15)]
    inside = [moment for moment in autumn if holds(window, moment)]
    assert len(inside) == 8, "the hour comes twice"
    assert inside[-1] - inside[0] == 105 * 60_000


@pytest.mark.parametrize(
    ("days", "text", "expected"),
    [
        ("1:5", "2026-02-05", True),
        ("1:5", "2026-02-06", False),
        ("-1", "2026-02-28", True),
        ("-1", "2028-02-28", False),
        ("-1", "2028-02-29", True),
        ("-3:-1", "2026-04-28", True),
        ("29:31", "2026-02-28", False),
        ("20:-1", "2026-02-21", True),
    ],
)
def test_days_may_count_from_the_end_of_the_month(days: str, text: str, expected: bool) -> None:
    assert holds({"days_of_month": [days]}, at(f"{text}T12:00:00")) is expected


def test_months_and_years_go_by_name_number_and_range() -> None:
    period = {"months": ["1:3", "August", "november:december"], "years": ["2026:2027", 2030]}
    inside = [
        (year, month)
        for year in range(2025, 2031)
        for month in range(1, 13)
        if holds(period, round(datetime(year, month, 15, tzinfo=UTC).timestamp() * 1000))
    ]
    assert inside == [(year, month) for year in (2026, 2027, 2030) for month in (1, 2, 3, 8, 11, 12)]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"times": [{"start_time": "9", "end_time": "10:00"}]}, "must be a time of day"),
        ({"times": [{"start_time": "09:00", "end_time": "24:01"}]}, "must be a time of day"),
        ({"weekdays": ["mondai"]}, "Did you mean 'monday'"),
        ({"weekdays": ["friday:monday"]}, "must not end before it begins"),
        ({"weekdays": ["saturday:sunday"]}, "must not end before it begins"),
        ({"days_of_month": ["-1:5"]}, "must not end before it begins"),
        ({"days_of_month": ["30:-5"]}, "must not end before it begins"),
        ({"times": [{"start_time": "22:00", "end_time": "06:00"}]}, "'end_time' must be after 'start_time'"),
        ({"times": [{"start_time": "22:00", "end_time": "22:00"}]}, "'end_time' must be after 'start_time'"),
        ({"days_of_month": ["0"]}, "days from 1 to 31"),
        ({"months": ["13"]}, "knows no '13'"),
        ({"years": ["26"]}, "years such as 2026"),
        ({"location": "Europe/Berlinn"}, "must be a time zone"),
    ],
)
def test_what_is_no_time_says_why(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        PeriodOptions.model_validate(options)


def test_one_of_the_periods_of_a_name_is_enough() -> None:
    interval = IntervalOptions.model_validate(
        {"name": "off", "time_intervals": [{"weekdays": ["saturday"]}, {"weekdays": ["sunday"]}]}
    )
    moments = [at(f"2026-11-{day}T12:00:00") for day in (20, 21, 22, 23)]
    assert [any(period.holds(moment) for period in interval.periods()) for moment in moments] == [
        False,
        True,
        True,
        False,
    ]


def test_the_place_of_this_machine_is_a_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    period = PeriodOptions.model_validate(
        {"times": [{"start_time": "00:00", "end_time": "01:00"}], "location": "Local"}
    ).period()
    assert [period.holds(at(f"2026-11-21T{hour}:30:00")) for hour in ("15", "00")] == [True, False]
    monkeypatch.delenv("TZ")
    PeriodOptions.model_validate({"location": "Local"})
