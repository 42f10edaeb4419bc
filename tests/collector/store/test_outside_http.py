"""What is asked of a server, and where: clusters, the two APIs of InfluxDB, credentials, answers that are none."""

import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from netmon_collector.store.base import Matcher, MatchOp, StoreError, StoreUnavailable
from netmon_collector.store.opening import server_of
from netmon_collector.store.outside.base import Evaluating, Rejected, Server
from netmon_collector.store.remote import Steps, Summary
from netmon_collector.store.url import parse_store_url

METRICS = b'vm_app_start_timestamp 17\nflag{name="dedup.minScrapeInterval", value="1ms", is_set="true"} 1\n'


@dataclass
class Recorder:
    """A server that writes down what it is asked and answers what a test gives it."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path with query, Authorization."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            recorder.asked.append((self.command, self.path, self.headers["Authorization"]))
            none = (404, b"404 page not found")
            path, statement = self.path.partition("?")[0], body.partition("+")[0]
            status, answer = recorder.answers.get(statement) or recorder.answers.get(path, none)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        recorder.url = f"http://127.0.0.1:{server.server_port}"
        yield recorder
        server.shutdown()


def named(recorder: Recorder, kind: str, query: str) -> Server:
    return server_of(parse_store_url(f"{kind}:{recorder.url}{query}"))


def test_a_cluster_is_written_and_read_below_its_tenant(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    recorder.answers = {
        "/metrics": (200, METRICS),
        "/insert/7:1/influx/api/v2/write": (204, b""),
        "/select/7:1/prometheus/api/v1/export": (
            200, b'{"metric":{"__name__":"up"},"values":[1,null],"timestamps":[5,6]}\n',
        ),
    }  # fmt: skip
    server = named(recorder, "victoriametrics", f"?tenant=7:1&token_file={tmp_path / 'token'}")
    assert server.check() == "17"
    server.write(b"up=1 5\n")
    (piece,) = server.select([Matcher("__name__", MatchOp.EQUAL, "up")], 0, 5)
    assert (piece.labels, piece.times.tolist(), piece.values.tolist()) == ((("__name__", "up"),), [5], [1.0])
    assert [path.partition("?")[0] for _, path, _ in recorder.asked] == list(recorder.answers)
    assert {authorization for _, _, authorization in recorder.asked} == {"Bearer abc"}
    server.close()


def test_influxdb_2_is_written_by_its_own_api(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc")
    recorder.answers = {
        "/api/v2/write": (204, b""),
        "/query": (200, b'{"results":[{"series":[{"name":"databases","values":[["net"]]}]}]}'),
    }
    server = named(recorder, "influxdb", f"?db=net&rp=year&org=us&token_file={tmp_path / 'token'}")
    server.check()
    recorder.asked.clear()
    server.write(b"up value=1 5\n")
    assert recorder.asked == [
        ("POST", "/api/v2/write?org=us&bucket=net%2Fyear&precision=ms", "Token abc"),
    ]
    server.close()


def test_influxdb_1_is_written_by_its_older_api_with_a_password(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("sesame")
    recorder.answers = {
        "/write": (204, b""),
        "/query": (200, b'{"results":[{"series":[{"name":"databases","values":[["net"]]}]}]}'),
    }
    server = named(recorder, "influxdb", f"?db=net&user=me&password_file={tmp_path / 'password'}")
    server.check()
    server.write(b"up value=1 5\n")
    assert recorder.asked[-1] == ("POST", "/write?db=net&precision=ms", "Basic bWU6c2VzYW1l")
    server.close()


def test_a_database_that_cannot_be_made_is_told(recorder: Recorder) -> None:
    recorder.answers = {"/query": (200, b'{"results":[{"error":"not authorized"}]}')}
    with pytest.raises(StoreError, match="answers: not authorized"):
        named(recorder, "influxdb", "?db=net").check()
    recorder.answers = {"/query": (200, b'{"results":[{}]}')}
    named(recorder, "influxdb", "?db=net").check()
    recorder.answers["q=CREATE"] = (403, b"not yours")
    server = named(recorder, "influxdb", "?db=net")
    with pytest.raises(StoreUnavailable, match=r"has no database net, and does not let us make it .*403: not yours"):
        server.check()


def test_only_a_refusal_of_the_lines_is_for_good(recorder: Recorder) -> None:
    server = named(recorder, "victoriametrics", "")
    for status, kind in ((400, Rejected), (413, Rejected), (401, StoreError), (404, StoreError), (503, StoreError)):
        recorder.answers["/api/v2/write"] = (status, b"because")
        with pytest.raises(StoreError, match=f"{recorder.url} answers {status}: because") as caught:
            server.write(b"up=1 5\n")
        assert type(caught.value) is kind


def test_redirects_are_not_followed(recorder: Recorder) -> None:
    recorder.answers = {"/metrics": (302, b""), "/api/v2/write": (302, b""), "/elsewhere": (200, METRICS)}
    server = named(recorder, "victoriametrics", "")
    with pytest.raises(StoreError, match="answers 302"):
        server.check()
    with pytest.raises(StoreError, match="answers 302"):
        server.write(b"up=1 5\n")
    assert not any("elsewhere" in path for _, path, _ in recorder.asked)


@pytest.mark.parametrize("answer", [b"<html>", b"[]\n", b'{"metric":{},"values":["x"],"results":["error"]}\n'])
def test_an_answer_that_is_none_is_an_error_of_the_store(recorder: Recorder, answer: bytes) -> None:
    recorder.answers = dict.fromkeys(("/api/v1/export", "/api/v1/series", "/metrics", "/query"), (200, answer))
    server = named(recorder, "victoriametrics", "")
    with pytest.raises(StoreError, match="something else than"):
        list(server.select([], 0, 9))
    with pytest.raises(StoreUnavailable, match=r"runs with -dedup.minScrapeInterval=unknown"):
        server.check()
    influx = named(recorder, "influxdb", "?db=a")
    with pytest.raises(StoreError, match="something else than"):
        list(influx.select([], 0, 9))


ROWS = 20_000
LOOKALIKES = ['"values":[[1,2],[3,4]]', '{"metric":{"a":"b"}', "]]},", '\\"},"values":[[5,"6"]]}']
"""Texts that look like what is around them, once they are quoted."""


def collections_during(work: Callable[[], object]) -> int:
    """How often Python looked for garbage, which takes the longer the more there is, and holds up all threads."""
    seen: list[str] = []
    note = lambda phase, _: seen.append(phase)  # noqa: E731
    gc.callbacks.append(note)
    try:
        work()
    finally:
        gc.callbacks.remove(note)
    return seen.count("start")


def test_long_answers_of_influxdb_are_no_list_for_each_sample(recorder: Recorder) -> None:
    told = [
        {"name": "up", "tags": {"a": text}, "columns": ["time", "value"], "values": [[n, n / 8] for n in range(ROWS)]}
        for text in LOOKALIKES
    ]
    lines = [orjson.dumps({"results": [{"statement_id": 0, "series": [one], "partial": True}]}) for one in told]
    recorder.answers = {"/query": (200, b"\n".join(lines))}
    server = named(recorder, "influxdb", "?db=a")
    assert collections_during(lambda: list(server.select([], 0, ROWS))) < len(LOOKALIKES) * ROWS / 5000
    found = list(server.select([], 0, ROWS))
    assert [dict(piece.labels)["a"] for piece in found] == LOOKALIKES
    assert all(piece.times.tolist() == list(range(ROWS)) for piece in found)
    assert all(piece.values.tolist() == [n / 8 for n in range(ROWS)] for piece in found)


def test_what_victoriametrics_evaluates_is_no_list_for_each_value(recorder: Recorder) -> None:
    told = [
        {"metric": {"a": text}, "values": [[n / 8, f"{n / 8}"] for n in range(ROWS - 1)] + [[ROWS, "+Inf"]]}
        for text in LOOKALIKES
    ]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": told}, "stats": {"series": "4"}}
    recorder.answers = {
        "/api/v1/query": (200, b'{"data":{"result":[{"metric":{},"value":[0,"9000000000"]}]}}'),
        "/api/v1/query_range": (200, orjson.dumps(answer)),
    }
    server = named(recorder, "victoriametrics", "")
    assert isinstance(server, Evaluating)
    asked = Summary("avg", ("a",), False, "avg_over_time", (), 1000, 0), Steps(0, 1000 * ROWS, 125)
    assert collections_during(lambda: server.summarise(*asked, 1 << 60)) < len(LOOKALIKES) * ROWS / 5000
    summarised = server.summarise(*asked, 1 << 60)
    assert summarised is not None
    assert [frame.labels for frame in summarised.frames] == [[(("a", text),)] for text in LOOKALIKES]
    for frame in summarised.frames:
        assert frame.times.tolist() == [125 * n for n in range(ROWS - 1)] + [1000 * ROWS]
        assert frame.values[:, 0].tolist() == [n / 8 for n in range(ROWS - 1)] + [float("inf")]
    recorder.answers["/api/v1/query_range"] = (200, b'{"status":"success","data":{"result":[]}}')
    nothing = server.summarise(*asked, 1 << 60)
    assert nothing is not None
    assert not nothing.frames
    for wrong in (b"<html>", b'{"result":[{"metric":{"a":"b"},"value":[1,"2"]}]}'):
        recorder.answers["/api/v1/query_range"] = (200, wrong)
        with pytest.raises(StoreError, match="something else than series"):
            server.summarise(*asked, 1 << 60)
