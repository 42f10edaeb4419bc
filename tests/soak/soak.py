"""The store at 100,000 samples a second for ten minutes: does memory stay flat, is the event loop ever kept waiting?

100,000 series a second apart, so that heads fill every two minutes; sealed every ten seconds, merged every minute. Each
second ten series are read, others each time, of which a few megabytes are kept. What was there at the start is frozen,
as in the collector (assembly/running.py). Prints one JSON object as its last line.
"""

import argparse
import asyncio
import gc
import json
import os
import shutil
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME
from tests.soak.load import Load
from tests.soak.memory import resident_bytes

_SERIES = 100_000
_INTERVAL_MS = 1000
_PROBE_S = 0.005
_HEADS_S = 120
"""So often heads are full: all at once, as all began at once, so memory goes up and down by a third."""
_READ_MS = 300_000
_CACHE_BYTES = 8 << 20
_WARM_UP = 0.4
"""So much of the time goes by before files are as many as they stay."""


class LagProbe:
    """How late the event loop is with what is due."""

    def __init__(self) -> None:
        self.lags_s: list[float] = []
        self.busy_s = 0.0
        """The most that the event loop's thread worked between two beats: what of the lag is not the machine's."""
        self.undisturbed_s = 0.0
        """The worst lag of beats in which the hypervisor gave no processor to others."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        stolen_s = stolen()
        while True:
            due_s, worked_s = loop.time() + _PROBE_S, time.thread_time()
            await asyncio.sleep(_PROBE_S)
            self.lags_s.append(loop.time() - due_s)
            self.busy_s = max(self.busy_s, time.thread_time() - worked_s)
            before_s, stolen_s = stolen_s, stolen()
            if stolen_s == before_s:
                self.undisturbed_s = max(self.undisturbed_s, self.lags_s[-1])

    def stop(self) -> None:
        self._task.cancel()


def stolen() -> float:
    """Seconds that the hypervisor gave to others while a processor of this machine had work, see proc_stat(5)."""
    with Path("/proc/stat").open() as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def deleted_but_open(folder: Path) -> int:
    """How many files of a folder take room although they are deleted."""
    names = [str(handle.readlink()) for handle in Path("/proc/self/fd").iterdir() if handle.is_symlink()]
    return sum(name.startswith(str(folder)) and name.endswith(" (deleted)") for name in names)


async def soak(seconds: int, folder: Path) -> dict[str, Any]:
    store = EmbeddedStore.open(folder, seal_every_s=10, merge_every_s=60, cache_bytes=_CACHE_BYTES)
    load = Load(store, _SERIES)
    gc.collect()
    gc.freeze()
    start_ms = time.time_ns() // 1_000_000
    probe = LagProbe()
    resident: list[int] = []
    files: list[Counter[str]] = []
    deleted: list[int] = []
    cpu_s, stolen_s, started_s = time.process_time(), stolen(), time.monotonic()
    for second in range(seconds):
        appending = []
        for number, batch in enumerate(load.slot(start_ms + second * _INTERVAL_MS, _INTERVAL_MS)):
            due_s = started_s + second + number / len(load)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            appending.append(asyncio.ensure_future(store.append(batch, None)))
        await asyncio.gather(*appending)
        now_ms = start_ms + second * _INTERVAL_MS
        wanted = [Matcher(NAME, MatchOp.EQUAL, f"metric_{second % 500}"), Matcher("rack", MatchOp.EQUAL, "rack0")]
        await asyncio.to_thread(store.lines_now, wanted, now_ms - _READ_MS, now_ms)
        resident.append(resident_bytes())
        deleted.append(deleted_but_open(folder))
        files.append(Counter(path.name.partition("-")[0] for path in folder.iterdir()))
    probe.stop()
    took_s = time.monotonic() - started_s
    samples = seconds * load.samples
    warm = int(_WARM_UP * seconds)
    span = min(_HEADS_S * max(1, (seconds // _HEADS_S - 1) // 2), seconds // 2)
    lags = sorted(probe.lags_s)
    most_files = max(files[warm:], key=lambda found: found.total())
    result = {
        "seconds": seconds,
        "samples_per_s": samples / took_s,
        "cpu_share": (time.process_time() - cpu_s) / took_s,
        "worst_lag_ms": 1000 * lags[-1],
        "worst_busy_ms": 1000 * probe.busy_s,
        "worst_lag_undisturbed_ms": 1000 * probe.undisturbed_s,
        "stolen_share": (stolen() - stolen_s) / (took_s * (os.cpu_count() or 1)),
        "p999_lag_ms": 1000 * lags[int(0.999 * len(lags))],
        "resident_bytes": max(resident[-span:]),
        "resident_growth": statistics.median(resident[-span:]) / statistics.median(resident[-2 * span : -span]) - 1,
        "resident_mb_by_minute": [max(resident[at : at + 60]) >> 20 for at in range(0, seconds, 60)],
        "files": most_files.total(),
        "files_of_a_kind": most_files,
        "deleted_files_open": max(deleted[warm:]),
        "bytes_per_sample": sum(path.stat().st_size for path in folder.glob("raw-[0-9]*")) / samples,
    }
    await store.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    folder = Path(tempfile.mkdtemp(prefix="netmon-soak-"))
    try:
        found = asyncio.run(soak(parser.parse_args().seconds, folder))
    finally:
        shutil.rmtree(folder)
    limits = {
        "worst_lag_ms": 50,
        "worst_busy_ms": 50,
        "resident_growth": 0.05,
        "files": 60,
        "deleted_files_open": 20,
        "bytes_per_sample": 1.5,
    }
    budgets = {
        name: {"value": found[name], "limit": f"<= {most}", "holds": found[name] <= most}
        for name, most in limits.items()
    }
    budgets["samples_per_s"] = {
        "value": found["samples_per_s"], "limit": ">= 99000", "holds": found["samples_per_s"] >= 99_000
    }  # fmt: skip
    print(json.dumps({"bench": "soak", **found, "budgets": budgets}))


if __name__ == "__main__":
    main()
