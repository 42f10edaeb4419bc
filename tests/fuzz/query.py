"""Random texts as queries: every one is answered, or refused with a reason, in bounded time and memory.

    python tests/fuzz/query.py [SECONDS [SEED]]

What parses is printed and parsed again, evaluated at a time and over a range on a small store, and written as JSON.
"""

import asyncio
import faulthandler
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from netmon_api.prometheus.encode import result_json
from netmon_api.prometheus.jsontext import dumps
from netmon_api.prometheus.tree import tree
from netmon_collector.query.answer import Answer, ErrorKind, QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.query.syntax.cursor import AGGREGATIONS
from netmon_collector.query.syntax.nodes import ValueType
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import one_line, pretty
from netmon_collector.query.syntax.signatures import SIGNATURES
from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import STALE, Kind, Labels

NOW_MS = 1_769_860_800_000
HANGS_AFTER_S = 60.0
MOST_GROWTH_KIB = 300 << 10
LIMITS = Limits(timeout_s=5.0, samples=200_000, series=1_000, cells=200_000, memory_bytes=64 << 20)

WORDS = [
    *SIGNATURES, *AGGREGATIONS,
    *"up load requests_total lat_bucket nothing {} by without on ignoring group_left group_right bool offset".split(),
    *"and or unless atan2 + - * / % ^ == != < <= > >= ( ) [ ] { } , : @ = =~ !~ start() end() inf nan fill".split(),
    *"0 1 -1 .5 1e308 1e-320 0x1F 9223372036854775808 5m 1h30m 1ms 0s 100y 1i 5m5m".split(),
    *'"" "a" \'b\' `c` "\\xff" "(" "(.*)" "$1" "é🦀" instance le job __name__ # \n ; ~ \\ " \' `'.split(" "),
    '{instance="a"}', '{__name__=~".+"}', '{job!="x"}', "[5m]", "[30s:7s]", "[1d:]", "@ end()", "offset -1m",
    "anchored", "smoothed",
]  # fmt: skip
OPERATORS = "+ - * / % ^ atan2 > < >= == != and or unless".split()
VECTOR, MATRIX = (ValueType.VECTOR,), (ValueType.MATRIX,)
SEEDS = [
    "sum by (job) (rate(requests_total[5m])) / on (job) group_left (instance) load",
    "histogram_quantile(0.9, sum by (le) (rate(lat_bucket[2m])))",
    'label_replace(up, "a", "$1-x", "instance", "(.)") or vector(time())',
    "max_over_time(rate(requests_total[1m])[5m:10s] offset 1m) @ end() > bool 0",
    "topk(2, load) unless ignoring (job) quantile without (instance) (.3, load)",
    'count_values("v", load) + -absent(nothing{a="b"}) ^ 2 ^ 3',
    "increase(requests_total[2m] anchored) / rate(requests_total[2m] smoothed offset 1m) + load smoothed",
    "predict_linear(load[5m], 3600) - deriv(load[5m] @ 1769860000) * stddev_over_time(load[3m])",
]


@dataclass
class Tally:
    """What became of the texts."""

    texts: int = 0
    parsed: int = 0
    answered: int = 0


def text_of(rng: random.Random) -> str:
    """A random text, most of them nearly queries."""
    kind = rng.random()
    if kind < 0.1:
        return "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x3000)])) for _ in range(rng.randrange(40)))
    if kind < 0.4:
        return vector(rng, 4)
    if kind < 0.6:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 14)))
    if kind < 0.65:
        piece = rng.choice(["(", "-", "sum(", "[1m:]", "+ up", "{a=", "abs(up) or ", "((up)", "up offset 1m "])
        return piece * rng.choice([10, 200, 5_000, 50_000])
    return mutated(rng.choice(SEEDS), rng)


def vector(rng: random.Random, depth: int) -> str:
    """A query that is right, as far as its words go."""
    selector = rng.choice(["up", "load", "requests_total", "lat_bucket", "nothing", 'load{instance="a"}', '{job="x"}'])
    shift = rng.choice(["", "", "", " offset 1m", " @ end()", " offset -30s @ 1769860700"])
    if depth == 0:
        return selector + shift
    inner, other = vector(rng, depth - 1), vector(rng, rng.randrange(depth))
    labels = ", ".join(rng.sample(["instance", "job", "le", "__name__"], rng.randrange(3)))
    match rng.randrange(6):
        case 0:
            window = rng.choice(["30s", "2m", "1h"])
            ranged = rng.choice([f"{selector}[{window}]{shift}", f"({inner})[{window}:{rng.choice(['', '20s'])}]"])
            return f"{rng.choice([name for name, one in SIGNATURES.items() if one.args[-1:] == MATRIX])}({ranged})"
        case 1:
            name = rng.choice([name for name, one in SIGNATURES.items() if one.args == VECTOR])
            return f"{name}({inner})"
        case 2:
            return f"{rng.choice(sorted(AGGREGATIONS))} {rng.choice(['by', 'without'])} ({labels}) ({inner})"
        case 3:
            name, number = rng.choice(["topk", "quantile", "limitk", "bottomk"]), rng.choice(["-1", "0.5", "2", "NaN"])
            return f"{name}({number}, {inner})"
        case 4:
            how = rng.choice(["", f"on ({labels})", f"ignoring ({labels})", "on (job) group_left (instance)"])
            return f"({inner}) {rng.choice(OPERATORS)} {how} ({other})"
    return f"{inner} {rng.choice(OPERATORS[:8])} {rng.choice(['0', '1e300', 'time()', '-.5', 'inf'])}"


