"""Stores that are servers of their own: away, killed, full, wrongly set up. Nothing acked is lost or doubled."""

import asyncio
import math
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.store.base import Matcher, MatchOp, StoreError, StoreUnavailable, Times, Values
from netmon_collector.store.outside.base import Piece, Rejected, told
from netmon_collector.store.outside.http import Access
from netmon_collector.store.outside.store import OutsideStore
from netmon_collector.store.outside.victoriametrics import VictoriaMetrics
from netmon_proto.model import NAME, STALE, Kind, Labels
from tests.collector.store.outside_lab import opened
from tests.collector.store.outside_writer import WIDTH
from tests.collector.store.samples import Samples, batch, bits, held, named, points, register, row, series
from tests.support import servers
from tests.support.servers import RunningServer

Home = tuple[RunningServer, str]
"""A server, and the URL that names it as a store."""


@pytest.fixture(params=["victoriametrics", "influxdb"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    is_influx = request.param == "influxdb"
    running = (servers.influxdb if is_influx else servers.victoria_metrics)(tmp_path / "server")
    running.start()
    yield running, f"{request.param}:{running.url}{'?db=netmon' if is_influx else ''}"
    running.kill()


async def served(server: RunningServer, url: str, folder: Path) -> Samples:
    """What the server alone knows: asked by a store with a queue of its own, in which nothing is."""
    server.flush()
    async with opened(url, folder / "another") as another:
        return await held(another)


def acked_until_killed(server: RunningServer, url: str, folder: Path, epoch: int) -> set[int]:
    """Sequences that a writer said were acked before it was killed, with the server in every other epoch."""
    program = [sys.executable, str(Path(__file__).with_name("outside_writer.py")), url, str(folder), str(epoch)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.1 * epoch)
        if epoch % 2:
            server.kill()
        writer.send_signal(signal.SIGKILL)
        acked = {int(line) for line in (first + writer.stdout.read()).splitlines()}
    if epoch % 2:
        server.start()
    return acked


async def test_what_is_acked_is_seen_while_the_server_does_not_show_it(home: Home, tmp_path: Path) -> None:
    async with opened(home[1], tmp_path, hold_s=30.0) as store:
        group = register(store, "a", "b")
        for n in range(1, 20):
            await store.append([row(group, n, float(n), -float(n))], batch(n))
            samples = await held(store, named("a"))
            assert samples == {(series("a"), time): bits(float(time)) for time in range(1, n + 1)}
            assert set(await store.series([named("b")])) == {series("b")}


async def test_batches_wait_for_a_server_that_is_away_and_survive_a_restart(home: Home, tmp_path: Path) -> None:
    server, url = home
    server.kill()
    async with opened(url, tmp_path) as store:
        group = register(store, "a")
        for n in range(1, 6):
            assert await store.append([row(group, n, float(n))], batch(n))
        with pytest.raises(StoreError, match="does not answer"):
            await store.select([], 0, 9)
    async with opened(url, tmp_path) as store:
        assert store.highest_acked("agent", 1) == 5
        assert not await store.append([row(register(store, "a"), 1, 9.0)], batch(1))
        server.start()
        assert await store.delivered()
    assert await served(server, url, tmp_path) == {(series("a"), n): bits(float(n)) for n in range(1, 6)}


async def test_a_server_that_was_killed_gets_again_what_it_may_have_lost(home: Home, tmp_path: Path) -> None:
    server, url = home
    expected: Samples = {}
    async with opened(url, tmp_path, hold_s=3.0) as store:
        group = register(store, "a", "b")
        for n in range(1, 61):
            assert await store.append([row(group, n, float(n), 0.5)], batch(n))
            expected |= {(series("a"), n): bits(float(n)), (series("b"), n): bits(0.5)}
            if n in (20, 40):
                await asyncio.sleep(0.3)  # it has taken some; VictoriaMetrics has none of it on disk yet
                server.kill()
            if n in (30, 41):
                server.start()
        assert await store.delivered()
    assert await served(server, url, tmp_path) == expected


async def test_sigkill_of_the_collector_and_of_the_server_loses_and_doubles_nothing(home: Home, tmp_path: Path) -> None:
    server, url = home
    folder = tmp_path / "collector" / "queue"
    acked = {epoch: acked_until_killed(server, url, folder, epoch) for epoch in range(1, 5)}
    async with opened(url, folder.parent) as store:
        for epoch, sequences in acked.items():
            for sequence in list(sequences)[:5]:
                assert not await store.append([], batch(sequence, epoch=epoch)), "an acked batch is known"
        assert await store.delivered()
    samples = await served(server, url, tmp_path)
    assert all(value == bits(float(time_ms)) for (_, time_ms), value in samples.items())
    stored: dict[int, list[int]] = {}
    for labels, time_ms in samples:
        stored.setdefault(int(dict(labels)["epoch"]), []).append(time_ms)
    assert all(sequences <= set(stored[epoch]) for epoch, sequences in acked.items())
    assert all(stored[epoch].count(one) == WIDTH for epoch in stored for one in set(stored[epoch]))
    assert sum(map(len, acked.values())) > 100


async def test_a_damaged_batch_in_the_queue_is_named_and_costs_no_other(home: Home, tmp_path: Path) -> None:
    server, url = home
    server.kill()
    async with opened(url, tmp_path) as store:
        group = register(store, "a")
        for n in (1, 2, 3):
            await store.append([row(group, n, float(n))], batch(n))
    (file,) = (tmp_path / "queue").glob("wal-*.log")
    data = bytearray(file.read_bytes())
    data[data.index(np.array([2.0]).tobytes())] ^= 0x40
    file.write_bytes(data)
    server.start()
    async with opened(url, tmp_path) as store:
        assert store.stats().damaged == 1
        assert await store.append([row(register(store, "a"), 2, 2.5)], batch(2)), "nobody knows of it any more"
        assert await store.delivered()
    expected = {(series("a"), 1): bits(1.0), (series("a"), 2): bits(2.5), (series("a"), 3): bits(3.0)}
    assert await served(server, url, tmp_path) == expected


async def test_a_full_queue_refuses_until_the_server_takes_it(home: Home, tmp_path: Path) -> None:
    server, url = home
    server.kill()
    async with opened(url, tmp_path, queue_bytes=1 << 16) as store:
        group = store.register([series("m", n=str(n)) for n in range(100)], [Kind.GAUGE] * 100)
        taken = 0
        told = ""
        while not told:
            taken += 1
            try:
                await store.append([row(group, taken, *[1.0] * 100)], batch(taken))
            except StoreError as error:
                told = str(error)
        assert re.fullmatch(r"the queue is full: \d+ bytes wait for the server", told)
        assert 20 < taken < 90
        assert store.stats().bytes <= 1 << 16
        server.start()
        assert await store.delivered()
        assert await store.append([row(group, taken, *[1.0] * 100)], batch(taken))


@pytest.mark.parametrize("flag", ["-dedup.minScrapeInterval=0", "-dedup.minScrapeInterval=10s"])
def test_victoriametrics_without_the_right_deduplication_is_refused(tmp_path: Path, flag: str) -> None:
    running = servers.victoria_metrics(tmp_path / "server", flag)
    running.start()
    try:
        with pytest.raises(StoreUnavailable, match=f"{running.url} runs with .*: start it with -dedup.minScrape.*=1ms"):
            OutsideStore.open(
                VictoriaMetrics(running.url, running.url, running.url, Access()), tmp_path / "q", queue_bytes=1 << 20
            )
    finally:
        running.kill()


async def test_infinities_labels_and_names_come_back_from_victoriametrics(tmp_path: Path) -> None:
    running = servers.victoria_metrics(tmp_path / "server")
    running.start()
    url = f"victoriametrics:{running.url}"
    try:
        async with opened(url, tmp_path) as store:
            bucket = series("rpc:latency_bucket", le="+Inf", text='a},"values":[-Inf', time="noon")
            group = store.register([bucket, series("b")], [Kind.GAUGE] * 2)
            rows = [row(group, 1, math.inf, 1.25), row(group, 2, -math.inf, math.nan), row(group, 3, 7.0, STALE)]
            await store.append(rows, batch(1))
            assert await store.delivered()
        assert await served(running, url, tmp_path) == {
            (bucket, 1): bits(math.inf),
            (bucket, 2): bits(-math.inf),
            (bucket, 3): bits(7.0),
            (series("b"), 1): bits(1.25),
        }
    finally:
        running.kill()


async def test_label_names_that_influxdb_keeps_for_itself_are_kept_too(tmp_path: Path) -> None:
    running = servers.influxdb(tmp_path / "server")
    running.start()
    try:
        async with opened(f"influxdb:{running.url}", tmp_path) as store:
            odd = series("odd", time="noon", value="x", path="C:\\", empty="", _field="f")
            plain = tuple(pair for pair in odd if pair[1])
            await store.append([row(store.register([odd], [Kind.GAUGE]), -5, 1.5)], batch(1))
            assert await store.delivered()
            matchers = [Matcher("time", MatchOp.EQUAL, "noon"), Matcher("path", MatchOp.REGEX, r"C:\\")]
            assert await held(store, *matchers) == {(plain, -5): bits(1.5)}
    finally:
        running.kill()


class Pickily:
    """A server that refuses some lines for good, and writes down the others."""

    def __init__(self, hold_s: float = 0.0) -> None:
        self.hold_s = hold_s
        self.started = 1
        self.lines: list[bytes] = []
        self.written = threading.Event()

    def check(self) -> str:
        return str(self.started)

    def holds(self, values: Values, times: Times) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return ~np.isnan(values)

    def prefix(self, labels: Labels) -> bytes:
        return dict(labels)[NAME].encode() + b" "

    def write(self, lines: bytes) -> None:
        if b"bad" in lines:
            raise Rejected("no bad ones")
        self.lines += lines.splitlines()
        self.written.set()

    def select(self, matchers: object, start_ms: int, end_ms: int) -> Iterator[Piece]:
        yield told(series("other"), np.array([1]), np.array([2.0]))

    def series(self, matchers: object) -> Iterator[Labels]:
        yield series("other")

    def label_names(self, matchers: object) -> None:
        return None

    def label_values(self, name: str, matchers: object) -> None:
        return None

    def days(self) -> Iterator[int]:
        yield from ()

    def close(self) -> None:
        self.lines.append(b"closed")


async def test_a_line_that_is_refused_for_good_blocks_no_other(tmp_path: Path) -> None:
    server = Pickily()
    store = OutsideStore.open(server, tmp_path, queue_bytes=1 << 20, window_s=0.0)
    group = register(store, "a", "bad", "c", "d")
    await store.append([row(group, 5, 1.0, 2.0, 3.0, math.inf), row(group, 6, 1e300, 2.0, 3.0, math.nan)], batch(1))
    assert await store.delivered()
    assert server.lines == [b"a 1.0 5", b"c 3.0 5", b"d +Inf 5", b"a 1e+300 6", b"c 3.0 6"]
    await store.append([row(group, 7, 1.0, 2.0, 3.0, 4.0)], batch(2))
    await store.delivered()
    assert server.lines[5:] == [b"a 1.0 7", b"c 3.0 7", b"d 4.0 7"]
    await store.close()
    assert server.lines[-1] == b"closed"


async def test_what_waits_one_by_one_is_passed_over_where_it_is_not_asked_for(tmp_path: Path) -> None:
    store = OutsideStore.open(Pickily(hold_s=60.0), tmp_path, queue_bytes=1 << 20, window_s=0.0)
    await store.append([points(store, ("a", 5, 1.0), ("b", 6, 2.0))], None)
    assert await store.series([named("none")]) == []
    assert await store.select([named("none")], 0, 10) == []
    assert await store.select([named("a")], 6, 10) == []
    assert await held(store, named("b")) == {(series("b"), 6): bits(2.0)}
    await store.close()


async def test_influxdb_says_how_many_it_rejects_and_keeps_the_others(tmp_path: Path) -> None:
    running = servers.influxdb(tmp_path / "server")
    running.start()
    url = f"influxdb:{running.url}"
    try:
        async with opened(url, tmp_path) as store:
            running.post("/write?db=netmon", b'bad value="text"\n')
            group = register(store, "a", "bad", "c")
            await store.append([row(group, n, 1.0, 2.0, 3.0) for n in range(1, 100)], batch(1))
            assert await store.delivered()
            assert await held(store, named("a")) == {(series("a"), n): bits(1.0) for n in range(1, 100)}
            assert len(await held(store, named("c"))) == 99
    finally:
        running.kill()


async def test_what_an_earlier_run_of_the_server_took_is_sent_again(tmp_path: Path) -> None:
    server = Pickily(hold_s=0.2)
    store = OutsideStore.open(server, tmp_path, queue_bytes=1 << 20, window_s=0.0)
    await store.append([row(register(store, "a"), 5, 1.0)], batch(1))
    assert await asyncio.to_thread(server.written.wait, 10)
    server.lines.clear()
    server.started = 2
    assert await store.delivered()
    assert server.lines == [b"a 1.0 5"]
    await store.close()


async def test_what_a_server_tells_beyond_the_question_is_left_out(tmp_path: Path) -> None:
    store = OutsideStore.open(Pickily(), tmp_path, queue_bytes=1 << 20)
    assert await store.series([named("a")]) == []
    assert await store.label_values(NAME, [named("a")]) == []
    assert await store.label_values(NAME, []) == ["other"]
    assert await held(store, named("a")) == {}
    assert await held(store, named("other")) == {(series("other"), 1): bits(2.0)}
    await store.close()
