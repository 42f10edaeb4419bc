"""The same alerts on the same clock into a real Alertmanager and into our groups: the same is told to the same."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from netmon_collector.alerts.decision import Endpoint
from netmon_collector.alerts.matching import parse_matchers
from netmon_collector.alerts.silences import Silence
from tests.collector.alerts.test_decision import Desk, alert
from tests.support.servers import alertmanager

ROUTES = """
route:
  receiver: default
  group_by: [alertname]
  group_wait: 600ms
  group_interval: 2s
  repeat_interval: 5s
  routes:
  - {matchers: [team="net"], receiver: net, group_by: [site], continue: true}
  - {matchers: ['team=~"net|core"'], receiver: each, group_by: ['...']}
  - {match: {team: quiet}, receiver: starts, group_by: [team]}
inhibit_rules:
- {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [site]}
"""
RECEIVERS = ("default", "net", "each", "starts")
QUIET = ("starts",)
END_S = 13.0

Step = tuple[float, dict[str, str], float | None]
STEPS: list[Step] = [
    (0.0, {"alertname": "Disk", "host": "a"}, None),
    (0.0, {"alertname": "Disk", "host": "b"}, None),
    (0.0, {"alertname": "Link", "host": "s1", "team": "net", "site": "x", "severity": "critical"}, None),
    (0.0, {"alertname": "Slow", "host": "s2", "team": "net", "site": "x", "severity": "warning"}, None),
    (0.0, {"alertname": "Slow", "host": "s3", "team": "core", "site": "y", "severity": "warning"}, None),
    (0.0, {"alertname": "Fan", "host": "q", "team": "quiet"}, None),
    (0.0, {"alertname": "Hush", "host": "silenced"}, None),
    (1.6, {"alertname": "Disk", "host": "c"}, None),
    (3.6, {"alertname": "Disk", "host": "a"}, 3.5),
    (3.6, {"alertname": "Fan", "host": "q", "team": "quiet"}, 3.5),
    (3.6, {"alertname": "Link", "host": "s1", "team": "net", "site": "x", "severity": "critical"}, 3.5),
    (7.6, {"alertname": "Fan", "host": "q", "team": "quiet"}, None),
    (7.6, {"alertname": "Disk", "host": "b"}, 7.5),
    (7.6, {"alertname": "Disk", "host": "c"}, 7.5),
]

Told = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]
"""Receiver, key of the group, its state, hosts that fire, hosts that are over."""


class Sink(BaseHTTPRequestHandler):
    told: list[tuple[float, dict[str, Any]]]

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.append((time.time(), body))
        self.send_response(200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing to say of each."""


@pytest.fixture
def sink() -> Iterator[tuple[str, list[tuple[float, dict[str, Any]]]]]:
    told: list[tuple[float, dict[str, Any]]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Sink,), {"told": told}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    thread.join()
    server.server_close()


def theirs(folder: Path, url: str, told: list[tuple[float, dict[str, Any]]]) -> list[tuple[float, Told]]:
    hooks = [
        {"name": name, "webhook_configs": [{"url": url, "send_resolved": name not in QUIET}]} for name in RECEIVERS
    ]
    server = alertmanager(folder, yaml.safe_dump({**yaml.safe_load(ROUTES), "receivers": hooks}))
    server.start()
    try:
        start = time.time()
        matcher = {"name": "host", "value": "silenced", "isRegex": False}
        silence = {"matchers": [matcher], "createdBy": "ann", "comment": "x"}
        span = {"startsAt": stamp(start + 0.05), "endsAt": stamp(start + 9)}
        server.post("/api/v2/silences", orjson.dumps({**silence, **span}), "application/json")
        for at, labels, ended in STEPS:
            time.sleep(max(0.0, start + at - time.time()))
            one = {"labels": labels, "startsAt": stamp(start + at if ended is None else start)}
            if ended is not None:
                one["endsAt"] = stamp(start + ended)
            server.post("/api/v2/alerts", orjson.dumps([one]), "application/json")
        time.sleep(start + END_S - time.time())
    finally:
        server.kill()
    return [(at - start, told_of(body)) for at, body in told]


def told_of(body: dict[str, Any]) -> Told:
    hosts = {
        state: tuple(sorted(one["labels"]["host"] for one in body["alerts"] if one["status"] == state))
        for state in ("firing", "resolved")
    }
    return body["receiver"], body["groupKey"], body["status"], hosts["firing"], hosts["resolved"]


def stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()


def ours() -> list[tuple[float, Told]]:
    endpoints = {name: [Endpoint(name, "webhook/0", tells_resolved=name not in QUIET)] for name in RECEIVERS}
    desk = Desk(ROUTES, endpoints)
    silence = Silence("", parse_matchers("host=silenced"), 0, 9000, 0, "ann", "x")
    desk.silences.keep(desk.silences.plan(silence, "s1", 0))
    told = []
    started: dict[str, int] = {}
    for at, labels, ended in STEPS:
        at_ms = round(at * 1000)
        told += desk.until(at_ms)
        name = labels["host"]
        if ended is None:
            started[name] = at_ms
        over_ms = None if ended is None else round(ended * 1000)
        desk.take(replace(alert(started[name], resolved_at_ms=over_ms), labels=tuple(sorted(labels.items()))), at_ms)
    told += desk.until(round(END_S * 1000))
    return [
        (
            one.at_ms / 1000,
            (
                one.endpoint.receiver,
                one.group_key,
                "firing" if one.firing else "resolved",
                tuple(sorted(dict(each.labels)["host"] for each in one.firing)),
                tuple(sorted(dict(each.labels)["host"] for each in one.resolved)),
            ),
        )
        for one in told
    ]


def by_group(told: list[tuple[float, Told]]) -> dict[tuple[str, str], list[tuple[float, Told]]]:
    groups: dict[tuple[str, str], list[tuple[float, Told]]] = {}
    for at, one in told:
        groups.setdefault((one[0], one[1]), []).append((at, one))
    return groups


def test_alertmanager_tells_the_same_to_the_same(
    tmp_path: Path, sink: tuple[str, list[tuple[float, dict[str, Any]]]]
) -> None:
    real, simulated = by_group(theirs(tmp_path, *sink)), by_group(ours())
    assert {key: [one for _, one in told] for key, told in simulated.items()} == {
        key: [one for _, one in told] for key, told in real.items()
    }
    late = [
        abs(at - expected)
        for key, told in real.items()
        for (at, _), (expected, _) in zip(told, simulated[key], strict=True)
    ]
    assert max(late) < 1.0
