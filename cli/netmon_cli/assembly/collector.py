"""A collector, put together: what it stands on, what it knows, the way of a sample, and who may speak to it.

A part that is added goes into the stage that it belongs to, and with its `run` into `run_collector`.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import numpy as np

from netmon_api.app import make_app
from netmon_api.serve import Server
from netmon_api.services import Services
from netmon_api.writing.desk import Desk
from netmon_cli.assembly.knowledge import Ground, Knowledge, gather_knowledge, keep_house, open_ground
from netmon_cli.assembly.models import open_models
from netmon_cli.assembly.running import beside, freeze, now_ms
from netmon_cli.assembly.thrift import give_back
from netmon_cli.failure import Exit, Failure
from netmon_cli.ready import Ready
from netmon_collector.agent_hosts import AgentHosts
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.learning import Learner
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.backup.making import Backups
from netmon_collector.capacity.survey import Survey
from netmon_collector.capacity.warnings import KINDS, SOURCE, Warnings
from netmon_collector.causes.collecting import Collected
from netmon_collector.causes.inquest import Inquests
from netmon_collector.config import CollectorConfig, StoreOptions
from netmon_collector.consumers import Consumers
from netmon_collector.feed import Feed
from netmon_collector.forward.forwarding import Forwarding
from netmon_collector.forward.opening import open_forwarding
from netmon_collector.heartbeats import Heartbeats
from netmon_collector.intake import Intake
from netmon_collector.link_balance import LinkBalance
from netmon_collector.listener import CannotListen
from netmon_collector.models.service import Models
from netmon_collector.pipeline import Pipeline
from netmon_collector.poller_balance import PollerBalance
from netmon_collector.query.engine import Engine
from netmon_collector.reachability.watch import Watch
from netmon_collector.receive import Receiver
from netmon_collector.rules.evaluation import Surroundings
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.rules.schedule import Scheduler
from netmon_collector.rules.sources import Sources
from netmon_collector.rules.texts import Outside
from netmon_collector.rules.writing import Ledger
from netmon_collector.state.causes import KeptCauses
from netmon_collector.state.events import Wanted
from netmon_collector.state.heartbeats import KeptHeartbeats
from netmon_collector.state.place import StateError, outside_of
from netmon_collector.state.rules import KeptAlerts, SavedFiles
from netmon_collector.state.standings import KeptStandings
from netmon_collector.store.base import Latest, Matcher, Store, StoreUnavailable, TieredStore
from netmon_collector.store.url import parse_store_url
from netmon_collector.witness import Witness
from netmon_configs.load import ConfigError
from netmon_configs.logs import EventLog
from netmon_proto import __version__
from netmon_proto.model import Limits

log = EventLog("netmon.daemon")

MOST_TREES = 20_000
"""Expressions of rules, all of which are asked again and again."""
MOST_WARNINGS = 10_000
"""Events about capacity that are read at a start, to know what was told of."""
SETTLES_MS = 180_000
"""So long after a start agents may need to be back and to have sent what they kept meanwhile."""


@dataclass(frozen=True, slots=True)
class Way:
    """The way of a sample, and what listens along it."""

    intake: Intake
    feed: Feed
    forwarding: Forwarding
    assessor: Assessor | None
    pipeline: Pipeline
    witness: Witness

    async def judge(self, store: Store) -> None:
        """Judges what passes, until cancelled."""
        if self.assessor is None:
            return
        learner = Learner(self.assessor.next_to_learn, self.assessor.take, lambda: now_ms() / 1000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.assessor.run(store, self.pipeline.append_own))
            tasks.create_task(learner.run(store))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules, and who evaluates them."""

    book: Rulebook
    saved: SavedFiles
    scheduler: Scheduler

    async def run(self) -> None:
        """Evaluates rules and looks after changed files, until cancelled."""
        await self.book.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.scheduler.run())
            tasks.create_task(self.book.run(asyncio.sleep))


