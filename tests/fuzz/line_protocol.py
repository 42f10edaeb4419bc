"""Random lines of InfluxDB's protocol: each is taken or told, in bounded time and memory.

python tests/fuzz/line_protocol.py [SECONDS [SEED]]
"""

import random
from collections.abc import Callable
from functools import partial

from netmon_collector.foreign.line_protocol import NS_OF, decode
from tests.support.fuzzing import damaged, decodes, main

NOW_MS = 1_769_860_800_000
WORDS = ', = " \\ # \n \r \t \\" \\, \\= \\\\ 1 1i 1u t true -1.5e9 1e400 nan "" "a b" a=b é'
PIECES = [
    *(one.encode() for one in WORDS.split(" ")), b" ", b"  ", b"\n", b"\xff", b"\0", b" 1769860800000000000", b",t=v",
    b'"\n"', b"9" * 30, b"__name__", b"m v=1\n",
]  # fmt: skip
SEEDS = [
    b"cpu,host=web1,cpu=cpu0 usage_user=1.5,usage_idle=97i 1769860800123456789\n",
    b'weather,place=a\\ b temp=21.5,note="wet, \\"very\\"",rain=t\n# comment\nm v=1u 5\n',
    b" up=1\n,job=node up=0 1\nm,a=b c=d\n",
    b'm a="x\ny",b=2 1\nm b=3\n',
]


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    unit_ns = NS_OF[rng.choice(list(NS_OF))]
    work = partial(decode, unit_ns=unit_ns, now_ms=NOW_MS, database=rng.choice(["", "db", "é\n"]))
    if rng.random() < 0.1:
        return rng.choice(PIECES) * rng.choice([10, 1_000, 50_000]), decodes(work)
    if rng.random() < 0.3:
        return b"".join(rng.choice(PIECES) for _ in range(rng.randrange(60))), decodes(work)
    return damaged(rng.choice(SEEDS) * rng.choice([1, 1, 1, 50]), rng, PIECES), decodes(work)


if __name__ == "__main__":
    main("line_protocol", make)
