"""The real parts of alerting on a clock that a scenario sets: witnesses, rules, routes, incidents, outbox, delivery."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import yaml
from sqlalchemy import Engine as Database

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.decision import Decisions
from netmon_collector.alerts.delivery import Delivery
from netmon_collector.alerts.groups import Groups
from netmon_collector.alerts.incidents import Incidents
from netmon_collector.alerts.inhibition import Inhibitor
from netmon_collector.alerts.kinship import Kinship
from netmon_collector.alerts.maintenance import Maintenance, Window
from netmon_collector.alerts.notifier import Notifier
from netmon_collector.alerts.rehearsal.clock import Clock
from netmon_collector.alerts.rehearsal.language import Scenario
from netmon_collector.alerts.rehearsal.network import Network
from netmon_collector.alerts.silences import Silence, Silences
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.reachability.hearing import GRACE_MS
from netmon_collector.reachability.ledger import Ledger
from netmon_collector.reachability.outlook import Outlook
from netmon_collector.reachability.survey import Settings
from netmon_collector.reachability.telling import Chronicler, note_series, worth_keeping
from netmon_collector.reachability.watch import EVERY_S
from netmon_collector.rules.evaluation import Surroundings
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.rules.schedule import due_ms
from netmon_collector.rules.sources import Sources, shipped_files
from netmon_collector.rules.trial.memory import TrialStore
from netmon_collector.rules.trial.notation import labels_of
from netmon_collector.rules.writing import Ledger as Results
from netmon_collector.state.alerts import AlertBook
from netmon_collector.state.incidents import IncidentBook
from netmon_collector.state.outbox import Outbox
from netmon_collector.state.rules import KeptAlerts
from netmon_collector.state.standings import KeptStandings
from netmon_collector.store.base import Points
from netmon_collector.topology.graph import Graph
from netmon_configs.mistakes import ConfigError, Mistake

BEAT_MS: Final = round(EVERY_S * 1000)
SETTLES_MS: Final = 180_000
"""After a start, as for a collector."""
STUCK_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it reached its receiver."""

    at_ms: int
    receiver: str
    message: Message


class Listener:
    """A receiver that writes down what reaches it, unless it is away."""

    def __init__(self, name: str, heard: list[Heard], clock: Clock) -> None:
        self._name = name
        self._heard = heard
        self._clock = clock
        self.is_away = False
        self.takes_s = 0.0

    async def send(self, message: Message) -> str:
        if self.is_away:
            raise NotDelivered("connection refused")
        if self.takes_s:
            await self._clock.sleep(self.takes_s)
        self._heard.append(Heard(self._clock.now_ms, self._name, message))
        return ""

    async def close(self) -> None:
        """Nothing to close."""


class World:
    """What outlives the collector: the network, what was measured, the database, those who are told."""

    def __init__(self, scenario: Scenario, state: Database) -> None:
        self.scenario = scenario
        self.state = state
        self.clock = Clock(scenario.start_ms)
        self.network = None if scenario.topology is None else Network(scenario.topology)
        self.heard: list[Heard] = []
        receivers = scenario.alerting.endpoints()
        self.listeners = {name: Listener(name, self.heard, self.clock) for name in receivers}
        self.silences: dict[str, Silence] = {}
        self.windows: dict[str, Window] = {one.name: one.window(scenario.start_ms) for one in scenario.maintenance}
        self.series: dict[str, float] = {}
        self.log: Counter[str] = Counter()
        self.store = TrialStore()
        self.rule_texts = _rule_texts(scenario)
        self.has_run = False

    def graph(self) -> Graph:
        return Graph() if self.network is None else self.network.graph

    def measure(self) -> None:
        """Writes down the values that hold now."""
        for text, value in self.series.items():
            self.store.load(labels_of(text), {self.clock.now_ms: value})


