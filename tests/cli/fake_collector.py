"""A collector for the tests of commands: real HTTP on loopback, answers given by the test, requests written down."""

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "nmt_right"
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
NOW_S = NOW.timestamp()

Json = dict[str, Any]


def moment(age_s: float) -> str:
    return (NOW - timedelta(seconds=age_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def device(instance: str, state: str = "up", **changed: Any) -> Json:
    agent = {
        "id": "6f6c1f0e-0000-4000-8000-000000000001",
        "version": "0.1.0",
        "platform": "Linux x86_64",
        "hostname": instance,
        "connected": state == "up",
        "address": "127.0.0.1:5123" if state == "up" else None,
        "clock_skew_s": 0.003,
        "spool": {"batches": 0, "bytes": 0, "oldest_age_s": 0.0},
        "quarantined": 0,
    }
    return {
        "instance": instance,
        "name": instance,
        "job": "node",
        "state": state,
        "since": moment(3 * 3600),
        "first_seen": moment(7 * 86400),
        "last_seen": moment(2),
        "last_sample": moment(4),
        "interval_s": 10.0,
        "agent": agent | changed.pop("agent", {}),
    } | changed


def status(devices: list[Json]) -> Json:
    down = sum(one["state"] == "down" for one in devices)
    return {
        "version": "0.1.0",
        "started": moment(3 * 3600 + 720),
        "now": moment(0),
        "devices": {"total": len(devices), "up": len(devices) - down, "down": down},
        "agents": {"total": len(devices), "connected": len(devices) - down},
        "ingest": {"samples": 1234567, "batches": 1234, "duplicates": 3, "refused": 0, "samples_per_second": 123.44},
        "store": {
            "series": 1234,
            "samples": 7654321,
            "bytes": 12_900_000,
            "oldest": moment(3 * 86400),
            "newest": moment(4),
        },
        "spool": {"batches": 12, "bytes": 34816, "quarantined": 1},
    }


def series(name: str, points: list[tuple[float, Any]], **labels: str) -> Json:
    """A series whose points are (seconds ago, value)."""
    return {
        "labels": {"__name__": name, "instance": "web1", "job": "node"} | labels,
        "samples": [[NOW_S - age_s, value] for age_s, value in points],
    }


@dataclass
class FakeCollector:
    """Answers as docs/api.md says, from `devices` and `samples`; `replaced` overrides whole paths.

    Plain selectors are evaluated over `samples`; what other expressions come to is in `evaluated`.
    """

    devices: list[Json] = field(default_factory=lambda: [device("web1"), device("web2")])
    samples: list[Json] = field(default_factory=list)
    replaced: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    evaluated: dict[str, Json] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, list[str]], str | None]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, asked: dict[str, list[str]], authorization: str | None) -> tuple[int, Any]:
        if authorization != f"Bearer {TOKEN}":
            return 401, problem("unauthenticated", "a token is needed")
        if path == "/api/v1/status":
            return 200, status(self.devices)
        if path == "/api/v1/devices":
            return 200, self._page(asked)
        if path.startswith("/api/v1/devices/"):
            found = [one for one in self.devices if f"/api/v1/devices/{one['instance']}" == path]
            return (200, found[0]) if found else (404, problem("not_found", "no such device"))
        if path == "/api/v1/samples":
            return self._samples(asked)
        if path in ("/prometheus/api/v1/query", "/prometheus/api/v1/query_range"):
            return self._evaluate(asked)
        return 404, problem("not_found", "no such route")

    def _evaluate(self, asked: dict[str, list[str]]) -> tuple[int, Json]:
        text = asked["query"][0]
        if text in self.evaluated:
            return 200, {"status": "success", **self.evaluated[text]}
        of_time = re.fullmatch(r"timestamp\((.*)\)", text)
        name = re.compile((of_time[1] if of_time else text).partition("{")[0])
        found = [one for one in self.samples if name.fullmatch(one["labels"]["__name__"])]
        if "start" in asked:
            start_s = float(asked["start"][0])
            return 200, matrix(
                {name_and_labels(one): [point for point in one["samples"] if point[0] >= start_s] for one in found}
            )
        latest = {name_and_labels(one): one["samples"][-1] for one in found if one["samples"]}
        fresh = {one: point for one, point in latest.items() if NOW_S - point[0] < 300 and point[1] is not None}
        return 200, vector({one: time_s if of_time else value for one, (time_s, value) in fresh.items()})

    def _page(self, asked: dict[str, list[str]]) -> Json:
        chosen = [one for one in self.devices if one["state"] in asked.get("state", ["up", "down"])]
        number, length = int(asked["page"][0]), int(asked["page_size"][0])
        start = (number - 1) * length
        after = "/api/v1/devices?page=more" if start + length < len(chosen) else None
        return envelope(chosen[start : start + length], len(chosen)) | {"next": after}

    def _samples(self, asked: dict[str, list[str]]) -> tuple[int, Json]:
        selector = asked["selector"][0]
        if selector.count("{") != selector.count("}"):
            return 400, problem("bad_request", "the request has mistakes", {"selector": "unclosed brace"})
        names = re.search(r'__name__=~"([^"]*)"', selector)
        name = re.compile(names[1] if names else selector.partition("{")[0])
        start_s = float(asked["start"][0])
        found = [
            one | {"samples": [point for point in one["samples"] if point[0] >= start_s]}
            for one in self.samples
            if name.fullmatch(one["labels"]["__name__"])
        ]
        return 200, envelope(found, len(found))


def name_and_labels(one: Json) -> tuple[tuple[str, str], ...]:
    return tuple(one["labels"].items())


def vector(values: dict[tuple[tuple[str, str], ...], Any]) -> Json:
    """What an expression comes to now."""
    result = [{"metric": dict(one), "value": [NOW_S, written(value)]} for one, value in values.items()]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def matrix(values: dict[tuple[tuple[str, str], ...], list[tuple[float, Any]]]) -> Json:
    """What an expression comes to over a time."""
    result = [
        {"metric": dict(one), "values": [[time_s, written(value)] for time_s, value in points]}
        for one, points in values.items()
        if points
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def written(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"


def envelope(results: list[Json], count: int) -> Json:
    return {"count": count, "next": None, "previous": None, "results": results, "filters_applied": {}}


def problem(code: str, message: str, field_errors: dict[str, str] | None = None) -> Json:
    error = {"code": code, "message": message, "details": None, "field_errors": field_errors}
    return {"error": error, "timestamp": moment(0), "request_id": "r1"}


@contextmanager
def serving(collector: FakeCollector, tls: ssl.SSLContext | None = None) -> Iterator[FakeCollector]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = parse_qs(parts.query)
            authorization = self.headers.get("Authorization")
            collector.requests.append((parts.path, asked, authorization))
            if parts.path in collector.replaced:
                code, headers, body = collector.replaced[parts.path]
            else:
                code, answer = collector.answer(parts.path, asked, authorization)
                headers, body = {"Content-Type": "application/json"}, json.dumps(answer).encode()
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            """Nothing: requests are written down above."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    collector.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
