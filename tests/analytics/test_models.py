"""Models behind one interface, how good they are, and requests to models elsewhere."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from netmon_analytics.anomaly import Constants, State
from netmon_analytics.combination import choose
from netmon_analytics.models import (
    Accuracy,
    BadRequest,
    EnsembleDetector,
    EnsembleForecaster,
    NotGenuine,
    Outlook,
    Tally,
    Verifier,
    answer,
    sign,
    stability,
)
from netmon_analytics.models.measures import EDGES
from netmon_analytics.models.protocol import forecast, observed, written

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text()
KEY = "a key of both sides"
NOW_S = 1_769_860_800.0
HOUR_S = 3600.0


def weeks_of_hours(weeks: int, seed: int = 1) -> Any:
    hours = np.arange(weeks * 168)
    return 100 + 20 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(seed).normal(size=len(hours))


def test_a_detector_says_why_it_alarmed() -> None:
    times = NOW_S + np.arange(0.0, 180_000, 60)
    values = np.stack([100 + np.arange(3000) % 7, 5 + np.arange(3000) % 5]).astype(float)
    values[0, 2990] = 500
    found = EnsembleDetector(State.empty(2)).observe(times, values)
    assert found.alarms[0, 2990]
    assert not found.alarms[1].any()
    told = next(one for one in found.reasons if one.step == 2990)
    assert told.series == 0
    assert told.low < told.expected < told.high < 500


def test_series_with_weeks_in_them_get_the_ensemble_and_others_what_they_allow() -> None:
    long, short, empty = weeks_of_hours(6), np.full(6 * 168, np.nan), np.full(6 * 168, np.nan)
    short[-100:] = np.cumsum(np.random.default_rng(1).normal(size=100))
    told = EnsembleForecaster().forecast(np.stack([long, short, empty]), HOUR_S, 48)
    truth = 100 + 20 * np.sin(2 * np.pi * np.arange(6 * 168, 6 * 168 + 48) / 24)
    assert np.abs(told.middle[0] - truth).mean() < 1.5
    assert ((told.low <= told.middle) & (told.middle <= told.high))[:2].all()
    assert told.methods[1:] == ["increments drawn again", "too little history"]
    assert told.methods[0] != told.methods[1]
    assert np.isnan(told.middle[2]).all()


def test_other_arrays_than_those_needed_are_refused() -> None:
    forecaster, detector = EnsembleForecaster(), EnsembleDetector(State.empty(1))
    with pytest.raises(ValueError, match="two axes"):
        forecaster.forecast(np.ones(100), HOUR_S, 5)
    for asked in ((0.0, 5), (HOUR_S, 0), (HOUR_S, 5, 1.0)):
        with pytest.raises(ValueError, match="cannot be"):
            forecaster.forecast(np.ones((1, 100)), *asked)
    for times, values in ((np.arange(3.0), np.ones((1, 5))), (np.arange(5.0), np.ones((2, 5)))):
        with pytest.raises(ValueError, match="for 1 series"):
            detector.observe(times, values)
    with pytest.raises(ValueError, match="in teach"):
        detector.detector.observe(1.0, np.ones(1), None, np.ones(2, np.bool_))
    assert EnsembleDetector(State.empty(0)).observe(np.arange(2.0), np.ones((0, 2))).scores.shape == (0, 2)
    with pytest.raises(ValueError, match="more than 0"):
        Constants(weeks_per_alarm=0)
    for nothing in (np.empty((0, 4)), np.full((9, 4), np.nan)):
        with pytest.raises(ValueError, match="finite"):
            choose(nothing)


def test_what_a_detector_said_is_counted() -> None:
    tally = Tally()
    tally.add(np.array([0.1, 5.0, np.nan]), np.array([False, True, False]), np.array([60.0, 60.0, 60.0]))
    tally.add(np.array([0.1]), np.array([False]), 7200.0)  # after a gap
    assert (tally.scores, tally.alarms, tally.watched_s) == (3, 1, 120.0)
    assert tally.counts[0] == 2
    assert tally.counts[len(EDGES)] == 1
    again = Tally.from_arrays(tally.arrays()) + Tally()
    assert (again.scores, again.alarms, again.watched_s) == (3, 1, 120.0)


def test_scores_that_move_are_seen_and_those_that_stay_are_not() -> None:
    rng = np.random.default_rng(1)

    def tally(scale: float) -> Tally:
        made = Tally()
        made.add(rng.exponential(scale, 20_000), np.zeros(20_000, np.bool_), 60.0)
        return made

    same, moved = stability(tally(1.0), tally(1.0)), stability(tally(1.0), tally(2.5))
    assert same is not None
    assert moved is not None
    assert same < 0.01
    assert moved > 0.25
    assert stability(tally(1.0), Tally()) is None


def test_a_forecast_is_held_against_what_came() -> None:
    flat = np.zeros((2, 4))
    told = Outlook(flat - 1, flat, flat + 1, ["a", "b"])
    found = Accuracy()
    found.add(np.array([[0.5, 2.0], [np.nan, 0.0]]), told, np.array([0.5, 1.0]), slice(0, 2))
    assert (found.values, found.within, found.coverage) == (3, 2, 2 / 3)
    assert found.error == pytest.approx((1 + 4 + 0) / 3)
    assert Accuracy().coverage is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"body": b"other"}, "not that of this request"),
        ({"path": "/v1/forecast"}, "not that of this request"),
        ({"method": "PUT"}, "not that of this request"),
        ({"headers": {}}, "not signed"),
        ({"now_s": NOW_S + 301}, "301 s old"),
        ({"now_s": NOW_S - 301}, "-301 s old"),
        (
            {"headers": {"x-netmon-time": "1", "x-netmon-nonce": "\udcff", "x-netmon-signature": "\udcff"}},
            "not that of",
        ),
    ],
)
def test_only_the_request_that_was_signed_is_genuine(change: dict[str, Any], said: str | None) -> None:
    headers = sign(KEY, "POST", "/v1/observe", b"{}", NOW_S, "nonce-1")
    request: dict[str, Any] = {
        "method": "POST",
        "path": "/v1/observe",
        "headers": headers,
        "body": b"{}",
        "now_s": NOW_S,
    } | change
    if said is None:
        Verifier(KEY).verify(**request)
    else:
        with pytest.raises(NotGenuine, match=said):
            Verifier(KEY).verify(**request)


def test_a_request_counts_once_and_another_key_never() -> None:
    verifier, headers = Verifier(KEY), sign(KEY, "POST", "/observe", b"{}", NOW_S, "n")
    verifier.verify("POST", "/observe", headers, b"{}", NOW_S)
    with pytest.raises(NotGenuine, match="there before"):
        verifier.verify("POST", "/observe", headers, b"{}", NOW_S + 1)
    with pytest.raises(NotGenuine, match="not that of"):
        Verifier(KEY + "!").verify("POST", "/observe", headers, b"{}", NOW_S)
    with pytest.raises(ValueError, match="at least 16"):
        Verifier("short")


def test_what_is_asked_and_answered_comes_through() -> None:
    values = np.stack([weeks_of_hours(6)])
    values[0, 3] = np.nan
    body = written(model="m", labels=[{}], step_s=HOUR_S, steps=24, share=0.8, values=values)
    told = forecast(answer("/v1/forecast", body, forecaster=EnsembleForecaster()), (1, 24), "elsewhere")
    here = EnsembleForecaster().forecast(values, HOUR_S, 24)
    assert np.array_equal(told.middle, here.middle)
    times = NOW_S + np.arange(0.0, 6000, 60)
    body = written(model="m", labels=[{}], times=times, values=values[:, :100])
    found = observed(answer("/v1/observe", body, detector=EnsembleDetector(State.empty(1))), (1, 100))
    expected = EnsembleDetector(State.empty(1)).observe(times, values[:, :100])
    assert np.array_equal(found.scores, expected.scores, equal_nan=True)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/observe", "[", "no JSON"),
        ("/observe", "3", "no JSON object"),
        ("/observe", '{"values": [[1, 2], [3]]}', "lists of one length"),
        ("/observe", '{"values": [["1"]]}', "numbers and nulls"),
        ("/observe", '{"values": [[1, 2]], "times": [2, 1]}', "rising"),
        ("/observe", '{"values": [[1, 2]], "times": [1]}', "rising"),
        ("/forecast", '{"values": [[1]], "step_s": 3600, "share": 0.8, "steps": 9999}', "steps: must be"),
        ("/forecast", '{"values": [[1]], "step_s": true, "share": 0.8, "steps": 9}', "step_s: must be"),
        ("/observe", '{"values": [[1], [2]], "times": [1]}', "for 1 series"),
        ("/train", '{"values": [[1]]}', "does not answer"),
    ],
)
def test_what_cannot_be_asked_is_told(path: str, body: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        answer(path, body.encode(), EnsembleDetector(State.empty(1)), EnsembleForecaster())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"low": [[1]], "middle": [[2]], "high": [[3]]}, "low: must be 1 lists of 2"),
        ({"low": [[1, 1]], "middle": [[0, 1]], "high": [[3, 3]]}, "not in this order"),
        ({"low": [[1, 1]]}, "middle: must be a list"),
    ],
)
def test_what_cannot_be_an_answer_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        forecast(json.dumps(given).encode(), (1, 2), "elsewhere")


ALONE = """
import importlib, pkgutil, sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + [sys.argv[1]]
import netmon_analytics
for module in pkgutil.walk_packages(netmon_analytics.__path__, "netmon_analytics."):
    importlib.import_module(module.name)
