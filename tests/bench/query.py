"""Queries of dashboards and alert rules over the same samples: our API beside Prometheus and VictoriaMetrics.

Prints one JSON object as its last line. Every host has 100 series, gathered at moments of its own; the samples go into
our store as agents' gathers, and into the servers by remote write. Each engine is asked over HTTP, on one connection
that stays, without compression, in turns, after one round that is not counted, so that all three are warm alike.
Queries end when the last sample has come, as now does. Result caches are refused with `nocache=1`, but for the last
part: there a dashboard refreshes, which is every range query again and again with its end one step later, up to now.
CPU is that of the server's process, user and system. Answers are compared with Prometheus' value by value.
"""

import argparse
import asyncio
import http.client
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
import orjson

from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Kind
from tests.api.lab import running
from tests.support.fleet_samples import SERIES_PER_HOST, Host, hosts
from tests.support.prometheus import prometheus
from tests.support.servers import RunningServer, victoria_metrics

START_MS = 1_769_853_600_000
INTERVAL_MS = 15_000
SLOTS = 320
STEP_S = 60
REFRESHES = 6
_WINDOW = 20
"""So many gathers of a host are in one remote write."""
_HOSTS_PER_WRITE = 10

RANGES = {
    "cpu of a host": '100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle",instance="host0007"}[5m])))',
    "modes of a host": 'sum by (mode) (rate(node_cpu_seconds_total{instance="host0007"}[5m]))',
    "memory of a host": '100 * (1 - node_memory_MemAvailable_bytes{instance="host0007"}'
    ' / node_memory_MemTotal_bytes{instance="host0007"})',
    "load of a host": '{__name__=~"node_load.*",instance="host0007"}',
    "traffic of a host": 'rate(node_network_receive_bytes_total{instance="host0007",device!="lo"}[5m]) * 8',
    "cpu of all hosts": '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    "cpu of all, raw": "rate(node_cpu_seconds_total[5m])",
    "traffic of all": "sum(rate(node_network_receive_bytes_total[5m]))",
    "traffic by site": "sum by (site) (rate(ifHCInOctets[5m]) + rate(ifHCOutOctets[5m])) * 8",
    "busiest ports": "topk(10, rate(ifHCInOctets[5m]))",
    "fullest disks": "max by (instance) (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)",
    "load smoothed": "avg by (site) (avg_over_time(node_load1[10m]))",
    "load quantile": "quantile by (site) (0.95, node_load5)",
    "hosts up": "sum by (site) (up)",
}
INSTANTS = {
    "down": "up == 0",
    "disk full soon": "predict_linear(node_filesystem_avail_bytes[1h], 4 * 3600) < 0",
    "errors on a card": "increase(node_network_receive_errs_total[5m]) > 10",
    "cpu busy": '100 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m])) * 100 > 70',
    "memory short": "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes * 100 < 10",
    "series by name": 'count by (__name__) ({__name__=~".+"})',
}


