"""`anomaly_rate` tells what part of the samples in a window were anomalies, from the verdicts beside them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from netmon_collector.query.answer import QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.store.base import Group, Row, Store
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.store.judged import Judged, Verdict
from netmon_proto.model import NAME, Kind
from tests.support.memory_store import MemoryStore

MINUTE = 60_000
UNKNOWN, NORMAL, ODD = Verdict.UNKNOWN, Verdict.NORMAL, Verdict.ANOMALOUS
SAID = np.array([[NORMAL, UNKNOWN], [ODD, UNKNOWN], [NORMAL, NORMAL], [ODD, UNKNOWN]], np.uint8)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    opened = EmbeddedStore.open(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def group(store: EmbeddedStore) -> Group:
    return store.register([((NAME, "load"), ("host", host)) for host in "ab"], [Kind.GAUGE] * 2)


@pytest.fixture
async def engine(store: EmbeddedStore, group: Group) -> AsyncIterator[Engine]:
    """Four samples of two hosts, of which not all were judged."""
    times = MINUTE * np.arange(1, 5)
    await store.append([Row(group, int(time), np.array([5.0, 7.0])) for time in times], None)
    store.judge([Judged(group, times, SAID)])
    engine = Engine(store, QueryOptions())
    yield engine
    engine.close()


async def test_only_samples_that_were_judged_count(engine: Engine) -> None:
    answer = await engine.instant("anomaly_rate(load[10m])", 4 * MINUTE)
    assert [dict(one) for one in answer.labels] == [{"host": "a"}, {"host": "b"}]
    assert answer.values[:, 0].tolist() == [0.5, 0]
    later = await engine.instant('anomaly_rate(load{host="a"}[90s])', 4 * MINUTE)
    assert later.values.tolist() == [[0.5]]


async def test_where_nothing_was_judged_is_nothing(engine: Engine) -> None:
    assert not (await engine.instant('anomaly_rate(load{host="b"}[1m])', 4 * MINUTE)).labels


async def test_a_verdict_that_comes_later_changes_what_was_asked_before(
    engine: Engine, store: EmbeddedStore, group: Group
) -> None:
    async def ask() -> list[float]:
        answer = await engine.range('anomaly_rate(load{host="b"}[10m])', 3 * MINUTE, 4 * MINUTE, MINUTE)
        return [float(value) for value in answer.values[0]]

    assert await ask() == [0, 0]
    store.judge([Judged(group, np.array([4 * MINUTE]), np.array([[UNKNOWN, ODD]], np.uint8))])
    assert await ask() == [0, 0.5]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("anomaly_rate(load[10m:1m])", "needs the samples themselves, such as node_load1.1h., not a subquery"),
        ("anomaly_rate(load)", "expected type range vector"),
    ],
)
async def test_what_has_no_verdicts_is_refused(engine: Engine, query: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        await engine.instant(query, 4 * MINUTE)


async def test_a_store_without_verdicts_is_named() -> None:
    engine = Engine(cast(Store, MemoryStore()), QueryOptions())
    with pytest.raises(QueryError, match="needs the embedded store"):
        await engine.instant("anomaly_rate(load[10m])", MINUTE)
    engine.close()
