"""Days and weeks are those of the place where a device is, in summer and in winter."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from netmon_collector.anomaly.clocks import Clocks

OSLO, LIMA = ZoneInfo("Europe/Oslo"), ZoneInfo("America/Lima")
SITES = {"core": "oslo", "far": "lima", "web1": ""}
HOUR_S = 3600


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_device_goes_by_the_clocks_of_its_site_and_others_by_the_zone_that_is_set() -> None:
    clocks = Clocks(OSLO, {"lima": LIMA}, SITES.__getitem__)
    clocks.look(["core", "far", "web1"], at("2026-01-15T12:00Z"))
    assert clocks.ahead_s.tolist() == [HOUR_S, -5 * HOUR_S, HOUR_S]


def test_summer_time_is_noticed_at_the_hour_and_devices_that_come_are() -> None:
    clocks = Clocks(OSLO, {}, SITES.__getitem__)
    clocks.look(["core"], at("2026-03-29T00:59:59Z"))
    assert clocks.ahead_s.tolist() == [HOUR_S]
    clocks.look(["core"], at("2026-03-29T01:00:00Z"))
    assert clocks.ahead_s.tolist() == [2 * HOUR_S]
    clocks.look(["core", "web1"], at("2026-03-29T01:00:05Z"))
    assert clocks.ahead_s.tolist() == [2 * HOUR_S, 2 * HOUR_S]


def test_unless_told_otherwise_the_clock_of_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(None, {}, SITES.__getitem__)
    now_s = at("2026-07-15T12:00Z")
    clocks.look(["core"], now_s)
    offset = datetime.fromtimestamp(now_s).astimezone().utcoffset()
    assert offset is not None
    assert clocks.ahead_s.tolist() == [offset.total_seconds()]
