"""Links between the same two devices that carry very different loads, seen by what either end counts."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from netmon_analytics.cause.balance import balance
from netmon_collector.link_balance import LinkBalance, bundles_of
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.rules.writing import Ledger
from netmon_collector.state.events import NewEvent
from netmon_collector.store.base import Points, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.topology.graph import End, Graph, Link, Node
from netmon_proto.model import Labels

NOW_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def around(core: str) -> Graph:
    return Graph.of(
        [Node(core), Node("hall"), Node("yard")],
        [
            Link(End(core, "ge1"), End("hall", "ge1"), bundle="core ae0"),
            Link(End(core, "ge2"), End("hall", "ge2"), bundle="core ae0"),
            Link(End(core, "ge3"), End("yard", "ge1")),
            Link(End(core, "ge4"), End("yard", "ge2"), is_blocked=True),
        ],
    )


GRAPH = around("core")


def test_balance_is_0_for_even_loads_and_1_for_one_that_carries_all() -> None:
    numbers = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    load = np.array([4.0, 4.0, 8.0, 0.0, 1.0, np.nan, 4.0, 1.0])
    found = balance(numbers, load, np.array([10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 40.0, 10.0]))
    assert found.imbalance.tolist() == pytest.approx([0.0, 1.0, np.nan, 0.0], nan_ok=True)
    assert found.busiest.tolist() == pytest.approx([0.4, 0.8, np.nan, 0.1], nan_ok=True)
    assert found.failover.tolist() == pytest.approx([0.8, 0.8, np.nan, 0.5], nan_ok=True)
    assert balance(np.empty(0, np.intp), np.empty(0), np.empty(0)).imbalance.tolist() == []


def test_links_in_reserve_are_no_bundle() -> None:
    assert [one.key for one in bundles_of(GRAPH)] == [("core", "hall", "core ae0"), ("hall", "core", "core ae0")]


class Network:
    """Counters of ports, and what is told of them."""

    def __init__(self, store: EmbeddedStore, engine: Engine) -> None:
        self._store = store
        self.core = "core"
        self.now_ms = NOW_MS
        self.events: list[NewEvent] = []
        self.balance = LinkBalance(
            lambda: around(self.core), engine, Ledger(store, self._append), self._note, lambda: self.now_ms
        )
        self.written: dict[Labels, float] = {}

    async def _append(self, rows: Sequence[Row | Points]) -> None:
        await self._store.append(rows, None)

    async def _note(self, new: Sequence[NewEvent]) -> None:
        self.events += new

    async def carry(self, minutes: int, **bps: float) -> list[str]:
        """So many minutes in which ports of core, of 1 Gbit/s, send so much; the kinds of events meanwhile."""
        self.events = []
        for _ in range(minutes):
            self.now_ms += MINUTE_MS
            seconds = (self.now_ms - NOW_MS) / 1000
            series = {("ifHCOutOctets", port): rate / 8 * seconds for port, rate in bps.items()}
            series |= {("ifHighSpeed", port): 1000.0 for port in bps} | {("ifOperStatus", port): 1.0 for port in bps}
            labels = [
                (("__name__", name), ("ifName", port), ("instance", self.core), ("job", "snmp"))
                for name, port in series
            ]
            places = self._store.enroll(labels)
            times = np.full(len(labels), self.now_ms)
            await self._store.append([Points(self._store.pool, places, times, np.array([*series.values()]))], None)
            await self.balance.look()
        return [one.kind for one in self.events]


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[tuple[Network, Engine]]:
    store = EmbeddedStore.open(tmp_path / "store", window_s=0.0)
    engine = Engine(store, QueryOptions(concurrency=1, cache_bytes=0))
    yield Network(store, engine), engine
    engine.close()
    await store.close()


async def test_a_member_that_carries_nearly_all_is_told_once_and_when_it_is_over(
    network: tuple[Network, Engine],
) -> None:
    ports, engine = network
    assert await ports.carry(8, ge1=8e8, ge2=1e7) == []
    assert await ports.carry(8, ge1=8e8, ge2=1e7) == ["link.imbalanced"]
    (event,) = ports.events
    assert event.text == "what core sends to hall is uneven: ge1 80%, ge2 1%"
    assert (event.fields["bundle"], event.fields["failover_ratio"]) == ("core ae0", "0.81")
    answer = await engine.instant("netmon_link_imbalance > 0.9", ports.now_ms)
    assert [dict(one)["peer"] for one in answer.labels] == ["hall"], "nobody counts what hall sends"
    assert await ports.carry(8, ge1=8e8, ge2=1e7) == []
    assert await ports.carry(8, ge1=4e8, ge2=4e8) == ["link.balanced"]


@pytest.mark.parametrize("name", ["core.example", 'core "1" (old)+', "c\\d", "kärn-1"])
async def test_devices_may_be_called_anything(network: tuple[Network, Engine], name: str) -> None:
    ports, _ = network
    ports.core = name
    assert await ports.carry(16, ge1=8e8, ge2=1e7) == ["link.imbalanced"]
