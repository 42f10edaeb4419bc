"""The ways in: who may write, what is answered, and what is kept."""

import asyncio
import gzip
import io
import json
import math
from typing import Any

import aiohttp
import pytest

from netmon_collector.pipeline import AHEAD_MS, Taken
from netmon_collector.store.base import Matcher, MatchOp, StoreError, is_absent
from netmon_proto.model import STALE, Hello, Labels, is_stale
from tests.api.lab import NOW_MS, RETENTION_MS, Lab, labels
from tests.support.write_requests import Samples, field, packed, request, request_2, series

REMOTE = "/prometheus/api/v1/write"
PROTOBUF = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
PROTOBUF_2 = PROTOBUF | {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
OTLP = "/api/v1/otlp/v1/metrics"
UP = labels("up", instance="web1:9100")
LINES = ["/influx/api/v2/write", "/influx/write", "/write"]


async def post(
    lab: Lab, path: str, body: bytes, headers: dict[str, str] | None = None, **query: str
) -> tuple[int, str]:
    async with lab.client.post(path, data=io.BytesIO(body), headers=headers, params=query) as response:
        return response.status, await response.text(errors="replace")


async def kept(lab: Lab, name: str) -> dict[Labels, list[tuple[int, float]]]:
    found = {}
    for frame in await lab.store.select([Matcher("__name__", MatchOp.EQUAL, name)], 0, 1 << 60):
        for column, one in enumerate(frame.labels):
            there = ~is_absent(frame.values[:, column].copy())
            pairs = zip(frame.times[there].tolist(), frame.values[there, column].tolist(), strict=True)
            found[one] = list(pairs)
    return found


async def test_what_is_written_is_kept_and_once_only(lab: Lab) -> None:
    samples: Samples = [(NOW_MS - 1000, 1.0), (NOW_MS, 2.5)]
    for _ in range(2):
        assert await post(lab, REMOTE, packed(request({UP: samples})), PROTOBUF) == (204, "")
    assert await kept(lab, "up") == {UP: samples}


async def test_the_second_version_is_told_how_much_was_written(lab: Lab) -> None:
    body = packed(request_2({UP: [(NOW_MS, 1.0)], labels("a\nb"): [(NOW_MS, 1.0)]}))
    async with lab.client.post(REMOTE, data=body, headers=PROTOBUF_2) as response:
        assert response.status == 400
        assert await response.text() == "partly written: 'a\\nb' is not a metric's name (1 sample)\n"
        assert response.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
        assert response.headers["X-Prometheus-Remote-Write-Histograms-Written"] == "0"
    assert await kept(lab, "up") == {UP: [(NOW_MS, 1.0)]}


async def test_stale_markers_and_other_nans_are_kept(lab: Lab) -> None:
    assert (await post(lab, REMOTE, packed(request({UP: [(NOW_MS - 1, math.nan), (NOW_MS, STALE)]})), PROTOBUF))[
        0
    ] == 204
    (_, nan), (_, stale) = (await kept(lab, "up"))[UP]
    assert (math.isnan(nan), is_stale(nan), is_stale(stale)) == (True, False, True)


async def test_samples_of_another_time_are_left_out_and_the_others_kept(lab: Lab) -> None:
    early, late = NOW_MS + AHEAD_MS + 1, NOW_MS - RETENTION_MS - 1
    body = packed(request({UP: [(late, 1.0), (NOW_MS, 2.0), (early, 3.0)]}))
    status, text = await post(lab, REMOTE, body, PROTOBUF)
    assert status == 400
    assert "more than 600 s ahead of the clock (1 sample)" in text
    assert "older than the 30 days that are kept (1 sample)" in text
    assert await kept(lab, "up") == {UP: [(NOW_MS, 2.0)]}


async def test_the_live_feed_shows_what_is_written(lab: Lab) -> None:
    listener = lab.feed.listen()
    listener.subscribe("ups", [Matcher("__name__", MatchOp.EQUAL, "up")])
    other = labels("up", instance="db1:9100")
    body = {UP: [(NOW_MS, 1.0)], other: [(NOW_MS - 5, 0.0), (NOW_MS, 1.0)], labels("down"): [(NOW_MS, 1.0)]}
    await post(lab, REMOTE, packed(request(body)), PROTOBUF)
    taken = listener.take()
    assert taken is not None
    frames = taken[1].results.frames  # type: ignore[union-attr]
    shown = {
        one: (frame.times.tolist(), frame.values[:, at].tolist())
        for frame in frames
        for at, one in enumerate(frame.labels)
    }
    assert shown == {UP: ([NOW_MS], [1.0]), other: ([NOW_MS - 5, NOW_MS], [0.0, 1.0])}
    assert listener.take() is None


async def test_nobody_writes_in_the_name_of_an_agent(lab: Lab) -> None:
    hello = Hello("6f1c1a3e-0000-4000-8000-00000000000a", b"k" * 32, "web1", "1", "Linux", NOW_MS, 10_000, 1, 1, 0)
    record = lab.agents.admit(hello)
    lab.agents.connect(record, "127.0.0.1:1")
    own = labels("up", instance=record.instance, job="node")
    status, text = await post(lab, REMOTE, packed(request({own: [(NOW_MS, 1.0)], UP: [(NOW_MS, 1.0)]})), PROTOBUF)
    assert (status, "is a device of netmon's own" in text) == (400, True)
    status, text = await post(lab, "/write", f"up,instance={record.instance},job=node x=1".encode())
    assert (status, "is a device of netmon's own" in text) == (400, True)
    assert await kept(lab, "up") == {UP: [(NOW_MS, 1.0)]}


@pytest.mark.parametrize(
    ("headers", "status", "complaint"),
    [
        ({"Content-Type": "text/plain"}, 415, "the content type must be application/x-protobuf"),
        (PROTOBUF | {"Content-Encoding": "lz4"}, 415, "the content encoding must be snappy"),
        (PROTOBUF | {"Content-Type": "application/x-protobuf;proto=x.Y"}, 415, "io.prometheus.write.v2.Request"),
        (PROTOBUF, 400, "not compressed by snappy"),
    ],
)
async def test_a_body_of_another_kind_is_refused(
    lab: Lab, headers: dict[str, str], status: int, complaint: str
) -> None:
    answered, text = await post(lab, REMOTE, b"hello, this is no snappy", headers)
    assert (answered, complaint in text) == (status, True)


async def test_bombs_are_refused(lab: Lab) -> None:
    status, text = await post(lab, REMOTE, packed(b"\0" * (33 << 20)), PROTOBUF)
    assert (status, "at most 33554432 are taken" in text) == (400, True)
    bomb = gzip.compress(b"\n" * (17 << 20))
    for path in LINES:
        status, text = await post(lab, path, bomb, {"Content-Encoding": "gzip"})
        assert (status, json.loads(text)["message"]) == (413, "the body must be at most 16777216 bytes long")
    assert (await post(lab, REMOTE, b"x" * ((16 << 20) + 1), PROTOBUF))[0] == 413


@pytest.mark.parametrize("path", LINES)
async def test_lines_are_taken_packed_or_not(lab: Lab, path: str) -> None:
    line = f"cpu,host=web1 idle=97i {NOW_MS}".encode()
    assert await post(lab, path, line, precision="ms", org="any", bucket="any") == (204, "")
    assert await post(lab, path, gzip.compress(line), {"Content-Encoding": "gzip"}, precision="ms", db="tele") == (
        204,
        "",
    )
    assert await kept(lab, "cpu_idle") == {
        labels("cpu_idle", host="web1"): [(NOW_MS, 97.0)],
        labels("cpu_idle", host="web1", db="tele"): [(NOW_MS, 97.0)],
    }


async def test_bad_lines_are_told_and_the_good_ones_kept(lab: Lab) -> None:
    status, text = await post(lab, "/write", b"good v=1\nbad\ngood v=2 5")
    assert status == 400
    answer = json.loads(text)
    assert answer["code"] == "invalid"
    assert answer["message"] == answer["error"]
    assert answer["message"].startswith("partial write: line 2 needs a measurement")
    assert answer["message"].endswith("dropped=2")
    assert await kept(lab, "good_v") == {labels("good_v"): [(NOW_MS, 1.0)]}


async def test_a_bad_precision_or_packing_is_told(lab: Lab) -> None:
    status, text = await post(lab, "/write", b"m v=1", precision="days")
    assert (status, "precision 'days' is not known" in text) == (400, True)
    status, text = await post(lab, "/write", b"m v=1", {"Content-Encoding": "gzip"})
    assert (status, "cannot be unpacked" in text) == (400, True)


@pytest.mark.parametrize("path", [OTLP, "/prometheus/api/v1/otlp/v1/metrics"])
async def test_metrics_in_json_are_taken_and_what_is_left_out_is_told(lab: Lab, path: str) -> None:
    def metric(name: str, temporality: int) -> dict[str, Any]:
        point = {"timeUnixNano": str(NOW_MS * 1_000_000), "asDouble": 2.5}
        return {
            "name": name,
            "sum": {"dataPoints": [point], "aggregationTemporality": temporality, "isMonotonic": True},
        }

    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric("good", 2), metric("delta", 1)]}]}]}
    status, text = await post(lab, path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert status == 200
    partial = json.loads(text)["partialSuccess"]
    assert (partial["rejectedDataPoints"], "its temporality is delta" in partial["errorMessage"]) == ("1", True)
    assert await kept(lab, "good_total") == {labels("good_total"): [(NOW_MS, 2.5)]}


@pytest.mark.parametrize("database", ["x" * 257, "a\nb"])
async def test_a_database_that_is_no_label_is_refused(lab: Lab, database: str) -> None:
    status, text = await post(lab, "/write", b"m v=1", db=database)
    assert (status, json.loads(text)["message"].startswith("db: must ")) == (400, True)


async def test_metrics_of_another_kind_are_refused(lab: Lab) -> None:
    assert (await post(lab, OTLP, b"x", {"Content-Type": "text/plain"}))[0] == 415
    assert (await post(lab, OTLP, b"{}{}{}", {"Content-Type": "application/x-protobuf"}))[0] == 400


async def test_what_is_wrong_with_metrics_in_json_is_told_in_json(lab: Lab) -> None:
    status, text = await post(lab, OTLP, b"{", {"Content-Type": "application/json"})
    told = json.loads(text)
    assert (status, told["code"], "in JSON" in told["message"]) == (400, 3, True)


class _FullDisk:
    def __init__(self) -> None:
        self.waiting = asyncio.Event()

    async def take(self, written: object) -> Taken:
        raise StoreError("no space left on device")


class _Slow(_FullDisk):
    async def take(self, written: object) -> Taken:
        await self.waiting.wait()
        return Taken(0)


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (REMOTE, packed(request({UP: [(NOW_MS, 1.0)]})), PROTOBUF),
        ("/write", b"m v=1", {}),
        (OTLP, b"{}", {"Content-Type": "application/json"}),
    ],
)
async def test_a_store_that_cannot_write_is_told_as_what_will_pass(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(lab.pipeline, "take", _FullDisk().take)
    async with lab.client.post(path, data=body, headers=headers) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert b"no space left on device" in await response.read()


async def test_more_writers_than_there_is_room_for_are_told_to_come_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netmon_api.writing.desk._WAIT_S", 0.2)
    slow = _Slow()
    monkeypatch.setattr(lab.pipeline, "take", slow.take)
    writes = [asyncio.create_task(post(lab, "/write", b"m v=1")) for _ in range(20)]
    done, _ = await asyncio.wait(writes, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert [one.result()[0] for one in done] == [503] * len(done)
    slow.waiting.set()
    statuses = [status for status, _ in await asyncio.gather(*writes)]
    assert (statuses.count(204), statuses.count(503)) == (16, 4)


@pytest.mark.parametrize("scheme", ["Bearer {}", "Token {}", "bearer {}"])
async def test_a_token_for_writing_writes_and_reads_nothing(lab: Lab, scheme: str) -> None:
    headers = {"Authorization": scheme.format(lab.tokens.issue("write"))}
    async with lab.stranger.post("/write", data=b"m v=1", headers=headers) as response:
        assert response.status == 204
    for path in ("/api/v1/status", "/prometheus/api/v1/query?query=1", "/metrics", "/api/v1/ws"):
        async with lab.stranger.get(path, headers=headers) as response:
            assert response.status == 401


async def test_a_token_may_come_as_a_password_of_any_user(lab: Lab) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth("telegraf", lab.tokens.issue("write"))}
    async with lab.stranger.post("/influx/write?db=telegraf", data=b"m v=1", headers=headers) as response:
        assert response.status == 204


async def test_what_is_left_out_is_counted(lab: Lab) -> None:
    await post(lab, "/write", b"m v=1\nbad")
    async with lab.client.get("/metrics") as response:
        page = await response.text()
    assert "netmon_ingest_samples_total 1.0" in page
    assert "netmon_ingest_left_out_samples_total 1.0" in page


async def test_a_large_request_is_taken(lab: Lab) -> None:
    body = packed(b"".join(field(1, series(labels("m", n=str(n)), [(NOW_MS, float(n))])) for n in range(20_000)))
    assert await post(lab, REMOTE, body, PROTOBUF) == (204, "")
    assert len(await lab.store.series([Matcher("__name__", MatchOp.EQUAL, "m")])) == 20_000
