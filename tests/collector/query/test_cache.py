"""Answers that are kept: whatever happens to the store between two queries, both engines say the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from netmon_collector.query.answer import Answer
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.store.base import Group, Matcher, MatchOp, Row
from netmon_collector.store.changes import Changes
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, STALE_BITS, Kind, Labels

START_MS = 1_750_000_000_000 // 60_000 * 60_000
STEP_MS = 30_000
HOSTS = 6
STALE = float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])

QUERIES = (
    "load",
    "sum(load)",
    'sum by (site) (rate(sent_total{host!="h1"}[2m]))',
    "topk(2, load)",
    "load offset 1m > 3",
    "max_over_time(load[3m:1m])",
    "absent(load{host='h1'}) or count(load)",
    "time() - timestamp(load)",
    "scalar(load{host='h2'})",
)


def host(number: int) -> list[Labels]:
    own = ("host", f"h{number}"), ("site", f"s{number % 2}")
    return [((NAME, name), *own) for name in ("load", "sent_total")]


class Cluster:
    """A store, and engines that keep answers and that do not."""

    def __init__(self, folder: Path) -> None:
        self.store = EmbeddedStore.open(folder, window_s=0.0)
        self.engine = Engine(self.store, QueryOptions(at_hand_cells=0, kept_cells=0))
        self.engine_of_one_thread = Engine(self.store, QueryOptions(kept_cells=0))
        self.groups: list[Group] = [self.store.register(host(n), [Kind.GAUGE] * 2) for n in range(HOSTS)]
        self.sent = np.zeros(HOSTS)

    async def write(self, number: int, time_ms: int, load: float) -> None:
        self.sent[number] += 17.0
        values = np.array([load, STALE if np.isnan(load) else self.sent[number]])
        await self.store.append([Row(self.groups[number], time_ms, values)], None)

    async def ask(self, text: str, end_ms: int, *, may_be_kept: bool = True) -> Answer:
        start_ms = end_ms - 20 * STEP_MS
        return await self.engine.range(text, start_ms, end_ms, STEP_MS, may_be_kept=may_be_kept)

    async def assert_kept(self, end_ms: int) -> None:
        for text in QUERIES:
            fresh = await self.ask(text, end_ms, may_be_kept=False)
            for engine in (self.engine, self.engine_of_one_thread):
                kept = await engine.range(text, end_ms - 20 * STEP_MS, end_ms, STEP_MS)
                assert list(kept.labels) == list(fresh.labels), text
                assert np.array_equal(kept.times, fresh.times)
                assert np.array_equal(kept.present, fresh.present), text
                ours, theirs = kept.values[kept.present], fresh.values[fresh.present]
                assert np.allclose(ours, theirs, rtol=1e-12, equal_nan=True), text


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    made = Cluster(tmp_path / "store")
    yield made
    made.engine.close()
    made.engine_of_one_thread.close()
    await made.store.close()


@pytest.mark.parametrize("seed", range(4))
async def test_a_kept_answer_is_what_a_new_one_would_be(cluster: Cluster, seed: int) -> None:
    dice = np.random.default_rng(seed)
    now_ms = START_MS
    for _ in range(60):
        now_ms += 10_000
        for number in np.flatnonzero(dice.random(HOSTS) < 0.8).tolist():
            load = float("nan") if dice.random() < 0.05 else round(float(dice.uniform(0, 9)), 2)
            await cluster.write(number, now_ms - int(dice.integers(0, 3000)), load)
        if dice.random() < 0.15:
            await cluster.write(int(dice.integers(HOSTS)), now_ms - int(dice.integers(0, 900_000)), 5.0)
        if dice.random() < 0.04:
            gone = [Matcher("host", MatchOp.EQUAL, f"h{dice.integers(HOSTS)}")]
            await cluster.store.delete(gone, now_ms - 400_000, now_ms - 200_000)
        if dice.random() < 0.4:
            await cluster.assert_kept(now_ms // STEP_MS * STEP_MS + STEP_MS)


async def test_a_refreshed_query_reads_only_what_is_new(cluster: Cluster) -> None:
    for slot in range(90):
        await cluster.write(0, START_MS + slot * 10_000, 1.0)
    end_ms = START_MS + 870_000
    first = await cluster.ask("load", end_ms)
    again = await cluster.ask("load", end_ms)
    later = await cluster.ask("load", end_ms + STEP_MS)
    assert first.stats.samples_read > 60
    assert list(again.labels) == list(first.labels)
    assert later.stats.samples_read < 31  # one step looks back five minutes
    await cluster.write(1, START_MS + 300_000, 2.0)  # late
    assert (await cluster.ask("load", end_ms + STEP_MS)).labels == [host(0)[0], host(1)[0]]


async def test_what_depends_on_the_range_itself_is_not_kept(cluster: Cluster) -> None:
    for slot in range(90):
        await cluster.write(0, START_MS + slot * 10_000, float(slot))
    end_ms = START_MS + 870_000
    for text in (
        "load @ end()",
        "load offset -1m",
        f"load @ {START_MS / 1000 + 600}",
        "sum_over_time(load[5m] @ start())",
    ):
        await cluster.ask(text, end_ms)
        await cluster.write(0, end_ms - 5_000, 7.0)
        kept, fresh = (
            await cluster.ask(text, end_ms + STEP_MS),
            await cluster.ask(text, end_ms + STEP_MS, may_be_kept=False),
        )
        assert np.array_equal(kept.values, fresh.values), text


async def test_queries_at_the_same_time_do_not_mix(cluster: Cluster) -> None:
    for slot in range(90):
        await cluster.write(slot % HOSTS, START_MS + slot * 10_000, float(slot))
    ends = [START_MS + 600_000 + turn * STEP_MS for turn in (0, 3, 1, 2, 5, 4)]
    answers = await asyncio.gather(*(cluster.ask("load", end_ms) for end_ms in ends))
    for end_ms, answer in zip(ends, answers, strict=True):
        fresh = await cluster.ask("load", end_ms, may_be_kept=False)
        assert np.array_equal(answer.present, fresh.present)


def test_changes_tell_the_oldest_time_since_any_of_them() -> None:
    changes = Changes()
    at = []
    for oldest_ms in (100_000, 50_000, 70_000, 60_001, 90_000):
        at.append(changes.number)
        changes.note(oldest_ms)
    assert [changes.oldest_since(number) for number in at] == [50_000, 50_000, 60_000, 60_000, 90_000]
    assert changes.oldest_since(changes.number) == float("inf")


def test_changes_that_are_long_ago_are_taken_for_the_worst() -> None:
    changes = Changes()
    for slot in range(10_020):
        changes.note(slot * 10_000)
    assert changes.oldest_since(10) == float("-inf")
    assert changes.oldest_since(10_000) == 10_000 * 10_000
