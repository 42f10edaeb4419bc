"""Models over HTTP: sent series, trained in a process, asked, rolled back; and others' models instead of ours."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from netmon_collector.models.service import Models
from netmon_collector.models.spec import Spec
from netmon_collector.store.base import Row
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, labels
from tests.collector.models.test_elsewhere import KEY, server

LOAD = {"kind": "detector", "expression": "load", "step": "10m", "history": "7d", "every": 0}
UP = {"kind": "detector", "expression": "up"}
MANY = {"series": [{"times": list(range(2001)), "values": [1] * 2001}]}
HOUR_MS = 3_600_000
MODELS = "/api/v1/models"
NOW_S = NOW_MS / 1000


def hourly(weeks: int, seed: int = 1) -> tuple[list[float], list[float]]:
    """Times until now, and values with a day in them."""
    count = weeks * 168
    times = NOW_S - 3600.0 * np.arange(count - 1, -1, -1)
    values = 100 + 20 * np.sin(2 * np.pi * times / 86_400) + np.random.default_rng(seed).normal(size=count)
    return times.tolist(), values.round(3).tolist()


async def send(lab: Lab, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    async with lab.client.request(method, MODELS + path, json=body) as response:
        assert response.status == status, await response.text()
        answer = await response.json()
        return answer if status == 200 else answer["error"]["message"]


@asynccontextmanager
async def at_work(lab: Lab) -> AsyncIterator[None]:
    """Models are followed and trained within the block."""
    task = asyncio.create_task(lab.models.run())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def until_trained(lab: Lab, name: str, version: int = 1) -> Any:
    async with asyncio.timeout(40):
        while True:
            told = await send(lab, "GET", f"/{name}")
            is_made = told["version"] is not None and told["version"]["number"] >= version
            if told["state"] != "training" and (told["failed"] or is_made):
                return told
            await asyncio.sleep(0.05)


async def have_forecaster(lab: Lab, name: str = "sales", **given: Any) -> Any:
    """A forecaster of what is sent to it, with six weeks of two series."""
    told = await send(lab, "PUT", f"/{name}", {"kind": "forecaster", "horizon": "2d", "every": 0, **given})
    sent = []
    for seed in (1, 2):
        times, values = hourly(6, seed)
        sent.append({"labels": {"shop": f"s{seed}"}, "times": times, "values": values})
    assert await send(lab, "POST", f"/{name}/series", {"series": sent}) == {"samples": 2016, "series": 2}
    return told


async def test_a_forecaster_is_sent_series_trained_asked_and_rolled_back(lab: Lab) -> None:
    told = await have_forecaster(lab)
    assert (told["state"], told["version"], told["next_training"], told["key"]) == ("untrained", None, None, None)
    assert "never trained" in await send(lab, "POST", "/sales/predict", {"horizon": "1d"}, 409)
    async with at_work(lab):
        told = await send(lab, "POST", "/sales/train", {"by": "ann", "why": "first"})
        assert told["state"] == "waiting" or told["state"] == "training"
        told = await until_trained(lab, "sales")
        version = told["version"]
        assert (version["series"], version["samples"], version["made_by"], version["by"]) == (2, 2016, "netmon", "ann")
        assert version["span"]["end"] == "2026-01-31T12:00:00.000Z"
        assert 0.5 < version["tested_coverage"] <= 1
        assert sum(version["methods"].values()) == 2
        prediction = await send(lab, "POST", "/sales/predict", {"horizon": "1d"})
        assert (prediction["version"], prediction["share"], len(prediction["times"])) == (1, 0.8, 24)
        assert prediction["times"][0] == NOW_S + 3600
        first = prediction["series"][0]
        truth = 100 + 20 * np.sin(2 * np.pi * np.array(prediction["times"]) / 86_400)
        assert np.abs(np.array(first["middle"]) - truth).mean() < 2
        assert (np.diff([first["low"], first["middle"], first["high"]], axis=0) > 0).all()
        await send(lab, "POST", "/sales/train")
        await until_trained(lab, "sales", 2)
        told = await send(lab, "POST", "/sales/rollback", {"version": 1, "by": "bob", "why": "it was better"})
    assert told["version"]["number"] == 1
    versions = await send(lab, "GET", "/sales/versions")
    assert [(one["number"], one["current"]) for one in versions["results"]] == [(2, False), (1, True)]
    assert [(one["version"], one["by"]) for one in versions["changes"]] == [(1, "bob"), (2, ""), (1, "ann")]
    assert "no version 9 (there is 1, 2)" in await send(lab, "POST", "/sales/rollback", {"version": 9}, 409)


async def test_what_comes_tells_how_good_a_forecast_was(lab: Lab) -> None:
    await have_forecaster(lab, every="1d", horizon="3d")
    async with at_work(lab):
        await until_trained(lab, "sales")
    model = lab.models.one("sales")
    times = NOW_S + 3600.0 * np.arange(1, 61)
    for scale, has_drifted in ((1.0, False), (3.0, True)):
        values = 100 + scale * 20 * np.sin(2 * np.pi * times / 86_400)
        sent = [{"labels": {"shop": shop}, "times": times.tolist(), "values": values.tolist()} for shop in ("s1", "s2")]
        lab.clock.wall = NOW_MS + 60 * HOUR_MS
        await send(lab, "POST", "/sales/series", {"series": sent})
        found = model.shelf.newest_whole()
        assert found is not None
        model.keeper.take_up(*found)
        await model.keeper.follow(lab.clock.now_ms())
        told = await send(lab, "GET", "/sales")
        standing = model.standing()
        assert standing is not None
        assert standing.has_drifted == has_drifted
        assert told["calibration"]["asked"] == 0.8
        assert told["calibration"]["over"] == "120 values"
        assert (told["calibration"]["measured"] < 0.5) == has_drifted
    assert told["next_training"] == "2026-02-01T12:00:00.000Z"


async def test_a_detector_scores_what_it_is_shown_and_learns_nothing_from_it(lab: Lab) -> None:
    await send(lab, "PUT", "/load", LOAD)
    rng = np.random.default_rng(1)
    web1 = labels("load", instance="web1")
    rows = [lab.row({web1: 100 + rng.normal()}, NOW_MS - 600_000 * step) for step in range(1008, 0, -1)]
    await lab.store.append(rows, None)
    async with at_work(lab):
        await send(lab, "POST", "/load/train")
        told = await until_trained(lab, "load")
        assert (told["version"]["series"], told["version"]["samples"]) == (1, 1008)
    body = {
        "series": [
            {"labels": {"__name__": "load", "instance": "web1"}, "times": [NOW_S, NOW_S + 600], "values": [100.2, 900]},
            {"labels": {"__name__": "load", "instance": "new"}, "times": [NOW_S], "values": [5]},
        ]
    }
    first = await send(lab, "POST", "/load/score", body)
    known, new = first["series"]
    assert (known["known"], known["alarms"], new["known"], new["scores"]) == (True, [False, True], False, [None])
    assert known["reasons"][0]["low"] < known["reasons"][0]["expected"] < known["reasons"][0]["high"] < 900
    assert await send(lab, "POST", "/load/score", body) == first
    await lab.keep({labels("load", instance="web1"): 900.0}, NOW_MS + 600_000)
    lab.clock.wall += 601_000
    await lab.models.one("load").keeper.follow(lab.clock.now_ms())
    stored = await lab.get(
        "/api/v1/samples", ("selector", 'netmon_model_alarm{model="load"}'), ("start", str(NOW_S - 60))
    )
    assert stored["results"][0]["samples"][-1] == [NOW_S + 600, 1.0]
    async with lab.client.get("/metrics") as response:
        page = await response.text()
    assert 'netmon_model_version{model="load"} 1.0' in page
    assert 'netmon_model_trainings_total{model="load",result="ok"} 1.0' in page


async def test_a_killed_training_is_told_and_tried_again_later(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await have_forecaster(lab, every="1d")
    async with at_work(lab):
        await until(lambda: lab.models.pid is not None)
        assert lab.models.pid is not None
        os.kill(lab.models.pid, signal.SIGKILL)
        told = await until_trained(lab, "sales")
        assert told["failed"] == "its process was ended by SIGKILL"
        assert told["state"] == "untrained"
        assert told["next_training"] == "2026-01-31T13:00:00.000Z"
        assert (await lab.get("/api/v1/status"))["version"]


async def test_a_server_with_a_model_takes_the_place_of_ours_and_ours_its(lab: Lab) -> None:
    with server(clock_s=lambda: NOW_S) as url:
        told = await have_forecaster(lab, url=url, key=KEY)
        assert told["key"] is None
        async with at_work(lab):
            await send(lab, "POST", "/sales/train")
            told = await until_trained(lab, "sales")
            assert (told["version"]["made_by"], told["elsewhere"]) == ("elsewhere", "answers")
    async with at_work(lab):  # the server is gone
        await send(lab, "POST", "/sales/train")
        told = await until_trained(lab, "sales", 2)
    assert told["version"]["made_by"].startswith("netmon, because the server elsewhere failed: 127.0.0.1")
    assert told["version"]["methods"] != {"elsewhere": 2}
    made = await send(lab, "PUT", "/other", {**UP, "url": url})
    assert made["key"]
    assert made["elsewhere"] == "was not asked yet"
    assert (await send(lab, "PUT", "/other", {**UP, "url": url, "every": "1d"}))["key"] is None  # it keeps its own
    assert lab.models.key_of("other", url) == made["key"]


async def test_a_model_that_is_changed_goes_on_from_its_versions_where_they_fit(lab: Lab) -> None:
    await have_forecaster(lab)
    async with at_work(lab):
        await send(lab, "POST", "/sales/train")
        await until_trained(lab, "sales")
    given = {"kind": "forecaster", "horizon": "2d"}
    await send(lab, "PUT", "/sales", {**given, "every": "2d"})
    assert (await send(lab, "POST", "/sales/predict", {"horizon": "1d"}))["version"] == 1
    await send(lab, "PUT", "/sales", {**given, "every": 0, "step": "2h"})
    assert "never trained" in await send(lab, "POST", "/sales/predict", {"horizon": "1d"}, 409)
    told = await send(lab, "GET", "/sales")
    assert told["version"] is None, "what is known is of what the model was before"
    said = await send(lab, "POST", "/sales/rollback", {"version": 1}, 409)
    assert said == 'version 1 is a forecaster of netmon_model_input{model="sales"} every 3600 s: not of this model'


async def test_models_and_what_they_know_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        await have_forecaster(lab, url="https://models.example.net", key=KEY)
        async with at_work(lab):
            await send(lab, "POST", "/sales/train")
            await until_trained(lab, "sales")
        before = await send(lab, "POST", "/sales/predict", {"horizon": "1d"})
    assert KEY.encode() not in (tmp_path / "state.sqlite").read_bytes()
    async with running(tmp_path) as lab:
        async with at_work(lab):
            await until(lambda: lab.models.one("sales").standing() is not None)
        assert await send(lab, "POST", "/sales/predict", {"horizon": "1d"}) == before
        await send(lab, "DELETE", "/sales")
        assert await send(lab, "GET", "/sales", None, 404) == "there is no model 'sales'"
        assert not (tmp_path / "models" / "sales").exists()


async def test_the_model_of_all_series_is_trained_from_the_store_and_rolled_back(lab: Lab) -> None:
    rng = np.random.default_rng(1)
    web1 = labels("load", instance="web1")
    rows: list[Row] = [lab.row({web1: 100 + rng.normal()}, NOW_MS - 300_000 * step) for step in range(1000, 0, -1)]
    await lab.store.append(rows, None)
    lab.assessor.offer(rows[-5:])  # as after a restart that lost what it had learned
    lab.assessor.judge()
    assert lab.assessor.standing().warm == 0
    assert "is always there" in await send(lab, "DELETE", "/anomalies", None, 409)
    async with at_work(lab):
        await send(lab, "POST", "/anomalies/train", {"by": "ann"})
        told = await until_trained(lab, "anomalies", 2)
    assert (told["version"]["series"], told["version"]["samples"], told["failed"]) == (1, 1000, None)
    assert told["version"]["span"] == {"start": "2026-01-28T00:40:00.000Z", "end": "2026-01-31T12:00:00.000Z"}
    assert lab.assessor.standing().warm == 1
    lab.assessor.offer([lab.row({web1: 900.0}, NOW_MS)])
    lab.assessor.judge()
    assert [one.value for one in lab.assessor.anomalies] == [900.0]
    assert (await send(lab, "POST", "/anomalies/rollback", {"version": 1}))["version"]["why"] == "before it was trained"
    assert lab.assessor.standing().warm == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PUT", "/Load", UP, 400, "lower-case letters"),
        ("PUT", "/anomalies", UP, 400, "is the model that judges every series"),
        ("PUT", "/load", {"kind": "detector", "expression": "up("}, 400, "expression:"),
        ("PUT", "/load", {**UP, "step": "1s"}, 400, "step: "),
        (
            "PUT",
            "/load",
            {**UP, "history": "2m"},
            400,
            "history: must be 10 to 200,000",
        ),
        (
            "PUT",
            "/load",
            {"kind": "forecaster", "expression": "up", "horizon": "1y"},
            400,
            "horizon: must be 1 to 1,000",
        ),
        ("PUT", "/load", {**UP, "horizon": "1d"}, 400, "horizon: is for forecasters"),
        ("PUT", "/load", {**UP, "url": "ftp://x"}, 400, "url"),
        ("PUT", "/load", {**UP, "key": KEY}, 400, "key: is for a server"),
        ("PUT", "/load", {"kind": "oracle"}, 400, "kind"),
        ("PUT", "/load", {**UP, "expression": "up[5m]"}, 400, "expected type instant vector"),
        ("PUT", "/load", {**UP, "expression": "'up'"}, 400, "expected type instant vector"),
        ("POST", "/none/train", {}, 404, "there is no model 'none'"),
        ("POST", "/anomalies/predict", {"horizon": "1d"}, 409, "is a detector"),
        ("POST", "/sales/score", {"series": [{"times": [1], "values": [1]}]}, 409, "is a forecaster"),
        ("POST", "/anomalies/series", {"series": [{"times": [1], "values": [1]}]}, 409, "not of what is sent"),
        ("POST", "/sales/series", {"series": [{"times": [2, 1], "values": [1, 1]}]}, 400, "series.0.times: must rise"),
        ("POST", "/sales/series", {"series": [{"times": [1], "values": []}]}, 400, "1 times and 0 values"),
        ("POST", "/sales/series", {"series": []}, 400, "series: must have at least 1 entries (got none)"),
        ("POST", "/sales/series", {"series": [{"times": [NOW_S + 601], "values": [1]}]}, 400, "ahead of the clock"),
        (
            "POST",
            "/sales/series",
            {"series": [{"labels": {"a": "x" * 5000}, "times": [1], "values": [1]}]},
            400,
            "series.0: the value of label a has more than 4096 bytes",
        ),
        (
            "POST",
            "/sales/series",
            {"series": [{"times": [1], "values": [1]}, {"labels": {"a": ""}, "times": [1], "values": [2]}]},
            400,
            "series.1: is the same as series.0",
        ),
        (
            "POST",
            "/sales/series",
            {"series": [{"labels": {"a\nb": "x"}, "times": [], "values": []}]},
            400,
            "must match pattern",
        ),
        (
            "POST",
            "/anomalies/score",
            {"series": [{"times": list(range(2001)), "values": [1] * 2001}]},
            400,
            "2,000 different",
        ),
        ("POST", "/sales/predict", {"horizon": "1y", "series": [{"values": [1, 2]}]}, 400, "horizon: must be"),
    ],
)
async def test_what_cannot_be_is_told(lab: Lab, method: str, path: str, body: Any, status: int, said: str) -> None:
    await send(lab, "PUT", "/sales", {"kind": "forecaster", "every": 0})
    assert said in await send(lab, method, path, body, status)


async def test_a_body_that_is_too_large_is_refused(lab: Lab) -> None:
    body = io.BytesIO(b" " * ((16 << 20) + 1))
    async with lab.client.post(f"{MODELS}/anomalies/score", data=body) as response:
        assert response.status == 413


async def test_a_body_of_some_megabytes_is_taken(lab: Lab) -> None:
    await send(lab, "PUT", "/sales", {"kind": "forecaster", "every": 0})
    times = (NOW_S - 60.0 * np.arange(100_000, 0, -1)).tolist()
    series = [{"labels": {"shop": "s1"}, "times": times, "values": [round(time / 7, 6) for time in times]}]
    body = io.BytesIO(orjson.dumps({"series": series}))
    async with lab.client.post(f"{MODELS}/sales/series", data=body) as response:
        assert (await response.json())["samples"] == 100_000


async def test_series_that_are_sent_along_are_forecast_at_once(lab: Lab) -> None:
    await send(lab, "PUT", "/sales", {"kind": "forecaster", "every": 0})
    _, values = hourly(6)
    told = await send(
        lab, "POST", "/sales/predict", {"horizon": "6h", "series": [{"labels": {"a": "b"}, "values": values}]}
    )
    assert (told["version"], told["times"][:2]) == (None, [3600, 7200])
    assert told["series"][0]["labels"] == {"a": "b"}
    assert len(told["series"][0]["middle"]) == 6


async def test_a_model_of_the_configuration_is_changed_there_alone(lab: Lab) -> None:
    models = Models(lab.models._parts, None, [(Spec("shop", "forecaster", "up", 3600, 36_000, 3600), "")])
    lab.models._all["shop"] = models.one("shop")
    assert [(one["name"], one["fixed"]) for one in (await send(lab, "GET", ""))["results"]] == [
        ("anomalies", False),
        ("shop", True),
    ]
    told = "'shop' stands in the collector's configuration: change it there"
    assert await send(lab, "PUT", "/shop", UP, 409) == told
    assert await send(lab, "DELETE", "/shop", status=409) == told
