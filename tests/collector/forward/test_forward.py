"""What is stored goes on to real servers, and to one that misbehaves."""

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import ValidationError

from netmon_collector.config import CollectorConfig
from netmon_collector.foreign import remote_write
from netmon_collector.foreign.snappy import unpack
from netmon_collector.forward import forwarder as forwarder_module
from netmon_collector.forward.forwarder import Forwarder
from netmon_collector.forward.forwarding import Forwarding
from netmon_collector.forward.messages import FIRST_MS, LAST_MS, beginning, compose
from netmon_collector.forward.opening import open_forwarding
from netmon_collector.forward.options import RemoteWriteOptions
from netmon_collector.forward.target import RemoteWriteTarget
from netmon_collector.query.selector import parse_selector
from netmon_collector.store.base import ABSENT, Group, Points, Row
from netmon_collector.store.outside.http import Access
from netmon_proto.model import STALE, Labels, is_stale
from tests.support.ports import free_port
from tests.support.prometheus import prometheus
from tests.support.servers import victoria_metrics

NOW_MS = time.time_ns() // 1_000_000 - 60_000
Found = dict[Labels, list[tuple[int, float]]]


def labels(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


def group(*series: Labels) -> Group:
    return Group(object(), list(series))


@dataclass
class Server:
    """Takes remote write on a port of loopback, and answers as it is told."""

    port: int
    status: Callable[[], int] = lambda: 204
    bodies: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/write"

    def samples(self) -> Found:
        found: Found = {}
        for body in self.bodies:
            written = remote_write.decode(body)
            for row, at, value in zip(written.rows, written.times.tolist(), written.values.tolist(), strict=True):
                found.setdefault(written.spelling.read(written.series[row]), []).append((at, value))
        return found


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[None]:
    async def take(request: web.Request) -> web.Response:
        server.headers = dict(request.headers)
        body = unpack(await request.read(), 1 << 30)
        status = server.status()
        if status == 204:
            server.bodies.append(body)
        return web.Response(status=status, text="" if status == 204 else "out of order sample")

    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/api/v1/write", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def forwarding(folder: Path, url: str, *selectors: str, added: Labels = ()) -> AsyncIterator[Forwarder]:
    one = Forwarder(
        "test",
        RemoteWriteTarget(url, Access(), {}),
        folder / "forward",
        wanted=[parse_selector(selector) for selector in selectors],
        labels=added,
        queue_bytes=16 << 20,
        window_s=0.01,
    )
    running = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await one.close()


async def sent(one: Forwarder) -> None:
    async with asyncio.timeout(20):
        assert await one.delivered()


values = st.integers(0, (1 << 64) - 1).map(lambda bits: float(struct.unpack("<d", struct.pack("<Q", bits))[0]))
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@given(st.lists(st.tuples(words, st.integers(FIRST_MS, LAST_MS), values), min_size=1, max_size=5))
def test_messages_say_what_was_stored(samples: list[tuple[str, int, float]]) -> None:
    series = [labels("up", instance=word) for word, _, _ in samples]
    times = np.array([time_ms for _, time_ms, _ in samples])
    numbers = np.array([value for _, _, value in samples])
    written = remote_write.decode(b"".join(compose([beginning(one) for one in series], numbers, times)))
    assert [written.spelling.read(raw) for raw in written.series] == series
    assert written.times.tolist() == times.tolist()
    assert written.values.tobytes() == numbers.tobytes()


async def test_rows_and_points_arrive_and_only_what_is_wanted(tmp_path: Path) -> None:
    server = Server(free_port())
    ours = group(labels("load", instance="a"), labels("load", instance="b"), labels("temp"))
    async with serving(server), forwarding(tmp_path, server.url, 'load{instance!="c"}', added=(("site", "x"),)) as one:
        one.offer([Row(ours, NOW_MS, np.array([1.0, ABSENT, 3.0])), Row(ours, NOW_MS + 1, np.array([STALE, 5.0, 6.0]))])
        pool = Group(object(), [labels("load", instance="c"), labels("load", site="own")])
        one.offer([Points(pool, np.array([1, 0, 1]), np.array([NOW_MS, NOW_MS, 7]), np.array([8.0, 9.0, 9.5]))])
        await sent(one)
        pool.labels.append(labels("load", instance="d"))  # type: ignore[attr-defined] # as the store's pool does
        one.offer([Points(pool, np.array([2]), np.array([NOW_MS]), np.array([10.0]))])
        await sent(one)
    found = server.samples()
    (first, stale) = found.pop(labels("load", instance="a", site="x"))
    assert (first, stale[0], is_stale(stale[1])) == ((NOW_MS, 1.0), NOW_MS + 1, True)
    assert found == {
        labels("load", instance="b", site="x"): [(NOW_MS + 1, 5.0)],
        labels("load", site="own"): [(NOW_MS, 8.0)],
        labels("load", instance="d", site="x"): [(NOW_MS, 10.0)],
    }
    assert one.sent == 5


async def test_a_server_that_is_away_gets_everything_later_also_after_a_restart(tmp_path: Path) -> None:
    server = Server(free_port())
    series = labels("load", instance="a")
    async with forwarding(tmp_path, server.url) as one:
        one.offer([Row(group(series), NOW_MS, np.array([1.0]))])
        await asyncio.sleep(0.1)
    async with forwarding(tmp_path, server.url) as one:
        one.offer([Row(group(series), NOW_MS + 1, np.array([2.0]))])
        async with serving(server):
            await sent(one)
    assert server.samples() == {series: [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]}


@pytest.mark.parametrize("passing", [503, 429, 401, 404])
async def test_what_may_pass_is_tried_again(tmp_path: Path, passing: int) -> None:
    answers = [passing, passing]
    server = Server(free_port(), lambda: answers.pop() if answers else 204)
    async with serving(server), forwarding(tmp_path, server.url) as one:
        one.offer([Row(group(labels("load")), NOW_MS, np.array([1.0]))])
        await sent(one)
    assert server.samples() == {labels("load"): [(NOW_MS, 1.0)]}
    assert one.rejected == 0


async def test_what_is_refused_for_good_is_dropped_counted_and_blocks_nothing(tmp_path: Path) -> None:
    answers = [400]
    server = Server(free_port(), lambda: answers.pop() if answers else 204)
    async with serving(server), forwarding(tmp_path, server.url) as one:
        one.offer([Row(group(labels("bad")), NOW_MS, np.array([1.0]))])
        await sent(one)
        one.offer([Row(group(labels("good")), NOW_MS, np.array([1.0]))])
        await sent(one)
        page = _page(one)
    assert list(server.samples()) == [labels("good")]
    assert 'netmon_forward_dropped_samples_total{reason="rejected",target="test"} 1.0' in page
    assert 'netmon_forward_sent_samples_total{target="test"} 1.0' in page


def _page(one: Forwarder) -> str:
    registry = CollectorRegistry()
    Forwarding([one], registry)
    return generate_latest(registry).decode()


async def test_ingest_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder_module, "MOST_WAITING", 1000)
    wide = group(*(labels("load", n=str(n)) for n in range(600)))
    async with forwarding(tmp_path, "http://127.0.0.1:1/") as one:
        for turn in range(3):
            one.offer([Row(wide, NOW_MS + turn, np.zeros(600))])
        assert one.dropped == {"disk too slow": 1200}


