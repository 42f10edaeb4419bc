"""An outage from a scenario, played by the real parts of a collector in simulated time, up to some moment."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netmon_collector.alerts.rehearsal.language import Scenario
from netmon_collector.alerts.rehearsal.stage import Collector, World
from netmon_collector.causes.inquest import Inquests
from netmon_collector.causes.matter import Labelled, Matter
from netmon_collector.causes.plan import Plan
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.state.causes import KeptCauses
from netmon_collector.state.database import open_state
from netmon_collector.state.events import NewEvent
from netmon_collector.topology.graph import Graph
from netmon_configs.load import load

FIRING = 'min_over_time(timestamp(ALERTS{{alertstate="firing"}})[{0}s:15s])'


@dataclass
class Scene:
    """What is known on the stage. `events`: what devices tell, which scenarios know nothing of."""

    world: World
    collector: Collector
    events: Sequence[NewEvent] = ()

    async def matter(self, since_ms: int, until_ms: int) -> Matter:
        topology = self.world.scenario.topology
        assert topology is not None
        watched_by = {device: one.by for one in topology.probes for device in one.devices}
        engine = Engine(self.world.store, QueryOptions(concurrency=1, cache_bytes=0))  # type: ignore[arg-type]
        answer = await engine.instant(FIRING.format((until_ms - since_ms) // 1000), until_ms)
        engine.close()
        alerts: list[Labelled] = [(dict(one), float(answer.values[row, 0])) for row, one in enumerate(answer.labels)]
        return Matter(self.collector.ledger.standings, watched_by, events=self.events, alerts=alerts)

    async def graph(self, at_ms: int) -> Graph:
        return self.world.graph()

    async def loads(self, plan: Plan, at_ms: int) -> tuple[NDArray[np.float64], ...]:
        unknown = np.full(plan.network.links, np.nan)
        return unknown, unknown, unknown

    def sites(self) -> Mapping[str, str]:
        return {}

    def here(self) -> str:
        return "poller"


@asynccontextmanager
async def rehearsed(path: Path, folder: Path, after_s: float) -> AsyncIterator[tuple[Scene, Inquests]]:
    """A scenario played so long; only what fails in it is played, not what people do."""
    state = open_state(f"sqlite:///{folder / 'state.sqlite'}")
    world = World(load(path, Scenario), state)
    collector = Collector(world)
    await collector.begin()
    assert world.network is not None
    end_ms = world.scenario.start_ms + round(after_s * 1000)
    due = [(world.scenario.start_ms + one.at_ms, one) for one in world.scenario.timeline()]
    for at_ms, event in [*due, (end_ms, None)]:
        while (next_ms := collector.next_ms()) is not None and next_ms <= min(at_ms, end_ms):
            world.clock.now_ms = max(next_ms, world.clock.now_ms)
            await collector.work()
        if event is not None and at_ms <= end_ms:
            world.network.fail(event.fail)
            world.network.fail(event.mend, mends=True)
    world.clock.now_ms = end_ms
    scene = Scene(world, collector)

    async def unchanged(number: int, change: object) -> object:
        return collector.incidents.all()[number]

    yield scene, Inquests(scene, KeptCauses(state), collector.incidents.all, unchanged, world.clock.now)  # type: ignore[arg-type]
    await collector.settle()
    await collector.end()
    state.dispose()
