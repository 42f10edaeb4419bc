"""What is asked again is read from what was put together before, and what is small is evaluated at once: with the same
answers as from samples that are read anew.
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.query.answer import QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.store.base import Matcher, MatchOp, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.options import StoreSettings
from netmon_proto.model import NAME, STALE_BITS, Kind, Labels
from tests.collector.query.test_newest import OnlySelects

START_MS = 1_750_000_020_000
INTERVAL_MS = 15_000
STALE = float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])
SETTINGS = StoreSettings(window_s=0, head_slots=20, seal_every_s=0, merge_every_s=1e9)
QUERIES = (
    "load",
    "rate(load[2m])",
    "increase(load[1m]) > 0",
    "sum by (site) (rate(load[5m])) / count by (site) (load)",
    "topk(2, max_over_time(load[2m])) + on (host) group_left () sum by (host) (load)",
    "quantile(0.5, irate(load[3m])) or absent(load)",
    "delta(load[10m] offset 3m)",
    "changes(load[5m]) - resets(load[5m])",
    "avg_over_time(rate(load[1m])[3m:30s])",
    'increase(load{host="h1"}[5m]) / (load{host="h1"} - load{host="h1"})',
    'sum by (cpu) (rate(load{host="h2"}[2m])) * 8',
)


class Hosts:
    """Hosts that send gathers of three series, at moments of their own, with gaps, resets and stale markers."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.store = store
        self.slot = 0

    async def send(self, slots: int, hosts: int = 6) -> None:
        dice = np.random.default_rng(self.slot)
        for slot in range(self.slot, self.slot + slots):
            for host in range(hosts):
                if host == 4 and slot % 11 == 3:
                    continue
                values = np.array([slot % 17, 1000.0 * host + slot, dice.integers(0, 3)], np.float64)
                if host == 2 and slot % 13 == 5:
                    values[1] = STALE
                group = self.store.register(_labels(host), [Kind.COUNTER] * 3)
                await self.store.append([Row(group, START_MS + slot * INTERVAL_MS + host * 1000, values)], None)
        self.slot += slots

    @property
    def now_ms(self) -> int:
        return START_MS + self.slot * INTERVAL_MS


def _labels(host: int) -> list[Labels]:
    return [((NAME, "load"), ("cpu", str(cpu)), ("host", f"h{host}"), ("site", f"s{host % 2}")) for cpu in range(3)]


@pytest.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[Hosts]:
    store = EmbeddedStore.open(tmp_path, SETTINGS)
    yield Hosts(store)
    await store.close()


async def test_answers_are_the_same_while_samples_and_series_come_and_heads_go_to_files(hosts: Hosts) -> None:
    engine = Engine(hosts.store, QueryOptions())
    plain = Engine(OnlySelects(hosts.store), QueryOptions())  # type: ignore[arg-type]
    for slots, count in ((50, 6), (1, 6), (3, 7), (30, 7)):
        await hosts.send(slots, count)
        for text in QUERIES:
            for step_ms in (0, 30_000):
                span = (hosts.now_ms, hosts.now_ms, 1) if not step_ms else (START_MS, hosts.now_ms, step_ms)
                for _ in range(2):
                    own = await engine.range(text, *span, may_be_kept=False)
                    expected = await plain.range(text, *span, may_be_kept=False)
                    assert list(own.labels) == list(expected.labels), text
                    assert np.array_equal(own.present, expected.present), text
                    assert np.array_equal(own.values[own.present], expected.values[own.present], equal_nan=True), text
    engine.close()
    plain.close()


async def test_a_small_query_takes_no_thread_once_its_samples_are_at_hand(hosts: Hosts) -> None:
    await hosts.send(50)
    engine = Engine(hosts.store, QueryOptions())
    text, times = 'rate(load{host="h1"}[2m])', (START_MS + 300_000, START_MS + 600_000, 30_000)
    before = await engine.range(text, *times, may_be_kept=False)
    engine.close()  # and with it the threads
    after = await engine.range(text, *times, may_be_kept=False)
    assert np.array_equal(before.values, after.values)
    assert len(after.labels) == 3


