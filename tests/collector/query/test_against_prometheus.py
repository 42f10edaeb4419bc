"""Thousands of random queries get the same answers from Prometheus and from us."""

import json
import math
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from netmon_collector.query.answer import Answer, QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_proto.model import Labels
from tests.support.memory_store import MemoryStore
from tests.support.odd_queries import OddQueries, odd_series
from tests.support.random_queries import MINUTES, START_MS, Queries, random_series
from tests.support.remote_write import write
from tests.support.servers import prometheus

COUNT = int(os.environ.get("NETMON_RANDOM_QUERIES", "250"))
END_MS = START_MS + MINUTES * 60_000
SERIES = random_series(1) | odd_series(7)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = prometheus(tmp_path_factory.mktemp("peer") / "prometheus")
    server.start()
    write(server.url, SERIES)
    yield server.url
    server.kill()


@pytest.mark.parametrize("shared", [True, False], ids=["shared times", "times of its own"])
@pytest.mark.parametrize("kind", [Queries, OddQueries])
async def test_random_queries_are_answered_as_by_prometheus(
    url: str, kind: type[Queries | OddQueries], shared: bool
) -> None:
    store = MemoryStore(shared=shared)
    for labels, points in SERIES.items():
        store.add(dict(labels), points)
    engine = Engine(store, QueryOptions(delayed_name_removal=False, experimental=True))  # type: ignore[arg-type]
    differences, compared, empty = [], 0, 0
    for seed in range(COUNT):
        query = kind(seed + (0 if shared else 1_000_000)).expression()
        times = _times_of(seed)
        theirs = _ask(url, query.replace("double_exponential_smoothing", "holt_winters"), *times)
        if theirs is None:
            continue
        compared += 1
        problem = await _difference(engine, query, times, theirs)
        empty += theirs == ({}, None)
        if problem is not None:
            differences.append(f"{query} at {times}: {problem}")
    engine.close()
    assert not differences, f"{len(differences)} of {compared}:\n" + "\n".join(differences[:20])
    assert compared > 0.9 * COUNT
    assert empty < 0.5 * compared, "most queries must find something to tell anything"


def _times_of(seed: int) -> tuple[int, int, int]:
    """Start, end and step in ms; step 0 is an instant query."""
    start = START_MS + (seed * 7919 % (MINUTES * 60)) * 1000 + 500
    return (start, start, 0) if seed % 3 == 0 else (START_MS + 60_500, END_MS + 60_500, (37 + seed % 5 * 20) * 1000)


Series = Mapping[Labels, Mapping[int, float]]


def _ask(url: str, query: str, start_ms: int, end_ms: int, step_ms: int) -> tuple[Series, str | None] | None:
    """What Prometheus answers: series, or an error; None where its own parser refuses the query."""
    times = {"time": start_ms / 1000} if step_ms == 0 else {
        "start": start_ms / 1000, "end": end_ms / 1000, "step": step_ms / 1000
    }  # fmt: skip
    path = "/api/v1/query?" if step_ms == 0 else "/api/v1/query_range?"
    try:
        target = url + path + urllib.parse.urlencode({"query": query, **times})
        with urllib.request.urlopen(target, timeout=30) as reply:
            data = json.load(reply)["data"]
    except urllib.error.HTTPError as error:
        message = json.load(error)
        return None if message["errorType"] == "bad_data" else ({}, message["error"])
    return {_labels(one["metric"]): _points(one) for one in data["result"]}, None


def _labels(metric: dict[str, str]) -> Labels:
    return tuple(sorted(metric.items()))


def _points(series: dict[str, Any]) -> dict[int, float]:
    points = series.get("values") or [series["value"]]
    return {round(time * 1000): float(value) for time, value in points}


async def _difference(
    engine: Engine, query: str, times: tuple[int, int, int], theirs: tuple[Series, str | None]
) -> str | None:
    series, error = theirs
    start_ms, end_ms, step_ms = times
    try:
        if step_ms:
            answer = await engine.range(query, start_ms, end_ms, step_ms)
        else:
            answer = await engine.instant(query, start_ms)
    except QueryError as ours:
        if error is None:
            return f"we fail: {ours.message}"
        return None if ours.message[:40] == error[:40] else f"we fail with {ours.message}, they with {error}"
    if error is not None:
        return f"they fail: {error}"
    return _different(series, _series(answer))


def _series(answer: Answer) -> Series:
    result = {}
    for row, labels in enumerate(answer.labels):
        there = np.flatnonzero(answer.present[row]).tolist()
        result[labels] = {int(answer.times[at]): float(answer.values[row, at]) for at in there}
    return result


def _different(theirs: Series, ours: Series) -> str | None:
    if set(theirs) != set(ours):
        return f"they have {sorted(set(theirs) - set(ours))[:3]}, we have {sorted(set(ours) - set(theirs))[:3]}"
    for labels, points in theirs.items():
        own = ours[labels]
        if set(points) != set(own):
            odd = sorted(set(points) ^ set(own))
            return f"{labels} has other steps: {odd[:5]} of {len(points)} and {len(own)}"
        for at, value in points.items():
            if not _equal(value, own[at]):
                return f"{labels} at {at} is {value} there and {own[at]} here"
    return None


def _equal(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
