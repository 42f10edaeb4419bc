"""Queries that are asked together come to what they come to alone, and what they have in common is read once."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from netmon_collector.query.answer import Answer, QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.store.base import Frame, Matcher
from tests.support.memory_store import MemoryStore
from tests.support.random_queries import MINUTES, START_MS, Queries, random_series

END_MS = START_MS + MINUTES * 60_000


class Counted(MemoryStore):
    """Writes down what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        self.read.append(" ".join(one.value for one in matchers))
        return await super().select(matchers, start_ms, end_ms)


def store_of(seed: int) -> Counted:
    store = Counted()
    for labels, samples in random_series(seed).items():
        store.add(dict(labels), samples)
    return store


@pytest.fixture
def store() -> Counted:
    return store_of(1)


@pytest.fixture
def engine(store: Counted) -> Iterator[Engine]:
    engine = Engine(store, QueryOptions(experimental=True))  # type: ignore[arg-type]
    yield engine
    engine.close()


async def alone(engine: Engine, text: str, limits: Limits | None = None) -> Answer | QueryError:
    try:
        return await engine.instant(text, END_MS, limits=limits)
    except QueryError as error:
        return error


async def together(engine: Engine, texts: Sequence[str], limits: Limits | None = None) -> list[Answer | QueryError]:
    return [one.result for one in await engine.instants(texts, END_MS, limits=limits)]


def same(one: Answer | QueryError, other: Answer | QueryError) -> bool:
    if isinstance(one, QueryError) or isinstance(other, QueryError):
        return str(one) == str(other)
    if (one.shape, list(one.labels)) != (other.shape, list(other.labels)):
        return False
    equal = np.array_equal(one.values, other.values, equal_nan=True)
    return equal and np.array_equal(one.present, other.present)


@pytest.mark.parametrize("seed", range(4))
async def test_random_queries_come_to_the_same_together_as_alone(engine: Engine, seed: int) -> None:
    queries, dice = Queries(seed), random.Random(seed)
    for _ in range(30):
        one, other = queries.expression(2), queries.expression(2)
        texts = [one, f"({one}) > 1", f"sum by (instance) ({one})", f"({one}) + ({other})", f"({other}) * ({other})"]
        texts += [f"({one}) and ({one})", f"max_over_time(({one})[2m:30s])", f"timestamp({other})", other, one]
        dice.shuffle(texts)
        for text, result in zip(texts, await together(engine, texts), strict=True):
            assert same(await alone(engine, text), result), (text, texts)


async def test_what_queries_have_in_common_is_read_once(engine: Engine, store: Counted) -> None:
    texts = [
        "rate(cpu_total[5m]) > 1",
        "rate(cpu_total[5m]) > 2 and load > 0",
        "sum(rate( cpu_total[300s] )) / sum(load)",
    ]
    answers = await together(engine, texts)
    assert sorted(store.read) == ["cpu_total", "load"], "however it is written"
    for text, one in zip(texts, answers, strict=True):
        assert same(await alone(engine, text), one), text


async def test_what_one_query_has_twice_is_read_once(engine: Engine, store: Counted) -> None:
    (answer,) = await together(engine, ["rate(cpu_total[5m]) / (rate(cpu_total[5m]) > 3) > 0 or rate(cpu_total[5m])"])
    assert isinstance(answer, Answer)
    assert len(answer.labels) == 8
    assert store.read == ["cpu_total"]


async def test_bounds_are_those_of_each_query_alone(engine: Engine) -> None:
    """What was read for another query counts as if it had been read again."""
    texts = [
        "sum(rate(cpu_total[5m]))",
        "sum(rate(cpu_total[5m])) > 1",
        "sum(rate(cpu_total[5m])) + sum(rate(cpu_total[6m]))",
    ]
    for samples in (100, 239, 240, 527, 528, 529):
        limits = replace(Limits(), samples=samples)
        for text, result in zip(texts, await together(engine, texts, limits), strict=True):
            assert same(await alone(engine, text, limits), result), (samples, text)
    answers = await together(engine, texts)
    for text, one in zip(texts, answers, strict=True):
        other = await alone(engine, text)
        assert isinstance(one, Answer)
        assert isinstance(other, Answer)
        assert one.stats == other.stats


async def test_a_query_that_fails_leaves_the_others_as_they_are(engine: Engine) -> None:
    texts = ["load +", "load * on (job) load", "sum(load * on (job) load)", "count(load)", "nonsense(load)"]
    failed = [isinstance(one, QueryError) for one in await together(engine, texts)]
    assert failed == [True, True, True, False, True]


async def test_queries_that_nobody_waits_for_any_more_end_soon(engine: Engine) -> None:
    slow = [f"quantile_over_time(0.{number}, (load + 1)[38m:1s])" for number in range(100, 400)]
    asking = asyncio.create_task(engine.instants(slow, END_MS))
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(10):
        await together(engine, ["load"] * 5)


async def test_long_work_leaves_its_thread_to_others_between_turns(engine: Engine) -> None:
    slow = [f"quantile_over_time(0.{number}, (load + 1)[38m:2s])" for number in range(100, 160)]
    several = [asyncio.create_task(engine.instants(slow, END_MS)) for _ in range(4)]
    quick = await engine.instants(["load > 1"], END_MS)
    assert len(quick) == 1
    assert not any(one.done() for one in several)
    for one in several:
        one.cancel()
    await asyncio.gather(*several, return_exceptions=True)
