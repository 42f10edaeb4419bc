"""Samples as they were stored: what an export says, and that a real VictoriaMetrics imports it."""

import math
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.prometheus.peers import Pairs, Peers
from tests.support.servers import victoria_metrics

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/prometheus/api/v1/export"
LINES = "application/stream+json"
WRONG: list[tuple[Pairs, str]] = [
    ([], "no match[] parameter provided"),
    ([("match[]", "up{")], 'invalid parameter "match[]"'),
    ([("match[]", "rate(up[5m])")], '1:5: parse error: unexpected "("'),
    ([("match[]", "up"), ("start", "20"), ("end", "10")], "end timestamp must not be before start timestamp"),
    ([("match[]", "up"), ("start", "soon")], 'invalid parameter "start"'),
]


async def exported(peers: Peers, query: Pairs, *, form: Pairs | None = None) -> list[Any]:
    method = "GET" if form is None else "POST"
    async with peers.lab.client.request(method, PATH, params=query, data=dict(form) if form else None) as response:
        assert (response.status, response.content_type) == (200, LINES), await response.text()
        return [orjson.loads(line) for line in (await response.read()).splitlines()]


def number(text: str) -> float | str | None:
    value = float(text)
    return (
        None
        if math.isnan(value)
        else value
        if math.isfinite(value)
        else f"{text.strip('+').replace('Inf', 'Infinity')}"
    )


@pytest.mark.parametrize("selector", ["node_load1", "odd", "text", '{job="node"}', "nothing"])
async def test_an_export_has_the_samples_that_a_query_finds(peers: Peers, selector: str) -> None:
    query = [("query", f"{selector}[10m]"), ("time", f"{peers.end_s}")]
    (reply, _) = await peers.both("/api/v1/query", query)
    span = [("start", f"{peers.end_s - 600 + 0.001:.3f}"), ("end", f"{peers.end_s}")]
    for _ in range(2):  # the second time they are in memory
        lines = await exported(peers, [("match[]", selector), *span])
        assert [(line["metric"], line["timestamps"], line["values"]) for line in lines] == [
            (
                one["metric"],
                [round(1000 * at) for at, _ in one["values"]],
                [number(value) for _, value in one["values"]],
            )
            for one in reply.json["data"]["result"]
        ]


async def test_all_samples_of_a_series_are_exported_once(peers: Peers) -> None:
    both = await exported(peers, [], form=[("match[]", 'up{instance="web0"}')])
    lines = await exported(peers, [("match[]", "up"), ("match[]", '{__name__="up",job="node"}')])
    assert sorted(line["metric"]["instance"] for line in lines) == ["gone", "web0"]
    assert both == [line for line in lines if line["metric"]["instance"] == "web0"]
    assert len(both[0]["values"]) == 240


@pytest.mark.parametrize(("query", "told"), WRONG)
async def test_what_cannot_be_exported_is_told(peers: Peers, query: Pairs, told: str) -> None:
    async with peers.lab.client.get(PATH, params=query) as response:
        assert response.status == 400
        assert told in (await response.json())["error"]


async def test_victoriametrics_imports_an_export(peers: Peers, tmp_path: Path) -> None:
    query = [("match[]", '{__name__=~"node_.*|text"}')]
    async with peers.lab.client.get(PATH, params=query) as response:
        body = await response.read()
    server = victoria_metrics(tmp_path / "victoriametrics")
    server.start()
    try:
        server.post("/api/v1/import", body)
        server.flush()
        async with peers.session.get(server.url + "/api/v1/export", params=query) as response:
            theirs = [orjson.loads(line) for line in (await response.read()).splitlines()]
    finally:
        server.kill()
    ours = [orjson.loads(line) for line in body.splitlines()]
    assert len(ours) == len(theirs) > 16
    for own, other in zip(_in_order(ours), _in_order(theirs), strict=True):
        assert own["metric"] == other["metric"]
        assert own["timestamps"] == other["timestamps"]
        assert own["values"] == pytest.approx(other["values"], rel=1e-11)  # it does not keep all digits


def _in_order(lines: list[Any]) -> list[Any]:
    return sorted(lines, key=lambda line: sorted(line["metric"].items()))