async def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    wide = group(*(labels("load", n=str(n)) for n in range(50_000)))
    async with forwarding(tmp_path, "http://127.0.0.1:1/") as one:
        for turn in range(25):
            one.offer([Row(wide, NOW_MS + turn, np.zeros(50_000))])
            while one._waiting_samples:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
        assert one.queue_bytes <= 17 << 20
        assert one.dropped["queue full"] > 0
        assert one.dropped["queue full"] % 50_000 == 0


async def test_a_real_prometheus_takes_it(tmp_path: Path) -> None:
    server = prometheus(tmp_path / "prometheus")
    await asyncio.to_thread(server.start)
    try:
        found = await _forwarded(tmp_path, f"{server.url}/api/v1/write", server.url)
    finally:
        server.kill()
    assert found == {labels("load", instance=str(n), site="here"): [(NOW_MS + 1000, n + 1.0)] for n in range(30)}


async def test_a_real_victoriametrics_takes_it(tmp_path: Path) -> None:
    server = victoria_metrics(tmp_path / "victoria")
    await asyncio.to_thread(server.start)
    try:
        found = await _forwarded(tmp_path, f"{server.url}/api/v1/write", server.url, server.flush)
    finally:
        server.kill()
    assert found == {labels("load", instance=str(n), site="here"): [(NOW_MS + 1000, n + 1.0)] for n in range(30)}


