"""Random pages of metrics: each is read or refused with a reason, in bounded time and memory.

python tests/fuzz/scrape.py [SECONDS [SEED]]
"""

import random
from collections.abc import Callable

from netmon_agent.inputs.scrape.page import BadPage, Reader
from tests.support.fuzzing import damaged, main

PIECES = [
    *(one.encode() for one in "{ } , = \" \\ \\n # a a{} 1 NaN +Inf 1e400 le le=\"0.5\" é".split(" ")),
    b" ", b"\n", b"\t", b"# TYPE a counter\n", b"# EOF\n", b' # {t="x"} 0.5', b" 1395066363000", b"\0", b"} ",
    b'{"', b'","', b'"="', b'{"a.b"} 1',
]  # fmt: skip
PAGE = b"""# TYPE http_requests_total counter
http_requests_total{code="200",path="/a b"} 1027 1395066363000
# TYPE took histogram
took_bucket{le="0.5"} 4 # {trace_id="x} y"} 0.3 123.4
took_bucket { le = "+Inf" , } 6
odd{text="a\\\\b\\n\\"} 5"} NaN
edge +Inf
# TYPE "http.requests" counter
{"http.requests","http.method"="get"} 1
a{"b \\"c\\" =,}"="d"} 2
"""
READER = Reader(lambda labels: labels, 1_000)
"""One for all pages, as a target has one."""


def read(page: bytes) -> bool:
    try:
        keys, values = READER.read(page.decode(errors="replace"))
    except BadPage as error:
        assert str(error)
        return False
    assert len(keys) == len(values) == len({(key.name, key.labels) for key in keys})
    assert all(list(key.labels) == sorted(key.labels) for key in keys)
    return True


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    if rng.random() < 0.1:
        return rng.choice(PIECES) * rng.choice([10, 1_000, 50_000]), read
    if rng.random() < 0.3:
        return b"".join(rng.choice(PIECES) for _ in range(rng.randrange(40))), read
    return damaged(PAGE, rng, PIECES), read


if __name__ == "__main__":
    main("scrape", make)