async def run_collector(config: CollectorConfig, stop: asyncio.Event, ready: Callable[[Ready], None]) -> None:
    """Receives, stores and serves until `stop` is set; `ready` is told once when it listens. Raises Failure."""
    async with AsyncExitStack() as closing:
        try:
            ground = open_ground(config, closing)
            knowledge = gather_knowledge(ground, closing)
            way = lay_way(ground, knowledge, closing)
            watch = keep_watch(ground, knowledge, way)
            heartbeats = Heartbeats(KeptHeartbeats(ground.state), Ledger(ground.store, way.pipeline.append_own), now_ms)
            rules = take_up_rules(ground, knowledge, way, closing)
            capacity = survey_capacity(ground, knowledge, way)
            inquests = open_inquests(ground, knowledge, way)
            pollers = weigh_pollers(ground, knowledge, way)
            models = open_models(ground, way.assessor, way.pipeline, knowledge.alerting.maintenance, closing)
            receiver = await start_receiver(ground, knowledge, way, closing)
            server = await start_server(
                ground, knowledge, way, watch, heartbeats, rules, inquests, pollers, capacity, models, closing
            )
        except (ConfigError, StateError, StoreUnavailable, CannotListen) as error:
            raise Failure(Exit.WRONG, str(error)) from error
        tokens = knowledge.tokens
        join_token = None if config.grpc.is_local else tokens.ensure("join")
        freeze()
        ready(Ready(server.url, receiver.address, receiver.local_address, tokens.ensure("api"), join_token))
        log.info("collector.started", version=__version__, http=server.url, grpc=receiver.address, state=config.state)
        async with AsyncExitStack() as running:
            hosts = AgentHosts(knowledge.fleet, ground.store, knowledge.atlas)
            for work in (
                way.forwarding.run(),
                way.witness.run(),
                way.judge(ground.store),
                knowledge.alerting.run(),
                knowledge.owners.run(),
                watch.run(),
                heartbeats.run(),
                rules.run(),
                inquests.run(),
                knowledge.changes.run(),
                pollers.run(),
                compare_links(ground, knowledge, way).run(),
                find_consumers(ground, way),
                capacity.run(),
                models.run(),
                knowledge.atlas.run(knowledge.facts),
                knowledge.discovery.run(),
                knowledge.checks.run(),
                hosts.run(),
                keep_house(ground, knowledge),
                give_back(),
            ):
                await running.enter_async_context(beside(work, stop))
            await stop.wait()
    log.info("collector.stopped")


def lay_way(ground: Ground, knowledge: Knowledge, closing: AsyncExitStack) -> Way:
    """Puts together what a sample passes."""
    config, fleet = ground.config, knowledge.fleet
    intake = Intake(ground.registry, now_ms())
    feed = Feed()
    knowledge.atlas.register.tell(feed.know_handles)
    forwarding = open_forwarding(config.remote_write, config.state, ground.registry)
    closing.push_async_callback(forwarding.close)
    assessor = None
    if config.anomaly.enabled:
        maintenance = knowledge.alerting.maintenance
        path, atlas = config.state / "anomaly.npz", knowledge.atlas
        assessor = Assessor(config.anomaly, path, lambda: now_ms() / 1000, maintenance.devices, atlas.site_of)
        closing.callback(assessor.save)
    pipeline = Pipeline(
        ground.store,
        fleet,
        feed,
        intake,
        forwarding,
        assessor,
        retention_ms=oldest_taken_ms(config.store),
        now_ms=now_ms,
        believed_ms=ground.believed.now_ms,
    )
    hostname = platform.node() or "unnamed"
    witness = Witness(fleet, ground.store, pipeline, ground.registry, hostname=hostname, now_ms=now_ms)
    return Way(intake, feed, forwarding, assessor, pipeline, witness)


def oldest_taken_ms(options: StoreOptions) -> int:
    """How old samples may be that are taken; a server of its own judges that itself."""
    if parse_store_url(options.url).kind == "embedded":
        return options.retention.retention().longest_raw_ms
    return 1 << 62


def keep_watch(ground: Ground, knowledge: Knowledge, way: Way) -> Watch:
    """Puts together what judges whether devices can be reached."""

    async def newest(matchers: Sequence[Matcher]) -> Latest:
        if isinstance(ground.store, TieredStore):
            return await ground.store.latest(matchers)
        return Latest([], np.empty(0, np.int64), np.empty(0))

    return Watch(
        knowledge.fleet,
        newest,
        Ledger(ground.store, way.pipeline.append_own),
        lambda: knowledge.atlas.sheet.graph,
        knowledge.alerting.maintenance.devices,
        knowledge.polling.poll_now,
        knowledge.checks.interval_ms,
        now_ms,
        platform.node() or "unnamed",
        knowledge.standings,
        knowledge.events.note,
        KeptStandings(ground.state).keep,
    )


def take_up_rules(ground: Ground, knowledge: Knowledge, way: Way, closing: AsyncExitStack) -> Rules:
    """Puts together what evaluates rules. They have threads of their own: no dashboard delays them."""
    options = ground.config.rules
    engine = Engine(ground.store, replace(ground.config.query.options(), cache_bytes=0, trees=MOST_TREES))
    closing.callback(engine.close)
    knowledge.atlas.register.tell(engine.know_handles)
    memory, saved = KeptAlerts(ground.state), SavedFiles(ground.state)
    surroundings = Surroundings(
        engine,
        Ledger(ground.store, way.pipeline.append_own),
        knowledge.alerting.notifier,
        memory,
        Outside(options.labels, knowledge.alerting.url),
        interval_ms=round(options.interval_s * 1000),
        query_offset_ms=round(options.query_offset_s * 1000),
        resend_ms=round(options.resend_s * 1000),
        settles_ms=now_ms() + SETTLES_MS,
    )
    folders = [] if options.folder is None else [options.folder]
    book = Rulebook(Sources(folders, saved.texts, shipped=options.shipped), surroundings, memory, now_ms)
    scheduler = Scheduler(lambda: book.groups, now_ms, asyncio.sleep, ground.registry)
    return Rules(book, saved, scheduler)


