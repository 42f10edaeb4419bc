"""A collector's API as it is in operation: a real server on loopback over a real store, state and feed."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import numpy as np
from prometheus_client import CollectorRegistry

from netmon_analytics.anomaly import Constants
from netmon_api.app import make_app
from netmon_api.serve import Server
from netmon_api.services import Services
from netmon_api.sockets import Sockets
from netmon_api.writing.desk import Desk
from netmon_collector.alerts.alerting import Alerting
from netmon_collector.alerts.base import NobodyTold
from netmon_collector.alerts.channels.http import Guard, Http
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.atlas import Atlas
from netmon_collector.backup.making import Backups
from netmon_collector.capacity.options import CapacityOptions
from netmon_collector.capacity.survey import Survey
from netmon_collector.capacity.warnings import Warnings
from netmon_collector.causes.collecting import Collected
from netmon_collector.causes.inquest import Inquests
from netmon_collector.checks.book import CheckBook
from netmon_collector.config import AlertingOptions, HttpOptions
from netmon_collector.discovery.book import DiscoveryBook
from netmon_collector.events.feed import EventFeed
from netmon_collector.events.owners import Owners
from netmon_collector.facts import FactBook
from netmon_collector.feed import Feed
from netmon_collector.fleet import Device, Fleet
from netmon_collector.heartbeats import Heartbeats
from netmon_collector.intake import IngestStats, Intake
from netmon_collector.models.built_in import BuiltIn
from netmon_collector.models.meters import Meters
from netmon_collector.models.service import Models, Parts
from netmon_collector.models.workshop import Budget, Workshop
from netmon_collector.pipeline import Pipeline
from netmon_collector.poller_balance import PollerBalance
from netmon_collector.polling import Polling
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.reachability.ledger import Ledger as Reachability
from netmon_collector.reachability.survey import Settings
from netmon_collector.reachability.witnesses import Kind as Sight
from netmon_collector.reachability.witnesses import Witness
from netmon_collector.rules.evaluation import Surroundings
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.rules.sources import Sources
from netmon_collector.rules.writing import Ledger
from netmon_collector.sites import Sites
from netmon_collector.state.agents import Agents
from netmon_collector.state.causes import KeptCauses
from netmon_collector.state.checks import KeptChecks
from netmon_collector.state.credentials import Credentials
from netmon_collector.state.database import open_state
from netmon_collector.state.devices import Devices
from netmon_collector.state.events import KeptEvents, NewEvent
from netmon_collector.state.facts import KeptFacts
from netmon_collector.state.heartbeats import KeptHeartbeats
from netmon_collector.state.identity import KeptIdentity
from netmon_collector.state.models import KeptModels
from netmon_collector.state.rules import KeptAlerts, SavedFiles
from netmon_collector.state.sites import KeptSites
from netmon_collector.state.sweeps import KeptSweeps
from netmon_collector.state.tokens import Tokens
from netmon_collector.state.topology import KeptMap
from netmon_collector.store.base import Group, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.topology.graph import Graph
from netmon_configs.sealing import Sealer
from netmon_proto.model import Hello, Kind, Labels, Limits
from tests.support.clocks import HandClock

NOW_MS = 1_769_860_800_000  # 2026-01-31T12:00:00Z

WEB1 = Device(
    instance="web1",
    name="Web 1",
    job="node",
    up=True,
    since_ms=NOW_MS - 60_000,
    first_seen_ms=NOW_MS - 3_600_000,
    last_seen_ms=NOW_MS - 1_000,
    last_sample_ms=NOW_MS - 2_000,
    interval_ms=10_000,
    agent_id="6f1c1a3e-0000-4000-8000-000000000001",
    version="0.1.0",
    platform="Linux x86_64",
    hostname="web1",
    connected=True,
    address="127.0.0.1:5123",
    clock_skew_ms=3.0,
    spool_batches=2,
    spool_bytes=300,
    spool_oldest_age_s=1.5,
    quarantined=0,
)
DB1 = replace(
    WEB1,
    instance="db1",
    name="db1",
    up=False,
    agent_id="6f1c1a3e-0000-4000-8000-000000000002",
    connected=False,
    last_sample_ms=None,
    address=None,
    clock_skew_ms=None,
    spool_batches=None,
    spool_bytes=None,
    spool_oldest_age_s=None,
    quarantined=None,
)
SWITCH = replace(WEB1, instance="switch", job="snmp", up=None)
"""Reported by web1's agent."""


