"""An agent, put together: it measures, keeps and sends. Nothing of the collector is loaded here."""

from __future__ import annotations

import asyncio
import platform
import random
from contextlib import AsyncExitStack
from pathlib import Path

from netmon_agent.assigned.checker import Checker
from netmon_agent.batcher import Batcher
from netmon_agent.clock import Clock, SystemClock
from netmon_agent.columns import Columnizer
from netmon_agent.config import AgentConfig, CollectorTarget
from netmon_agent.connection import Target
from netmon_agent.discovery.sweeper import Sweeper
from netmon_agent.icmp.pinger import Pinger
from netmon_agent.identity import Identity, IdentityDamaged, load_identity
from netmon_agent.inputs.checks.ping import share_socket
from netmon_agent.inputs.events.base import EventSource
from netmon_agent.inputs.events.changes import ChangeSource
from netmon_agent.inputs.own import OwnInput
from netmon_agent.polling.asking import Snmp
from netmon_agent.polling.kept import kept_checks, kept_jobs
from netmon_agent.polling.memories import Memories
from netmon_agent.polling.poller import Poller
from netmon_agent.receivers.desk import Desk
from netmon_agent.schedule import Scheduler
from netmon_agent.spool import Spool
from netmon_agent.spool_file import SpoolUnusable
from netmon_agent.stream import Introduction, Stream
from netmon_agent.surroundings.teller import Teller
from netmon_cli.assembly.running import beside, drained
from netmon_cli.assembly.thrift import give_back
from netmon_cli.failure import Exit, Failure
from netmon_configs.logs import EventLog
from netmon_configs.secrets import NoSecret, Source
from netmon_proto import __version__

log = EventLog("netmon.daemon")

EVENTS_SPOOL = "events.sqlite"
"""Apart from that of samples: neither can push the other out."""


async def run_agent(config: AgentConfig, stop: asyncio.Event) -> None:
    """Gathers and sends until `stop` is set. Raises Failure."""
    target = target_of(config.collector)
    clock = SystemClock()
    sources = [one for one in config.inputs if isinstance(one, EventSource)]
    identity, spool, events = open_state(config, bool(sources), clock)
    introduction = introduction_of(config, identity)
    batcher = Batcher(Columnizer(spool.last_series_id + 1, spool.last_layout_id + 1), spool)
    pinger = Pinger()
    share_socket(config.inputs, pinger)
    own = OwnInput.model_construct()
    scheduler = Scheduler(
        [*config.inputs, own], interval_s=config.interval_s, agent_id=identity.agent_id, batcher=batcher, clock=clock
    )
    own.watch(scheduler, spool, events)
    desk = Desk(events, clock.now_ms) if events is not None else None
    if desk is not None:
        for source in sources:
            source.connect(desk, identity.agent_id)
            if isinstance(source, ChangeSource):
                source.remember(config.state)
    snmp = Snmp(Memories(config.state))
    poller = Poller(kept_jobs(config.state), snmp.approach, batcher, clock, identity.agent_id)
    checker = Checker(kept_checks(config.state), scheduler, poller.outbox, pinger, clock, config.assigned_checks.reach)
    sweeper = Sweeper()
    teller = Teller(introduction.hostname, clock.now_ms) if config.surroundings else None
    rng = random.Random()  # noqa: S311 - no secret
    stream = Stream(target, introduction, spool, clock, rng, poller, events, sweeper, checker, teller)
    log.info("agent.started", version=__version__, inputs=len(config.inputs), state=config.state)
    async with beside(stream.run(), stop):
        async with AsyncExitStack() as running:
            for part in (scheduler, poller, checker, snmp, sweeper, desk, teller):
                if part is not None:
                    await running.enter_async_context(beside(part.run(), stop))
            await running.enter_async_context(beside(give_back(), stop))
            await stop.wait()
        await batcher.close()
        if desk is not None:
            await desk.close()
        spools = [spool, events] if events else [spool]
        await drained(lambda: not stream.connected or not any(one.counts.batches for one in spools))
    for one in spools:
        await one.close()
    log.info("agent.stopped", batches_spooled=spool.counts.batches)


def open_state(config: AgentConfig, receives: bool, clock: Clock) -> tuple[Identity, Spool, Spool | None]:
    """Who the agent is, its spool, and that of events where it receives some or did so once. Raises Failure."""
    try:
        identity = load_identity(config.state)
        spool = open_spool(config, "spool.sqlite", clock)
        has_events = receives or (config.state / EVENTS_SPOOL).exists()
        return identity, spool, open_spool(config, EVENTS_SPOOL, clock) if has_events else None
    except (IdentityDamaged, SpoolUnusable, OSError) as error:
        raise Failure(Exit.WRONG, str(error)) from error


def introduction_of(config: AgentConfig, identity: Identity) -> Introduction:
    """What the agent says of itself at each connection."""
    return Introduction(
        agent_id=identity.agent_id,
        agent_key=identity.agent_key,
        hostname=config.hostname or platform.node() or "unnamed",
        version=__version__,
        platform=f"{platform.system()} {platform.machine()}",
        interval_ms=round(config.interval_s * 1000),
    )


def open_spool(config: AgentConfig, name: str, clock: Clock) -> Spool:
    """A spool within the agent's bounds. Raises SpoolUnusable, OSError."""
    return Spool(
        config.state / name,
        most_bytes=config.spool.max_bytes,
        most_age_s=config.spool.max_age_s,
        quarantine_bytes=config.spool.max_bytes // 16,
        clock=clock,
    )


def target_of(options: CollectorTarget) -> Target:
    """Where to connect, with certificate and token read from where they are. Raises Failure."""

    def read(path: Path | None, what: str) -> bytes | None:
        try:
            return path.read_bytes() if path else None
        except OSError as error:
            raise Failure(Exit.USAGE, f"the {what} {path} cannot be read: {error.strerror}.") from error

    tls = options.tls
    try:
        token = Source.of(options, "join_token").read()
    except NoSecret as error:
        raise Failure(Exit.USAGE, f"the join token cannot be had: {error}.") from error
    return Target(
        address=options.address,
        tls=tls is not None,
        root_certificates=read(tls.ca_file, "CA file") if tls else None,
        server_name=tls.server_name if tls else None,
        join_token=token.strip() if token is not None else None,
    )
