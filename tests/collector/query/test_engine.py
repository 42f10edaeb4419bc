"""What the engine promises beside right answers: bounds, cancelling, clear errors, and an event loop that goes on."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from netmon_collector.query.answer import ErrorKind, QueryError, Shape
from netmon_collector.query.engine import Engine
from netmon_collector.query.functions import FUNCTIONS
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.signatures import SIGNATURES
from netmon_collector.store.base import Frame, Matcher, StoreError
from tests.support.memory_store import MemoryStore

RULES = sorted((Path(__file__).parents[4] / "shared" / "rules").glob("*.yml"))
MINUTE_MS = 60_000
LONG = "quantile_over_time(0.5, (load + 1)[14m:1s])"
"""In a thread; with 200 series and a step of a second this takes several seconds."""


def filled(series: int = 20, samples: int = 100) -> MemoryStore:
    store = MemoryStore()
    for number in range(series):
        store.add(
            {"__name__": "load", "host": f"h{number}", "site": f"s{number % 3}"},
            {at * 10_000: float(at % 17 + number) for at in range(samples)},
        )
    return store


def engine_of(store: object, **limits: Any) -> Engine:
    return Engine(store, QueryOptions(limits=replace(Limits(), **limits), experimental=True))  # type: ignore[arg-type]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = engine_of(filled())
    yield engine
    engine.close()


async def failure(engine: Engine, query: str, step_ms: int = 10_000, **limits: Any) -> QueryError:
    with pytest.raises(QueryError) as raised:
        await engine.range(query, 0, 900_000, step_ms, limits=replace(Limits(), **limits) if limits else None)
    return raised.value


async def test_an_answer_says_what_shape_it_has(engine: Engine) -> None:
    assert (await engine.instant("1", 0)).shape is Shape.SCALAR
    assert (await engine.instant('"a"', 0)).shape is Shape.STRING
    assert (await engine.instant("load", 0)).shape is Shape.VECTOR
    assert (await engine.instant("load[1m]", MINUTE_MS)).shape is Shape.MATRIX
    assert (await engine.range("1", 0, MINUTE_MS, MINUTE_MS)).shape is Shape.MATRIX


async def test_an_answer_counts_what_was_read(engine: Engine) -> None:
    answer = await engine.instant("sum_over_time(load[5m])", 300_000)
    assert (answer.stats.series_read, answer.stats.samples_read) == (20, 20 * 30)


async def test_series_come_in_the_order_of_their_labels(engine: Engine) -> None:
    answer = await engine.range("load or vector(1)", 0, MINUTE_MS, MINUTE_MS)
    assert list(answer.labels) == sorted(answer.labels)
    assert answer.labels[0] == ()


@pytest.mark.parametrize(
    ("limits", "query", "words"),
    [
        ({"samples": 100}, "load", "more than 100 samples; 1820 and more"),
        ({"series": 5}, "load", "more than 5 series; one selector finds 20"),
        ({"cells": 100}, "load", "more than 100 values; 20 series at 91 steps"),
        ({"memory_bytes": 10_000}, "load", "more than 10000 bytes of memory"),
        ({"samples": 1900}, "max_over_time((load + 1)[10m:1s])", "more than 1900 samples"),
    ],
)
async def test_a_bound_that_is_met_is_named_with_what_to_do(
    engine: Engine, limits: dict[str, Any], query: str, words: str
) -> None:
    error = await failure(engine, query, **limits)
    assert error.kind is ErrorKind.EXECUTION
    assert words in error.message
    assert error.message.startswith("query processing would take more than ")


async def test_a_range_has_at_most_as_many_steps_as_in_prometheus(engine: Engine) -> None:
    with pytest.raises(QueryError, match="exceeded maximum resolution of 11,000 points per timeseries") as raised:
        await engine.range("load", 0, 11_001_000, 1000)
    assert raised.value.kind is ErrorKind.BAD_DATA
    assert len((await engine.range("1", 0, 11_000_000, 1000)).times) == 11_001


@pytest.mark.parametrize(
    ("start", "end", "step", "words"),
    [(0, 10, 0, "zero or negative query resolution"), (10, 0, 1, "end timestamp must not be before start time")],
)
async def test_times_that_make_no_sense_are_refused(
    engine: Engine, start: int, end: int, step: int, words: str
) -> None:
    with pytest.raises(QueryError, match=words):
        await engine.range("load", start, end, step)


async def test_a_range_vector_over_a_range_is_refused_as_in_prometheus(engine: Engine) -> None:
    error = await failure(engine, "load[5m]")
    assert error.message == ('invalid expression type "range vector" for range query, must be Scalar or instant Vector')


async def test_a_query_that_takes_too_long_ends_with_a_timeout() -> None:
    engine = engine_of(filled(200), timeout_s=0.2)
    error = await failure(engine, LONG, 1000)
    assert error.kind is ErrorKind.TIMEOUT
    assert "query timed out" in error.message
    engine.close()


class SlowStore(MemoryStore):
    """Has found nothing yet."""

    async def select(self, matchers: object, start_ms: int, end_ms: int) -> list[Frame]:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")


async def test_reading_that_takes_too_long_ends_with_a_timeout() -> None:
    engine = engine_of(SlowStore(), timeout_s=0.05)
    error = await failure(engine, "load")
    assert (error.kind, "in reading samples" in error.message) == (ErrorKind.TIMEOUT, True)
    engine.close()


async def test_a_query_stops_soon_when_its_caller_is_cancelled() -> None:
    engine = Engine(filled(200), QueryOptions(concurrency=1))  # type: ignore[arg-type]
    task = asyncio.create_task(engine.range(LONG, 0, 900_000, 100))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(
        30
    ):  # the only thread there is must be free again, long before that query would have ended
        await engine.instant(LONG, 900_000)
    engine.close()


async def test_the_event_loop_goes_on_while_a_query_is_evaluated(engine: Engine) -> None:
    query, turns = asyncio.create_task(engine.range(LONG, 0, 900_000, 5000)), 0
    while not query.done():
        await asyncio.sleep(0.001)
        turns += 1
    await query
    assert turns > 10, "evaluation held up the loop"


class BrokenStore(MemoryStore):
    async def select(self, matchers: list[Matcher], start_ms: int, end_ms: int) -> list[Frame]:  # type: ignore[override]
        raise StoreError("server away")


async def test_a_store_that_fails_is_told_apart_from_a_wrong_query() -> None:
    engine = engine_of(BrokenStore())
    error = await failure(engine, "load")
    assert (error.kind, error.message) == (ErrorKind.UNAVAILABLE, "the store cannot be read: server away")
    engine.close()


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("load + mad_over_time(load[5m])", '1:8: parse error: function "mad_over_time" is not enabled'),
        ("limitk(1, load) + start()", "1:1: parse error: limitk() is experimental and must be enabled"),
        ("load + fill(1) load", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
        ("load[5m + 1m]", "1:1: parse error: experimental duration expression is not enabled"),
        ("rate(load[5m] anchored)", "1:6: parse error: anchored modifier is experimental and not enabled"),
        ("load smoothed offset 1m", "1:1: parse error: smoothed modifier is experimental and not enabled"),
    ],
)
async def test_what_is_experimental_has_to_be_enabled(query: str, what: str) -> None:
    engine = Engine(filled(), QueryOptions())  # type: ignore[arg-type]
    with pytest.raises(QueryError) as raised:
        await engine.instant(query, 0)
    assert raised.value.message == f"{what}: 'experimental: true' under 'query' in collector.yaml allows it"
    engine.close()


async def test_lengths_of_time_may_be_computed(engine: Engine) -> None:
    computed = await engine.range("sum_over_time(load[step() * 3] offset (1m - step()))", 0, 300_000, 20_000)
    plain = await engine.range("sum_over_time(load[1m] offset 40s)", 0, 300_000, 20_000)
    assert np.array_equal(computed.values[computed.present], plain.values[plain.present])
    assert plain.present.any()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("load[1m - 1m]", "duration must be greater than 0"),
        ("load[-step()]", "duration must be greater than 0"),
        ("load offset (10 ^ 400)", "duration out of range"),
        ("load[1 / 0]", "division by zero"),
        ("load offset (0 % 0)", "modulo by zero"),
    ],
)
async def test_a_computed_length_of_time_must_be_one(engine: Engine, query: str, told: str) -> None:
    with pytest.raises(QueryError, match=f"parse error: {told}"):
        await engine.range(
            f"count_over_time(({query})[5m:1m])" if "[" not in query else f"count_over_time({query})",
            0,
            300_000,
            20_000,
        )


async def test_names_are_dropped_at_once_where_that_is_asked_for() -> None:
    options = QueryOptions(delayed_name_removal=False)
    engine = Engine(filled(), options)  # type: ignore[arg-type]
    answer = await engine.instant("count by (__name__) (abs(load))", 0)
    assert list(answer.labels) == [()]
    answer = await engine.instant('label_replace(abs(load), "name", "$1", "__name__", "(.+)")', 0)
    assert all(dict(labels).get("name") is None for labels in answer.labels)
    engine.close()


def test_every_function_has_a_signature_and_the_other_way_round() -> None:
    assert set(FUNCTIONS) == set(SIGNATURES)


@pytest.mark.skipif(not RULES, reason="needs the rule packs in ../shared/rules")
@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
async def test_the_rules_of_others_are_understood_and_evaluated(engine: Engine, path: Path) -> None:
    groups = yaml.safe_load(path.read_text())["groups"]
    expressions = [rule["expr"] for group in groups for rule in group["rules"]]
    assert expressions
    for expression in expressions:
        parse(expression)
        assert (await engine.instant(expression, 600_000)).shape in (Shape.VECTOR, Shape.SCALAR)


async def test_a_long_text_does_not_hold_up_the_event_loop_and_is_not_kept(engine: Engine) -> None:
    long = 'load{host=~"' + "|".join(f"h{number}" for number in range(20_000)) + '"}'
    assert len((await engine.instant(long, 0)).labels) == 20
    assert engine._understood.cache_info().currsize == 0
    await engine.instant("load", 0)
    assert engine._understood.cache_info().currsize == 1


async def test_min_and_max_pass_over_signalling_nans() -> None:
    signalling = float(np.uint64(0x7FF0000000000001).view(np.float64))
    store = MemoryStore()
    store.add({"__name__": "load", "host": "a"}, {0: 9.0, 10_000: 5.0, 20_000: signalling, 30_000: 7.0})
    store.add({"__name__": "load", "host": "b"}, {30_000: signalling})
    engine = engine_of(store)
    for query, wanted in (
        ('min_over_time(load{host="a"}[1m])', 5.0),
        ('max_over_time(load{host="a"}[1m])', 9.0),
        ("min(load)", 7.0),
        ("max(load)", 7.0),
    ):
        answer = await engine.instant(query, 30_000)
        assert answer.values.tolist() == [[wanted]], query
    engine.close()
