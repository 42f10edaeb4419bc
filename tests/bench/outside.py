"""Stores that are servers: how late is the collector's event loop while a query reads a thousand series of a day?

Prints one JSON object as its last line. Each server is given a sample of every series each ten seconds, then asked over
HTTP, by a process of its own, for all samples as they are, for rates minute by minute, and for averages, which
VictoriaMetrics evaluates itself. Meanwhile the event loop of the API notes how late it is with what is due every five
milliseconds. What was read is known to no cache of ours; on one machine the server takes of the same processors.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.store.base import Row
from netmon_collector.store.outside.store import OutsideStore
from netmon_proto.model import NAME, Kind
from tests.api.assembly import running
from tests.api.lab import NOW_MS
from tests.collector.store.outside_lab import opened
from tests.soak.soak import LagProbe
from tests.support.servers import RunningServer, influxdb, victoria_metrics

INTERVAL_MS = 10_000
WIDTH = 100
BATCH_ROWS = 100
BUDGET_MS = 50.0

_ASKING = """
import sys, urllib.request
url, token, body = sys.argv[1:]
request = urllib.request.Request(url, body.encode(), {"Authorization": f"Bearer {token}"})
size = 0
with urllib.request.urlopen(request, timeout=300) as answer:
    while data := answer.read(1 << 20):
        size += len(data)
print(size)
"""


async def fill(store: OutsideStore, series: int, slots: int) -> None:
    """Counters of uneven rates, in groups of WIDTH; the newest sample is of now."""
    dice = np.random.default_rng(7)
    names = [((NAME, "octets_total"), ("instance", f"host{n // WIDTH}"), ("port", str(n))) for n in range(series)]
    groups = [
        store.register(names[at : at + WIDTH], [Kind.COUNTER] * len(names[at : at + WIDTH]))
        for at in range(0, series, WIDTH)
    ]
    values = np.zeros(series)
    rows: list[Row] = []
    for slot in range(slots):
        values += dice.integers(0, 100_000, series)
        time_ms = NOW_MS - (slots - 1 - slot) * INTERVAL_MS
        rows += [Row(group, time_ms, values[at * WIDTH : (at + 1) * WIDTH].copy()) for at, group in enumerate(groups)]
        if len(rows) >= BATCH_ROWS or slot == slots - 1:
            await store.append(rows, None)
            rows = []
    assert await store.delivered()


def questions(slots: int) -> dict[str, tuple[str, str]]:
    """Paths and forms."""
    end_s, length_s = NOW_MS // 1000, slots * INTERVAL_MS // 1000
    day = f"start={end_s - length_s}&end={end_s}&step=60&nocache=1"
    return {
        "all samples": ("/query", f"query=octets_total[{length_s}s]&time={end_s}"),
        "rates by minute": ("/query_range", f"query=rate(octets_total[5m])&{day}"),
        "averages by minute": ("/query_range", f"query=avg by (port) (avg_over_time(octets_total[5m]))&{day}"),
    }


async def ask(url: str, token: str, path: str, form: str) -> dict[str, float]:
    """One question, and how late the event loop was meanwhile."""
    probe, started_s = LagProbe(), time.monotonic()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _ASKING, f"{url}/prometheus/api/v1{path}", token, form, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    probe.stop()
    assert child.returncode == 0
    lags = sorted(probe.lags_s)
    return {
        "seconds": round(time.monotonic() - started_s, 2),
        "answer_mb": round(int(said) / 1e6, 1),
        "worst_lag_ms": round(1000 * lags[-1], 1),
        "p99_lag_ms": round(1000 * lags[int(0.99 * len(lags))], 1),
        "worst_busy_ms": round(1000 * probe.busy_s, 1),
    }


async def measure(
    start: Callable[[Path], RunningServer], folder: Path, series: int, slots: int
) -> dict[str, dict[str, float]]:
    server = start(folder / "server")
    server.start()
    kind = "influxdb" if start is influxdb else "victoriametrics"
    (folder / "lab").mkdir()
    try:
        async with opened(f"{kind}:{server.url}", folder, queue_bytes=1 << 30) as store:
            started_s = time.monotonic()
            await fill(store, series, slots)
            server.flush()
            print(f"{kind}: filled in {time.monotonic() - started_s:.0f} s", flush=True)
            async with running(folder / "lab", engine=Engine(store, QueryOptions())) as lab:
                told = {}
                for name, (path, form) in questions(slots).items():
                    await ask(lab.url, lab.token, path, form)
                    told[name] = await ask(lab.url, lab.token, path, form)
                    print(f"  {name}: {told[name]}", flush=True)
    finally:
        server.kill()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=8640)
    arguments = parser.parse_args()
    results = {}
    for start in (victoria_metrics, influxdb):
        folder = Path(tempfile.mkdtemp(prefix="netmon-outside-"))
        try:
            results[start.__name__] = asyncio.run(measure(start, folder, arguments.series, arguments.slots))
        finally:
            shutil.rmtree(folder)
    budgets = {
        f"{server}, {name}": {
            "value": one["worst_lag_ms"],
            "limit": f"<= {BUDGET_MS:g}",
            "holds": one["worst_lag_ms"] <= BUDGET_MS,
        }
        for server, told in results.items()
        for name, one in told.items()
    }
    print(json.dumps({"bench": "outside", "results": results, "budgets": budgets}))


if __name__ == "__main__":
    main()
