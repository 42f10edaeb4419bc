"""A process that appends to a store until it is killed, and prints each sequence that was acked.

Usage: writer.py FOLDER EPOCH. Batch n holds one sample of each of WIDTH series at time n, with the value n.
"""

import asyncio
import os
import sys
from pathlib import Path

import numpy as np

from netmon_collector.store.base import Origin, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import NAME, Kind

WIDTH = 5
SETTINGS = StoreSettings(
    log_slice_ms=40, window_s=0.002, head_slots=7, seal_every_s=0.003, chunk_ms=30, span_ms=120, merge_every_s=0.02
)
"""So that a kill meets every kind of file while it is written."""


async def main(folder: Path, epoch: int) -> None:
    store = EmbeddedStore.open(folder, SETTINGS)
    group = store.register([((NAME, f"m{n}"), ("epoch", str(epoch))) for n in range(WIDTH)], [Kind.COUNTER] * WIDTH)

    async def send(sequence: int) -> None:
        await store.append([Row(group, sequence, np.full(WIDTH, float(sequence)))], Origin("agent", epoch, sequence))
        os.write(sys.stdout.fileno(), f"{sequence}\n".encode())

    for first in range(1, 1_000_000, 8):
        await asyncio.gather(*(send(sequence) for sequence in range(first, first + 8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
