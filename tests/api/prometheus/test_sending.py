"""How answers travel: compressed, in pieces, to clients that may go away."""

import asyncio
import gzip
import io
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import orjson
import pytest

from netmon_api.prometheus.encode import PIECE_BYTES
from netmon_collector.query.answer import Answer, ErrorKind, QueryError
from netmon_collector.query.engine import Engine, Question
from netmon_collector.query.handles import Handles
from netmon_collector.query.options import Limits
from netmon_collector.store.base import StoreError
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, labels
from tests.api.prometheus.peers import keep

WIDTH = 1600
WIDE = {
    labels("wide", series=f"{number:05}"): [(NOW_MS - 1000 * age, number + age / 7) for age in range(40, 0, -1)]
    for number in range(WIDTH)
}
RANGE = {"query": "wide", "start": f"{NOW_MS / 1000 - 60}", "end": f"{NOW_MS / 1000}", "step": "1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATH = "/prometheus/api/v1/query_range"


class Waiting(Engine):
    """Never answers; says when it was asked and when it was cancelled."""

    def __init__(self) -> None:
        self.asked, self.cancelled = asyncio.Event(), asyncio.Event()
        self.limits: Limits | None = None

    @property
    def bounds(self) -> Limits:
        return Limits()

    def close(self) -> None:
        """It has no threads."""

    def know_handles(self, handles: Handles) -> None:
        """It has no devices."""

    def answer_at_hand(self, question: Question) -> Answer | None:
        return None

    async def answer(self, question: Question) -> Answer:
        self.limits = question.limits
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError


class Failing(Engine):
    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def bounds(self) -> Limits:
        return Limits()

    def close(self) -> None:
        """It has no threads."""

    def know_handles(self, handles: Handles) -> None:
        """It has no devices."""

    def answer_at_hand(self, question: Question) -> Answer | None:
        raise self.error

    async def answer(self, question: Question) -> Answer:
        raise self.error


async def test_a_large_answer_comes_in_pieces_whole_and_compressed_if_that_is_wanted(lab: Lab) -> None:
    await keep(lab, WIDE)
    async with aiohttp.ClientSession(lab.url, auto_decompress=False, headers=lab.client.headers) as plain:
        async with plain.get(PATH, params=RANGE, headers={"Accept-Encoding": "identity"}) as response:
            body = await response.read()
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert "Content-Encoding" not in response.headers
        assert len(body) > 2 * PIECE_BYTES
        async with plain.get(PATH, params=RANGE, headers={"Accept-Encoding": "gzip"}) as response:
            packed = await response.read()
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["Vary"] == "Accept-Encoding"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert len(packed) < len(body) / 3
    assert gzip.decompress(packed) == body
    result = orjson.loads(body)["data"]["result"]
    assert len(result) == WIDTH
    for one in result:
        assert len(one["values"]) == 41


async def test_small_answers_are_compressed_too(lab: Lab) -> None:
    await keep(lab, WIDE)
    async with lab.client.get("/prometheus/api/v1/series", params={"match[]": "wide"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert len((await response.json())["data"]) == WIDTH


async def ask_and_leave(lab: Lab, engine: Waiting, **more: str) -> None:
    async def ask() -> None:
        async with lab.client.get("/prometheus/api/v1/query", params={"query": "up", **more}):
            pass

    asking = asyncio.create_task(ask())
    await asyncio.wait_for(engine.asked.wait(), 30)
    asking.cancel()
    await asyncio.wait_for(engine.cancelled.wait(), 30)


async def test_a_client_that_goes_away_cancels_its_query(tmp_path: Path) -> None:
    engine = Waiting()
    async with running(tmp_path, engine=engine) as lab:
        await ask_and_leave(lab, engine)
    assert engine.limits is None, "the engine's own bounds hold"


async def test_a_client_that_goes_in_the_middle_of_an_answer_is_no_error(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(lab, WIDE)
    host, _, port = lab.url.removeprefix("http://").partition(":")
    query = urlencode(RANGE)
    for path in (f"{PATH}?{query}", "/prometheus/federate?match[]=wide", "/prometheus/api/v1/export?match[]=wide") * 5:
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {lab.token}\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.read(12)).endswith(b" 200")
        writer.transport.abort()
    await lab.get("/prometheus/api/v1/query", ("query", "1"))
    await asyncio.sleep(0.2)
    assert "request.failed" not in caplog.text


@pytest.mark.parametrize(("asked", "given_s"), [("5s", 5.0), ("0.25", 0.25), ("1h", 120.0)])
async def test_a_client_may_ask_for_less_time_and_not_for_more(tmp_path: Path, asked: str, given_s: float) -> None:
    engine = Waiting()
    async with running(tmp_path, engine=engine) as lab:
        await ask_and_leave(lab, engine, timeout=asked)
    assert engine.limits is not None
    assert engine.limits.timeout_s == given_s


@pytest.mark.parametrize("timeout", ["0", "-1", "0s", "-0.5"])
async def test_no_time_at_all_is_over_at_once(lab: Lab, timeout: str) -> None:
    for query in ("1", "up"):
        asked = {"query": query, "timeout": timeout}
        async with lab.client.get("/prometheus/api/v1/query", params=asked) as response:
            assert (response.status, (await response.json())["errorType"]) == (503, "timeout")


@pytest.mark.parametrize(
    ("error", "status", "kind", "told"),
    [
        (QueryError(ErrorKind.BAD_DATA, "1:1: x"), 400, "bad_data", 'invalid parameter "query": 1:1: x'),
        (QueryError(ErrorKind.EXECUTION, "x"), 422, "execution", "x"),
        (QueryError(ErrorKind.TIMEOUT, "x"), 503, "timeout", "x"),
        (QueryError(ErrorKind.CANCELED, "x"), 499, "canceled", "x"),
        (QueryError(ErrorKind.INTERNAL, "x"), 500, "internal", "x"),
        (QueryError(ErrorKind.UNAVAILABLE, "x"), 503, "unavailable", "x"),
        (StoreError("disk full"), 503, "unavailable", "the store can't answer now: disk full"),
    ],
)  # fmt: skip
async def test_every_kind_of_error_has_its_status(
    tmp_path: Path, error: Exception, status: int, kind: str, told: str
) -> None:
    async with (
        running(tmp_path, engine=Failing(error)) as lab,
        lab.client.get("/prometheus/api/v1/query", params={"query": "up"}) as response,
    ):
        assert response.status == status
        assert await response.json() == {"status": "error", "errorType": kind, "error": told}


async def test_ten_warnings_are_told_and_how_many_more_there_are(lab: Lab) -> None:
    for count, more in ((10, []), (13, ["3 more warning annotations omitted"])):
        query = " + ".join(f"quantile({number}, vector(1))" for number in range(2, 2 + count))
        answer = await lab.get("/prometheus/api/v1/query", ("query", query))
        assert len(answer["warnings"]) == 10 + len(more)
        assert answer["warnings"][10:] == more


async def test_a_limit_cuts_the_answer_and_says_so(lab: Lab) -> None:
    await keep(lab, WIDE)
    query = [("query", "wide"), ("limit", "3"), ("time", str(NOW_MS / 1000))]
    answer = await lab.get("/prometheus/api/v1/query", *query)
    assert [one["metric"]["series"] for one in answer["data"]["result"]] == ["00000", "00001", "00002"]
    assert answer["warnings"] == ["results truncated due to limit"]
    for path in ("/prometheus/api/v1/series", "/prometheus/api/v1/label/series/values"):
        answer = await lab.get(path, ("match[]", "wide"), ("limit", 3))
        assert (len(answer["data"]), answer["warnings"]) == (3, ["results truncated due to limit"])
        for all_of_them in (0, WIDTH):
            answer = await lab.get(path, ("match[]", "wide"), ("limit", all_of_them))
            assert (len(answer["data"]), "warnings" in answer) == (WIDTH, False)
    wrongs = {
        "x": 'strconv.Atoi: parsing "x": invalid syntax',
        "1.5": 'strconv.Atoi: parsing "1.5": invalid syntax',
        "9" * 19: f'strconv.Atoi: parsing "{"9" * 19}": value out of range',
        "-1": "limit must be non-negative",
    }
    for wrong, told in wrongs.items():
        for path in ("labels", "query", "query_range"):  # before all else that is wrong
            asked = {"limit": wrong, "time": "x"}
            async with lab.client.get(f"/prometheus/api/v1/{path}", params=asked) as response:
                assert response.status == 400
                assert (await response.json())["error"] == f'invalid parameter "limit": {told}'


@pytest.mark.parametrize(
    ("lookback", "found"), [("", 1), ("0", 1), ("-5", 1), ("9", 0), ("10001ms", 1), ("16m", 2), ("1y", 2)]
)
async def test_a_client_says_how_long_a_sample_counts(lab: Lab, lookback: str, found: int) -> None:
    await lab.keep({labels("load", instance="web1"): 1.0}, NOW_MS - 10_000)
    await lab.keep({labels("load", instance="web2"): 1.0}, NOW_MS - 15 * 60_000)
    asked = [("query", "load"), ("lookback_delta", lookback)]
    answer = await lab.get("/prometheus/api/v1/query", *asked)
    assert len(answer["data"]["result"]) == found
    now = str(NOW_MS / 1000)
    for _ in range(2):
        times = [("start", now), ("end", now), ("step", "1")]
        answer = await lab.get("/prometheus/api/v1/query_range", *asked, *times)
        assert len(answer["data"]["result"]) == found


async def test_a_lookback_that_is_none_is_refused(lab: Lab) -> None:
    async with lab.client.get("/prometheus/api/v1/query", params={"query": "up", "lookback_delta": "x"}) as response:
        assert response.status == 400
        told = 'error parsing lookback delta duration: cannot parse "x" to a valid duration'
        assert await response.json() == {"status": "error", "errorType": "bad_data", "error": told}


async def test_notes_and_costs_are_told(lab: Lab) -> None:
    await lab.keep({labels("requests", instance="web1"): 1.0})
    answer = await lab.get("/prometheus/api/v1/query", ("query", "rate(requests[5m])"), ("stats", "all"))
    assert answer["data"]["stats"]["samples"]["totalQueryableSamples"] == 1
    assert answer["data"]["stats"]["timings"]["execTotalTime"] > 0
    assert "stats" not in (await lab.get("/prometheus/api/v1/query", ("query", "requests")))["data"]


async def test_a_body_that_is_too_large_is_refused(lab: Lab) -> None:
    body = io.BytesIO(b"query=" + b"x" * (1 << 20))
    async with lab.client.post("/prometheus/api/v1/query", data=body, headers=FORM) as response:
        assert response.status == 413


async def test_text_that_is_no_unicode_is_refused(lab: Lab) -> None:
    async with lab.client.post(
        "/prometheus/api/v1/query",
        data=b"query=%FF%FE",
        headers=FORM,
    ) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    ("accept", "media", "page"),
    [
        (
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ['{"my.load","a.b"="1",a_b="2",instance="web1"} 1', 'my_load{instance="web1"} 2'],
        ),
        (
            "text/plain; version=1.0.0; escaping=values",
            "text/plain; version=0.0.4; charset=utf-8; escaping=values",
            ['U__my_2e_load{U__a_2e_b="1",a_b="2",instance="web1"} 1', 'my_load{instance="web1"} 2'],
        ),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "text/plain; version=0.0.4; charset=utf-8",
            ['my_load{a_b="1",instance="web1"} 1', 'my_load{instance="web1"} 2'],
        ),
    ],
)
async def test_federation_spells_names_as_its_scraper_takes_them(
    lab: Lab, accept: str, media: str, page: list[str]
) -> None:
    odd = labels("my.load", instance="web1", a_b="2", **{"a.b": "1"})
    await lab.keep({odd: 1.0, labels("my_load", instance="web1"): 2.0}, NOW_MS)
    asked = {"match[]": '{__name__=~"my.load"}'}
    async with lab.client.get("/prometheus/federate", params=asked, headers={"Accept": accept}) as response:
        assert response.headers["Content-Type"] == media
        lines = (await response.text()).splitlines()
        assert [one.rpartition(" ")[0] for one in lines if not one.startswith("#")] == page
        types = [one for one in lines if one.startswith("# TYPE")]
        assert len(types) == len(set(types)), "each once, also where two names became one"


async def test_federation_tells_what_queries_see(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await lab.keep({labels("load", instance="web1"): 1.0}, NOW_MS - 10 * 60_000)
    for lookback_ms, count in ((300_000, 0), (900_000, 1)):
        monkeypatch.setattr(Engine, "lookback_ms", lookback_ms)
        async with lab.client.get("/prometheus/federate", params={"match[]": "load"}) as response:
            assert (await response.text()).count("load{") == count