def labels(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


RULES = """
groups:
  - name: g
    rules:
      - {record: "job:load:max", expr: max by (job) (load)}
      - alert: HighLoad
        expr: load > 0.9
        for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is busy"}
"""
"""What is saved as `lab`."""


class FleetOf:
    """A fleet of given devices."""

    def __init__(self, *devices: Device) -> None:
        self.members = list(devices)

    def devices(self) -> Sequence[Device]:
        return self.members

    def device(self, instance: str) -> Device | None:
        return next((one for one in self.members if one.instance == instance), None)

    def agent_of(self, instance: str) -> str:
        return next((one.agent_id for one in self.members if (one.instance, one.job) == (instance, "node")), "")

    def instance_of(self, agent_id: str) -> str:
        return next((one.instance for one in self.members if one.agent_id == agent_id), "")


class IntakeOf:
    def stats(self, now_ms: int) -> IngestStats:
        return IngestStats(samples=7, batches=3, duplicates=2, refused=1, samples_per_second=0.5)


def agent_hello(hostname: str) -> Hello:
    """What an agent of that host says first."""
    agent_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, hostname))
    return Hello(agent_id, bytes(32), hostname, "0.1.0", "Linux x86_64", NOW_MS, 10_000, 1, 1, 0)


async def have_polled(lab: "Lab", host: str, **given: Any) -> None:
    """Adds a device that an agent of the lab polls."""
    lab.have_agent("poller1")
    async with lab.client.post("/api/v1/snmp/devices", json={"host": host, "poller": "poller1", **given}) as response:
        assert response.status == 200, await response.text()


RETENTION_MS = 30 * 86_400_000


@dataclass
class Lab:
    """A running API, and the parts beneath it. `client` sends an administrator's token, `stranger` none."""

    store: EmbeddedStore
    feed: Feed
    tokens: Tokens
    fleet: FleetOf
    sockets: Sockets
    registry: CollectorRegistry
    token: str
    pipeline: Pipeline
    agents: Fleet
    """Those whose instances nobody else may write about."""
    polling: Polling
    facts: FactBook
    events: KeptEvents
    reachability: Reachability
    rulebook: Rulebook
    rule_files: SavedFiles
    alerting: Alerting
    clock: HandClock
    atlas: Atlas
    discovery: DiscoveryBook
    sites: Sites
    heartbeats: Heartbeats
    checks: CheckBook
    causes: KeptCauses
    event_feed: EventFeed = field(default_factory=EventFeed)
    url: str = ""
    not_ready: str | None = None
    groups: dict[tuple[Labels, ...], Group] = field(default_factory=dict)
    client: aiohttp.ClientSession = field(init=False)
    stranger: aiohttp.ClientSession = field(init=False)
    server: Server = field(init=False)
    assessor: Assessor = field(init=False)
    inquests: Inquests = field(init=False)
    pollers: PollerBalance = field(init=False)
    capacity: Survey = field(init=False)
    models: Models = field(init=False)

    def have_agent(self, hostname: str, address: str = "127.0.0.1:5124") -> str:
        """Has an agent connected, also to the fleet that the API shows; its id."""
        record = self.agents.admit(agent_hello(hostname))
        if self.fleet.device(record.instance) is None:
            shown = replace(WEB1, instance=record.instance, agent_id=record.agent_id, address=address)
            self.fleet.members.append(shown)
        return record.agent_id

    def row(self, values: dict[Labels, float], time_ms: int) -> Row:
        series = tuple(values)
        if series not in self.groups:
            self.groups[series] = self.store.register(series, [Kind.GAUGE] * len(series))
        return Row(self.groups[series], time_ms, np.array(list(values.values())))

    async def keep(self, values: dict[Labels, float], time_ms: int = NOW_MS) -> None:
        """Stores a value for each of some series."""
        await self.store.append([self.row(values, time_ms)], None)

    def publish(self, values: dict[Labels, float], time_ms: int = NOW_MS) -> None:
        """Gives a value for each of some series to the live feed."""
        self.feed.publish([self.row(values, time_ms)])

    async def get(self, path: str, *query: tuple[str, str | int]) -> Any:
        """The JSON of a good answer."""
        async with self.client.get(path, params=query) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def refusal(self, path: str, *query: tuple[str, str | int], status: int = 400) -> Any:
        """The error in a bad answer."""
        async with self.client.get(path, params=query) as response:
            assert response.status == status, await response.text()
            return (await response.json())["error"]


