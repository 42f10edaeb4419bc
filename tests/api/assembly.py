"""Puts a lab together: a real server on loopback over a real store, state and feed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from random import Random

import aiohttp
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
from netmon_collector.events.owners import Owners
from netmon_collector.facts import FactBook
from netmon_collector.feed import Feed
from netmon_collector.fleet import Fleet
from netmon_collector.heartbeats import Heartbeats
from netmon_collector.intake import Intake
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
from netmon_collector.store.embedded import EmbeddedStore
from netmon_collector.topology.graph import Graph
from netmon_configs.sealing import Sealer
from netmon_proto.model import Limits
from tests.api.lab import DB1, NOW_MS, RETENTION_MS, RULES, SWITCH, WEB1, FleetOf, IntakeOf, Lab
from tests.support.clocks import HandClock


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
    warnings = Warnings(options.warn_within_s)
    return Survey(options, engine, ledger, noted, warnings, lab.clock.now_ms, lambda: lab.store.stats().begins_ms)


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
        CheckBook(kept_checks, polling.lines, shown.devices, owners, clock.now_ms, sites.mates),
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