class Collector:
    """A collector from its start to its end; `begin` first, `end` last."""

    def __init__(self, world: World) -> None:
        self.world = world
        clock, state, file = world.clock, world.state, world.scenario.alerting
        self._kept = KeptStandings(state)
        before = self._kept.all()
        self.ledger = Ledger(Settings(), before)
        self.outbox = Outbox(state)
        self.book = IncidentBook(state)
        self.incidents = Incidents(self.book.all())
        self.silences = Silences(world.silences.values())
        self.maintenance = Maintenance(dict(world.windows))
        ways = file.reach(lambda endpoint, _: world.listeners[endpoint.receiver])
        self.delivery = Delivery(self.outbox, ways, url="", now_ms=clock.now, random=Random(1), sleep=clock.sleep)  # noqa: S311 - jitter is no secret
        decisions = Decisions(
            self.silences,
            Inhibitor(file.rules()),
            file.calendar(),
            file.endpoints(),
            self.maintenance,
            self.incidents,
            file.chains(),
            file.on_call(),
            Kinship(Outlook(self.ledger, world.graph, clock.now)),
            file.policies(),
        )
        groups = Groups(file.tree())
        self.notifier = Notifier(groups, decisions, AlertBook(state), self.outbox, self.delivery.post, clock.now)
        self._chronicler = Chronicler(before)
        self._results = Results(world.store, self._append)
        self._engine = Engine(world.store, QueryOptions(concurrency=1, cache_bytes=0))  # type: ignore[arg-type]
        memory = KeptAlerts(state)
        self._memory = memory
        around = Surroundings(
            self._engine,
            Results(world.store, self._append),
            self.notifier,
            memory,
            settles_ms=clock.now_ms + SETTLES_MS if world.has_run else 0,
        )
        self._rules = Rulebook(Sources([], lambda: world.rule_texts, shipped=False), around, memory, clock.now)
        self._delivering: asyncio.Task[None] | None = None
        self._next_beat_ms: int | None = None
        self._next_rule_ms: dict[str, int] = {}

    async def begin(self) -> None:
        """Starts, or starts again with what was kept. Raises ConfigError where rules are wrong."""
        world, now_ms = self.world, self.world.clock.now_ms
        self.notifier.load()
        self.delivery.load()
        self._delivering = asyncio.create_task(self.delivery.run())
        if world.rule_texts:
            await self._rules.start()
            if self._rules.mistakes:
                raise ConfigError(self._rules.mistakes)
            self._next_rule_ms = {
                one.group.key: due_ms(one.group.key, one.interval_ms, now_ms) + one.interval_ms
                for one in self._rules.groups
            }
        if world.network is not None:
            world.network.expect(self.ledger, now_ms + (GRACE_MS if world.has_run else 0))
        if world.network is not None or world.series:
            self._next_beat_ms = now_ms
        world.has_run = True

    async def end(self) -> None:
        """Stops as a collector does that is told to: what is under way is sent again after the next start."""
        await self._memory.mark(self.world.clock.now_ms)
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
        self._engine.close()

    def next_ms(self) -> int | None:
        """When there is something to do next."""
        times = (
            self.notifier.next_ms(),
            self._next_beat_ms,
            min(self._next_rule_ms.values(), default=None),
            self.world.clock.next_ms(),
        )
        return min((one for one in times if one is not None), default=None)

    async def work(self) -> None:
        """Does what is due now."""
        now_ms = self.world.clock.now_ms
        self.world.clock.wake()
        await self.settle()
        if self._next_beat_ms is not None and self._next_beat_ms <= now_ms:
            await self._beat(now_ms)
        for group in self._rules.groups:
            if self._next_rule_ms.get(group.group.key, now_ms + 1) <= now_ms:
                self._next_rule_ms[group.group.key] = now_ms + group.interval_ms
                self.world.measure()
                await group.evaluate(now_ms)
        await self.look()

    async def look(self) -> None:
        """Decides on what is due, and has it delivered as far as that can be now."""
        await self.notifier.look()
        await self.settle()

    async def settle(self) -> None:
        """Returns when all that is not delivered waits for the clock."""
        async with asyncio.timeout(STUCK_S):
            while self.delivery.under_way > self.world.clock.sleepers:  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.0005)

    async def _beat(self, now_ms: int) -> None:
        """What a `Watch` does on its beat."""
        world = self.world
        self._next_beat_ms = now_ms + BEAT_MS
        world.measure()
        if world.network is None:
            return
        world.network.tell(self.ledger, now_ms - BEAT_MS, now_ms, world.scenario.start_ms)
        devices = world.network.devices
        judgement = self.ledger.judge(now_ms, world.graph(), self.maintenance.devices(devices, now_ms))
        world.log.update(one.kind for one in self._chronicler.entries(judgement, now_ms))
        await self._kept.keep(worth_keeping(judgement))
        note_series(self.ledger, self._results, now_ms)
        await self._results.flush()

    async def _append(self, points: Sequence[Points]) -> None:
        await self.world.store.append(points)


def _rule_texts(scenario: Scenario) -> list[tuple[str, str]]:
    """The shipped packs that are named, and the scenario's own groups. Raises ConfigError."""
    shipped = dict(shipped_files())
    texts = []
    for name in scenario.packs:
        if f"{name}.yaml" not in shipped:
            known = ", ".join(sorted(one.removesuffix(".yaml") for one in shipped))
            raise ConfigError([Mistake("", 0, "packs", f"there is no pack '{name}', there are {known}")])
        texts.append((name, shipped[f"{name}.yaml"]))
    if scenario.groups:
        texts.append(("groups", yaml.safe_dump({"groups": list(scenario.groups)})))
    return texts
