"""What VictoriaMetrics evaluates for us is what we evaluate ourselves, from its samples."""

import itertools
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from netmon_collector.query.answer import Answer
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.query.plan import Query
from netmon_collector.query.pushdown import AGGREGATIONS, FUNCTIONS, summary_of
from netmon_collector.query.syntax.parser import parse
from netmon_collector.store.base import ABSENT, Row
from netmon_collector.store.outside.store import OutsideStore
from netmon_collector.store.remote import Steps, Summarised, Summary
from netmon_proto.model import Kind, Labels
from tests.collector.store.outside_lab import opened
from tests.support.servers import RunningServer, victoria_metrics

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPAN_MS = 3_600_000
EVERY_MS = 10_000


class Recording(OutsideStore):
    """Writes down what its server evaluated, or has it evaluate nothing."""

    told: list[tuple[Summary, Summarised | None]]
    silent: bool

    async def summarise(self, what: Summary, steps: Steps) -> Summarised | None:
        told = None if self.silent else await super().summarise(what, steps)
        self.told.append((what, told))
        return told


@dataclass
class Lab:
    store: Recording
    server: RunningServer
    engine: Engine
    end_ms: int

    async def both(self, text: str, start_ms: int, end_ms: int, step_ms: int) -> tuple[Answer, Answer]:
        """The answer with the server's help, and without."""
        self.store.told.clear()
        self.store.silent = False
        helped = await self.engine.range(text, start_ms, end_ms, step_ms)
        self.store.silent = True
        return helped, await self.engine.range(text, start_ms, end_ms, step_ms)