def _reachability() -> Reachability:
    """What a poller tells of sw1, an agent of web1."""
    known = Reachability(Settings())
    known.tell("sw1", Witness(Sight.SNMP, "poller1", 60_000), True, NOW_MS - 5_000)
    known.tell("web1", Witness(Sight.AGENT, "mon", 10_000), True, NOW_MS - 60_000)
    known.judge(NOW_MS, Graph())
    return known


def _rulebook(
    folder: Path,
    store: EmbeddedStore,
    engine: Engine,
    pipeline: Pipeline,
    memory: KeptAlerts,
    saved: SavedFiles,
    clock: HandClock,
) -> Rulebook:
    """Rules of a folder `rules`, and those that are saved; they are evaluated when a test says so."""
    (folder / "rules").mkdir(exist_ok=True)
    surroundings = Surroundings(engine, Ledger(store, pipeline.append_own), NobodyTold(), memory)
    sources = Sources([folder / "rules"], saved.texts, shipped=False)
    return Rulebook(sources, surroundings, memory, clock.now_ms)


def _inquests(lab: Lab, engine: Engine) -> Inquests:
    alerting, told = lab.alerting, lab.alerting.notifier.alerts
    collected = Collected(lab.atlas, lab.reachability, lab.agents, lab.events, engine, lab.assessor, told, "mon")
    return Inquests(collected, lab.causes, alerting.incidents.all, alerting.change_incident, lab.clock.now_ms)


def _pollers(lab: Lab, engine: Engine) -> PollerBalance:
    results = Ledger(lab.store, lab.pipeline.append_own)

    async def note(new: Sequence[NewEvent]) -> None:
        await asyncio.to_thread(lab.events.note, new, lab.clock.now_ms())

    return PollerBalance(
        lab.agents, lab.polling, lab.sites, lambda _: 1, engine, results, note, lab.clock.now_ms
    )  # fmt: skip


def _capacity(lab: Lab, engine: Engine) -> Survey:
    async def noted(new: Sequence[NewEvent]) -> None:
        if new:
            lab.events.note(new, lab.clock.now_ms())

    options = CapacityOptions()
    ledger = Ledger(lab.store, lab.pipeline.append_own)
    return Survey(options, engine, ledger, noted, Warnings(options.warn_within_s), lab.clock.now_ms)


def _models(lab: Lab, folder: Path, engine: Engine, kept: KeptModels) -> Models:
    """Models that are followed and trained when a test runs them; servers of models may be on this machine."""
    guard = Guard((ip_network("127.0.0.1/32"),), "models.allow_addresses")
    parts = Parts(
        kept,
        folder / "models",
        engine,
        Ledger(lab.store, lab.pipeline.append_own),
        Http(guard, timeout_s=5.0, largest_answer=1 << 20),
        Workshop(Budget(cpu_share=1.0, time_limit_s=60, niceness=0)),
        Meters(lab.registry),
        lab.clock.now_ms,
    )
    return Models(parts, BuiltIn(lab.assessor, lab.store, 14 * 86_400_000, Constants()))


