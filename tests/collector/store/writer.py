"""Processes that append to a store until they are killed, and print each sequence that was acked.

Batch n holds one sample of each of WIDTH series at time n, with the value n, and one of the series `gone`, of which now
and then all are deleted: `?n` says that those up to time n are about to be, `-n` that they are. It reads lines of
FOLDER EPOCH SECONDS, and for each lets a process begin, which costs little because all is imported, kills it so long
after its first word, and prints all that it said as one line.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from netmon_collector.store.base import Matcher, MatchOp, Origin, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import NAME, Kind

WIDTH = 5
DELETE_EVERY = 96
SETTINGS = StoreSettings(
    replay_bytes=3_000,
    log_slice_ms=40,
    window_s=0.002,
    head_slots=7,
    seal_every_s=0.003,
    chunk_ms=30,
    span_ms=120,
    merge_every_s=0.02,
)
"""So that a kill meets every kind of file while it is written."""


def say(what: str) -> None:
    os.write(sys.stdout.fileno(), f"{what}\n".encode())


async def main(folder: Path, epoch: int) -> None:
    store = EmbeddedStore.open(folder, SETTINGS)
    own = ("epoch", str(epoch))
    group = store.register([((NAME, f"m{n}"), own) for n in range(WIDTH)], [Kind.COUNTER] * WIDTH)
    gone = store.register([((NAME, "gone"), own)], [Kind.GAUGE])

    async def send(sequence: int) -> None:
        rows = [Row(group, sequence, np.full(WIDTH, float(sequence))), Row(gone, sequence, np.array([float(sequence)]))]
        await store.append(rows, Origin("agent", epoch, sequence))
        say(str(sequence))

    matchers = [Matcher(NAME, MatchOp.EQUAL, "gone"), Matcher("epoch", MatchOp.EQUAL, str(epoch))]
    for first in range(1, 1_000_000, 8):
        await asyncio.gather(*(send(sequence) for sequence in range(first, first + 8)))
        if (first + 7) % DELETE_EVERY == 0:
            say(f"?{first + 7}")
            await store.delete(matchers, 0, first + 7)
            say(f"-{first + 7}")


def said_until_killed(folder: Path, epoch: int, after_s: float) -> str:
    """What a process says that is killed so long after its first word."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, sys.stdout.fileno())
        os.close(reading)
        asyncio.run(main(folder, epoch))
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as pipe:
        first = pipe.readline()
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        words = (first + pipe.read()).split()
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return " ".join(words)


if __name__ == "__main__":
    for line in sys.stdin:
        where, number, seconds = line.split()
        print(said_until_killed(Path(where), int(number), float(seconds)), flush=True)
