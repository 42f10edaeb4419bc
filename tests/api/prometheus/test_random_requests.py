"""Random requests, good and bad ones, are answered as a real Prometheus does, and refused in the same words."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.api.prometheus.peers import Pairs, Peers, Reply, modern
from tests.api.prometheus.test_evaluate import series

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUESTS = 250
"""For each seed."""

QUERIES = (
    "up", "node_load1", "sum(rate(node_cpu_seconds_total[5m]))", "1", '"x"', "time()", "up[5m]", "sum(", "nothing",
    "odd", "sum by (job) (up)", "up{", 'node_load1{instance="web1"}', '{__name__=~".+"}', "{}", "topk(2, node_load1)",
    "1 +", "up == 1", "sum", "by", "node_load1 @ 1e9", "up # comment", "max_over_time(up[1h:1m])", "(up)", "1/0",
)  # fmt: skip
SELECTORS = (
    "up", "node_load1", "{}", '{a=""}', '{a=~".*"}', '{__name__=~".+"}', "up{", "rate(up[5m])", "up[5m]",
    "up offset 5m", "(up)", "sum", '{job="node",instance!="web1"}', '{instance=~"web.*"}', '{__name__="up"}', "1",
    '"up"', "by", "up{job=}", '{umlaut="Grüße 🦀"}', 'up{instance="web0",}', "up # x", "  up  ",
    '{a="",__name__="up"}', '{job!=""}',
    '{job="node",job="web"}', 'up{__name__="x"}',
)  # fmt: skip
TIMES = (
    "", "0", "1", "-1", "-1.5", "1e9", ".5", "1e-3", "-0", "+7", "1e400", "abc", " 1", "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00", "2026-01-31", "2026-01-31T12:00:00.123456789+05:30", "2026-01-31T12:00:00,5Z",
    "2026-01-31t12:00:00z", "2026-01-31T1:00:00Z", "2026-01-31T24:00:00Z", "2026-02-30T00:00:00Z",
    "1969-12-31T23:59:59.5Z", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+0530", "2026-01-31T12:00:00.Z",
)  # fmt: skip
BEFORE_NOW_S = ("60", "60.25", "600", "3000", "0.0005", "59.0004999", "59.71", "3600")
"""As many seconds before the newest sample."""
STEPS = (
    "", "0", "15", "1m", "1m30s", "1h", "0.5", "-1", "-1m", "1s1m", "1ms", "1500ms", "1.5m", "s", "1e3", "1e30", "300y",
    "100000y", " 1m", "1M", "15000", "9" * 30,
)  # fmt: skip
BEFORE = ("", "0", "-1", "1e400", "abc", "2026-01-31", "1971-01-01T1:00:00,25+01:00")
AFTER = ("", "4e9", "x", "2099-01-01T00:00:00.1234-11:30", "1 ")
"""Around all samples, as what begins or ends among them is told coarsely."""
LIMITS = ("", "0", "3", "x", "1.5", "+2", "-1", "9" * 20, " 1")
LABELS = ("job", "__name__", "instance", "nothing", "umlaut")


def at(rng: random.Random, end_s: float) -> str:
    if rng.random() < 0.6:
        return f"{end_s - float(rng.choice(BEFORE_NOW_S)):.6f}"
    return rng.choice(TIMES)


def request(rng: random.Random, end_s: float) -> tuple[str, list[tuple[str, str]]]:
    """A path and its parameters, of which some are missing and some there twice."""

    def one_of(texts: Sequence[str]) -> Callable[[], str]:
        return lambda: rng.choice(texts)

    def time() -> str:
        return at(rng, end_s)

    query, match = ("query", one_of(QUERIES)), ("match[]", one_of(SELECTORS))
    times, around = [("start", time), ("end", time)], [("start", one_of(BEFORE)), ("end", one_of(AFTER))]
    fields: Mapping[str, list[tuple[str, Callable[[], str]]]] = {
        "/api/v1/query": [query, ("time", time)],
        "/api/v1/query_range": [query, *times, ("step", one_of(STEPS))],
        "/api/v1/series": [match, match, *around],
        "/api/v1/labels": [match, match, *around],
        f"/api/v1/label/{rng.choice(LABELS)}/values": [match, match, *around],
        "/api/v1/query_exemplars": [query, *times],
        "/api/v1/metadata": [("metric", one_of(["up", ""])), ("limit", one_of(LIMITS))],
        "/federate": [match, match],
    }
    path = rng.choice([*fields, "/api/v1/query_range", "/api/v1/query"])
    given = [(name, make()) for name, make in fields[path] if rng.random() < 0.93]
    return path, given + [(name, make()) for name, make in fields[path] if rng.random() < 0.03]


def plain(reply: Reply) -> Any:
    """An answer without what versions tell differently: the parameter that an expression came in, where nothing is, and
    the last digits of sums.
    """
    if reply.type != "application/json":
        return reply.body.replace(b"unknown position:", b"1:1:").replace(b'unexpected "<Item 57385>"', b"unexpected")
    told = modern(reply)
    if "error" in told:
        text = told["error"].replace('invalid parameter "query": ', "", 1).replace("unknown position:", "1:1:", 1)
        return told | {"error": text.replace('unexpected "<Item 57385>"', "unexpected")}
    if isinstance(told["data"], dict) and told["data"].get("resultType") in ("vector", "matrix", "scalar"):
        return {
            one: [(when, f"{float(value):.10g}") for when, value in points]
            for one, points in series(told["data"]).items()
        }
    return told


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_request_is_answered_as_prometheus_does(peers: Peers, seed: int) -> None:
    rng = random.Random(seed)
    statuses = set()
    for _ in range(REQUESTS):
        path, given = request(rng, peers.end_s)
        may_be_form = path.removeprefix("/api/v1/") in ("query", "query_range", "series", "labels", "query_exemplars")
        form: Pairs | None = given if may_be_form and rng.random() < 0.3 else None
        ours, theirs = await peers.both(path, [] if form else given, form)
        if theirs.status == 204 or is_now(path, given) or (path == "/federate" and ("match[]", "{}") in given):
            continue  # where nothing can be found, what the clock says, and what is said to differ
        assert ours.status == theirs.status, (path, given, ours, theirs)
        assert plain(ours) == plain(theirs), (path, given)
        statuses.add(ours.status)
    assert statuses == {200, 400}


def is_now(path: str, given: Pairs) -> bool:
    """Whether the answer is of the time at which it was asked."""
    return path == "/api/v1/query" and not dict(reversed(given)).get("time")
