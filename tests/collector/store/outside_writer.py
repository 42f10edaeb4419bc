"""A process that appends to an outside store until it is killed, and prints each sequence that was acked.

Usage: outside_writer.py URL FOLDER EPOCH. Batch n holds one sample of each of WIDTH series at time n, with the value n.
"""

import asyncio
import os
import sys
from pathlib import Path

import numpy as np

from netmon_collector.store.base import Origin, Row
from netmon_collector.store.opening import server_of
from netmon_collector.store.outside.store import OutsideStore
from netmon_collector.store.url import parse_store_url
from netmon_proto.model import NAME, Kind

WIDTH = 5


async def main(url: str, folder: Path, epoch: int) -> None:
    store = OutsideStore.open(server_of(parse_store_url(url)), folder, window_s=0.002)
    group = store.register([((NAME, f"m{n}"), ("epoch", str(epoch))) for n in range(WIDTH)], [Kind.COUNTER] * WIDTH)

    async def send(sequence: int) -> None:
        await store.append([Row(group, sequence, np.full(WIDTH, float(sequence)))], Origin("agent", epoch, sequence))
        os.write(sys.stdout.fileno(), f"{sequence}\n".encode())

    for first in range(1, 1_000_000, 8):
        await asyncio.gather(*(send(sequence) for sequence in range(first, first + 8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
