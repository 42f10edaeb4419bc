"""Who takes processors and memory of a host that did not do so before, and who takes what it always takes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from netmon_analytics.cause.consumption import Rise, rise
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.consumers import Consumers
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.store.base import Points
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Labels

NOW_MS = 1_700_000_000_000
STEP_S, HOURS = 15, 2
GIB = 2.0**30
SECONDS = np.arange(-HOURS * 3600, STEP_S, STEP_S, dtype=np.float64)
"""Before now."""


@dataclass
class Host:
    """Two processors, 16 GiB of memory, and what processes take: parts of a processor and bytes at `SECONDS`."""

    store: EmbeddedStore
    engine: Engine
    name: str = "web"
    since_s: float = -HOURS * 3600.0

    async def write(self, free: float = 8 * GIB, **taken: tuple[np.ndarray, np.ndarray]) -> None:
        flat = np.ones(len(SECONDS))
        await self._append({"__name__": "node_cpu_seconds_total", "cpu": "0", "mode": "idle"}, flat)
        await self._append({"__name__": "node_cpu_seconds_total", "cpu": "1", "mode": "idle"}, flat)
        await self._append({"__name__": "node_memory_MemTotal_bytes"}, 16 * GIB * flat)
        await self._append({"__name__": "node_memory_MemAvailable_bytes"}, free * flat)
        for name, (processors, resident) in taken.items():
            seconds = np.where(np.isnan(processors), np.nan, np.nancumsum(processors) * STEP_S)
            metric, group = "namedprocess_namegroup_", {"groupname": name}
            await self._append({"__name__": f"{metric}cpu_seconds_total", "mode": "user", **group}, seconds)
            await self._append({"__name__": f"{metric}memory_bytes", "memtype": "resident", **group}, resident)
            await self._append({"__name__": f"{metric}num_procs", **group}, np.where(np.isnan(seconds), np.nan, 1.0))

    async def _append(self, labels: dict[str, str], values: np.ndarray) -> None:
        series: Labels = tuple(sorted({**labels, "instance": self.name, "job": "node"}.items()))
        there = np.isfinite(values) & (self.since_s <= SECONDS)
        times = (NOW_MS + 1000 * SECONDS[there]).astype(np.int64)
        places = np.full(len(times), self.store.enroll([series])[0])
        await self.store.append([Points(self.store.pool, places, times, values[there])], None)

    async def look(self) -> list[str]:
        """What is told of it, in words."""
        told: list[Anomaly] = []

        def tell(found: Sequence[Anomaly]) -> None:
            told.extend(found)

        await Consumers(self.engine, tell, lambda: NOW_MS).look()
        assert {dict(one.labels)["instance"] for one in told} <= {self.name}
        return [one.words for one in told]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    store = EmbeddedStore.open(tmp_path / "store", window_s=0.0)
    engine = Engine(store, QueryOptions(concurrency=1, cache_bytes=0))
    yield Host(store, engine)
    engine.close()
    await store.close()


def since(minutes: float, value: float, before: float = np.nan) -> np.ndarray:
    return np.where(-60 * minutes < SECONDS, value, before)


BUSY = since(0, 0, 1.2), since(0, 0, 4 * GIB)
"""What takes most, as always."""


async def test_a_new_process_that_takes_a_processor_is_named(host: Host) -> None:
    await host.write(db=BUSY, hog=(since(10, 0.8), since(10, 1e6)))
    assert await host.look() == ["hog takes 0.80 of 2 processors, for 10 min; none in the week before"]


async def test_what_takes_more_than_ever_is_named_with_what_it_took(host: Host) -> None:
    await host.write(db=BUSY, job=(since(20, 1.1, 0.3), since(0, 0, 1e6)))
    assert await host.look() == ["job takes 1.10 of 2 processors, for 20 min; at most 0.30 in the week before"]


async def test_memory_that_leaks_is_told_with_its_end_and_a_process_that_has_started_is_not(host: Host) -> None:
    leaked = np.where(SECONDS > -300, 2.0**20 * (4 * SECONDS + 1300), np.nan)
    await host.write(db=BUSY, leak=(since(5, 0.0), leaked), app=(since(5, 0.0), since(5, 0.5 * GIB)))
    held, pace = "leak holds 1,240 MiB of memory", "which grows by 4 MiB/s, for 5 min"
    assert await host.look() == [f"{held}, {pace}; at this pace none is left in 34 min"]


async def test_growth_that_lasts_for_many_hours_is_told_when_it_is_much(host: Host) -> None:
    grown = np.where(SECONDS > -3000, 2.0**20 * (0.1 * SECONDS + 2300), np.nan)
    await host.write(db=BUSY, small=(since(50, 0.0), grown / 10), large=(since(50, 0.0), grown))
    told = "large holds 2,298 MiB of memory, which grows by 0.1 MiB/s, for 50 min; at this pace none is left in 23 h"
    assert await host.look() == [told]


async def test_much_memory_that_is_new_is_told_though_it_does_not_grow(host: Host) -> None:
    await host.write(db=BUSY, app=(since(5, 0.0), since(5, 2 * GIB)))
    assert await host.look() == ["app holds 2,048 MiB of memory, more than ever in the week before, for 5 min"]


async def test_of_a_host_that_is_new_nobody_knows_what_is_usual(host: Host) -> None:
    host.since_s = -1800.0
    await host.write(db=BUSY, hog=(since(10, 0.8), since(10, 1e6)))
    assert await host.look() == []


async def test_what_is_over_is_not_told(host: Host) -> None:
    await host.write(db=BUSY, hog=(since(10, 0.8) * np.where(SECONDS > -400, 0.0, 1.0), since(10, 1e6)))
    assert await host.look() == []


def test_a_rise_begins_where_it_leaves_what_is_usual() -> None:
    times = np.arange(0.0, 200.0, 10.0)
    assert rise(times, np.where(times >= 100, 0.9, 0.2), 0.3) == Rise(0.9, 100.0, 0.0)
    growing = rise(times, np.where(times >= 100, times / 100, np.nan), 0.0)
    assert growing is not None
    assert (growing.now, growing.since_s) == (1.8, 100.0)
    assert growing.pace == pytest.approx(0.01)
    assert rise(times, np.full(20, 0.2), 0.3) is None
    assert rise(times[:0], times[:0], 0.0) is None