def series(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    folder: Path = tmp_path_factory.mktemp("pushdown")
    server = victoria_metrics(folder / "server")
    server.start()
    end_ms = (time.time_ns() // 1_000_000 - 600_000) // 60_000 * 60_000
    try:
        async with opened(f"victoriametrics:{server.url}", folder) as store:
            store.__class__ = Recording
            assert isinstance(store, Recording)
            store.told, store.silent = [], True
            await fill(store, end_ms)
            server.flush()
            engine = Engine(store, QueryOptions())
            yield Lab(store, server, engine, end_ms)
            engine.close()
    finally:
        server.kill()


async def fill(store: OutsideStore, end_ms: int) -> None:
    """An hour of counters with resets, gauges of both signs, an infinity, gaps, series that begin late or end early."""
    labels = [
        *(series("load", instance=f"web{one}", zone="xy"[one % 2], job="node") for one in range(6)),
        *(series("requests_total", instance=f"web{one}", code=code) for one in range(3) for code in ("200", "500")),
        series("load", instance='we"b\\6\n', job="node"),
    ]
    rng = np.random.default_rng(3)
    group = store.register(labels, [Kind.GAUGE] * len(labels))
    values = np.round(rng.normal(0, 100, (SPAN_MS // EVERY_MS, len(labels))), 2)
    values[:, 6:12] = np.cumsum(rng.integers(0, 9, (len(values), 6)), axis=0) % 700
    values[140, 4] = np.inf
    values[100:160, 0] = values[:90, 1] = values[200:, 2] = values[50:51, 3] = ABSENT
    start_ms = end_ms - SPAN_MS
    rows = [Row(group, start_ms + 3_210 + at * EVERY_MS, row) for at, row in enumerate(values)]
    await store.append(rows, None)
    assert await store.delivered()


def same(helped: Answer, alone: Answer) -> None:
    assert list(helped.labels) == list(alone.labels)
    assert helped.times.tolist() == alone.times.tolist()
    assert np.array_equal(helped.present, alone.present)
    there = alone.present
    assert np.allclose(helped.values[there], alone.values[there], rtol=1e-12, atol=1e-9)


def queries() -> list[str]:
    """Each aggregation with each function, and a sample of groupings, windows and offsets of each."""
    rng = random.Random(5)
    inner = [*(f"{name}({{}}[{{}}]{{}})" for name in sorted(FUNCTIONS)), "{}{}"]
    found = []
    for aggregation, form in itertools.product(sorted(AGGREGATIONS), inner):
        for _ in range(3):
            selector = rng.choice(["load", "requests_total", 'load{zone!="x"}', '{instance=~"web(0|1|2)"}', "nothing"])
            window, offset = rng.choice(["25s", "2m", "5m", "1h"]), rng.choice(["", "", " offset 7m", " offset -90s"])
            parts = (selector, window, offset) if "[" in form else (selector, offset)
            how = rng.choice(["", "by (job)", "by (instance, code)", "without (instance)", "by (nothing)"])
            found.append(f"{aggregation} {how} ({form.format(*parts)})")
    return found


@pytest.mark.parametrize("step_ms", [5_000, 60_000, 427_000])
async def test_what_is_on_the_list_comes_to_the_same(lab: Lab, step_ms: int) -> None:
    for text in queries():
        helped, alone = await lab.both(text, lab.end_ms - SPAN_MS + 300_000, lab.end_ms, step_ms)
        try:
            same(helped, alone)
            ((_, told), _) = lab.store.told
            assert told is not None
            assert told.until_ms == helped.times[-1]
        except AssertionError as error:
            error.add_note(text)
            raise


async def test_what_is_new_is_evaluated_here(lab: Lab) -> None:
    """The last minute is not asked of the server, which makes values up (and has its clock behind, at that)."""
    now_ms = time.time_ns() // 1_000_000 // 1000 * 1000
    helped, alone = await lab.both("sum (load offset 10m)", now_ms - 300_000, now_ms, 10_000)
    same(helped, alone)
    ((_, told), _) = lab.store.told
    assert told is not None
    assert now_ms - 110_000 <= told.until_ms <= now_ms - 50_000


async def test_where_opposite_infinities_meet_the_server_tells_nothing(lab: Lab) -> None:
    """The one known difference, named in docs/stores.md: it has no NaN."""
    group = lab.store.register([series("endless", instance=one) for one in "ab"], [Kind.GAUGE] * 2)
    await lab.store.append([Row(group, lab.end_ms - 60_000, np.array([np.inf, -np.inf]))], None)
    assert await lab.store.delivered()
    lab.server.flush()
    helped, alone = await lab.both("sum(endless)", lab.end_ms - 60_000, lab.end_ms - 60_000, 1_000)
    assert np.isnan(alone.values).all()
    assert alone.present.all()
    assert list(helped.labels) == []


async def test_what_is_still_on_its_way_is_evaluated_here(lab: Lab, tmp_path: Path) -> None:
    async with opened(f"victoriametrics:{lab.server.url}", tmp_path, hold_s=600.0) as store:
        name = series("late", instance="web1")
        group = store.register([name], [Kind.GAUGE])
        times = range(lab.end_ms - 600_000, lab.end_ms - 300_000, 10_000)
        await store.append([Row(group, at, np.array([1.0])) for at in times], None)
        what = summary_of(query("sum(late)", lab.end_ms))
        assert what is not None
        told = await store.summarise(what, Steps(lab.end_ms - 900_000, lab.end_ms, 60_000))
        assert told is not None
        assert told.until_ms == lab.end_ms - 660_000
        assert await store.summarise(what, Steps(lab.end_ms - 600_000, lab.end_ms, 60_000)) is None
        engine = Engine(store, QueryOptions())
        answer = await engine.range("count(late)", lab.end_ms - 900_000, lab.end_ms, 60_000)
        assert answer.times[answer.present[0]][0] == lab.end_ms - 600_000
        engine.close()


def query(text: str, end_ms: int, step_ms: int = 60_000, start_ms: int | None = None) -> Query:
    start_ms = end_ms - 600_000 if start_ms is None else start_ms
    return Query(text, parse(text), start_ms, end_ms, step_ms, 300_000, 60_000, frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "load",
        "sum(rate(requests_total[5m]))",
        "sum(increase(requests_total[5m]))",
        "sum(last_over_time(load[5m]) * 2)",
        "topk(2, load)",
        "quantile(0.5, load)",
        "stddev(load)",
        "sum(stddev_over_time(load[5m]))",
        "sum(load @ 1769860800)",
        "sum(load @ end())",
        "sum(avg_over_time(load[5m:1m]))",
        "sum by (__name__) (load)",
        "sum without () (load)",
        "sum(load) + 1",
        "sum(avg_over_time(load[5m1ms]))",
        "sum(load offset 1ms)",
        "sum(sum(load))",
        'sum by ("odd.name") (load)',
    ],
)
async def test_what_is_not_on_the_list_is_not_asked_for(text: str) -> None:
    assert summary_of(query(text, 1_769_860_800_000)) is None


async def test_steps_that_a_server_would_round_are_not_asked_for() -> None:
    assert summary_of(query("sum(load)", 1_769_860_800_000)) is not None
    assert summary_of(query("sum(load)", 1_769_860_800_001)) is None
    assert summary_of(query("sum(load)", 1_769_860_800_000, 1_500)) is None
    assert summary_of(query("sum(load)", 1_769_860_800_000, 0)) is None


async def test_a_server_that_is_away_is_told_once_where_samples_are_read(lab: Lab) -> None:
    lab.server.kill()
    try:
        lab.store.silent = False
        with pytest.raises(Exception, match=r"the store cannot be read: .* does not answer"):
            await lab.engine.range("sum(load)", lab.end_ms - 60_000, lab.end_ms, 10_000)
    finally:
        lab.server.start()