def survey_capacity(ground: Ground, knowledge: Knowledge, way: Way) -> Survey:
    """Puts together what looks at what runs out."""
    options, kept = ground.config.capacity, knowledge.events.kept
    before = kept.page(Wanted(sources=[SOURCE], kinds=KINDS), MOST_WARNINGS)
    return Survey(
        options,
        ground.queries,
        Ledger(ground.store, way.pipeline.append_own),
        knowledge.events.note,
        Warnings(options.warn_within_s, before[::-1]),
        now_ms,
        lambda: ground.store.stats().begins_ms,
    )


def open_inquests(ground: Ground, knowledge: Knowledge, way: Way) -> Inquests:
    """Puts together what finds out why incidents happened."""
    collected = Collected(
        knowledge.atlas,
        knowledge.standings,
        knowledge.fleet,
        knowledge.events.kept,
        ground.queries,
        way.assessor,
        knowledge.alerting.notifier.alerts,
        platform.node() or "unnamed",
    )
    alerting = knowledge.alerting
    return Inquests(collected, KeptCauses(ground.state), alerting.incidents.all, alerting.change_incident, now_ms)


async def find_consumers(ground: Ground, way: Way) -> None:
    """Looks who takes what others need, until cancelled."""
    if (assessor := way.assessor) is None:
        return

    def tell(found: Sequence[Anomaly]) -> None:
        assessor.consumers = found

    await Consumers(ground.queries, tell, now_ms).run()


def compare_links(ground: Ground, knowledge: Knowledge, way: Way) -> LinkBalance:
    """Puts together what looks whether links share what they carry."""
    results = Ledger(ground.store, way.pipeline.append_own)
    return LinkBalance(lambda: knowledge.atlas.sheet.graph, ground.queries, results, knowledge.events.note, now_ms)


def weigh_pollers(ground: Ground, knowledge: Knowledge, way: Way) -> PollerBalance:
    """Puts together what watches how busy pollers are."""

    def ports(device: str) -> int:
        told = knowledge.atlas.told(device)
        return len(told.ports) if told is not None else 0

    return PollerBalance(
        knowledge.fleet,
        knowledge.polling,
        knowledge.sites,
        ports,
        ground.queries,
        Ledger(ground.store, way.pipeline.append_own),
        knowledge.events.note,
        now_ms,
    )


async def start_receiver(ground: Ground, knowledge: Knowledge, way: Way, closing: AsyncExitStack) -> Receiver:
    """Listens for agents. Raises CannotListen."""
    config = ground.config
    receiver = Receiver(
        config.grpc,
        None if config.grpc.is_local else config.state / "agents.sock",
        knowledge.fleet,
        ground.store,
        way.pipeline,
        tokens=knowledge.tokens,
        limits=Limits(),
        now_ms=now_ms,
        polling=knowledge.polling,
        facts=knowledge.facts,
        events=knowledge.events,
        discovery=knowledge.discovery,
        checks=knowledge.checks,
    )
    await receiver.start()
    closing.push_async_callback(receiver.stop)
    return receiver


async def start_server(
    ground: Ground,
    knowledge: Knowledge,
    way: Way,
    watch: Watch,
    heartbeats: Heartbeats,
    rules: Rules,
    inquests: Inquests,
    pollers: PollerBalance,
    capacity: Survey,
    models: Models,
    closing: AsyncExitStack,
) -> Server:
    """Listens for people and programs. Raises CannotListen."""
    services = Services(
        store=ground.store,
        engine=ground.queries,
        fleet=knowledge.fleet,
        feed=way.feed,
        tokens=knowledge.tokens,
        registry=ground.registry,
        intake=way.intake,
        backups=Backups(ground.config.state, ground.store, outside_of(ground.state.url)),
        polling=knowledge.polling,
        sites=knowledge.sites,
        heartbeats=heartbeats,
        facts=knowledge.facts,
        events=knowledge.events.kept,
        event_feed=knowledge.events.feed,
        alerting=knowledge.alerting,
        inquests=inquests,
        pollers=pollers,
        capacity=capacity,
        atlas=knowledge.atlas,
        discovery=knowledge.discovery,
        checks=knowledge.checks,
        desk=Desk(way.pipeline),
        metadata=way.pipeline.metadata,
        reachability=watch.ledger,
        assessor=way.assessor,
        models=models,
        rulebook=rules.book,
        rule_files=rules.saved,
        readiness=way.pipeline.trouble,
        now_ms=now_ms,
        started_ms=now_ms(),
    )
    server = Server(make_app(services), ground.config.http)
    await server.start()
    closing.push_async_callback(server.stop)
    return server