def mutated(text: str, rng: random.Random) -> str:
    """A query with some of its pieces exchanged, doubled, dropped or nested."""
    for _ in range(rng.randrange(1, 5)):
        at, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        match rng.randrange(5):
            case 0:
                text = text[:at] + rng.choice(WORDS) + text[at:]
            case 1:
                text = text[:at] + text[min(end, at + 6) :]
            case 2:
                text = text[:end] + text[at:]
            case 3:
                text = f"{rng.choice([*SIGNATURES, *AGGREGATIONS])}({text})"
            case _:
                text = f"({text}) {rng.choice(WORDS)} ({rng.choice(SEEDS)})"
        text = text[:5_000]
    return text


async def try_one(engine: Engine, text: str, tally: Tally) -> None:
    tally.texts += 1
    try:
        node = parse(text)
    except QueryError as error:
        assert error.kind is ErrorKind.BAD_DATA
        assert error.message
    else:
        tally.parsed += 1
        printed = one_line(node)
        assert one_line(parse(printed)) == printed, printed
        assert one_line(parse(pretty(node))) == printed, printed
        orjson.loads(dumps(tree(node)))
    start_ms = NOW_MS - 300_000
    for asked in (engine.instant(text, NOW_MS), engine.range(text, start_ms, NOW_MS, 37_000)):
        try:
            answer = await asked
        except QueryError as error:
            assert error.kind is not ErrorKind.INTERNAL, error.message
        else:
            check(answer)
            tally.answered += 1


def check(answer: Answer) -> None:
    """An answer is what it says it is."""
    assert answer.values.shape == answer.present.shape
    assert len(set(answer.labels)) == len(answer.labels)
    orjson.loads(b"".join(result_json(answer)) + b"}")


async def fill(store: EmbeddedStore) -> None:
    """Counters, gauges, buckets, gaps and stale markers of five minutes."""

    def series(name: str, **rest: str) -> Labels:
        return tuple(sorted({"__name__": name, **rest}.items()))

    labels = [
        *(series(name, instance=instance, job="x") for name in ("up", "load", "requests_total") for instance in "ab"),
        *(series("lat_bucket", le=le, job="x") for le in ("0.1", "1", "+Inf")),
    ]
    group = store.register(labels, [Kind.GAUGE] * len(labels))
    rng = np.random.default_rng(1)
    for time_ms in range(NOW_MS - 600_000, NOW_MS, 10_000):
        values = np.floor(rng.random(len(labels)) * 50)
        values[4:6] = (time_ms // 10_000) % 40
        values[rng.integers(len(labels))] = rng.choice([STALE, np.nan, np.inf, 0.0])
        await store.append([Row(group, time_ms, values)], None)


async def fuzz(seconds: float, seed: int, most_texts: int | None = None) -> Tally:
    """Tries random texts until the time is over. Raises AssertionError where one is treated badly."""
    rng, tally, end = random.Random(seed), Tally(), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore.open(Path(folder) / "store", window_s=0.0)
        await fill(store)
        engine = Engine(store, QueryOptions(limits=LIMITS, experimental=True))
        try:
            while time.monotonic() < end and (most_texts is None or tally.texts < most_texts):
                text = text_of(rng)
                faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
                try:
                    await try_one(engine, text, tally)
                except BaseException as error:
                    error.add_note(f"seed {seed}, text {tally.texts}: {text[:2_000]!r}")
                    raise
        finally:
            faulthandler.cancel_dump_traceback_later()
            engine.close()
            await store.close()
    return tally


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    asyncio.run(fuzz(2.0, 0))  # what is loaded once
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally = asyncio.run(fuzz(seconds, seed))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    print(f"query: seed {seed}, {tally}, memory grew by {grown_kib >> 10} MiB")
    assert grown_kib < MOST_GROWTH_KIB, "memory grows without bound"


if __name__ == "__main__":
    main()