def _services(lab: Lab, folder: Path, engine: Engine, started_ms: int) -> Services:
    """What the API stands on."""
    return Services(
        store=lab.store,
        engine=engine,
        fleet=lab.fleet,
        feed=lab.feed,
        tokens=lab.tokens,
        registry=lab.registry,
        intake=IntakeOf(),
        backups=Backups(folder, lab.store),
        polling=lab.polling,
        sites=lab.sites,
        heartbeats=lab.heartbeats,
        facts=lab.facts,
        events=lab.events,
        event_feed=lab.event_feed,
        alerting=lab.alerting,
        inquests=lab.inquests,
        pollers=lab.pollers,
        capacity=lab.capacity,
        atlas=lab.atlas,
        discovery=lab.discovery,
        checks=lab.checks,
        desk=Desk(lab.pipeline),
        metadata=lab.pipeline.metadata,
        reachability=lab.reachability,
        assessor=lab.assessor,
        models=lab.models,
        rulebook=lab.rulebook,
        rule_files=lab.rule_files,
        readiness=lambda: lab.not_ready,
        now_ms=lab.clock.now_ms,
        started_ms=started_ms,
        sockets=lab.sockets,
    )


@asynccontextmanager
async def running(
    folder: Path, now_ms: int = NOW_MS, engine: Engine | None = None, alerting_file: Path | None = None
) -> AsyncIterator[Lab]:
    state = open_state(f"sqlite:///{folder / 'state.sqlite'}")
    clock = HandClock(now_ms)
    tokens = Tokens(state, clock.now_ms)
    store = EmbeddedStore.open(folder / "store", window_s=0.0)
    engine = engine or Engine(store, QueryOptions())
    sockets = Sockets(authenticate_within_s=0.3)
    feed, registry = Feed(), CollectorRegistry()
    shown = FleetOf(WEB1, DB1, SWITCH)
    sites = Sites(KeptSites(state), [], shown.instance_of)
    credentials = Credentials(state, Sealer(folder / "state.key"))
    polling = Polling(Devices(state), credentials, clock.now_ms, site_of=sites.of_device)
    agents = Fleet(Agents(state), store, Limits(), clock.now_ms, polling)
    pipeline = Pipeline(store, agents, feed, Intake(registry, now_ms), retention_ms=RETENTION_MS, now_ms=clock.now_ms)
    facts = FactBook(KeptFacts(state), polling, clock.now_ms)
    owners = Owners(polling, shown, facts, lambda: clock.now_ms() / 1000)
    kept_checks = KeptChecks(state, Sealer(folder / "state.key"))
    lab = Lab(
        store,
        feed,
        tokens,
        shown,
        sockets,
        registry,
        tokens.issue("admin"),
        pipeline,
        agents,
        polling,
        facts,
        KeptEvents(state),
        _reachability(),
        _rulebook(folder, store, engine, pipeline, KeptAlerts(state), SavedFiles(state), clock),
        SavedFiles(state),
        Alerting(state, AlertingOptions(config_file=alerting_file), now_ms=clock.now_ms, random=Random(1)),
        clock,
        Atlas(KeptIdentity(state), KeptMap(state), polling, clock.now_ms, sites, shown.agent_of),
        DiscoveryBook(KeptSweeps(state), polling, dict, lambda _handle: False, clock.now_ms, sites.at),
        sites,
        Heartbeats(KeptHeartbeats(state), Ledger(store, pipeline.append_own), clock.now_ms),
        CheckBook(kept_checks, polling.lines, shown.devices, owners, clock.now_ms),
        KeptCauses(state),
    )
    lab.atlas.register.tell(engine.know_handles)
    lab.atlas.register.tell(feed.know_handles)
    lab.rule_files.put("lab", RULES, now_ms)
    await lab.rulebook.start()
    lab.assessor = Assessor(AnomalyOptions(), folder / "anomaly.npz", lambda: clock.now_ms() / 1000)
    lab.inquests = _inquests(lab, engine)
    lab.pollers = _pollers(lab, engine)
    lab.capacity = _capacity(lab, engine)
    lab.models = _models(lab, folder, engine, KeptModels(state, Sealer(folder / "state.key")))
    services = _services(lab, folder, engine, now_ms)
    lab.server = Server(make_app(services), HttpOptions(listen="127.0.0.1:0"))
    await lab.server.start()
    lab.url = lab.server.url
    headers = {"Authorization": f"Bearer {lab.token}"}
    async with (
        aiohttp.ClientSession(lab.url, headers=headers) as lab.client,
        aiohttp.ClientSession(lab.url) as lab.stranger,
    ):
        yield lab
    await lab.server.stop()
    engine.close()
    await store.close()
    state.dispose()