print(sum(name.startswith("netmon_analytics.") for name in sys.modules))
print(sorted({name.partition(".")[0] for name in sys.modules if name.startswith("netmon")}))
"""


def test_the_library_needs_numpy_and_nothing_else(tmp_path: Path) -> None:
    site = Path(np.__file__).parents[1]
    (tmp_path / "netmon_analytics").symlink_to(ROOT / "analytics" / "netmon_analytics")
    for name in ("numpy", "numpy.libs"):
        if (site / name).exists():
            (tmp_path / name).symlink_to(site / name)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    count, packages = done.stdout.splitlines()
    assert int(count) > 30
    assert packages == "['netmon_analytics']"


@pytest.mark.parametrize("program", re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_the_programs_of_the_page_print_something(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program, "docs/models.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) > 1


@pytest.fixture
def server() -> Iterator[str]:
    """The server that the page shows, running."""
    program = PAGE.partition("```python server.py\n")[2].partition("```")[0]
    surroundings: dict[str, Any] = {"__name__": "server"}
    exec(compile(program, "docs/models.md", "exec"), surroundings)
    surroundings["verifier"] = Verifier(KEY)
    running = ThreadingHTTPServer(("127.0.0.1", 0), surroundings["Models"])
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


def test_the_server_of_the_page_answers_who_signs_and_nobody_else(server: str) -> None:
    import time

    body = written(model="m", labels=[{}], step_s=HOUR_S, steps=24, share=0.8, values=weeks_of_hours(6)[None])

    def ask(headers: dict[str, str], content: bytes = body) -> bytes:
        with urlopen(Request(f"{server}/v1/forecast", content, headers), timeout=10) as response:
            told: bytes = response.read()
            return told

    headers = sign(KEY, "POST", "/v1/forecast", body, time.time(), "nonce-1")
    assert np.isfinite(forecast(ask(headers), (1, 24), "elsewhere").middle).all()
    for one in (headers, {}, sign("another key of mine", "POST", "/v1/forecast", body, time.time(), "2")):
        with pytest.raises(HTTPError, match="401") as refused:
            ask(one)
        refused.value.close()
    wrong = sign(KEY, "POST", "/v1/forecast", b"{}", time.time(), "nonce-3")
    with pytest.raises(HTTPError, match="400") as refused:
        ask(wrong, b"{}")
    refused.value.close()
