"""How a store starts with a long log: when it takes samples, when it answers, and what memory it needs.

Prints one JSON object as its last line; `--series` and `--slots` make it shorter or longer. The log is written by a
process that ends without closing the store, and that has sealed nothing. `cpu_s` is what the process took until the
first query was answered, which is what `first_query_s` is where nobody else wants the processor.
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from netmon_collector.store.base import Group, Matcher, MatchOp, Origin, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind, Labels

WIDTH = 100
STEP_MS = 10_000
BATCH = 200
"""Gathers in a batch."""


def labels(group: int, place: int) -> Labels:
    return tuple(
        sorted(
            {
                NAME: f"metric_{place}_total",
                "datacenter": f"dc{group % 7}",
                "instance": f"host-{group}.example.org:9100",
                "interface": f"eth{place % 10}",
                "job": "node",
                "mode": f"m{place % 8}",
                "rack": f"r{group % 211}",
                "serial": f"sn{group * 13 % 50_000}",
            }.items()
        )
    )


def register(store: EmbeddedStore, count: int) -> list[Group]:
    kinds = [Kind.COUNTER] * WIDTH
    return [store.register([labels(group, place) for place in range(WIDTH)], kinds) for group in range(count)]


async def fill(folder: Path, series: int, slots: int) -> None:
    store = EmbeddedStore.open(folder, seal_every_s=1e9, window_s=0, log_bytes=1 << 40)
    groups = register(store, series // WIDTH)
    values = np.random.default_rng(1).integers(0, 10**6, WIDTH).astype(np.float64)
    sequence = 0
    for slot in range(slots):
        values = values + slot
        for first in range(0, len(groups), BATCH):
            sequence += 1
            rows = [Row(group, slot * STEP_MS + first, values) for group in groups[first : first + BATCH]]
            await store.append(rows, Origin("agent", 1, sequence))
    os._exit(0)


async def start(folder: Path, slots: int) -> dict[str, float]:
    """Opens the store, appends a batch at once, and asks for a host."""
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    store = EmbeddedStore.open(folder, seal_every_s=1e9)
    opened_s = time.monotonic() - began_s
    group = store.register([((NAME, "live"),)], [Kind.GAUGE])
    asking = asyncio.create_task(
        store.select([Matcher("instance", MatchOp.EQUAL, "host-7.example.org:9100")], 0, 2**60)
    )
    await asyncio.sleep(0)
    appended_s: list[float] = []
    while not asking.done():
        before_s = time.monotonic()
        await store.append([Row(group, len(appended_s), np.ones(1))], None)
        appended_s.append(time.monotonic() - before_s)
        await asyncio.sleep(0.02)
    frames = await asking
    assert sum(frame.values.size for frame in frames) == slots * WIDTH, "not a sample is missing"
    result = {
        "open_s": opened_s,
        "first_append_s": opened_s + appended_s[0],
        "append_worst_s": max(appended_s),
        "first_query_s": time.monotonic() - began_s,
        "cpu_s": time.process_time() - began_cpu_s,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    await store.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--slots", type=int, default=60)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=("fill", "start"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step == "fill":
        asyncio.run(fill(given.folder, given.series, given.slots))
    elif given.step == "start":
        print(json.dumps(asyncio.run(start(given.folder, given.slots))))
    else:
        folder = Path(tempfile.mkdtemp())
        try:
            measure(folder, given.series, given.slots)
        finally:
            shutil.rmtree(folder)


def measure(folder: Path, series: int, slots: int) -> None:
    program = [sys.executable, __file__, f"--folder={folder}", f"--series={series}", f"--slots={slots}"]
    subprocess.run([*program, "--step=fill"], check=True)
    log_mib = sum(path.stat().st_size for path in folder.glob("wal-*")) / 2**20
    done = subprocess.run([*program, "--step=start"], check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = {"series": series, "slots": slots, "log_mib": round(log_mib)}
    result |= {name: round(value, 3) for name, value in json.loads(done.stdout).items()}
    limits = {"cpu_s": 10.0, "rss_mib": 4096.0}
    result["budgets"] = {
        name: {"value": result[name], "limit": f"<= {limit:g}", "holds": result[name] <= limit}
        for name, limit in limits.items()
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
