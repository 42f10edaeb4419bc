"""Ten queries of the kinds that a store is asked, over HTTP: our API, VictoriaMetrics, InfluxDB on the same samples.

Prints one JSON object as its last line; `--hosts` makes it shorter or longer.

Six hours of 10,000 series of a hundred hosts, every 30 s; a month and a year of one series. Once all samples are in,
ours seals and merges what it has, as it does by itself within two hours, and VictoriaMetrics flushes what it has.
Each is asked on one connection that stays, in turn with the others, and by no cache of results; a first round is not
counted. Questions that take long are asked less often.

Raw samples are asked for in two ways: by `query` with a range, and as an export, lines of JSON. InfluxDB has its own.
"""

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind, Labels
from tests.support.fleet_samples import Host, hosts
from tests.support.query_peers import Peer, Taken, own_server, peer_of, remote_writes, send
from tests.support.servers import RunningServer, influxdb, victoria_metrics

END_S = 1_769_860_800
INTERVAL_MS = 30_000
_DAY_S = 86_400
_INFLUX_LINES = 20_000
_ROWS_AT_ONCE = 10_000
_SLOTS_PER_WRITE = 500
_ROUNDS: Final = 45
_LEAST_ROUNDS: Final = 7
_LONGEST_S: Final = 8.0
"""After so many seconds a question is asked no further, but for the least rounds."""
_MOST_OF_RAW: Final = 1.0
"""What raw samples may take at most, as a multiple of what VictoriaMetrics takes."""
_PORT = {"instance": "host0003", "ifIndex": "3"}


@dataclass(frozen=True)
class Question:
    """One query as each of the three understands it: a path and its parameters, and InfluxQL."""

    name: str
    ours: tuple[str, dict[str, str]]
    victoriametrics: tuple[str, dict[str, str]]
    influxql: str | None
    is_raw: bool = False


def questions() -> list[Question]:
    return [
        *_raw("one series, 2 h", "ifHCInOctets", 2 * 3600, _PORT),
        *_raw("one series, 24 h", "month_load", _DAY_S, {}),
        *_raw("one series, 30 d", "month_load", 30 * _DAY_S, {}),
        *_raw("100 series, 6 h", "node_load1", 6 * 3600, {}),
        _alike(
            "latest of all series",
            "/api/v1/query",
            {"query": '{job="node"}', "time": str(END_S)},
            f"SELECT last(value) FROM /.*/ WHERE job = 'node' AND time > {END_S - 300}s GROUP BY *",
        ),
        _alike(
            "average by label of 10,000 series, 1 h",
            "/api/v1/query_range",
            {"query": 'avg by (site) ({job="node"})', **_range(3600, 60)},
            None,  # InfluxDB 1.6 ends with an error of its own at a mean over many measurements by time and label
        ),
        _alike(
            "label values",
            "/api/v1/label/instance/values",
            {},
            'SHOW TAG VALUES WITH KEY = "instance"',
        ),
        _alike(
            "series by regex",
            "/api/v1/series",
            {"match[]": '{__name__=~"node_network_.*",instance=~"host00[0-4].*"}', **_between(6 * 3600)},
            "SHOW SERIES FROM /node_network_.*/ WHERE instance =~ /^host00[0-4].*$/",
        ),
        _alike(
            "a day at 1 min",
            "/api/v1/query_range",
            {"query": "avg_over_time(month_load[5m])", **_range(_DAY_S, 60)},
            f"SELECT mean(value) FROM month_load WHERE time > {END_S - _DAY_S}s GROUP BY time(1m)",
        ),
        _alike(
            "a year at 6 h",
            "/api/v1/query_range",
            {"query": "avg_over_time(year_load[6h])", **_range(365 * _DAY_S, 6 * 3600)},
            f"SELECT mean(value) FROM year_load WHERE time > {END_S - 365 * _DAY_S}s GROUP BY time(6h)",
        ),
    ]


def _raw(name: str, metric: str, seconds: int, labels: dict[str, str]) -> tuple[Question, Question]:
    selector = metric + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    where = "".join(f" AND {key} = '{value}'" for key, value in labels.items())
    query = "/api/v1/query", {"query": f"{selector}[{seconds}s]", "time": str(END_S)}
    export = "/api/v1/export", {"match[]": selector, **_between(seconds)}
    influxql = f'SELECT value FROM "{metric}" WHERE time > {END_S - seconds}s{where} GROUP BY *'
    return (
        Question(f"{name}, by query", query, query, influxql, is_raw=True),
        Question(f"{name}, exported", export, export, None, is_raw=True),
    )


def _alike(name: str, path: str, arguments: dict[str, str], influxql: str | None) -> Question:
    return Question(name, (path, arguments), (path, arguments), influxql)


def _between(seconds: int) -> dict[str, str]:
    return {"start": str(END_S - seconds), "end": str(END_S)}


def _range(seconds: int, step_s: int) -> dict[str, str]:
    return {**_between(seconds), "step": str(step_s)}


def measure(folder: Path, host_count: int) -> dict[str, dict[str, dict[str, float]]]:
    """By question and server, what it took."""
    samples = _samples(host_count)
    servers: list[RunningServer] = [
        victoria_metrics(
            folder / "victoriametrics",
            "-dedup.minScrapeInterval=1ms",
            "-memory.allowedBytes=4GiB",
            "-search.maxUniqueTimeseries=1000000",
            "-search.latencyOffset=0s",
        ),
        influxdb(folder / "influxdb"),
    ]
    (folder / "netmon").mkdir()
    started_s = time.monotonic()
    asyncio.run(_fill(folder / "netmon", samples))
    _tell("netmon is filled", started_s)
    try:
        for server in servers:
            server.start()
        for part in samples:
            for body in remote_writes(part, slots_at_once=_SLOTS_PER_WRITE):
                send(servers[0], body)
        _tell("VictoriaMetrics is filled", started_s)
        _fill_influxdb(servers[1], samples)
        _tell("InfluxDB is filled", started_s)
        servers[0].flush()
        del samples
        with own_server(folder / "netmon") as own:
            peers = [own, peer_of("victoriametrics", servers[0], {"nocache": "1"}), peer_of("influxdb", servers[1])]
            results = {}
            for one in questions():
                results[one.name] = _measure(one, peers)
                _tell(f"{one.name}: {results[one.name]}", started_s)
            return results
    finally:
        for server in servers:
            server.kill()


