"""What the fuzz targets of formats share: damage, the clock, memory, and how they are called."""

import argparse
import faulthandler
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netmon_collector.foreign.base import BadBody, BadSeries, Written

HANGS_AFTER_S = 60.0
MOST_GROWTH_KIB = 300 << 10

Try = Callable[[random.Random], tuple[bytes, Callable[[bytes], bool]]]
"""Makes an input, and says what is to be done with it: that returns whether the input was taken."""


@dataclass
class Tally:
    """What became of the inputs."""

    inputs: int = 0
    taken: int = 0


def damaged(data: bytes, rng: random.Random, pieces: list[bytes]) -> bytes:
    """Bytes with some parts changed, doubled, dropped, cut off, or replaced by pieces that mean something."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at, end = sorted(rng.randrange(len(changed) + 1) for _ in range(2))
        match rng.randrange(6):
            case 0:
                changed[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
            case 1:
                changed[at : at + rng.randrange(3)] = rng.choice(pieces)
            case 2:
                del changed[at : min(end, at + 50)]
            case 3:
                changed[at:at] = changed[at:end] * rng.choice([1, 2, 30])
            case 4 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case _:
                del changed[at + rng.randrange(len(changed) + 1) :]
        del changed[200_000:]
    return bytes(changed)


def check(written: Written) -> None:
    """A decoded request is what it says it is, and each of its series is read or refused with a reason."""
    assert len(written.rows) == len(written.times) == len(written.values)
    assert (written.times.dtype, written.values.dtype) == (np.dtype(np.int64), np.dtype(np.float64))
    if len(written.rows):
        assert 0 <= int(written.rows.min()) <= int(written.rows.max()) < len(written.series)
    assert all(complaint.message for complaint in written.complaints)
    for raw in written.series[:2_000]:
        try:
            labels = written.spelling.read(raw)
        except BadSeries as error:
            assert str(error)  # noqa: PT017 - it need not be raised
        else:
            assert list(labels) == sorted(set(labels))


def decodes(decode: Callable[[bytes], Written]) -> Callable[[bytes], bool]:
    """Decodes and checks an input."""

    def work(body: bytes) -> bool:
        try:
            written = decode(body)
        except BadBody as error:
            assert str(error)  # noqa: PT017 - it need not be raised
            return False
        check(written)
        return True

    return work


def fuzz(make: Try, seconds: float, seed: int, most_inputs: int | None = None) -> Tally:
    """Tries random inputs until the time is over. Raises AssertionError where one is treated badly."""
    rng, tally, end = random.Random(seed), Tally(), time.monotonic() + seconds
    try:
        while time.monotonic() < end and (most_inputs is None or tally.inputs < most_inputs):
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
            data, work = make(rng)
            tally.inputs += 1
            try:
                tally.taken += work(data)
            except BaseException as error:
                error.add_note(f"seed {seed}, input {tally.inputs}: {data[:2_000]!r}")
                raise
    finally:
        faulthandler.cancel_dump_traceback_later()
    return tally


def main(name: str, make: Try) -> None:
    """Runs a target as a program."""
    parser = argparse.ArgumentParser(prog=f"tests/fuzz/{name}.py")
    parser.add_argument("seconds", nargs="?", type=float, default=600.0)
    parser.add_argument("seed", nargs="?", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--seconds", dest="most_s", type=float, help="the same as SECONDS")
    options = parser.parse_args()
    seconds = options.most_s or options.seconds
    fuzz(make, 2.0, 0)  # what is loaded once
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally = fuzz(make, seconds, options.seed)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    print(f"{name}: seed {options.seed}, {tally}, memory grew by {grown_kib >> 10} MiB")
    assert grown_kib < MOST_GROWTH_KIB, "memory grows without bound"
