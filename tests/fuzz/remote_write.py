"""Random bodies of remote write: each is taken or refused with a reason, in bounded time and memory.

python tests/fuzz/remote_write.py [SECONDS [SEED]]
"""

import random
from collections.abc import Callable

from netmon_collector.foreign import remote_write, remote_write_2
from netmon_collector.foreign.base import Written
from netmon_collector.foreign.snappy import unpack
from netmon_proto.model import STALE, Labels
from tests.support.fuzzing import damaged, decodes, main
from tests.support.write_requests import Samples, packed, request, request_2, varint

MOST_UNPACKED_BYTES = 4 << 20
TEXTS = ["", "a", "job", "__name__", "up", "le", "0.5", "x" * 300, "é🦀", "a b", "\n", "instance", "web1:9100"]
NUMBERS = [0, 1, -1, 127, 128, 1_763_671_234_567, (1 << 63) - 1, -(1 << 63)]
VALUES = [0.0, 1.5, -0.0, float("inf"), float("nan"), STALE, 5e-324]
PIECES = [
    *(varint(number) for number in NUMBERS), b"\xff" * 11, b"\x80" * 9 + b"\x02", b"\x0a", b"\x12", b"\x1a", b"\x22",
    b"\x2a", b"\x0a\x00", b"\x12\x00", b"\x0b\x0c", b"\x09" + bytes(8), b"\x10", b"\x0a\xff\xff\xff\xff\x0f",
]  # fmt: skip


def samples(rng: random.Random) -> dict[Labels, Samples]:
    def series() -> Labels:
        pairs = [(rng.choice(TEXTS), rng.choice(TEXTS)) for _ in range(rng.randrange(5))]
        return ("__name__", "up"), *pairs

    def points() -> Samples:
        return [(rng.choice(NUMBERS), rng.choice(VALUES)) for _ in range(rng.randrange(4))]

    return {series(): points() for _ in range(rng.choice([0, 1, 3, 40]))}


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    first = rng.random() < 0.5
    encode, decode = (request, remote_write.decode) if first else (request_2, remote_write_2.decode)
    body = encode(samples(rng))
    if rng.random() < 0.2:

        def both(data: bytes) -> Written:
            return decode(unpack(data, MOST_UNPACKED_BYTES))

        return damaged(packed(body), rng, PIECES), decodes(both)
    return (damaged(body, rng, PIECES) if rng.random() < 0.95 else rng.randbytes(rng.randrange(200))), decodes(decode)


if __name__ == "__main__":
    main("remote_write", make)
