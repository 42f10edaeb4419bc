"""What the store takes in memory for each active series: every series has 120 samples, ten seconds apart.

Prints one JSON object as its last line. `--series` says how many; the budgets are those of a million.
"""

import argparse
import asyncio
import gc
import json
import shutil
import tempfile
from pathlib import Path

from netmon_collector.store.embedded import EmbeddedStore
from tests.soak.load import Load

_START_MS = 1_750_000_000_000
_INTERVAL_MS = 10_000
_SLOTS = 119
"""A head has 120; so that all are as full as they ever are."""
_SLOTS_PER_ROUND = 3
"""The disk is visited every 30 seconds."""


def resident_bytes() -> int:
    """What the process takes of real memory now."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


async def warm_up(folder: Path) -> None:
    """Has all loaded that is used, which is no matter of how many series there are."""
    store = EmbeddedStore.open(folder, window_s=0)
    for batch in Load(store, 1000).slot(_START_MS, _INTERVAL_MS):
        await store.append(batch, None)
    await store._upkeep._let_go_of_log()
    await store.close()


async def measure(series: int, folder: Path) -> dict[str, float]:
    await warm_up(folder / "warm-up")
    store = EmbeddedStore.open(folder / "store", window_s=0, log_bytes=1 << 40)
    before = resident_bytes()
    load = Load(store, series)
    gc.collect()
    named = resident_bytes()
    for slot in range(_SLOTS):
        for batch in load.slot(_START_MS + slot * _INTERVAL_MS, _INTERVAL_MS):
            await store.append(batch, None)
        if slot % _SLOTS_PER_ROUND == 0:
            await store._upkeep.round(asyncio.get_running_loop().time())
    gc.collect()
    full = resident_bytes()
    input_bytes = 16 * load.samples
    result = {
        "series": load.samples,
        "labels_bytes_per_series": (named - before - input_bytes) / load.samples,
        "bytes_per_series": (full - before - input_bytes) / load.samples,
        "resident_bytes": full,
    }
    await store.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="netmon-memory-"))
    try:
        found = asyncio.run(measure(parser.parse_args().series, folder))
    finally:
        shutil.rmtree(folder)
    budgets = {
        "bytes_per_series": (found["bytes_per_series"], 1200),
        "resident_bytes": (found["resident_bytes"], 4 << 30),
    }
    told = {
        name: {"value": value, "limit": f"<= {most}", "holds": value <= most} for name, (value, most) in budgets.items()
    }
    print(json.dumps({"bench": "memory", **found, "budgets": told}))


if __name__ == "__main__":
    main()