async def test_a_small_query_takes_no_thread_because_other_samples_went_to_a_file(hosts: Hosts) -> None:
    await hosts.send(50)
    engine = Engine(hosts.store, QueryOptions())
    text, times = 'rate(load{host="h1"}[2m])', (START_MS + 300_000, START_MS + 330_000, 30_000)
    before = await engine.range(text, *times, may_be_kept=False)
    chunks = (await hosts.store.cardinality(1)).chunks
    await hosts.send(100)
    await hosts.store._upkeep.round(time.monotonic())
    assert (await hosts.store.cardinality(1)).chunks > chunks
    engine.close()
    after = await engine.range(text, *times, may_be_kept=False)
    assert np.array_equal(before.values, after.values)


async def test_few_stored_samples_take_no_thread_and_are_those_that_were_stored(hosts: Hosts) -> None:
    await hosts.send(50)
    engine = Engine(hosts.store, QueryOptions())
    plain = Engine(OnlySelects(hosts.store), QueryOptions())  # type: ignore[arg-type]
    text = 'load{host=~"h[02]"}[5m]'
    await engine.instant(text, hosts.now_ms)
    engine.close()
    own, expected = await engine.instant(text, hosts.now_ms), await plain.instant(text, hosts.now_ms)
    plain.close()
    assert own.samples is not None
    assert expected.samples is not None
    assert list(own.labels) == list(expected.labels)
    assert np.array_equal(own.samples.starts, expected.samples.starts)
    assert np.array_equal(own.samples.times, expected.samples.times)
    assert np.array_equal(own.samples.values, expected.samples.values)
    for longer in ("load[14d]", "load[5m:1s]"):
        with pytest.raises(QueryError, match="shutdown"):
            await engine.instant(longer, hosts.now_ms)


async def test_many_stored_samples_are_not_taken_together_on_the_event_loop(hosts: Hosts) -> None:
    often = hosts.store.register([_labels(9)[0]], [Kind.GAUGE])
    count = 20_001
    rows = [Row(often, START_MS + at * 100, np.array([float(at)])) for at in range(count)]
    await hosts.store.append(rows, None)
    engine = Engine(hosts.store, QueryOptions())
    text, end_ms = 'load{host="h9"}[34m]', START_MS + count * 100
    found = await engine.instant(text, end_ms)
    assert found.samples is not None
    assert len(found.samples.times) == count
    engine.close()
    with pytest.raises(QueryError, match="shutdown"):
        await engine.instant(text, end_ms)


async def test_what_takes_long_is_not_evaluated_on_the_event_loop(hosts: Hosts) -> None:
    await hosts.send(50)
    engine = Engine(hosts.store, QueryOptions())
    times = START_MS + 300_000, START_MS + 600_000
    await engine.range("rate(load[2m])", *times, 100, may_be_kept=False)
    engine.close()
    for text, step_ms in (("rate(load[2m])", 100), ("rate(load[1d])", 30_000), ("rate(rate(load[2m])[10m:1s])", 3e5)):
        with pytest.raises(QueryError, match="shutdown"):
            await engine.range(text, *times, int(step_ms), may_be_kept=False)


async def test_what_a_delete_took_is_not_found_again(hosts: Hosts) -> None:
    await hosts.send(50)
    engine = Engine(hosts.store, QueryOptions())
    text, time_ms = "count_over_time(load[10m])", hosts.now_ms
    assert (await engine.instant(text, time_ms)).values.sum() > 0
    await hosts.store.delete([Matcher("cpu", MatchOp.EQUAL, "1")], 0, time_ms)
    left = await engine.instant(text, time_ms)
    assert {dict(labels)["cpu"] for labels in left.labels} == {"0", "2"}
    engine.close()
