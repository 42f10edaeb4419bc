"""The embedded store beside VictoriaMetrics and InfluxDB: the same samples, in one run on one machine.

Prints one JSON object as its last line; `--series` and `--slots` make it shorter or longer.

Seven in ten series are counters and gauges, the rest constants and noise.
Ingest is the CPU of the whole process, user and system, from decoded batches until all is durable, sealed or merged,
and small on disk; that each series is heard of for the first time is part of it on both sides. Batches are of 10,000
samples, and all gathers of one slot are of one time; so groups of 20 share chunks with us, as groups do whose agents
keep step. The servers' side is their process alone: what it costs to write line protocol is not counted, and it acks
before samples are synced. Ours makes rollups meanwhile, whose bytes are told apart.

A selection reads all raw samples of some series again and again,
from both stores; ours is timed with the writing of JSON, theirs over HTTP without the time of an empty request.
`select_cold_ms`: what it takes where the process has read nothing of it before. Ours forgets what it read of files,
theirs is started anew, and asked a single time. How it is over HTTP on both sides: questions.py.

On what is fair: counters have uniform rates up to 5,000 a second, as in the experiments that the budgets come from. In
`spread_rates` they are log-uniform from 0.1 a second on: so are those of interfaces and processes, and most are slow.
No store can be below the entropy of the samples, which is 0.87 and 0.71 bytes per sample (with spread rates 0.30 for
counters, 0.29 for gauges, 0.12 for noise).
"""

import argparse
import asyncio
import gc
import json
import shutil
import statistics
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import orjson

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host import HostInput
from netmon_collector.store.base import Matcher, MatchOp, Points, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind, Labels
from tests.support.servers import RunningServer, influxdb, victoria_metrics

T = TypeVar("T")

START_MS = 1_750_000_000_000
STEP_MS = 10_000
HOSTS = 20
BATCH_SAMPLES = 10_000
QUERIES = 45
STARTS = 3
RATES = 1, 50_000
"""By how much a counter may rise from slot to slot."""


@dataclass(frozen=True)
class Load:
    """Samples [slots, series] of groups of equal width; with `shuffled`, series come one by one."""

    values: npt.NDArray[np.float64]
    width: int
    shuffled: bool = False
    keys: Sequence[Key] = ()
    """The series of a group, where they have names of their own."""

    def labels(self, series: int) -> Labels:
        group, place = divmod(series, self.width)
        if self.keys:
            own = {NAME: self.keys[place].name, **dict(self.keys[place].labels)}
            return tuple(sorted({**own, "instance": f"host{group}", "job": "node"}.items()))
        return (NAME, f"metric_{place}"), ("instance", f"host{group}"), ("job", "node")

    @property
    def samples(self) -> int:
        return self.values.size


@dataclass
class Result:
    """What one store did with one load."""

    samples_per_cpu_s: float = 0.0
    bytes_per_sample: float = 0.0
    rollup_bytes_per_sample: float = 0.0
    select_ms: dict[str, float] = field(default_factory=dict)
    select_cold_ms: dict[str, float] = field(default_factory=dict)


def make_values(slots: int, series: int, *, spread: bool = False) -> npt.NDArray[np.float64]:
    """Four in ten are counters, three gauges of two decimals, two constants, one noise."""
    dice = np.random.default_rng(1)
    kinds = np.arange(series) % 10
    values = np.empty((slots, series))
    counters, gauges, constants, noise = kinds < 4, (kinds >= 4) & (kinds < 7), (kinds >= 7) & (kinds < 9), kinds == 9
    count = int(counters.sum())
    per_slot = (
        np.exp(dice.uniform(np.log(RATES[0]), np.log(RATES[1]), count)) if spread else dice.uniform(*RATES, count)
    )
    values[:, counters] = np.cumsum(dice.poisson(per_slot, (slots, len(per_slot))), axis=0) + dice.integers(0, 10**9)
    values[:, gauges] = np.round(50 + np.cumsum(dice.normal(0, 0.5, (slots, gauges.sum())), axis=0), 2)
    values[:, constants] = dice.integers(0, 10**6, constants.sum())
    values[:, noise] = dice.integers(0, 1000, (slots, noise.sum()))
    return values


