"""What clients of InfluxDB ask before they write, as they ask it."""

import asyncio
import json
from typing import Any

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from tests.api.lab import NOW_MS, Lab
from tests.api.writing.test_write import kept

ROOTS = ["", "/influx"]
either_root = pytest.mark.parametrize("root", ROOTS, ids=["root", "influx"])
DONE: dict[str, Any] = {"statement_id": 0}


@either_root
async def test_influxdb_client_finds_it_well_and_writes(lab: Lab, root: str) -> None:
    def write() -> tuple[bool, str, str]:
        with InfluxDBClient(f"{lab.url}{root}", token=lab.tokens.issue("write"), org="any") as client:
            api = client.write_api(write_options=SYNCHRONOUS)
            api.write("any", record=f"weather temp=21.5 {NOW_MS}", write_precision="ms")
            with pytest.warns(DeprecationWarning, match="ping"):
                return client.ping(), client.version(), client.health().status

    assert await asyncio.to_thread(write) == (True, "1.8.10", "pass")
    assert list((await kept(lab, "weather_temp")).values()) == [[(NOW_MS, 21.5)]]


@either_root
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_anybody_may_ask_whether_it_is_there(lab: Lab, root: str, method: str) -> None:
    async with lab.stranger.request(method, f"{root}/ping", params={"wait_for_leader": "1s"}) as response:
        assert (response.status, await response.read()) == (204, b"")
        assert response.headers["X-Influxdb-Version"] == "1.8.10"


@either_root
async def test_what_is_not_ready_is_not_well(lab: Lab, root: str) -> None:
    lab.not_ready = "reading the store's log"
    async with lab.stranger.get(f"{root}/health") as response:
        told = await response.json()
    assert (response.status, told["status"], told["message"]) == (503, "fail", "reading the store's log")


@either_root
@pytest.mark.parametrize(
    ("statements", "results"),
    [
        ('CREATE DATABASE "telegraf"', [DONE]),
        ("create database x with duration 1d replication 1 name y", [DONE]),
        (" CREATE\nRETENTION POLICY a ON x DURATION 1d REPLICATION 1 ;", [DONE]),
        ("ALTER RETENTION POLICY a ON x DURATION 2d", [DONE]),
        (
            "CREATE DATABASE x;SHOW DATABASES",
            [DONE, {"statement_id": 1, "series": [{"name": "databases", "columns": ["name"], "values": [["netmon"]]}]}],
        ),
    ],
)
async def test_a_database_is_there_as_soon_as_it_is_asked_for(
    lab: Lab, root: str, statements: str, results: list[Any]
) -> None:
    headers = {"Authorization": f"Token {lab.tokens.issue('write')}"}
    asked = {"q": statements}
    for method, query, form in (("GET", asked, None), ("POST", asked, None), ("POST", None, asked)):
        async with lab.stranger.request(method, f"{root}/query", headers=headers, params=query, data=form) as response:
            assert (response.status, await response.json()) == (200, {"results": results})


@either_root
@pytest.mark.parametrize(
    ("path", "query", "complaint"),
    [
        ("query", {"q": "SELECT * FROM cpu"}, "PromQL, at /prometheus/api/v1/query (got 'SELECT * FROM cpu')"),
        ("query", {"q": "CREATE DATABASE x; DROP DATABASE y"}, "(got 'DROP DATABASE y')"),
        ("query", {"q": "CREATE DATABASE"}, "only CREATE DATABASE"),
        ("query", {"q": " ; "}, 'missing required parameter "q"'),
        ("query", {}, 'missing required parameter "q"'),
        ("api/v2/query", {}, "Flux is not understood"),
    ],
)
async def test_what_is_not_answered_says_where_to_ask(
    lab: Lab, root: str, path: str, query: dict[str, str], complaint: str
) -> None:
    async with lab.client.post(f"{root}/{path}", params=query) as response:
        told = json.loads(await response.read())
    assert (response.status, complaint in told["error"], told["message"]) == (400, True, told["error"])
    assert "X-Influxdb-Error" in response.headers
