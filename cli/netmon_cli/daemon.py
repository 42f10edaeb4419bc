"""The only place where daemons are put together, started and stopped.

A daemon is a process of this module: nothing of the command line is loaded in it, and nothing of the collector in an
agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import platform
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netmon_cli.claim import Claim
from netmon_cli.failure import Exit, Failure
from netmon_configs.logs import EventLog, set_up
from netmon_proto import __version__

if TYPE_CHECKING:
    from netmon_agent.config import AgentConfig, CollectorTarget
    from netmon_agent.connection import Target
    from netmon_collector.config import CollectorConfig
    from netmon_collector.fleet import Fleet
    from netmon_collector.state.tokens import Tokens
    from netmon_collector.store.base import Store

log = EventLog("netmon.daemon")

DRAIN_S = 2.0
HOUSEKEEPING_S = 60.0


@dataclass(frozen=True, slots=True)
class Ready:
    """Where a collector listens, and the tokens that it has just made, which nobody can read again."""

    http: str
    grpc: str
    local: str
    """What an agent on this machine connects to."""
    api_token: str | None
    join_token: str | None


async def run_agent(config: AgentConfig, stop: asyncio.Event) -> None:
    """Gathers and sends until `stop` is set. Raises Failure."""
    from netmon_agent.batcher import Batcher
    from netmon_agent.clock import SystemClock
    from netmon_agent.columns import Columnizer
    from netmon_agent.identity import IdentityDamaged, load_identity
    from netmon_agent.inputs.checks.ping import share_socket
    from netmon_agent.inputs.own import OwnInput
    from netmon_agent.polling.asking import Snmp
    from netmon_agent.polling.kept import KeptJobs
    from netmon_agent.polling.poller import Poller
    from netmon_agent.schedule import Scheduler
    from netmon_agent.spool import Spool
    from netmon_agent.spool_file import SpoolUnusable
    from netmon_agent.stream import Introduction, Stream

    target = target_of(config.collector)
    clock = SystemClock()
    try:
        identity = load_identity(config.state)
        spool = Spool(
            config.state / "spool.sqlite",
            most_bytes=config.spool.max_bytes,
            most_age_s=config.spool.max_age_s,
            quarantine_bytes=config.spool.max_bytes // 16,
            clock=clock,
        )
    except (IdentityDamaged, SpoolUnusable, OSError) as error:
        raise Failure(Exit.WRONG, str(error)) from error
    introduction = Introduction(
        agent_id=identity.agent_id,
        agent_key=identity.agent_key,
        hostname=config.hostname or platform.node() or "unnamed",
        version=__version__,
        platform=f"{platform.system()} {platform.machine()}",
        interval_ms=round(config.interval_s * 1000),
    )
    batcher = Batcher(Columnizer(spool.last_series_id + 1, spool.last_layout_id + 1), spool)
    share_socket(config.inputs)
    own = OwnInput.model_construct()
    scheduler = Scheduler(
        [*config.inputs, own], interval_s=config.interval_s, agent_id=identity.agent_id, batcher=batcher, clock=clock
    )
    own.watch(scheduler, spool)
    poller = Poller(KeptJobs(config.state), Snmp().approach, batcher, clock, identity.agent_id)
    stream = Stream(target, introduction, spool, clock, random.Random(), poller)  # noqa: S311 - jitter is no secret
    log.info("agent.started", version=__version__, inputs=len(config.inputs), state=config.state)
    async with beside(stream.run(), stop):
        async with beside(scheduler.run(), stop), beside(poller.run(), stop):
            await stop.wait()
        await batcher.close()
        await drained(lambda: not stream.connected or not spool.counts.batches)
    await spool.close()
    log.info("agent.stopped", batches_spooled=spool.counts.batches)


def target_of(options: CollectorTarget) -> Target:
    """Where to connect, with certificate and token read from their files. Raises Failure."""
    from netmon_agent.connection import Target

    def read(path: Path | None, what: str) -> bytes | None:
        try:
            return path.read_bytes() if path else None
        except OSError as error:
            raise Failure(Exit.USAGE, f"the {what} {path} cannot be read: {error.strerror}.") from error

    tls = options.tls
    token = read(options.join_token_file, "join token file")
    return Target(
        address=options.address,
        tls=tls is not None,
        root_certificates=read(tls.ca_file, "CA file") if tls else None,
        server_name=tls.server_name if tls else None,
        join_token=token.decode(errors="replace").strip() if token is not None else None,
    )


async def run_collector(config: CollectorConfig, stop: asyncio.Event, ready: Callable[[Ready], None]) -> None:
    """Receives, stores and serves until `stop` is set; `ready` is told once when it listens. Raises Failure."""
    from netmon_api.app import make_app
    from netmon_api.serve import Server
    from netmon_collector.backup.making import Backups
    from netmon_collector.facts import FactBook
    from netmon_collector.feed import Feed
    from netmon_collector.fleet import Fleet
    from netmon_collector.forward.opening import open_forwarding
    from netmon_collector.intake import Intake
    from netmon_collector.listener import CannotListen
    from netmon_collector.pipeline import Pipeline
    from netmon_collector.polling import Polling
    from netmon_collector.query.engine import Engine
    from netmon_collector.receive import Receiver
    from netmon_collector.state.agents import Agents
    from netmon_collector.state.credentials import Credentials
    from netmon_collector.state.database import StateError, open_state
    from netmon_collector.state.devices import Devices
    from netmon_collector.state.facts import KeptFacts
    from netmon_collector.state.tokens import Tokens
    from netmon_collector.store.base import StoreUnavailable
    from netmon_collector.store.opening import open_store
    from netmon_collector.store.url import parse_store_url
    from netmon_collector.telemetry import make_registry
    from netmon_collector.witness import Witness
    from netmon_configs.sealing import Sealer
    from netmon_proto.model import Limits

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else its core writes a line for every failed handshake
    retention = config.store.retention.retention()
    limits = Limits()
    async with contextlib.AsyncExitStack() as parts:
        try:
            state = open_state(f"sqlite:///{config.state / 'state.sqlite'}")
            parts.callback(state.dispose)
            store = open_store(
                parse_store_url(config.store.url),
                config.state,
                queue_bytes=config.store.queue_bytes,
                max_bytes=config.store.max_bytes,
                retention=retention,
            )
            parts.push_async_callback(store.close)
            queries = Engine(store, config.query.options())
            parts.callback(queries.close)
            tokens = Tokens(state, now_ms)
            registry = make_registry()
            intake = Intake(registry, now_ms())
            feed = Feed()
            sealer = Sealer(config.state / "state.key")
            facts_interval_ms = round(config.polling.facts_interval_s * 1000)
            polling = Polling(Devices(state), Credentials(state, sealer), now_ms, facts_interval_ms)
            facts = FactBook(KeptFacts(state), polling, now_ms)
            fleet = Fleet(Agents(state), store, limits, now_ms, polling)
            parts.callback(fleet.save)
            parts.callback(tokens.save_uses)
            forwarding = open_forwarding(config.remote_write, config.state, registry)
            parts.push_async_callback(forwarding.close)
            pipeline = Pipeline(
                store, fleet, feed, intake, forwarding, retention_ms=retention.longest_raw_ms, now_ms=now_ms
            )
            witness = Witness(fleet, store, pipeline, registry, hostname=platform.node() or "unnamed", now_ms=now_ms)
            socket = None if config.grpc.is_local else config.state / "agents.sock"
            receiver = Receiver(
                config.grpc,
                socket,
                fleet,
                store,
                pipeline,
                tokens=tokens,
                limits=limits,
                now_ms=now_ms,
                polling=polling,
                facts=facts,
            )
            await receiver.start()
            parts.push_async_callback(receiver.stop)
            app = make_app(
                store=store,
                engine=queries,
                fleet=fleet,
                feed=feed,
                tokens=tokens,
                registry=registry,
                intake=intake,
                backups=Backups(config.state, store),
                polling=polling,
                pipeline=pipeline,
                readiness=pipeline.trouble,
                now_ms=now_ms,
            )
            server = Server(app, config.http)
            await server.start()
            parts.push_async_callback(server.stop)
        except (StateError, StoreUnavailable, CannotListen) as error:
            raise Failure(Exit.WRONG, str(error)) from error
        join_token = None if config.grpc.is_local else tokens.ensure("join")
        ready(Ready(server.url, receiver.address, receiver.local_address, tokens.ensure("api"), join_token))
        log.info("collector.started", version=__version__, http=server.url, grpc=receiver.address, state=config.state)
        async with (
            beside(forwarding.run(), stop),
            beside(witness.run(), stop),
            beside(keep_house(store, retention.base.raw_ms, fleet, tokens), stop),
        ):
            await stop.wait()
    log.info("collector.stopped")


async def keep_house(store: Store, retention_ms: int, fleet: Fleet, tokens: Tokens) -> None:
    """Applies the retention and writes down what is kept in memory between times, until cancelled."""
    while True:
        await store.forget_before(now_ms() - retention_ms)
        await asyncio.to_thread(fleet.save)
        await asyncio.to_thread(tokens.save_uses)
        await asyncio.sleep(HOUSEKEEPING_S)


def now_ms() -> int:
    """The wall clock, Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> AsyncIterator[None]:
    """Runs work beside the block. Should it fail, `stop` is set and the end of the block raises what it raised."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def drained(is_empty: Callable[[], bool]) -> None:
    """Waits until what is pending has been sent, but not for long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while not is_empty():  # noqa: ASYNC110 - at the end only; an event for it would have to be kept all the time
                await asyncio.sleep(0.02)


