"""What is odd, what comes next and what runs out, as it is printed."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netmon_cli import analytics, capacity, feedback, models, trends
from netmon_cli.client import Client
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import Paper
from tests.cli.conftest import Netmon

NOW_S = 1_769_860_800.0
PLAIN = Paper()
ALIKE = [("web1", 1.0, 0.0), ("web2", -0.93, -120.0)]
Values = Callable[[str], list[tuple[dict[str, str], float]]]


class Collector(Client):
    """Answers from a function of the expression, and writes down what it was asked."""

    def __init__(self, values: Values = lambda _: [], answer: Any = None) -> None:
        self.asked: list[str] = []
        self._values = values
        self._answer = answer

    def now_s(self) -> float:
        return NOW_S

    def get(self, path: str, *_: Any, **__: Any) -> Any:
        self.asked.append(path)
        return self._answer

    def evaluate(self, expression: str, over: tuple[float, float, float] | None) -> Any:
        self.asked.append(expression)
        result = [
            {"metric": labels, "value": [NOW_S, "+Inf" if math.isinf(value) else str(value)]}
            for labels, value in self._values(expression)
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}


def stamp(after_s: float) -> str:
    return datetime.fromtimestamp(NOW_S + after_s, UTC).isoformat()


def ending(what: str, days: float | None, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    ends = zip(("exhausted", "low", "high"), (days, low, high), strict=True)
    times = {name: None if day is None else stamp(day * 86400) for name, day in ends}
    known = {"labels": {"instance": "db1"}, "used": 0.7, "limit": 1.0, "never": 0.0, "changed": None, "soon": False}
    return {"what": what, **known, **times, **more}


def test_what_runs_out_comes_in_order_and_what_does_not_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        ending("certificate", 5, 5, 5, limit=None, used=432000.0),
        ending("space", 9, 7, None, changed=stamp(-86400)),
        ending("licences", 12, 10, 14, used=150.0, limit=200.0),
        ending("inodes", None, None, None),
    ]
    collector = Listed(answer={"results": found, "next": None})
    assert capacity.show_capacity(collector, ["db1"], [], False, PLAIN) is Exit.FINE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["FULL", "IN", "80", "%", "INTERVAL", "USED", "WHAT", "SERIES"]
    assert lines[1].split() == ["5d", "5d", "to", "5d", "-", "certificate", '{instance="db1"}']
    assert lines[2].split()[:6] == ["9d", "7d", "to", "never", "70%", "space"]
    assert lines[2].endswith("changed 1d ago")
    assert "150 of 200  licences" in lines[3]
    assert lines[4] == "1 other does not run out within a year"
    assert collector.asked == ["/api/v1/capacity", "('instance', 'db1')"]


def test_a_forecast_lists_its_ends(capsys: pytest.CaptureFixture[str]) -> None:
    def values(expression: str) -> list[tuple[dict[str, str], float]]:
        ends = {"sum": 1.0, "forecast": 5.0, "forecast_low": 4.0, "forecast_high": 6.0}
        return [({}, ends[expression.partition("(")[0]])]

    season = {"period_s": 86400, "strength": 0.7, "highest": stamp(-3600), "lowest": stamp(-36000)}
    job = {"period_s": 21600, "strength": 0.2, "highest": stamp(-7200), "lowest": stamp(-10800)}
    trend = {"labels": {}, "seasons": [job, season], "slope_per_day": 2.5, "chance": 0.01, "trend": True}
    collector = Collector(values, {"results": [trend | {"changes": [stamp(-86400)]}]})
    assert analytics.show_forecast(collector, "sum(load)", 86400.0, 86400.0, False, PLAIN) is Exit.FINE
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].split()[:4] == ["1d", "5", "4", "6"]
    assert lines[-1] == (
        "{}: repeats itself every 6h "
        "(20% of what varies, highest about 2026-01-31 10:00, lowest about 2026-01-31 09:00 UTC)"
        "; repeats itself every day (70% of what varies, highest about 11:00, lowest about 02:00 UTC); "
        "trend +2.5 a day (p = 0.01); changed 1d ago"
    )
    assert collector.asked[0] == "sum(load)"
    assert collector.asked[-2].startswith("forecast_high((sum(load)\n)[86400s:")


def test_now_is_shown_beside_earlier_weeks(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"labels": {"instance": "web1"}, "now": 20.0, "before": 10.0, "low": 9.0, "high": 11.0, "change": 1.0}
    new = {"labels": {"instance": "web2"}, "now": 5.0, "before": None, "low": None, "high": None, "change": None}
    collector = Listed(answer={"results": [one, new]})
    trends.compare(collector, "load", 3600.0, 604800.0, 4, False, PLAIN)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NOW", "7D", "AGO", "CHANGE", "THE", "LAST", "4", "TIMES", "SERIES"]
    assert lines[1].split() == ["20", "10", "+100%", "9", "to", "11", '{instance="web1"}']
    assert lines[2].split() == ["5", "-", "-", "-", '{instance="web2"}']
    assert "('against', '604800s')" in collector.asked


def test_what_is_alike_is_shown_with_its_shift(capsys: pytest.CaptureFixture[str]) -> None:
    found = [{"labels": {"instance": name}, "correlation": size, "after_s": after} for name, size, after in ALIKE]
    trends.find_similar(Listed(answer={"compared": 900, "results": found}), "load", None, 3600.0, 5, False, PLAIN)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["+1.00", "at", "once", '{instance="web1"}']
    assert lines[2].split() == ["-0.93", "2m", "before", '{instance="web2"}']
    assert lines[3] == "900 series compared"


def test_a_forecast_of_nothing_or_of_too_much_says_so() -> None:
    with pytest.raises(Failure, match="comes to nothing"):
        analytics.show_forecast(Collector(), "load", 86400.0, 3600.0, False, PLAIN)
    many = Collector(lambda _: [({"instance": f"web{one}"}, 1.0) for one in range(1001)])
    with pytest.raises(Failure, match="comes to 1,001 series: 1,000 are forecast"):
        analytics.show_forecast(many, "load", 86400.0, 3600.0, False, PLAIN)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forecast", "load", "--horizon", "0s"), "must be 1m to 1825d (got 0s)"),
        (("forecast", "load", "--horizon", "10y"), "must be 1m to 1825d (got 10y)"),
        (("forecast", "load", "--history", "2y"), "must be 1h to 366d (got 2y)"),
        (("compare", "load", "--with", "1s"), "must be 1m to 366d (got 1s)"),
        (("compare", "load", "--over", "40d"), "must be 1m to 31d (got 40d)"),
        (("similar", "load", "--over", "1m"), "must be 10m to 31d (got 1m)"),
    ],
)
def test_times_out_of_bounds_are_told_in_words(netmon: Netmon, words: tuple[str, ...], said: str) -> None:
    ended = netmon(*words)
    assert ended.code == Exit.USAGE
    assert said in " ".join(ended.err.split())


def test_anomalies_come_with_what_was_expected(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {
        "labels": {"__name__": "load", "instance": "web1"},
        "time": "2026-01-31T11:59:00Z",
        "value": 700.0,
        "component": "deviation",
        "expected": 100.0,
        "low": 80.0,
        "high": 120.0,
    }
    answer = {"results": [odd], "next": None}
    analytics.show_anomalies(Collector(answer=answer), (), False, PLAIN)
    line = capsys.readouterr().out.splitlines()[1]
    assert "700" in line
    assert "80 to 120" in line
    assert 'load{instance="web1"}' in line


def test_anomalies_that_came_together_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {"time": "2026-01-31T11:59:00Z", "value": 7.0, "component": "level", "expected": 1.0, "low": 0.0, "high": 2.0}
    names = [("core", 1), ("hall", 1), ("yard", 0)]
    results = [odd | {"labels": {"__name__": "load", "instance": name}, "group": group} for name, group in names]
    analytics.show_anomalies(Collector(answer={"results": results, "next": None}), (), False, PLAIN)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["#1", "#1", "-"]
    assert lines[4] == "#1: 2 series at once on core, hall"


def test_what_does_not_fit_together_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    load = {"__name__": "load", "instance": "web1", "job": "node"}
    score = {"__name__": "netmon_combination_score", "instance": "web1"}
    odd = {"labels": score, "time": "2026-01-31T11:59:00Z", "value": 2.5, "component": "combination"}
    odd |= {"expected": None, "low": 0, "high": 1.2, "parts": [{"labels": load, "value": 9.25, "usual": 0.5}]}
    analytics.show_anomalies(Collector(answer={"results": [odd], "next": None}), (), False, PLAIN)
    assert capsys.readouterr().out.splitlines()[2] == "web1: load is 9.25, to the others goes 0.5"


def test_what_was_odd_all_along_comes_after_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    odd = {"time": "2026-01-31T11:59:00Z", "value": 7.0, "component": "level", "expected": 1.0, "low": 0.0, "high": 2.0}
    told = [("again", 30.0, "2026-01-31T11:30:00Z"), ("weekly", 20.0, "2026-01-24T11:59:00Z"), ("new", 9.0, None)]
    results = [odd | {"labels": {"__name__": name}, "score": score, "before": before} for name, score, before in told]
    analytics.show_anomalies(Collector(answer={"results": results, "next": None}), (), False, PLAIN)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == ["new", "weekly", "again"]


def test_who_takes_what_of_a_host_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    hog = {"__name__": "namedprocess_namegroup_cpu_seconds_total", "instance": "web1", "groupname": "hog"}
    odd = {"labels": hog, "time": "2026-01-31T11:59:00Z", "value": 0.97, "component": "consumer", "expected": 0.0}
    odd |= {"low": 0.0, "high": 0.2, "words": "hog takes 0.97 of 2 processors, for 5 min"}
    analytics.show_anomalies(Collector(answer={"results": [odd], "next": None}), (), False, PLAIN)
    assert capsys.readouterr().out.splitlines()[2] == "web1: hog takes 0.97 of 2 processors, for 5 min"


def test_the_state_of_the_model_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"series": 487, "warm": 0, "left_out": 0, "judged": 9, "dropped": 3, "alarms": 1, "state_bytes": 1 << 20}
    counts["devices"] = 12
    analytics.show_model(Collector(answer={"enabled": True, **counts, "saved": None}), False)
    told = capsys.readouterr().out
    assert "487" in told
    assert "12 whose series are looked at together" in told
    assert "3 not judged because that fell behind" in told
    assert "not saved yet" in told


class Listed(Collector):
    """Answers as before, and writes down which were asked for."""

    def get(self, path: str, parameters: Any = (), *_: Any, **__: Any) -> Any:
        wanted = [str(one) for one in parameters if one[0] not in ("page", "page_size")]
        self.asked += [path, *wanted]
        return self._answer


class Told(Collector):
    """Takes what is sent, and answers as before."""

    def send(self, method: str, path: str, body: Any = None, timeout_s: float | None = None) -> Any:
        self.asked.append(f"{method} {path} {json.dumps(body)}")
        return self._answer


FINE = {
    "id": "7d",
    "labels": {"__name__": "load", "instance": "web1"},
    "time": "2026-01-31T11:59:00Z",
    "given_by": "ann",
}


def test_what_was_fine_is_said_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    collector = Told(answer={"results": [FINE]})
    feedback.say_fine(collector, "load", "ann", False, PLAIN)
    assert collector.asked == ['POST /api/v1/anomalies/fine {"selector": "load", "given_by": "ann"}']
    assert capsys.readouterr().out.splitlines()[1].split() == ["1m", "ago", "7d", "ann", 'load{instance="web1"}']


def test_what_is_taken_back_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    collector = Told(answer=FINE)
    feedback.take_back(collector, "7d/..", False)
    assert collector.asked == ["DELETE /api/v1/anomalies/fine/7d%2F.. null"]
    assert capsys.readouterr().out == 'load{instance="web1"} may alarm again\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,a,a\n1,2,3\n", "two series have the same title"),
        ("time,a\n1,1e999\n", "sales.csv:2: '1e999' is too large"),
        ("time,a\n1,nan\n", "sales.csv:2: 'nan' is no number"),
        ("time,a\n1,2,3\n", "sales.csv:2: has 3 fields, the titles 2"),
        ("time,a\n", "needs a line of titles"),
    ],
)
def test_a_file_that_cannot_be_sent_is_told_of(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(text)
    with pytest.raises(Failure, match=re.escape(said)):
        models.send_series(Collector(), "sales", file, as_json=False)
