"""Queries of dashboards and alert rules over the same samples: our API beside Prometheus and VictoriaMetrics.

Prints one JSON object as its last line. Every host has 100 series, gathered at moments of its own; the samples go into
our store as agents' gathers, and into the servers by remote write. Each engine is asked over HTTP, on one connection
that stays, without compression, after one round that is not counted, so that all three are warm alike. A round is all
queries asked of one engine, one after the other, as a dashboard that is opened asks them, then of the next engine. Each
comes as often after the one as after the other, which may still be clearing up when the next is asked. The
same is told `in_turns`, each query of one engine after the other, where a query finds the processor's caches full of
what others did. Queries end when the last sample has come, as now does. And it is told `live`: every host gathers once
more before each round, so that no engine finds the samples as they were. Result caches are refused with `nocache=1`
but where a dashboard refreshes, which is every range query again and again with its end one step later. CPU is that of
the server's process, user and system. Answers are compared with Prometheus' value by value.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Kind
from tests.support.fleet_samples import SERIES_PER_HOST, Host, hosts
from tests.support.prometheus import prometheus
from tests.support.query_peers import Peer, Taken, own_server, peer_of, remote_writes, send, timed
from tests.support.servers import RunningServer, victoria_metrics

START_MS = 1_769_853_600_000
INTERVAL_MS = 15_000
SLOTS = 320
STEP_S = 60
REFRESHES = 6

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


QUERIES = [*RANGES, *INSTANTS]


def arguments_of(name: str, end_s: int) -> tuple[str, dict[str, str]]:
    if name in INSTANTS:
        return "/api/v1/query", {"query": INSTANTS[name], "time": str(end_s)}
    window = {"start": str(end_s - 3600), "end": str(end_s), "step": str(STEP_S)}
    return "/api/v1/query_range", {"query": RANGES[name], **window}


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


def compared(peers: list[Peer], end_s: int) -> dict[str, int]:
    """How many values of each query's answer are not Prometheus'."""
    found = {}
    for name in QUERIES:
        answers = {peer.name: timed(peer, *arguments_of(name, end_s), Taken(), cold=True) for peer in peers}
        found[name] = differences(answers["netmon"], answers["prometheus"])
    return found


def measure(peers: list[Peer], rounds: int, end_s: int, *, in_turns: bool) -> dict[str, Any]:
    """What each query takes each engine, asked as dashboards or in turns."""
    taken = {name: {peer.name: Taken() for peer in peers} for name in QUERIES}
    for names in [[name] for name in QUERIES] if in_turns else [QUERIES]:
        for turn in range(rounds):
            ordered = peers[:1] + peers[1:][:: -1 if turn % 2 else 1]
            for peer, name in product(ordered, names):
                timed(peer, *arguments_of(name, end_s), taken[name][peer.name], cold=True)
    results = {name: {one: took.told() for one, took in by.items()} for name, by in taken.items()}
    for name, told in results.items():
        print(f"  {name}{', in turns' if in_turns else ''}: {told}", flush=True)
    return results


def live(peers: list[Peer], samples: list[Host], rounds: int) -> dict[str, Any]:
    """What each query takes each engine while samples come, a slot before each round. Two rounds are not counted."""
    taken = {name: {peer.name: Taken() for peer in peers} for name in QUERIES}
    for turn in range(-2, rounds):
        for peer in peers:
            peer.take(samples, SLOTS + 2 + turn)
        ordered = peers[:1] + peers[1:][:: -1 if turn % 2 else 1]
        for peer, name in product(ordered, QUERIES):
            kept = taken[name][peer.name] if turn >= 0 else Taken()
            timed(peer, *arguments_of(name, _end_s(SLOTS + 3 + turn)), kept, cold=True)
    results = {name: {one: took.told() for one, took in by.items()} for name, by in taken.items()}
    for name, told in results.items():
        print(f"  {name}, live: {told}", flush=True)
    return results


def _end_s(slots: int) -> int:
    """When so many slots have come."""
    return (START_MS + slots * INTERVAL_MS) // 1000


def refresh(peers: list[Peer], end_s: int) -> dict[str, Any]:
    """Every range query with its end one step later each time; the first is not counted."""
    results = {}
    for name in RANGES:
        taken = {peer.name: Taken() for peer in peers if peer.name != "prometheus"}
        for turn in range(-REFRESHES, 1):
            for peer in peers:
                if peer.name in taken:
                    kept = taken[peer.name] if turn > -REFRESHES else Taken()
                    timed(peer, *arguments_of(name, end_s + turn * STEP_S), kept)
        results[name] = {one: took.told() for one, took in taken.items()}
        print(f"  {name}, refreshed: {results[name]}", flush=True)
    return results


def to_prometheus(results: dict[str, Any]) -> list[float]:
    return [one["netmon"]["p50_ms"] / one["prometheus"]["p50_ms"] for one in results.values()]


def budgets(results: dict[str, Any], refreshed: dict[str, Any], differing: dict[str, int]) -> dict[str, Any]:
    against = to_prometheus(results)
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
        "differing_values": _budget(sum(differing.values()), "<= 0", not any(differing.values())),
    }


def _budget(value: float, limit: str, holds: bool) -> dict[str, Any]:
    return {"value": round(value, 3), "limit": limit, "holds": holds}


def compare(count: int, rounds: int, folder: Path) -> dict[str, Any]:
    samples = list(hosts(count, SLOTS + 2 + rounds, start_ms=START_MS, interval_ms=INTERVAL_MS))
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
    for body in remote_writes(samples, SLOTS):
        for server in servers:
            send(server, body)
    servers[1].flush()
    try:
        with own_server(folder / "netmon") as own:
            peers = [
                own,
                peer_of("prometheus", servers[0]),
                peer_of("victoriametrics", servers[1], {"nocache": "1"}),
            ]
            end_s = _end_s(SLOTS)
            differing = compared(peers, end_s)
            results = measure(peers, rounds, end_s, in_turns=False)
            in_turns = measure(peers, rounds, end_s, in_turns=True)
            refreshed = refresh(peers, end_s)
            while_live = live(peers, samples, rounds)
            differing |= {f"{name}, live": n for name, n in compared(peers, _end_s(SLOTS + 2 + rounds)).items()}
    finally:
        for server in servers:
            server.kill()
    against, against_live = to_prometheus(in_turns), to_prometheus(while_live)
    return {
        "queries": results,
        "differing_values": differing,
        "in_turns": in_turns,
        "in_turns_at_half_of_prometheus": sum(ratio <= 0.5 for ratio in against),
        "in_turns_slowest_to_prometheus": round(max(against), 3),
        "live": while_live,
        "live_at_half_of_prometheus": sum(ratio <= 0.5 for ratio in against_live),
        "live_slowest_to_prometheus": round(max(against_live), 3),
        "refreshed": refreshed,
        "budgets": budgets(results, refreshed, differing),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
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
