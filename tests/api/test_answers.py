"""What goes for every answer: errors in one shape, headers, sizes."""

import asyncio
import gzip
import io
import logging
import re
import socket
from contextlib import suppress
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from netmon_api.app import ROUTES
from netmon_api.auth import Doorkeeper
from netmon_api.envelope import ApiError
from netmon_api.guard import Guard
from netmon_api.models import DevicesQuery, SamplesQuery
from netmon_api.routes import parse_query
from netmon_collector.store.base import StoreError
from tests.api.lab import NOW_MS, Lab, labels


class Broken:
    """A fleet whose every answer is an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def devices(self) -> Any:
        raise self.error


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.fields for record in caplog.records if record.getMessage() == "request.failed"]  # type: ignore[attr-defined]


async def test_an_error_has_the_whole_envelope(lab: Lab) -> None:
    async with lab.client.get("/api/v1/devices/nobody") as response:
        assert response.status == 404
        answer = await response.json()
        request_id = response.headers["X-Request-Id"]
    assert answer == {
        "error": {
            "code": "not_found",
            "message": "there is no device 'nobody'",
            "details": None,
            "field_errors": None,
        },
        "timestamp": "2026-01-31T12:00:00.000Z",
        "request_id": request_id,
    }


async def test_all_mistakes_are_told_at_once(lab: Lab) -> None:
    error = await lab.refusal("/api/v1/devices", ("page", "x"), ("page_size", "500"), ("stat", "up"), ("job", "a"))
    assert error["field_errors"] == {
        "page": "must be a whole number (got x)",
        "page_size": "must be at most 100 (got 500)",
        "stat": "no such parameter. Did you mean 'state'?",
    }
    assert error["message"] == "; ".join(f"{name}: {text}" for name, text in error["field_errors"].items())


async def test_what_can_be_given_once_is_not_given_twice(lab: Lab) -> None:
    error = await lab.refusal("/api/v1/devices", ("page", "1"), ("page", "2"))
    assert error["field_errors"] == {"page": "must be given once"}


async def test_a_flood_of_parameters_is_refused_at_once(lab: Lab) -> None:
    error = await lab.refusal("/api/v1/devices", *((f"x{number}", "1") for number in range(2000)))
    assert error["message"] == "at most 300 parameters (got 2000)"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("instance", "x" * 5000, "must have at most 4096 characters"),
        ("state", "sideways", "must be 'up', 'down' or 'unknown' (got sideways)"),
        ("page", "0", "must be at least 1 (got 0)"),
        ("page_size", "", "must be a whole number (got nothing)"),
        ("page", "\x1b[2J", "must be a whole number (got \\x1b[2J)"),
    ],
)
async def test_a_complaint_says_what_is_wanted(lab: Lab, name: str, value: str, complaint: str) -> None:
    assert (await lab.refusal("/api/v1/devices", (name, value)))["field_errors"] == {name: complaint}


async def test_a_required_parameter_is_asked_for(lab: Lab) -> None:
    error = await lab.refusal("/api/v1/samples")
    assert error["field_errors"] == {"selector": "is required"}


async def test_an_error_of_our_own_is_logged_and_not_shown(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.fleet.devices = Broken(RuntimeError("the secret of the house")).devices  # type: ignore[method-assign]
    async with lab.client.get("/api/v1/devices") as response:
        assert response.status == 500
        text = await response.text()
    assert "secret" not in text
    assert "Traceback" not in text
    (logged,) = events(caplog)
    assert logged["request_id"] == orjson.loads(text)["request_id"]
    assert "the secret of the house" in logged["traceback"]
    assert (logged["method"], logged["path"], logged["status"]) == ("GET", "/api/v1/devices", 500)


async def test_a_store_that_cannot_answer_is_unavailable(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.fleet.devices = Broken(StoreError("disk full")).devices  # type: ignore[method-assign]
    error = await lab.refusal("/api/v1/devices", status=503)
    assert (error["code"], error["message"]) == ("unavailable", "the store can't answer now: disk full")
    assert [logged["error"] for logged in events(caplog)] == [error["message"]]


async def test_the_clients_own_mistakes_are_not_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "netmon")
    await lab.refusal("/api/v1/devices", ("page", "x"))
    await lab.refusal("/api/v1/nothing", status=404)
    assert [record for record in caplog.records if record.name.startswith("netmon.api")] == []


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/api/v1/status", "/api/v1/nothing", "/api/v1/ws"])
async def test_every_answer_has_the_headers_that_protect(lab: Lab, path: str) -> None:
    seen = set()
    for _ in range(2):
        async with lab.client.get(path) as response:
            headers = response.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in headers
        assert not any(name.startswith("Access-Control") for name in headers)
        seen.add(headers["X-Request-Id"])
    assert len(seen) == 2


async def test_large_answers_are_compressed_for_who_takes_it(lab: Lab) -> None:
    await lab.keep({labels("load", instance=f"web{number:04}"): 1.0 for number in range(2000)})
    async with aiohttp.ClientSession(lab.url, headers=lab.client.headers, auto_decompress=False) as client:
        for accepted, encoding in [
            ("gzip", "gzip"),
            ("deflate, GZIP;q=0.5", "gzip"),
            ("br, gzip;q=1.0", "gzip"),
            ("gzip;q=0", None),
            ("gzip;q=0.00", None),
            ("identity", None),
            ("br", None),
        ]:
            headers = {"Accept-Encoding": accepted}
            async with client.get("/api/v1/samples", params={"selector": "load"}, headers=headers) as response:
                body = await response.read()
                assert response.headers.get("Content-Encoding") == encoding
                assert response.headers["Vary"] == "Accept-Encoding"
            answer = orjson.loads(gzip.decompress(body) if encoding else body)
            assert answer["count"] == 2000


async def test_a_small_answer_is_not_compressed(lab: Lab) -> None:
    async with lab.client.get("/api/v1/status", headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers


async def test_a_large_body_is_refused_unread(lab: Lab) -> None:
    async with lab.client.get("/api/v1/status", data=io.BytesIO(bytes(2 << 20))) as response:
        assert response.status == 413
        assert (await response.json())["error"]["code"] == "too_large"


async def raw(lab: Lab, request: bytes) -> bytes:
    """What comes until the server closes; which it does by a reset, if it has not read the whole request."""
    host, port = lab.url.removeprefix("http://").split(":")
    return await asyncio.to_thread(_raw, (host, int(port)), request)


def _raw(address: tuple[str, int], request: bytes) -> bytes:
    answer = b""
    with socket.create_connection(address, timeout=30) as connection:
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(request)
        with suppress(ConnectionResetError):
            while piece := connection.recv(1 << 16):
                answer += piece
    return answer


@pytest.mark.parametrize(
    ("request_bytes", "status", "told"),
    [
        (
            b"GET /api/v1/series?selector=" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"414",
            b"longer than 65536",
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", b"431", b"longer than 32768"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n", b"400", b"HTTPS traffic"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400", b"Bad status line"),
        (b"GET /\xc3\x9c HTTP/1.1\r\nHost: a\r\n\r\n", b"400", b"Invalid char in url path\n"),
        (b"z" * 5000, b"400", b"Invalid method"),
    ],
    ids=["line", "header", "tls", "version", "path", "junk"],
)
async def test_what_is_no_request_is_refused_without_a_trace(
    lab: Lab, request_bytes: bytes, status: bytes, told: bytes
) -> None:
    answer = await raw(lab, request_bytes)
    assert answer.startswith(b"HTTP/1.")
    assert answer.split(b" ")[1] == status
    assert told in answer.partition(b"\r\n\r\n")[2]
    assert b"aiohttp" not in answer
    assert len(answer) < 500
    await lab.get("/api/v1/status")


async def test_an_unknown_expectation_is_told(lab: Lab) -> None:
    answer = await raw(lab, b"GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ")[1] == b"417"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/snmp/devices", '"code":"bad_request","message":"the body is not packed as'),
        (
            "/prometheus/api/v1/query",
            '"errorType":"bad_data","error":"error parsing form values: the body is not packed',
        ),
    ],
)
async def test_a_body_that_is_not_packed_as_it_says_is_refused(
    lab: Lab, caplog: pytest.LogCaptureFixture, path: str, told: str
) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    async with lab.client.post(path, data=b"query=1", headers=headers) as response:
        assert (response.status, told in await response.text()) == (400, True)
        assert response.headers["Connection"] == "close"
    assert "request.failed" not in caplog.text


async def test_a_broken_body_that_nobody_reads_ends_the_connection_as_well(lab: Lab) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    async with lab.client.post("/prometheus/api/v1/query?query=1", data=b"junk", headers=headers) as response:
        assert (response.status, response.headers["Connection"]) == (200, "close")


async def test_the_longest_selector_fits_even_escaped(lab: Lab) -> None:
    selector = 'load{a="' + "%" * (16384 - 10) + '"}'
    assert (await lab.get("/api/v1/series", ("selector", selector)))["count"] == 0
    error = await lab.refusal("/api/v1/series", ("selector", selector + "  "))
    assert error["field_errors"]["selector"].startswith("must be at most 16384 bytes long")


texts = st.text(max_size=30)
names = st.one_of(texts, st.sampled_from([*DevicesQuery.model_fields, *SamplesQuery.model_fields]))


@given(st.lists(st.tuples(names, texts), max_size=6))
def test_any_query_string_is_understood_or_refused(query: list[tuple[str, str]]) -> None:
    for model in (DevicesQuery, SamplesQuery):
        try:
            parse_query(model, MultiDict(query))
        except ApiError as error:
            assert error.field_errors  # noqa: PT017 - most random queries are refused


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60))
async def test_any_bytes_after_the_question_mark_get_an_envelope(lab: Lab, query: bytes) -> None:
    printable = re.sub(rb"[\x00-\x20#\x7f-\xff]", lambda match: b"%%%02X" % match[0][0], query)
    request = b"GET /api/v1/devices?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n"
    answer = await raw(lab, request % (printable, lab.token.encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] in (b"200", b"400"), head
    assert orjson.loads(body)


async def test_a_client_that_has_gone_is_no_error_of_ours(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    async def write(_request: web.Request) -> web.StreamResponse:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    gone = make_mocked_request("GET", "/healthz")
    assert gone.transport is not None
    gone.transport.close()
    health = next(route for route in ROUTES if route.path == "/healthz")
    with pytest.raises(ConnectionResetError):
        await Guard(Doorkeeper(lab.tokens), lambda: NOW_MS).answer(gone, health, write)
    assert "request.failed" not in caplog.text
