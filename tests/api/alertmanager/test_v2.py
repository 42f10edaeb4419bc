"""Alertmanager's API v2: amtool works with it, and a real Alertmanager answers the same."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from netmon_api.times import rfc3339
from tests.api.assembly import running
from tests.api.lab import Lab
from tests.support.servers import RunningServer, alertmanager

CONFIG = """
route:
  receiver: ops
  group_by: [alertname]
  routes: [{matchers: [team="net"], receiver: net, group_by: [site]}]
inhibit_rules:
- {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [site]}
receivers: [{name: ops}, {name: net}]
"""

needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="needs amtool (Debian: prometheus-alertmanager)"
)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    path = tmp_path / "alertmanager.yml"
    path.write_text(CONFIG, encoding="utf-8")
    async with running(tmp_path, time.time_ns() // 1_000_000, alerting_file=path) as lab:
        yield lab


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[RunningServer]:
    folder = tmp_path / "theirs"
    folder.mkdir()
    server = alertmanager(folder, CONFIG)
    server.start()
    yield server
    server.kill()


def alerts(now_ms: int) -> list[dict[str, Any]]:
    started, ends = rfc3339(now_ms - 60_000), rfc3339(now_ms + 600_000)
    span = {"startsAt": started, "endsAt": ends}
    return [
        {"labels": {"alertname": "Disk", "host": "a", "empty": ""}, "annotations": {"summary": "full"}, **span},
        {"labels": {"alertname": "Disk", "host": "b"}, **span, "generatorURL": "http://prometheus/graph?a=b"},
        {"labels": {"alertname": "Core", "team": "net", "site": "x", "severity": "critical"}, **span},
        {"labels": {"alertname": "Slow", "team": "net", "site": "x", "severity": "warning"}, **span},
        {"labels": {"alertname": "Gone"}, "startsAt": started, "endsAt": started},
    ]


async def both(lab: Lab, server: RunningServer, method: str, path: str, **asked: Any) -> list[tuple[int, Any]]:
    answers = []
    async with aiohttp.ClientSession() as session:
        for client, url in ((lab.client, f"/alertmanager{path}"), (session, f"{server.url}{path}")):
            async with client.request(method, url, **asked) as response:
                text = await response.text()
                answers.append((response.status, json.loads(text) if text.strip() else None))
    return answers


def shaped(value: Any) -> Any:
    """What two servers can have in common: no ids of silences, no times of updates, nothing that is newer in one."""
    if isinstance(value, list):
        return [shaped(one) for one in value]
    if not isinstance(value, dict):
        return value
    hidden = {"updatedAt", "mutedBy"}
    return {name: shaped(one) for name, one in value.items() if name not in hidden and not (name == "id" and one)}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v2/alerts", []),
        ("/api/v2/alerts", [("filter", 'host="a"')]),
        ("/api/v2/alerts", [("filter", "host=~a|b"), ("filter", "alertname!=Core")]),
        ("/api/v2/alerts", [("inhibited", "false")]),
        ("/api/v2/alerts", [("active", "false")]),
        ("/api/v2/alerts", [("silenced", "false")]),
        ("/api/v2/alerts", [("receiver", "n.t")]),
        ("/api/v2/alerts/groups", []),
        ("/api/v2/alerts/groups", [("receiver", "ops"), ("silenced", "false")]),
    ],
)
async def test_alerts_are_shown_as_alertmanager_shows_them(
    lab: Lab, theirs: RunningServer, path: str, query: list[tuple[str, str]]
) -> None:
    now_ms = lab.clock.now_ms()
    posted = await both(lab, theirs, "POST", "/api/v2/alerts", json=alerts(now_ms))
    assert [status for status, _ in posted] == [200, 200]
    silence = {
        "matchers": [{"name": "host", "value": "b", "isRegex": False}],
        "startsAt": rfc3339(now_ms),
        "endsAt": rfc3339(now_ms + 600_000),
        "createdBy": "ann",
        "comment": "a new disk",
    }
    ids = [answer["silenceID"] for _, answer in await both(lab, theirs, "POST", "/api/v2/silences", json=silence)]
    ours, other = await told(lab, theirs, path, query)
    text = json.dumps(ours[1]).replace(ids[0], "ID"), json.dumps(other[1]).replace(ids[1], "ID")
    assert ours[0] == other[0] == 200
    assert sort_deep(shaped(json.loads(text[0]))) == sort_deep(shaped(json.loads(text[1])))


async def told(lab: Lab, theirs: RunningServer, path: str, query: list[tuple[str, str]]) -> list[tuple[int, Any]]:
    """The answers, once the real one has looked at its alerts, which it does not do at once."""
    async with asyncio.timeout(60):
        while True:
            found = await both(lab, theirs, "GET", path, params=query)
            if "unprocessed" not in json.dumps(found[1]) and len(found[0][1]) == len(found[1][1]):
                return found
            await asyncio.sleep(0.1)


def sort_deep(value: Any) -> Any:
    if isinstance(value, list):
        return sorted((sort_deep(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return {name: sort_deep(one) for name, one in value.items()} if isinstance(value, dict) else value


BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/v2/alerts", {"data": b"{"}),
    ("POST", "/api/v2/alerts", {"json": [{"labels": {}}]}),
    (
        "POST",
        "/api/v2/alerts",
        {"json": [{"labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}]},
    ),
    ("GET", "/api/v2/alerts", {"params": {"filter": "a"}}),
    ("GET", "/api/v2/alerts", {"params": {"receiver": "("}}),
    ("GET", "/api/v2/silence/7f9c7a3e-5c5c-4d59-a0e5-52a1e9f0d0aa", {}),
    (
        "POST",
        "/api/v2/silences",
        {
            "json": {
                "matchers": [{"name": "a", "value": "", "isRegex": False}],
                "startsAt": "2026-01-01T00:00:00Z",
                "endsAt": "2126-01-01T00:00:00Z",
                "createdBy": "ann",
                "comment": "x",
            }
        },
    ),
]


@pytest.mark.parametrize(("method", "path", "asked"), BAD)
async def test_what_is_wrong_is_refused_alike(
    lab: Lab, theirs: RunningServer, method: str, path: str, asked: dict[str, Any]
) -> None:
    if "data" in asked:
        asked = {**asked, "headers": {"Content-Type": "application/json"}}
    ours, other = await both(lab, theirs, method, path, **asked)
    assert ours[0] == other[0]


async def amtool(lab: Lab, folder: Path, *arguments: str) -> str:
    """What amtool prints when it talks to us."""
    config = folder / "amtool.json"
    config.write_text(json.dumps({"authorization": {"type": "Bearer", "credentials": lab.token}}), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        "amtool",
        f"--alertmanager.url={lab.url}/alertmanager",
        f"--http.config.file={config}",
        *arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, complaints.decode()
    return out.decode()


async def shown_hosts(lab: Lab, folder: Path, *arguments: str) -> list[str]:
    found = json.loads(await amtool(lab, folder, "alert", "query", "-o", "json", *arguments))
    return sorted(one["labels"]["host"] for one in found)


@needs_amtool
async def test_amtool_adds_shows_and_ends_silences_and_shows_alerts(lab: Lab, tmp_path: Path) -> None:
    await amtool(lab, tmp_path, "alert", "add", "Disk", "host=a", "--annotation=summary=full")
    await amtool(lab, tmp_path, "alert", "add", "Disk", "host=b")
    assert await shown_hosts(lab, tmp_path) == ["a", "b"]
    silence = (
        await amtool(lab, tmp_path, "silence", "add", "host=b", "--author=ann", "--comment=disk", "--duration=1h")
    ).strip()
    lab.clock.pass_ms(60_000)
    shown = json.loads(await amtool(lab, tmp_path, "silence", "query", "-o", "json"))
    assert [(one["id"], one["status"]["state"], one["createdBy"]) for one in shown] == [(silence, "active", "ann")]
    assert await shown_hosts(lab, tmp_path) == ["a"]
    assert await shown_hosts(lab, tmp_path, "--silenced") == ["b"]
    await amtool(lab, tmp_path, "silence", "update", "--duration=2h", silence)
    await amtool(lab, tmp_path, "silence", "expire", silence)
    assert {one.state(lab.clock.now_ms()) for one in lab.alerting.silences.all().values()} == {"expired"}


async def test_an_alert_of_somebody_else_is_told_of_and_ends_when_it_is_not_repeated(lab: Lab) -> None:
    await lab.client.post("/alertmanager/api/v2/alerts", json=[{"labels": {"alertname": "Heart", "host": "x"}}])
    (first,) = lab.alerting.notifier.alerts()
    assert first.valid_until_ms == lab.clock.now_ms() + 300_000
    async with lab.client.get("/alertmanager/api/v2/alerts") as response:
        assert len(await response.json()) == 1
    lab.clock.pass_ms(301_000)
    async with lab.client.get("/alertmanager/api/v2/alerts") as response:
        assert await response.json() == []


async def test_what_is_no_alert_keeps_none_beside_it_from_being_taken(lab: Lab, theirs: RunningServer) -> None:
    good = {"labels": {"alertname": "Disk"}}
    late = {**good, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}
    posted = await both(lab, theirs, "POST", "/api/v2/alerts", json=[{"labels": {}}, good, late])
    assert [status for status, _ in posted] == [400, 400]
    shown = await told(lab, theirs, "/api/v2/alerts", [])
    assert [[one["labels"] for one in found] for _, found in shown] == [[{"alertname": "Disk"}]] * 2


async def test_an_alert_may_be_there_more_than_once_in_a_request(lab: Lab) -> None:
    disk = {"labels": {"alertname": "Disk"}}
    over = {**disk, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}
    async with lab.client.post("/alertmanager/api/v2/alerts", json=[disk, over, disk, disk]) as response:
        assert response.status == 200
    async with lab.client.get("/alertmanager/api/v2/alerts") as response:
        assert [one["labels"] for one in await response.json()] == [{"alertname": "Disk"}]


async def test_a_silence_that_is_not_there_cannot_be_ended(lab: Lab) -> None:
    async with lab.client.delete("/alertmanager/api/v2/silence/7f9c7a3e-5c5c-4d59-a0e5-52a1e9f0d0aa") as response:
        assert response.status == 404


async def test_labels_may_be_called_anything(lab: Lab) -> None:
    for host in ("a", "b"):
        alert = {"labels": {"alertname": "Disk", "host.name, ü": host}}
        await lab.client.post("/alertmanager/api/v2/alerts", json=[alert])
    silence = {
        "matchers": [{"name": "host.name, ü", "value": "b", "isRegex": False}],
        "startsAt": rfc3339(lab.clock.now_ms()),
        "endsAt": rfc3339(lab.clock.now_ms() + 600_000),
        "createdBy": "ann",
        "comment": "a new disk",
    }
    async with lab.client.post("/alertmanager/api/v2/silences", json=silence) as response:
        assert response.status == 200
    asked = {"filter": '"host.name, ü"=~"a|b"', "silenced": "false"}
    async with lab.client.get("/alertmanager/api/v2/alerts", params=asked) as response:
        assert [one["labels"]["host.name, ü"] for one in await response.json()] == ["a"]


async def test_it_takes_a_token(lab: Lab) -> None:
    async with lab.stranger.get("/alertmanager/api/v2/alerts") as response:
        assert response.status == 401