def _tell(what: str, started_s: float) -> None:
    print(f"  {time.monotonic() - started_s:5.0f} s  {what}", flush=True)


def _samples(host_count: int) -> list[list[Host]]:
    """Six hours of a fleet, a month of one series every 30 s, more than a year of one every 5 min."""
    slots = 6 * 3_600_000 // INTERVAL_MS
    fleet = list(hosts(host_count, slots, start_ms=END_S * 1000 - 6 * 3_600_000, interval_ms=INTERVAL_MS))
    return [fleet, [_load("month_load", 31, INTERVAL_MS)], [_load("year_load", 370, 300_000)]]


def _load(name: str, days: int, interval_ms: int) -> Host:
    times = np.arange((END_S - days * _DAY_S) * 1000, END_S * 1000, interval_ms, dtype=np.int64)
    walk = np.random.default_rng(days).normal(0, 0.05, len(times)).cumsum()
    labels: Labels = (NAME, name), ("instance", "host"), ("job", "long")
    return Host([labels], times, np.abs(walk + 2).round(2)[:, None])


async def _fill(folder: Path, samples: Sequence[Sequence[Host]]) -> None:
    store = EmbeddedStore.open(folder / "store", window_s=0.0)
    for part in samples:
        groups = [store.register(host.labels, [Kind.GAUGE] * len(host.labels)) for host in part]
        slots = _ROWS_AT_ONCE // len(part)
        for first in range(0, len(part[0].times), slots):
            rows = [
                Row(group, int(host.times[slot]), host.values[slot])
                for slot in range(first, min(first + slots, len(part[0].times)))
                for group, host in zip(groups, part, strict=True)
            ]
            await store.append(rows, None)
            await store._upkeep.round(time.monotonic())
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()
    await store.close()


def _fill_influxdb(server: RunningServer, samples: Sequence[Sequence[Host]]) -> None:
    server.post("/query?q=CREATE+DATABASE+bench", b"")
    lines: list[str] = []
    for line in (line for part in samples for host in part for line in _lines(host)):
        lines.append(line)
        if len(lines) == _INFLUX_LINES:
            server.post("/write?db=bench&precision=ms", "\n".join(lines).encode())
            lines.clear()
    if lines:
        server.post("/write?db=bench&precision=ms", "\n".join(lines).encode())


def _lines(host: Host) -> Iterator[str]:
    times = [f" {time_ms}" for time_ms in host.times.tolist()]
    for column, labels in enumerate(host.labels):
        name = dict(labels)[NAME]
        head = name + "".join(f",{key}={value}" for key, value in labels if key != NAME) + " value="
        for value, at in zip(host.values[:, column].tolist(), times, strict=True):
            yield f"{head}{value!r}{at}"


def _measure(question: Question, peers: Sequence[Peer]) -> dict[str, dict[str, float]]:
    peers = [peer for peer in peers if peer.name != "influxdb" or question.influxql is not None]
    taken = {peer.name: Taken() for peer in peers}
    started_s = time.monotonic()
    for turn in range(_ROUNDS + 1):
        if turn > _LEAST_ROUNDS and time.monotonic() - started_s > _LONGEST_S:
            break
        for peer in peers:
            _ask(question, peer, taken[peer.name] if turn else Taken())
    return {name: took.told() for name, took in taken.items()}


def _ask(question: Question, peer: Peer, taken: Taken) -> None:
    match peer.name:
        case "influxdb":
            path, arguments = "/query", {"db": "bench", "epoch": "ms", "q": question.influxql or ""}
        case "victoriametrics":
            path, arguments = question.victoriametrics
        case _:
            path, arguments = question.ours
    cpu_s, started_s = peer.cpu_s(), time.perf_counter()
    answer = peer.fetch(path, {**arguments, **peer.cold})
    taken.ms.append(1000 * (time.perf_counter() - started_s))
    taken.cpu_ms.append(1000 * (peer.cpu_s() - cpu_s))
    if len(answer) < 60 or (answer.startswith(b'{"results"') and "series" not in json.loads(answer)["results"][0]):
        raise RuntimeError(f"{peer.name} finds nothing for {question.name}: {answer[:200]!r}")


def budgets(results: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """What each question takes, as a multiple of what VictoriaMetrics takes; raw ones may not take more."""
    told: dict[str, Any] = {}
    for question in questions():
        took = results[question.name]
        ratio = round(took["netmon"]["p50_ms"] / took["victoriametrics"]["p50_ms"], 2)
        told[question.name] = {"value": ratio}
        if question.is_raw:
            told[question.name] |= {"limit": f"<= {_MOST_OF_RAW}", "holds": ratio <= _MOST_OF_RAW}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100, help="of a hundred series each")
    folder = Path(tempfile.mkdtemp(prefix="netmon-bench-"))
    try:
        results = measure(folder, parser.parse_args().hosts)
    finally:
        shutil.rmtree(folder)
    print(json.dumps({"bench": "questions", "queries": results, "budgets": budgets(results)}))


if __name__ == "__main__":
    main()