@dataclass
class Peer:
    """A server that is asked; `cpu` tells its process's CPU time in seconds."""

    name: str
    address: str
    prefix: str
    headers: Mapping[str, str]
    cold: Mapping[str, str]
    pid: int
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.address, timeout=300)

    def cpu_s(self) -> float:
        """The clock of a process has an id made of its pid, see clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def ask(self, path: str, arguments: Mapping[str, str], *, cold: bool) -> bytes:
        body = urllib.parse.urlencode({**arguments, **(self.cold if cold else {})})
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", self.prefix + path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {data[:300]!r}")
        return data


@dataclass
class Taken:
    """What one query took one engine."""

    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def told(self) -> dict[str, float]:
        p95 = sorted(self.ms)[min(len(self.ms) - 1, math.ceil(0.95 * len(self.ms)) - 1)]
        return {"p50_ms": round(self.p50, 2), "p95_ms": round(p95, 2), "cpu_ms": round(self.cpu, 2)}

    @property
    def p50(self) -> float:
        return statistics.median(self.ms)

    @property
    def cpu(self) -> float:
        return statistics.fmean(self.cpu_ms)


def arguments_of(name: str, end_s: int) -> tuple[str, dict[str, str]]:
    if name in INSTANTS:
        return "/api/v1/query", {"query": INSTANTS[name], "time": str(end_s)}
    window = {"start": str(end_s - 3600), "end": str(end_s), "step": str(STEP_S)}
    return "/api/v1/query_range", {"query": RANGES[name], **window}


def timed(peer: Peer, name: str, end_s: int, taken: Taken, *, cold: bool) -> bytes:
    path, arguments = arguments_of(name, end_s)
    cpu_s, started_s = peer.cpu_s(), time.perf_counter()
    answer = peer.ask(path, arguments, cold=cold)
    taken.ms.append(1000 * (time.perf_counter() - started_s))
    taken.cpu_ms.append(1000 * (peer.cpu_s() - cpu_s))
    return answer


def differences(ours: bytes, theirs: bytes) -> int:
    """How many values of two answers are not the same."""
    left, right = (_by_labels(orjson.loads(one)["data"]["result"]) for one in (ours, theirs))
    shared = left.keys() & right.keys()
    missing = sum(len(one.get(key, ())) for one in (left, right) for key in one.keys() - shared)
    return missing + sum(_unlike(left[key], right[key]) for key in shared)


def _by_labels(result: list[Any]) -> dict[str, list[Any]]:
    return {
        json.dumps(one["metric"], sort_keys=True): one["values"] if "values" in one else [one["value"]]
        for one in result
    }


def _unlike(left: list[Any], right: list[Any]) -> int:
    if [at for at, _ in left] != [at for at, _ in right]:
        return max(len(left), len(right))
    a, b = (np.array([value for _, value in one], dtype=np.float64) for one in (left, right))
    return int(np.count_nonzero(~np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)))


async def fill(folder: Path, samples: list[Host]) -> None:
    """As many agents' batches of one gather each, all that come at a time."""
    store = EmbeddedStore.open(folder / "store", window_s=0.02)
    groups = [store.register(host.labels, [Kind.GAUGE] * len(host.labels)) for host in samples]
    for slot in range(SLOTS):
        rows = [
            Row(group, int(host.times[slot]), host.values[slot]) for group, host in zip(groups, samples, strict=True)
        ]
        await asyncio.gather(*(store.append(rows[at : at + 50], None) for at in range(0, len(rows), 50)))
    await store._upkeep.round(time.monotonic())  # heads that are full go to chunk files, as in operation
    await store.close()


def remote_writes(samples: list[Host]) -> Iterator[bytes]:
    for first in range(0, SLOTS, _WINDOW):
        slots = slice(first, first + _WINDOW)
        for at in range(0, len(samples), _HOSTS_PER_WRITE):
            parts = (part for host in samples[at : at + _HOSTS_PER_WRITE] for part in _written(host, slots))
            yield bytes(cramjam.snappy.compress_raw(b"".join(parts)))


def _written(host: Host, slots: slice) -> Iterator[bytes]:
    """A remote write's series of a host. A sample is 18 bytes, for its time takes six."""
    times = host.times[slots]
    sample = np.zeros((len(times), 18), np.uint8)
    sample[:, :3], sample[:, 11] = (0x12, 0x10, 0x09), 0x10
    for place in range(6):
        sample[:, 12 + place] = (times >> (7 * place)) & 0x7F | (0x80 if place < 5 else 0)
    for column, labels in enumerate(host.labels):
        sample[:, 3:11] = np.ascontiguousarray(host.values[slots, column]).view(np.uint8).reshape(-1, 8)
        pairs = b"".join(_field(b"\x0a", _field(b"\x0a", a.encode()) + _field(b"\x12", b.encode())) for a, b in labels)
        yield _field(b"\x0a", pairs + sample.tobytes())


def _field(tag: bytes, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return tag + size + content


def send(server: RunningServer, body: bytes) -> None:
    address = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=120)
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    connection.request("POST", "/api/v1/write", body, headers)
    answer = connection.getresponse()
    told = answer.read()
    if answer.status not in (200, 204):
        raise RuntimeError(f"{server.url}: {answer.status} {told[:300]!r}")
    connection.close()


def measure(peers: list[Peer], rounds: int, end_s: int) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name in [*RANGES, *INSTANTS]:
        taken = {peer.name: Taken() for peer in peers}
        answers = {peer.name: timed(peer, name, end_s, Taken(), cold=True) for peer in peers}
        for _ in range(rounds):
            for peer in peers:
                timed(peer, name, end_s, taken[peer.name], cold=True)
        results[name] = {one: took.told() for one, took in taken.items()}
        results[name]["differing_values"] = differences(answers["netmon"], answers["prometheus"])
        print(f"  {name}: {results[name]}", flush=True)
    return results