async def recorded_host(slots: int) -> Load:
    """This machine's own metrics, gathered ten times a second, as those of twenty hosts that are stored every 10 s."""
    host = HostInput.model_validate({"type": "host"})
    rows: list[dict[Key, float]] = []
    while len(rows) < slots:
        gathered = await host.gather(time.time_ns() // 1_000_000)
        columns = [one for one in gathered if isinstance(one, Columns)]
        rows.append({key: value for one in columns for key, value in zip(one.keys, one.values, strict=True)})
        await asyncio.sleep(0.1)
    await host.close()
    kept = sorted(set.intersection(*map(set, rows)))
    values = np.array([[row[key] for key in kept] for row in rows])
    return Load(np.tile(values, (1, HOSTS)), len(kept), keys=kept)


def cpu_s(server: RunningServer) -> float:
    """The CPU time of a process: its clock has an id made of its pid, see clock_getcpuclockid(3)."""
    assert server._process is not None
    return time.clock_gettime((~server._process.pid << 3) | 2)


def size_bytes(path: Path) -> int:
    """What a file, or a folder with all that is in it, takes."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


async def embedded(load: Load, folder: Path) -> Result:
    store = EmbeddedStore.open(folder, seal_every_s=0.5, window_s=0.05)
    gathers = list(_rows(load, store))
    gc.collect()
    gc.freeze()  # the input, which an agent's stream does not keep, is nothing that the collector has to look after
    before = time.process_time()
    for batches in gathers:
        await asyncio.gather(*(store.append(batch, None) for batch in batches))
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()
    spent_s = time.process_time() - before
    gc.unfreeze()
    del gathers, batches
    rollups = sum(size_bytes(path) for tier in ("5m", "1h") for path in folder.glob(f"{tier}-*"))
    result = Result(load.samples / spent_s, (size_bytes(folder) - rollups) / load.samples, rollups / load.samples)
    for name, matchers in _selections(load).items():

        async def select(matchers: list[Matcher] = matchers, *, cached: bool = True) -> None:
            if not cached:
                store._cache.clear()
            for frame in await store.select(matchers, 0, 2**62):
                orjson.dumps((frame.times, np.ascontiguousarray(frame.values)), option=orjson.OPT_SERIALIZE_NUMPY)

        result.select_ms[name] = await _median_ms(select)
        result.select_cold_ms[name] = await _median_ms(partial(select, cached=False))
    await store.close()
    return result


def _rows(load: Load, store: EmbeddedStore) -> Iterator[list[list[Row | Points]]]:
    """The batches of each slot."""
    slots, series = load.values.shape
    labels = [load.labels(n) for n in range(series)]
    if load.shuffled:
        order = np.random.default_rng(2).permutation(series)
        places = store.enroll(labels)[order]
    else:
        width = load.width
        kinds = [Kind.GAUGE] * width
        groups = [store.register(labels[first : first + width], kinds) for first in range(0, series, width)]
    for slot in range(slots):
        time_ms, values = START_MS + slot * STEP_MS, load.values[slot]
        if load.shuffled:
            times = np.full(series, time_ms)
            yield [
                [Points(store.pool, places[at : at + BATCH_SAMPLES], times[at : at + BATCH_SAMPLES], part)]
                for at, part in zip(range(0, series, BATCH_SAMPLES), _split(values[order]), strict=True)
            ]
        else:
            rows: list[Row | Points] = [
                Row(group, time_ms, values[at * width : (at + 1) * width]) for at, group in enumerate(groups)
            ]
            yield list(_parts(rows, BATCH_SAMPLES // width))


def _split(values: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    return [values[at : at + BATCH_SAMPLES] for at in range(0, len(values), BATCH_SAMPLES)]


def _parts(whole: list[T], length: int) -> list[list[T]]:
    return [whole[first : first + length] for first in range(0, len(whole), length)]


def _selections(load: Load) -> dict[str, list[Matcher]]:
    """One series, and that of the same name of every host."""
    one = [Matcher(name, MatchOp.EQUAL, value) for name, value in load.labels(4 + 7 * load.width)]
    return {"one_series": one, "each_host": [one[0]]}


async def _median_ms(
    query: Callable[[], Awaitable[None]], *, less: Callable[[], Awaitable[None]] | None = None
) -> float:
    """What a query takes, and beyond another one that is asked in turn with it."""
    taken, other = [], [0.0]
    for _ in range(QUERIES):
        taken.append(await _ms(query))
        if less is not None:
            other.append(await _ms(less))
    return statistics.median(taken) - statistics.median(other[1:] or other)


async def _ms(query: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await query()
    return 1000 * (time.perf_counter() - started)


def _lines(load: Load, measurement: str) -> Iterator[bytes]:
    """The same batches as line protocol."""
    slots, series = load.values.shape
    order = np.random.default_rng(2).permutation(series) if load.shuffled else np.arange(series)
    for slot in range(slots):
        at_ns = (START_MS + slot * STEP_MS) * 1_000_000
        texts = [repr(value) for value in load.values[slot].tolist()]
        if load.shuffled:
            lines = [
                f"{measurement},instance=host{n // load.width},job=node metric_{n % load.width}={texts[n]} {at_ns}"
                for n in order.tolist()
            ]
        else:
            lines = [
                f"{measurement},instance=host{first // load.width},job=node "
                + ",".join(f"metric_{place}={text}" for place, text in enumerate(texts[first : first + load.width]))
                + f" {at_ns}"
                for first in range(0, series, load.width)
            ]
        per_batch = BATCH_SAMPLES if load.shuffled else BATCH_SAMPLES // load.width
        for part in _parts(lines, per_batch):
            yield "\n".join(part).encode()


async def outside(load: Load, server: RunningServer, folder: Path, kind: str) -> Result:
    victoria = kind == "victoriametrics"
    if not victoria:
        _ask(server.url + "/query", {"q": "CREATE DATABASE bench"}, post=True)
    write_url = server.url + "/write" + ("" if victoria else "?db=bench")
    before = cpu_s(server)
    for body in _lines(load, "" if victoria else "bench"):
        _send(write_url, body)
    if victoria:
        _ask(server.url + "/internal/force_flush")
        _ask(server.url + "/internal/force_merge")
        await asyncio.sleep(5)
    result = Result(load.samples / (cpu_s(server) - before), size_bytes(folder) / load.samples)
    if victoria:
        empty = _asking(server.url + "/health", {})
        for name, matchers in _selections(load).items():
            selector = "{" + ",".join(f"{one.name}={json.dumps(one.value)}" for one in matchers) + "}"
            query = _asking(server.url + "/api/v1/export", {"match[]": selector})
            result.select_ms[name] = await _median_ms(query, less=empty)
            result.select_cold_ms[name] = await _cold_ms(server, query, empty)
    return result


async def _cold_ms(
    server: RunningServer, query: Callable[[], Awaitable[None]], empty: Callable[[], Awaitable[None]]
) -> float:
    """What a query takes as the first one, beyond an empty one."""
    taken = []
    for _ in range(STARTS):
        server.kill()
        server.start()
        await empty()
        taken.append(await _ms(query) - await _ms(empty))
    return statistics.median(taken)


def _send(url: str, body: bytes) -> None:
    urllib.request.urlopen(urllib.request.Request(url, body, method="POST"), timeout=60).close()


def _asking(url: str, arguments: dict[str, str]) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        _ask(url, arguments)

    return ask


def _ask(url: str, arguments: dict[str, str] | None = None, *, post: bool = False) -> bytes:
    query = "?" + urllib.parse.urlencode(arguments) if arguments else ""
    with urllib.request.urlopen(urllib.request.Request(url + query, b"" if post else None), timeout=120) as answer:
        data: bytes = answer.read()
        return data


def budgets(results: dict[str, dict[str, Result]]) -> dict[str, Any]:
    """Ratios to VictoriaMetrics, and whether they are within what is promised."""
    told: dict[str, Any] = {}
    if "spread_rates" in results:
        ours, theirs = results["spread_rates"]["embedded"], results["spread_rates"]["victoriametrics"]
        told["disk_spread_rates"] = {"value": round(ours.bytes_per_sample / theirs.bytes_per_sample, 2)}
    for name, least in {"groups_of_100": 3.0, "groups_of_20": 2.0, "shuffled": 1.0}.items():
        if name in results:
            ours, theirs = results[name]["embedded"], results[name]["victoriametrics"]
            ratio = round(ours.samples_per_cpu_s / theirs.samples_per_cpu_s, 2)
            told[f"ingest_{name}"] = {"value": ratio, "limit": f">= {least}", "holds": ratio >= least}
    if "groups_of_100" in results:
        ours, theirs = results["groups_of_100"]["embedded"], results["groups_of_100"]["victoriametrics"]
        ratios = {"disk": (ours.bytes_per_sample / theirs.bytes_per_sample, 0.65)}
        for name, ms in ours.select_ms.items():
            ratios[f"select_{name}"] = (ms / theirs.select_ms[name], 1.0)
            ratios[f"select_cold_{name}"] = (ours.select_cold_ms[name] / theirs.select_cold_ms[name], 1.0)
            beside_warm = ours.select_cold_ms[name] / theirs.select_ms[name]
            told[f"select_cold_{name}_beside_warm"] = {"value": round(beside_warm, 2)}
        for name, (ratio, most) in ratios.items():
            told[name] = {"value": round(ratio, 2), "limit": f"<= {most}", "holds": ratio <= most}
    return told


async def measure(load: Load, folder: Path, servers: Sequence[str]) -> dict[str, Result]:
    results = {"embedded": await embedded(load, folder / "embedded")}
    for kind in servers:
        home = folder / kind
        if kind == "victoriametrics":
            server = victoria_metrics(home, "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=4GiB")
        else:
            server = influxdb(home)
        server.start()
        try:
            results[kind] = await outside(load, server, home, kind)
        finally:
            server.kill()
    for kind, result in results.items():
        print(f"  {kind}: {result}", flush=True)
    return results


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=360)
    parser.add_argument(
        "--loads", nargs="*", default=["groups_of_100", "groups_of_20", "shuffled", "spread_rates", "recorded_host"]
    )
    parser.add_argument("--servers", nargs="*", default=["victoriametrics", "influxdb"])
    arguments = parser.parse_args()
    values = make_values(arguments.slots, arguments.series)
    loads = {
        "groups_of_100": Load(values, 100),
        "groups_of_20": Load(values, 20),
        "shuffled": Load(values[: arguments.slots // 6], 100, shuffled=True),
        "spread_rates": Load(make_values(arguments.slots, arguments.series, spread=True), 100),
    }
    if "recorded_host" in arguments.loads:
        loads["recorded_host"] = await recorded_host(min(arguments.slots, 240))
    results = {}
    for name, load in loads.items():
        if name not in arguments.loads:
            continue
        print(name, flush=True)
        folder = Path(tempfile.mkdtemp(prefix="netmon-bench-"))
        try:
            results[name] = await measure(load, folder, arguments.servers)
        finally:
            shutil.rmtree(folder)
    plain = {name: {kind: asdict(one) for kind, one in by_kind.items()} for name, by_kind in results.items()}
    print(json.dumps({"bench": "store", "results": plain, "budgets": budgets(results)}))


if __name__ == "__main__":
    asyncio.run(main())