def until_told(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Runs a daemon until SIGINT or SIGTERM, with a supervisor until SIGTERM or until that is gone."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        # Ctrl-C on a terminal reaches a supervisor and its children at once; it is for the supervisor to end them.
        supervised = "NETMON_PARENT_FD" in os.environ
        if supervised:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM,) if supervised else (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stop.set)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        if (parent := os.environ.pop("NETMON_PARENT_FD", None)) is not None:
            loop.add_reader(int(parent), stop.set)  # its other end closes when the parent ends, however it ends
        await work(stop)

    asyncio.run(main())


def announce(ready: Ready) -> None:
    """Tells whoever started the collector that it listens: a parent as JSON, else people on standard output."""
    if (parent := os.environ.pop("NETMON_READY_FD", None)) is not None:
        with open(int(parent), "w", encoding="utf-8") as pipe:  # noqa: PTH123 - a pipe has no path
            json.dump(asdict(ready), pipe)
        return
    lines = [f"netmon {__version__} collector: API on {ready.http}, agents connect to {ready.grpc}"]
    if ready.api_token:
        lines.append(f"API token (shown this once): {ready.api_token}")
    if ready.join_token:
        lines.append(f"join token for agents (shown this once): {ready.join_token}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry of `python -m netmon_cli.daemon KIND DESCRIPTOR`; see handover.py."""
    kind, descriptor = sys.argv[1:]
    with open(int(descriptor), "rb") as file:  # noqa: PTH123 - it has no path
        config = pickle.load(file)  # noqa: S301 - the command line made it a moment ago; nobody else can open it
    set_up(config.log)
    try:
        with Claim(config.state, kind):
            if kind == "agent":
                until_told(lambda stop: run_agent(config, stop))
            else:
                until_told(lambda stop: run_collector(config, stop, announce))
    except Failure as failure:
        sys.stderr.write(f"netmon: {failure}\n")
        sys.exit(int(failure.exit_code))


if __name__ == "__main__":
    main()
