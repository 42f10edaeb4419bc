"""Where samples are gone, rollups answer: exactly where windows end at the edges of buckets."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.query.answer import Answer, QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.store.base import Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.retention import DAY_MS, Keep, Retention
from netmon_proto.model import Kind, Labels

MINUTE, HOUR = 60_000, 3_600_000
DAYS = 3
GONE_MS = 2 * DAY_MS
EAGER = StoreSettings(window_s=0, head_slots=120, seal_every_s=0, merge_every_s=1e9, merge_files=3)


def labels(name: str, host: str) -> Labels:
    return (("__name__", name), ("host", host))


async def fill(store: EmbeddedStore) -> None:
    """A counter that starts again now and then and a gauge, of two hosts, every two minutes, never on a whole one."""
    names = [labels(name, host) for name in ("done_total", "load") for host in "ab"]
    group = store.register(names, [Kind.COUNTER, Kind.COUNTER, Kind.GAUGE, Kind.GAUGE])
    rows = []
    for at in range(DAYS * 720):
        counter = float(at % 500 * 3)
        values = np.array([counter, 2 * counter, at % 97, (at * 7) % 31 - 5.5])
        rows.append(Row(group, at * 2 * MINUTE + 7_000, values))
    for start in range(0, len(rows), 120):
        await store.append(rows[start : start + 120], None)
    await store._upkeep._let_go_of_log()
    await store._upkeep._merger.merge()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[tuple[Engine, EmbeddedStore]]:
    store = EmbeddedStore.open(tmp_path, EAGER, retention=Retention(Keep(DAY_MS, 100 * DAY_MS, 400 * DAY_MS), ()))
    await fill(store)
    engine = Engine(store, QueryOptions())
    yield engine, store
    engine.close()
    await store.close()


async def ask(engine: Engine, query: str, step_ms: int, start_ms: int = 12 * HOUR) -> Answer:
    return await engine.range(query, start_ms, DAYS * DAY_MS, step_ms, may_be_kept=False)


EXACT = [
    *("rate(done_total[1h])", "increase(done_total[2h])", "delta(load[3h])", "load", "done_total offset 1h"),
    *("avg_over_time(load[1h])", "min_over_time(load[6h])", "max_over_time(load[6h])", "sum_over_time(load[2h])"),
    *("count_over_time(load[1h])", "last_over_time(load[1h])", "present_over_time(load[1h])"),
    *("sum by (host) (rate(done_total[4h]))", "max(load) - min(load)", "absent_over_time(load[1h])"),
]


async def test_values_at_the_edges_of_buckets_are_what_they_were(engine: tuple[Engine, EmbeddedStore]) -> None:
    queries, store = engine
    before = {query: await ask(queries, query, HOUR) for query in EXACT}
    assert len((await ask(queries, "load", HOUR)).times) == 61
    for _ in range(5):
        await store.forget_before(GONE_MS)
    gone = await queries.range("count_over_time(load[2m])", 12 * HOUR, GONE_MS - DAY_MS, 2 * MINUTE, may_be_kept=False)
    assert not len(gone.labels), "no sample is left of that time"
    for query, answer in before.items():
        now = await ask(queries, query, HOUR)
        assert list(now.labels) == list(answer.labels), query
        assert np.array_equal(now.present, answer.present), query
        np.testing.assert_allclose(now.values[now.present], answer.values[answer.present], rtol=1e-9, err_msg=query)


async def test_between_the_edges_of_buckets_values_are_near(engine: tuple[Engine, EmbeddedStore]) -> None:
    queries, store = engine
    query = "avg_over_time(load[6h])"
    before = await ask(queries, query, HOUR, 12 * HOUR + 17 * MINUTE)
    for _ in range(5):
        await store.forget_before(GONE_MS)
    now = await ask(queries, query, HOUR, 12 * HOUR + 17 * MINUTE)
    assert np.array_equal(now.present, before.present)
    np.testing.assert_allclose(now.values, before.values, atol=8)
    assert not np.array_equal(now.values, before.values)


async def test_a_series_that_is_young_is_told_by_its_samples_as_none_of_them_is_gone(
    engine: tuple[Engine, EmbeddedStore],
) -> None:
    queries, store = engine
    group = store.register([labels("load", "young")], [Kind.GAUGE])
    begins_ms = DAYS * DAY_MS - HOUR + 7_000
    await store.append([Row(group, begins_ms + n * MINUTE, np.array([1.0])) for n in range(40)], None)
    for _ in range(5):
        await store.forget_before(GONE_MS)
    for query in ('count_over_time(load{host="young"}[12h])', "count_over_time(load[12h])"):
        answer = await ask(queries, query, HOUR, DAYS * DAY_MS - 20 * MINUTE)
        (row,) = (at for at, own in enumerate(answer.labels) if ("host", "young") in own)
        assert answer.values[row].tolist() == [40], query
    answer = await queries.range('count_over_time(load{host="young"}[2d])', DAYS * DAY_MS - 23 * MINUTE,
                                 DAYS * DAY_MS, 20 * MINUTE, may_be_kept=False)  # fmt: skip
    assert answer.values.tolist() == [[37, 40]], "the window begins when samples of others are gone"
    old = await queries.range("count_over_time(load[2d])", DAYS * DAY_MS - 23 * MINUTE, DAYS * DAY_MS,
                              20 * MINUTE, may_be_kept=False)  # fmt: skip
    told = {dict(own)["host"]: values for own, values in zip(old.labels, old.values.tolist(), strict=True)}
    assert told["young"] == [37, 40]
    assert told["a"] == pytest.approx([1440, 1440], abs=8)


async def test_what_rollups_cannot_tell_ends_with_the_samples(engine: tuple[Engine, EmbeddedStore]) -> None:
    queries, store = engine
    for _ in range(5):
        await store.forget_before(GONE_MS)
    for query in ("stddev_over_time(load[1h])", "max_over_time((load + 1)[1h:5m])", "timestamp(load)"):
        answer = await ask(queries, query, HOUR)
        assert not answer.present[:, answer.times < GONE_MS - DAY_MS].any(), query
    fine = await queries.range("load", 12 * HOUR, 2 * DAY_MS, 4 * MINUTE, may_be_kept=False)
    assert not fine.present[:, fine.times < GONE_MS - DAY_MS].any(), "steps finer than buckets"


async def test_very_many_samples_are_not_read_where_rollups_will_do(
    engine: tuple[Engine, EmbeddedStore],
) -> None:
    queries, store = engine
    before = await ask(queries, "rate(done_total[1h])", HOUR)
    sparing = Engine(store, QueryOptions(raw_samples=1000))
    now = await ask(sparing, "rate(done_total[1h])", HOUR)
    sparing.close()
    assert now.stats.samples_read < before.stats.samples_read / 2
    np.testing.assert_allclose(now.values, before.values, rtol=1e-9)


async def test_stored_samples_are_told_however_many_they_are(engine: tuple[Engine, EmbeddedStore]) -> None:
    queries, store = engine
    sparing = Engine(store, QueryOptions(raw_samples=1000))
    for asked in (queries, sparing, sparing):
        answer = await asked.instant("load[3d]", DAYS * DAY_MS)
        assert answer.samples is not None
        assert len(answer.samples.times) == 2 * DAYS * 720
    sparing.close()


async def test_far_too_many_samples_are_refused_before_they_are_read(engine: tuple[Engine, EmbeddedStore]) -> None:
    queries, _ = engine
    with pytest.raises(QueryError, match=r"more than 1000 samples; about \d+: ask for fewer series"):
        await queries.range("stddev_over_time(load[1h])", 0, DAYS * DAY_MS, HOUR, limits=Limits(samples=1000))
