"""Queries of one step take the newest samples where they are enough: with the same answer as from all samples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.store.base import Frame, Matcher, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, STALE_BITS, Kind, Labels

NOW_MS = 1_750_000_000_000
STALE = float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])
QUERIES = (
    "load",
    "sum by (site) (load) / count by (site) (load)",
    "timestamp(load)",
    "timestamp(load @ 1749999900)",
    "load offset 1m",
    "load @ end() + load",
    "max_over_time(load[1m]) - load",
    "count_over_time(load[2m:30s])",
    "absent(load{host='h3'})",
)


class OnlySelects:
    """A store of which nothing is known but that it finds samples."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        return await self._store.select(matchers, start_ms, end_ms)


def labels(host: int) -> Labels:
    return (NAME, "load"), ("host", f"h{host}"), ("site", f"s{host % 2}")


@pytest.mark.parametrize("ahead_ms", [0, 1, 20_000, 290_000, 310_000, -15_000])
async def test_the_newest_samples_answer_as_all_samples_do(tmp_path: Path, ahead_ms: int) -> None:
    store = EmbeddedStore.open(tmp_path / "store", window_s=0.0)
    groups = [store.register([labels(host)], [Kind.GAUGE]) for host in range(5)]
    for slot in range(40):
        for host, group in enumerate(groups):
            value = STALE if host == 3 and slot == 39 else float(100 * host + slot)
            if host != 4 or slot < 5:  # the last one has not been heard of for long
                await store.append([Row(group, NOW_MS - (39 - slot) * 15_000 - host * 1000, np.array([value]))], None)
    engine, plain = Engine(store, QueryOptions()), Engine(OnlySelects(store), QueryOptions())  # type: ignore[arg-type]
    for text in QUERIES:
        own, expected = await engine.instant(text, NOW_MS + ahead_ms), await plain.instant(text, NOW_MS + ahead_ms)
        assert list(own.labels) == list(expected.labels), text
        assert np.array_equal(own.values, expected.values), text
    if ahead_ms >= 0:
        assert (await engine.instant("load", NOW_MS + ahead_ms)).stats.samples_read == 5
    engine.close()
    plain.close()
    await store.close()
