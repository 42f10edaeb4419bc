"""What a collector stands on and what it knows: opened at the start, written down between times."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from netmon_cli.assembly.running import now_ms, running_ms
from netmon_cli.failure import Exit, Failure
from netmon_collector.alerts.alerting import Alerting
from netmon_collector.atlas import Atlas
from netmon_collector.believed import BelievedTime, tell_in
from netmon_collector.changes import Changes
from netmon_collector.checks.book import CheckBook
from netmon_collector.config import CollectorConfig
from netmon_collector.discovery.book import DiscoveryBook
from netmon_collector.events.book import EventBook
from netmon_collector.events.owners import Owners
from netmon_collector.events.reactions import Reactions
from netmon_collector.facts import FactBook
from netmon_collector.fleet import Fleet
from netmon_collector.polling import Polling
from netmon_collector.query.engine import Engine
from netmon_collector.reachability.ledger import Ledger as Standings
from netmon_collector.reachability.outlook import Outlook
from netmon_collector.reachability.survey import Settings
from netmon_collector.sites import Sites
from netmon_collector.state.agents import Agents
from netmon_collector.state.checks import KeptChecks
from netmon_collector.state.credentials import Credentials
from netmon_collector.state.database import Claimed, open_state, reason_of
from netmon_collector.state.devices import Devices
from netmon_collector.state.events import KeptEvents
from netmon_collector.state.facts import KeptFacts
from netmon_collector.state.identity import KeptIdentity
from netmon_collector.state.place import StateError, place_of
from netmon_collector.state.sites import KeptSites
from netmon_collector.state.standings import KeptStandings
from netmon_collector.state.sweeps import KeptSweeps
from netmon_collector.state.tokens import Tokens
from netmon_collector.state.topology import KeptMap
from netmon_collector.store.base import Store, StoreError
from netmon_collector.store.health import Health
from netmon_collector.store.opening import open_store
from netmon_collector.store.url import parse_store_url
from netmon_collector.telemetry import make_registry
from netmon_configs.logs import EventLog
from netmon_configs.sealing import Sealer
from netmon_proto.model import Limits

log = EventLog("netmon.daemon")

HOUSEKEEPING_S = 60.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What all else stands on: files, databases, secrets."""

    config: CollectorConfig
    state: Database
    claimed: Claimed
    store: Store
    queries: Engine
    sealer: Sealer
    registry: CollectorRegistry
    believed: BelievedTime


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Who is there, and what is to be done."""

    tokens: Tokens
    polling: Polling
    sites: Sites
    facts: FactBook
    atlas: Atlas
    fleet: Fleet
    standings: Standings
    alerting: Alerting
    owners: Owners
    events: EventBook
    discovery: DiscoveryBook
    checks: CheckBook
    changes: Changes


def open_ground(config: CollectorConfig, closing: AsyncExitStack) -> Ground:
    """Opens what is on disk. Raises StateError and StoreUnavailable."""
    place = place_of(config.state, config.database.url, config.database.password_file)
    state = open_state(place)
    closing.callback(state.dispose)
    claimed = Claimed(state)
    closing.callback(claimed.release)
    store = open_store(
        parse_store_url(config.store.url),
        config.state,
        queue_bytes=config.store.queue_bytes,
        max_bytes=config.store.max_bytes,
        cache_bytes=config.store.cache_bytes,
        head_bytes=config.store.head_bytes,
        retention=config.store.retention.retention(),
    )
    closing.push_async_callback(store.close)
    queries = Engine(store, config.query.options())
    closing.callback(queries.close)
    sealer, registry = Sealer(config.state / "state.key"), make_registry()
    believed = BelievedTime(config.state, store.stats().newest_ms, now_ms, running_ms)
    tell_in(registry, believed)
    return Ground(config, state, claimed, store, queries, sealer, registry, believed)


def gather_knowledge(ground: Ground, closing: AsyncExitStack) -> Knowledge:
    """Reads what the database tells of tokens, agents and devices."""
    tokens = Tokens(ground.state, now_ms)
    facts_interval_ms = round(ground.config.polling.facts_interval_s * 1000)
    configured = [one.site() for one in ground.config.sites]
    sites = Sites(KeptSites(ground.state), configured, lambda agent_id: fleet.instance_of(agent_id))
    credentials = Credentials(ground.state, ground.sealer)
    polling = Polling(Devices(ground.state), credentials, now_ms, facts_interval_ms, sites.of_device)
    atlas = Atlas(
        KeptIdentity(ground.state),
        KeptMap(ground.state),
        polling,
        now_ms,
        sites,
        lambda instance: fleet.agent_of(instance),
        ground.believed.now_ms,
    )
    atlas.register.tell(ground.queries.know_handles)
    facts = FactBook(KeptFacts(ground.state), polling, now_ms, [atlas])
    fleet = Fleet(Agents(ground.state), ground.store, Limits(), now_ms, polling)
    standings = Standings(Settings(), KeptStandings(ground.state).all())
    alerting = open_alerting(ground, atlas, standings)
    owners = Owners(polling, fleet, facts)
    facts.tell(owners)
    reactions = Reactions(polling)
    closing.callback(reactions.close)
    events = EventBook(KeptEvents(ground.state), owners, reactions, ground.registry, Limits(), now_ms)
    changes = Changes(fleet.devices, polling.all, events.note, now_ms)
    facts.tell(changes)
    known = atlas.register.registry
    discovery = DiscoveryBook(
        KeptSweeps(ground.state),
        polling,
        lambda: known.sources,
        lambda handle: fleet.device(handle) is not None,
        now_ms,
        sites.at,
    )
    kept_checks = KeptChecks(ground.state, ground.sealer)
    checks = CheckBook(kept_checks, polling.lines, fleet.devices, owners, now_ms, sites.mates)
    knowledge = Knowledge(
        tokens, polling, sites, facts, atlas, fleet, standings, alerting, owners, events, discovery, checks, changes
    )
    closing.callback(save_all, ground, knowledge)
    closing.push_async_callback(alerting.close)
    return knowledge


def open_alerting(ground: Ground, atlas: Atlas, standings: Standings) -> Alerting:
    """Puts together what tells people of alerts."""
    outlook = Outlook(standings, lambda: atlas.sheet.graph, now_ms)
    jitter = Random()  # noqa: S311 - jitter is no secret
    return Alerting(
        ground.state,
        ground.config.alerting,
        now_ms=now_ms,
        believed_ms=ground.believed.now_ms,
        random=jitter,
        network=outlook,
        site_of=atlas.site_of,
        registry=ground.registry,
    )


async def keep_house(ground: Ground, knowledge: Knowledge) -> None:
    """Applies the retention and writes down what is kept in memory between times, until cancelled."""
    kept_ms = ground.config.store.retention.retention().base.raw_ms
    health = Health("store.retention_failing", "store.retention_recovered")
    is_away = False
    while True:
        await asyncio.to_thread(ground.believed.look)
        await forget_before(ground.store, ground.believed.now_ms() - kept_ms, health)
        is_away = not await asyncio.to_thread(save_all, ground, knowledge, is_away)
        if not is_away:
            await keep_events(ground, knowledge)
        await asyncio.sleep(HOUSEKEEPING_S)


async def forget_before(store: Store, time_ms: int, health: Health) -> None:
    """Lets the store forget what is old; what it cannot do, with a full disk or a log to read, it does later."""
    try:
        await store.forget_before(time_ms)
    except StoreError as error:
        health.tell(error)
    else:
        health.tell(None)


def save_all(ground: Ground, knowledge: Knowledge, was_away: bool = False) -> bool:
    """Writes down when agents were heard of and tokens used; False where the database is away, which is told once.

    Raises Failure where another collector took the database meanwhile.
    """
    try:
        ground.claimed.renew()
        knowledge.fleet.save()
        knowledge.tokens.save_uses()
    except StateError as error:
        raise Failure(Exit.WRONG, str(error)) from error
    except SQLAlchemyError as error:
        if not was_away:
            log.warning("state.away", error=reason_of(error), consequence="samples are taken; agents and people wait")
        return False
    if was_away:
        log.info("state.back")
    return True


async def keep_events(ground: Ground, knowledge: Knowledge) -> None:
    """Keeps the log of events within its bounds; a database that does not do so now does later."""
    bounds = ground.config.events
    try:
        await knowledge.events.prune(ground.believed.now_ms() - round(bounds.max_age_s * 1000), bounds.max_rows)
    except SQLAlchemyError as error:
        log.warning("events.not_pruned", error=reason_of(error))