def refresh(peers: list[Peer], end_s: int) -> dict[str, Any]:
    """Every range query with its end one step later each time; the first is not counted."""
    results = {}
    for name in RANGES:
        taken = {peer.name: Taken() for peer in peers if peer.name != "prometheus"}
        for turn in range(-REFRESHES, 1):
            for peer in peers:
                if peer.name in taken:
                    kept = taken[peer.name] if turn > -REFRESHES else Taken()
                    timed(peer, name, end_s + turn * STEP_S, kept, cold=False)
        results[name] = {one: took.told() for one, took in taken.items()}
        print(f"  {name}, refreshed: {results[name]}", flush=True)
    return results


def budgets(results: dict[str, Any], refreshed: dict[str, Any]) -> dict[str, Any]:
    against = [one["netmon"]["p50_ms"] / one["prometheus"]["p50_ms"] for one in results.values()]
    cpu = [one["netmon"]["cpu_ms"] / max(one["victoriametrics"]["cpu_ms"], 0.01) for one in results.values()]
    cached = [one["netmon"]["p50_ms"] / one["victoriametrics"]["p50_ms"] for one in refreshed.values()]
    half = sum(ratio <= 0.5 for ratio in against)
    return {
        "queries_at_half_of_prometheus": _budget(half, ">= 15", half >= 15),
        "slowest_to_prometheus": _budget(max(against), "<= 1", max(against) <= 1),
        "cpu_to_victoriametrics_median": _budget(statistics.median(cpu), "<= 1.2", statistics.median(cpu) <= 1.2),
        "refreshed_to_victoriametrics_median": _budget(
            statistics.median(cached), "<= 1", statistics.median(cached) <= 1
        ),
        "differing_values": _budget(
            sum(one["differing_values"] for one in results.values()),
            "<= 0",
            not any(one["differing_values"] for one in results.values()),
        ),
    }


def _budget(value: float, limit: str, holds: bool) -> dict[str, Any]:
    return {"value": round(value, 3), "limit": limit, "holds": holds}


async def serve(folder: Path) -> None:
    """Our side, in a process of its own: the whole API over the store in a folder."""
    async with running(folder) as lab:
        print(json.dumps({"url": lab.url, "token": lab.token}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def compare(count: int, rounds: int, folder: Path) -> dict[str, Any]:
    samples = list(hosts(count, SLOTS, start_ms=START_MS, interval_ms=INTERVAL_MS))
    servers: list[RunningServer] = [
        prometheus(folder / "prometheus"),
        victoria_metrics(
            folder / "victoriametrics",
            "-dedup.minScrapeInterval=1ms",
            "-memory.allowedBytes=4GiB",
            "-search.maxUniqueTimeseries=1000000",
            "-search.latencyOffset=0s",
        ),
    ]
    for server in servers:
        server.start()
    (folder / "netmon").mkdir()
    asyncio.run(fill(folder / "netmon", samples))
    for body in remote_writes(samples):
        for server in servers:
            send(server, body)
    servers[1].flush()
    del samples
    command = [sys.executable, "-m", "tests.bench.query", "--serve", str(folder / "netmon")]
    own = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert own.stdout is not None
        told = json.loads(own.stdout.readline())
        peers = [
            _peer("netmon", told["url"], "/prometheus", own.pid, {"Authorization": f"Bearer {told['token']}"},
                  {"nocache": "1"}),
            _peer("prometheus", servers[0].url, "", _pid(servers[0]), {}, {}),
            _peer("victoriametrics", servers[1].url, "", _pid(servers[1]), {}, {"nocache": "1"}),
        ]  # fmt: skip
        end_s = (START_MS + SLOTS * INTERVAL_MS) // 1000
        results = measure(peers, rounds, end_s)
        refreshed = refresh(peers, end_s)
    finally:
        own.kill()
        for server in servers:
            server.kill()
    return {"queries": results, "refreshed": refreshed, "budgets": budgets(results, refreshed)}


def _peer(name: str, url: str, prefix: str, pid: int, headers: dict[str, str], cold: dict[str, str]) -> Peer:
    return Peer(name, url.removeprefix("http://"), prefix, headers, cold, pid)


def _pid(server: RunningServer) -> int:
    assert server._process is not None
    return server._process.pid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return
    told = {}
    for series in arguments.series:
        print(f"{series} series", flush=True)
        folder = Path(tempfile.mkdtemp(prefix="netmon-bench-"))
        try:
            told[str(series)] = compare(series // SERIES_PER_HOST, arguments.rounds, folder)
        finally:
            shutil.rmtree(folder)
    all_budgets = {f"{name}_{series}": one for series, by in told.items() for name, one in by["budgets"].items()}
    print(json.dumps({"bench": "query", "results": told, "budgets": all_budgets}))


if __name__ == "__main__":
    main()