async def _forwarded(folder: Path, url: str, base: str, flush: Callable[[], None] = lambda: None) -> Found:
    """What a server has at the last of two times."""
    ours = group(*(labels("load", instance=str(n)) for n in range(30)))
    async with forwarding(folder, url, added=(("site", "here"),)) as one:
        for turn in range(2):
            one.offer([Row(ours, NOW_MS + 1000 * turn, np.arange(30, dtype=np.float64) + turn)])
        await sent(one)
        assert (one.sent, one.rejected) == (60, 0)
    await asyncio.to_thread(flush)
    query = urlencode({"query": "load", "time": f"{(NOW_MS + 1000) / 1000:.3f}"})
    told = await asyncio.to_thread(lambda: json.load(urlopen(f"{base}/api/v1/query?{query}")))
    return {
        tuple(sorted(one["metric"].items())): [(round(float(one["value"][0]) * 1000), float(one["value"][1]))]
        for one in told["data"]["result"]
    }


async def test_credentials_and_headers_are_sent_from_files(tmp_path: Path) -> None:
    server = Server(free_port())
    (tmp_path / "token").write_text("s3cret\n")
    options = RemoteWriteOptions.model_validate(
        {"url": server.url, "token_file": tmp_path / "token", "headers": {"X-Scope-OrgID": "7"}, "queue": "16MiB"}
    )
    together = open_forwarding([options], tmp_path, CollectorRegistry())
    running = asyncio.create_task(together.run())
    async with serving(server):
        together.offer([Row(group(labels("load")), NOW_MS, np.array([1.0]))])
        async with asyncio.timeout(10):
            while not server.bodies:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await together.close()
    assert (server.headers["Authorization"], server.headers["X-Scope-OrgID"]) == ("Bearer s3cret", "7")
    assert server.headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert (tmp_path / "forward" / f"127.0.0.1-{server.port}").is_dir()


def _config(targets: Iterable[dict[str, object]]) -> CollectorConfig:
    return CollectorConfig.model_validate({"remote_write": list(targets)})


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ({"url": "prometheus:9090"}, "must be an address such as"),
        ({"url": "http://me:pw@x/"}, "must not have a password in it"),
        ({"url": "http://10.0.0.1/", "token_file": "/t"}, "needs https"),
        ({"url": "http://x/", "user": "me"}, "user and password_file together"),
        ({"url": "http://x/", "match": ["load["]}, "load"),
        ({"url": "http://x/", "headers": {"X-A": "b\r\nc: d"}}, "should match pattern"),
        ({"url": "http://x/", "name": "../up"}, "should match pattern"),
    ],
)
def test_mistakes_in_the_options_are_told(target: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        _config([target])


def test_two_targets_need_names() -> None:
    assert [one.title for one in _config([{"url": "http://x/"}, {"url": "http://x/", "name": "y"}]).remote_write] == [
        "x-http",
        "y",
    ]
    with pytest.raises(ValidationError, match="x-http is there more than once"):
        _config([{"url": "http://x/"}, {"url": "http://x/a"}])
