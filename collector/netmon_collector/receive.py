"""The gRPC side of the collector: agents' streams, from hello to their end."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.checks.book import CheckBook
from netmon_collector.config import GrpcOptions
from netmon_collector.conversation import Context, Conversation, StreamOver, decoded
from netmon_collector.discovery.book import DiscoveryBook
from netmon_collector.events.book import EventBook
from netmon_collector.facts import FactBook
from netmon_collector.fleet import Fleet
from netmon_collector.listener import port_taken, read_certificate, read_key, server_context, why_taken
from netmon_collector.pipeline import Pipeline
from netmon_collector.polling import Polling
from netmon_collector.state.agents import KeyMismatch
from netmon_collector.state.database import reason_of
from netmon_collector.state.tokens import Tokens
from netmon_collector.store.base import Store
from netmon_configs.logs import EventLog
from netmon_configs.options import split_address
from netmon_proto import wire
from netmon_proto.model import Hello, Limits, Welcome

log = EventLog("netmon.collector.receive")

HELLO_S = 20.0
STOP_S = 5.0
LAST_WORDS_S = 0.5
KEY_BYTES = 32


class Receiver:
    """Listens for agents and hands their batches to the pipeline."""

    def __init__(
        self,
        options: GrpcOptions,
        socket: Path | None,
        fleet: Fleet,
        store: Store,
        pipeline: Pipeline,
        *,
        tokens: Tokens,
        limits: Limits,
        now_ms: Callable[[], int],
        polling: Polling | None = None,
        facts: FactBook | None = None,
        events: EventBook | None = None,
        discovery: DiscoveryBook | None = None,
        checks: CheckBook | None = None,
    ) -> None:
        """`socket`: a path where this machine's agents can connect without certificate and token."""
        self._options = options
        self._socket = socket
        self._fleet = fleet
        self._store = store
        self._pipeline = pipeline
        self._tokens = tokens
        self._limits = limits
        self._now_ms = now_ms
        self._polling = polling
        self._facts = facts
        self._events = events
        self._discovery = discovery
        self._checks = checks
        self._streams: dict[str, asyncio.Future[StreamOver]] = {}
        self._handlers: set[asyncio.Task[Any]] = set()
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", limits.frame_bytes),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.so_reuseport", 0),
            ]
        )
        stream: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._stream)
        service, method = wire.METHOD.strip("/").split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: stream}),))
        self.port = 0

    async def start(self) -> None:
        """Listens. Raises CannotListen."""
        address = self._options.listen
        try:
            if self._options.tls:
                server_context(self._options.tls)  # says what is wrong with a pair, which gRPC doesn't
                pair = read_key(self._options.tls.key_source), read_certificate(self._options.tls.cert_file)
                credentials = grpc.ssl_server_credentials([pair])
                self.port = self._server.add_secure_port(address, credentials)
            else:
                self.port = self._server.add_insecure_port(address)
            if self._socket:
                self._server.add_insecure_port(f"unix:{self._socket}")
        except RuntimeError as error:
            raise port_taken("agents", address, why_taken(address), "grpc") from error
        await self._server.start()

    async def stop(self) -> None:
        """Ends all streams, so that agents know it at once, and stops listening."""
        for ended in self._streams.values():
            _end(ended, StreamOver(grpc.StatusCode.UNAVAILABLE, "the collector is stopping"))
        if self._handlers:  # they say why before the connections are closed
            await asyncio.wait(self._handlers, timeout=STOP_S)
            await asyncio.sleep(LAST_WORDS_S)
        await self._server.stop(STOP_S)

    @property
    def address(self) -> str:
        """Where agents connect, with the port that was given out for port 0."""
        host, _ = split_address(self._options.listen)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def local_address(self) -> str:
        """Where an agent on this machine connects."""
        return f"unix:{self._socket}" if self._socket else self.address

    async def _stream(self, _requests: object, context: Context) -> None:
        if task := asyncio.current_task():
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        try:
            self._check_join(context)
            hello = await self._hello(context)
            await self._converse(hello, context)
        except StreamOver as end:
            await context.abort(end.code, end.details)

    def _check_join(self, context: Context) -> None:
        if self._options.is_local or context.peer().startswith("unix:"):
            return
        metadata = dict(context.invocation_metadata() or ())
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme != "Bearer" or not self._tokens.verify("join", token):
            log.warning("agent.turned_away", address=_address(context), why="no valid join token")
            raise StreamOver(grpc.StatusCode.UNAUTHENTICATED, "a valid join token is needed")

    async def _hello(self, context: Context) -> Hello:
        try:
            async with asyncio.timeout(HELLO_S):
                frame = await context.read()
        except TimeoutError:
            raise StreamOver(grpc.StatusCode.INVALID_ARGUMENT, f"no hello within {HELLO_S:.0f} s") from None
        hello = decoded(frame) if isinstance(frame, bytes) else None
        if not isinstance(hello, Hello):
            raise StreamOver(grpc.StatusCode.INVALID_ARGUMENT, "the first message must be a hello")
        if mistake := _mistake(hello):
            raise StreamOver(grpc.StatusCode.INVALID_ARGUMENT, f"the hello cannot be taken: {mistake}")
        return hello

    async def _converse(self, hello: Hello, context: Context) -> None:
        try:
            record = await asyncio.to_thread(self._fleet.admit, hello)
        except KeyMismatch as error:
            log.warning("agent.turned_away", address=_address(context), agent=hello.agent_id, why=str(error))
            raise StreamOver(grpc.StatusCode.UNAUTHENTICATED, str(error)) from None
        except SQLAlchemyError as error:
            log.warning("agent.put_off", address=_address(context), agent=hello.agent_id, error=reason_of(error))
            raise StreamOver(grpc.StatusCode.UNAVAILABLE, "the state database can't be asked now") from None
        ended = asyncio.get_running_loop().create_future()
        if before := self._streams.get(record.agent_id):
            _end(before, StreamOver(grpc.StatusCode.ABORTED, "the same agent has opened another stream"))
        self._streams[record.agent_id] = ended
        self._store.settle(record.agent_id, hello.epoch, hello.first_sequence)
        session = self._fleet.connect(record, _address(context))
        log.info("agent.connected", instance=record.instance, address=_address(context), version=record.version)
        try:
            highest = self._store.highest_acked(record.agent_id, hello.epoch)
            events = self._events
            events_highest = (
                await events.greet(record.agent_id, hello.events_epoch, hello.events_first_sequence) if events else 0
            )
            welcome = Welcome(self._now_ms(), record.instance, highest, self._limits, events_highest)
            await context.write(wire.encode_collector(welcome))
            parts = self._polling, self._facts, events, self._discovery, self._checks
            conversation = Conversation(session, context, self._pipeline, self._limits, *parts)
            await conversation.run(ended)
        finally:
            if self._streams.get(record.agent_id) is ended:
                del self._streams[record.agent_id]
            self._fleet.disconnect(session)
            log.info("agent.disconnected", instance=record.instance)


def _mistake(hello: Hello) -> str:
    """What is wrong with a hello; empty where nothing is."""
    try:
        canonical = str(uuid.UUID(hello.agent_id)) == hello.agent_id
    except ValueError:
        canonical = False
    if not canonical:
        return "agent_id is not a UUID"
    if len(hello.agent_key) != KEY_BYTES:
        return f"agent_key must have {KEY_BYTES} bytes"
    for name, most in (("hostname", 253), ("version", 64), ("platform", 128)):
        text = getattr(hello, name)
        if len(text) > most or not text.isprintable():
            return f"{name} must be printable and have at most {most} characters"
    if not hello.hostname:
        return "hostname is missing"
    if not 1000 <= hello.interval_ms <= 3_600_000:
        return "interval_ms must be from 1000 to 3600000"
    return ""


def _end(ended: "asyncio.Future[StreamOver]", why: StreamOver) -> None:
    if not ended.done():
        ended.set_result(why)


def _address(context: Context) -> str:
    """The peer as "host:port" from gRPC's "ipv4:host:port" or "ipv6:%5Bhost%5D:port"."""
    return unquote(context.peer()).partition(":")[2]
