"""The map goes on whatever one device tells, and whatever becomes of the database for a while."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from netmon_collector import atlas
from netmon_collector.state.topology import KeptMap
from netmon_collector.topology.history import Changes
from netmon_proto.model import DeviceFacts, FactTable
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, have_polled
from tests.api.switches import SWITCHES, facts, have_three_switches


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as one:
        await have_three_switches(one)
        yield one


class Absent(KeptMap):
    """A database that is away until it is told to be back."""

    is_away = True

    def save_links(self, changes: Changes, now_ms: int) -> None:
        if self.is_away:
            raise OperationalError("insert", {}, Exception("away"))
        super().save_links(changes, now_ms)


@dataclass
class Kept:
    """Facts that outlived a restart."""

    facts: dict[str, DeviceFacts]

    async def of(self, device: str) -> DeviceFacts | None:
        return self.facts.get(device)


async def test_facts_that_nobody_looked_at_yet_give_way_to_newer_ones(lab: Lab) -> None:
    await lab.atlas.learn(facts("hall", cables={"hall": []}))
    await lab.atlas.learn(facts("hall"))
    await lab.atlas.redraw()

    assert len(lab.atlas.sheet.graph.links) == 5


async def test_what_one_device_tells_does_not_keep_others_from_the_map(lab: Lab) -> None:
    await have_polled(lab, "broken")
    ragged = FactTable("port", {"ifIndex": ("1", "2"), "name": ("ge1",)})
    await lab.atlas.learn(DeviceFacts("broken", NOW_MS, (ragged,)))
    await lab.atlas.learn(facts("hall", cables={"hall": []}))

    await lab.atlas.redraw()

    hall = lab.atlas.told("hall")
    assert hall is not None
    assert hall.heard == ()
    assert lab.atlas.told("broken") is None


async def test_changes_wait_for_a_database_that_is_away(lab: Lab) -> None:
    kept = Absent(lab.atlas.kept._engine)
    lab.atlas.kept = kept
    cables: dict[str, Any] = {name: [] for name in SWITCHES}
    for name in SWITCHES:
        await lab.atlas.learn(facts(name, cables=cables))
    with pytest.raises(OperationalError):
        await lab.atlas.redraw()
    assert len(kept.links()) == 5

    kept.is_away = False
    await lab.atlas.redraw()

    assert {one.layer for one in kept.links()} == {3}


async def test_a_drawing_that_fails_is_tried_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas, "RETRY_S", 0.0)
    monkeypatch.setattr(atlas, "SETTLE_S", 0.0)
    kept = Absent(lab.atlas.kept._engine)
    again = type(lab.atlas)(lab.atlas._identity, kept, lab.polling, lambda: NOW_MS)
    task = asyncio.create_task(again.run(Kept({})))
    await again.learn(facts("hall"))
    async with asyncio.timeout(20):
        while again.sheet.drawn_ms is None:  # noqa: ASYNC110 - the atlas tells nobody when it has drawn
            await asyncio.sleep(0.05)
        kept.is_away = False
        while len(kept.links()) == 5:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    task.cancel()

    assert {(one.a.node, one.b.node) for one in kept.links()} == {("hall", "unmanaged:00:1a:00:00:02:00")}


async def test_after_a_restart_no_link_is_gone_before_all_that_was_kept_is_read(lab: Lab) -> None:
    again = type(lab.atlas)(lab.atlas._identity, lab.atlas.kept, lab.polling, lambda: NOW_MS + 60_000)
    task = asyncio.create_task(again.run(Kept({name: facts(name) for name in SWITCHES})))
    async with asyncio.timeout(20):
        while again.sheet.drawn_ms is None:  # noqa: ASYNC110 - the atlas tells nobody when it has drawn
            await asyncio.sleep(0.05)
    task.cancel()

    assert {one.key for one in again.sheet.graph.links} == {one.key for one in lab.atlas.sheet.graph.links}
    assert {one.first_seen_ms for one in again.sheet.graph.links} == {NOW_MS}
