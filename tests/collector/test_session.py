"""What a stream has defined becomes groups of the store, some series at a time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netmon_collector.clock import Skew
from netmon_collector.polling import Standing
from netmon_collector.session import Refusal, Report, Session
from netmon_collector.state.agents import AgentRecord
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Batch, Gather, Kind, Layout, Limits, Reason, Series, SeriesDefinitions

NOW_MS = 1_700_000_000_000
MANY = 5_000


class Assigned:
    """Says that every device is the agent's."""

    def standing(self, _agent_id: str, _device: str) -> Standing:
        return Standing.ASSIGNED


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    store = EmbeddedStore.open(tmp_path / "store")
    agent = AgentRecord("id", "web1", "web1", "web1", "1.0", "Linux", 10_000, NOW_MS, NOW_MS)
    one = Session(agent, store, Limits(), Skew(), Report(), Assigned())  # type: ignore[arg-type]
    one.define(SeriesDefinitions([Series(n, "m", {"n": str(n)}, Kind.GAUGE) for n in range(1, MANY + 1)]))
    yield one
    await store.close()


async def test_others_have_their_turn_while_many_series_become_known(session: Session) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await session.lay_out(Layout(1, "test", "node", "", list(range(1, MANY + 1))))
    counting.cancel()
    assert turns >= MANY // 1000
    batch = Batch(7, 1, NOW_MS, 0, [Gather(1, NOW_MS, [1.0] * MANY)])
    await session.prepare(batch)
    (row,) = session.rows(batch, 0)
    assert dict(row.group.labels[MANY - 1])["n"] == str(MANY)


async def test_a_series_that_is_twice_among_many_is_told(session: Session) -> None:
    await session.lay_out(Layout(1, "test", "node", "", [*range(1, MANY + 1), 1]))
    with pytest.raises(Refusal, match="layout 1 has the same series twice") as refusal:
        session.rows(Batch(7, 1, NOW_MS, 0, [Gather(1, NOW_MS, [1.0] * (MANY + 1))]), 0)
    assert refusal.value.reason is Reason.MALFORMED


async def test_a_layout_of_a_device_that_is_defined_anew_meanwhile_is_the_new_one(session: Session) -> None:
    await session.lay_out(Layout(1, "snmp", "snmp", "sw1", list(range(1, MANY + 1))))
    batch = Batch(7, 1, NOW_MS, 0, [Gather(1, NOW_MS, [1.0, 2.0])])
    preparing = asyncio.create_task(session.prepare(batch))
    await asyncio.sleep(0)
    await session.lay_out(Layout(1, "snmp", "snmp", "sw1", [3, 4]))
    await preparing
    (row,) = session.rows(batch, 0)
    assert [dict(labels)["n"] for labels in row.group.labels] == ["3", "4"]
