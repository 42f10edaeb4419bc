"""Keeps a stream open to the collector, through whatever breaks it."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
import grpc.aio

from netmon_agent.clock import Clock
from netmon_agent.exchange import Call, Exchange, StreamEnded
from netmon_agent.spool import Spool
from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import Hello, Welcome

log = EventLog("netmon.agent.stream")

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 60.0
CONNECT_S = 20.0
OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the collector is, and how it is spoken to. Without `root_certificates` and `tls` in the clear."""

    address: str
    tls: bool = False
    root_certificates: bytes | None = None
    server_name: str | None = None
    join_token: str | None = None


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a hello says that does not change while the agent runs."""

    agent_id: str
    agent_key: bytes
    hostname: str
    version: str
    platform: str
    interval_ms: int


def backoff_s(failures: int, rng: random.Random) -> float:
    """Full jitter: anywhere from 0 to a bound that doubles with each failure, up to BACKOFF_MOST_S.

    As in M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return rng.uniform(0, min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** min(failures, 16)))


class Stream:
    """Keeps a stream open to the collector and empties the spool into it."""

    def __init__(
        self, target: Target, introduction: Introduction, spool: Spool, clock: Clock, rng: random.Random
    ) -> None:
        self._target = target
        self._introduction = introduction
        self._spool = spool
        self._clock = clock
        self._rng = rng
        self._failures = 0
        self.connected = False

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self._session()
            except StreamEnded as end:
                self._tell_lost(str(end))
                await asyncio.sleep(backoff_s(self._failures, self._rng))
                self._failures += 1

    async def _session(self) -> None:
        async with self._channel() as channel:
            token = self._target.join_token
            metadata = (("authorization", f"Bearer {token}"),) if token else ()
            call: Call = channel.stream_stream(wire.METHOD)(metadata=metadata)
            exchange = Exchange(call, self._spool, self._clock)
            try:
                async with asyncio.timeout(CONNECT_S):
                    welcome = await exchange.greet(self._hello(await self._spool.first_sequence()))
                await self._welcomed(welcome)
                await exchange.work(welcome.limits)
            except TimeoutError:
                raise StreamEnded(f"no answer within {CONNECT_S:.0f} s") from None
            except grpc.aio.AioRpcError as error:
                await exchange.after_end(error.code())
                raise StreamEnded(_explained(error)) from None
            except wire.MalformedFrame as error:
                raise StreamEnded(f"what answers is no collector that this agent understands: {error}") from None
            finally:
                call.cancel()
                self._spool.rewind()

    def _tell_lost(self, why: str) -> None:
        if self.connected or self._failures == 0:
            waiting = self._spool.counts.batches
            log.warning("collector.lost", address=self._target.address, why=why, batches_spooled=waiting)
        self.connected = False

    def _channel(self) -> grpc.aio.Channel:
        options = list(OPTIONS)
        if not self._target.tls:
            return grpc.aio.insecure_channel(self._target.address, options=options)
        named = [("grpc.ssl_target_name_override", self._target.server_name)] if self._target.server_name else []
        credentials = grpc.ssl_channel_credentials(root_certificates=self._target.root_certificates)
        return grpc.aio.secure_channel(self._target.address, credentials, options=[*options, *named])

    def _hello(self, first_sequence: int) -> Hello:
        who = self._introduction
        return Hello(
            agent_id=who.agent_id,
            agent_key=who.agent_key,
            hostname=who.hostname,
            version=who.version,
            platform=who.platform,
            clock_ms=self._clock.now_ms(),
            interval_ms=who.interval_ms,
            epoch=self._spool.epoch,
            first_sequence=first_sequence,
            last_sequence=self._spool.last_sequence,
        )

    async def _welcomed(self, welcome: Welcome) -> None:
        if welcome.highest_acked > self._spool.last_sequence:
            log.warning("spool.behind", acked=welcome.highest_acked, here=self._spool.last_sequence, action="new epoch")
            await self._spool.start_epoch()
        log.info(
            "collector.connected",
            address=self._target.address,
            instance=welcome.instance,
            batches_spooled=self._spool.counts.batches,
        )
        self.connected = True
        self._failures = 0


def _explained(error: grpc.aio.AioRpcError) -> str:
    details = error.details() or ""
    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED:
            return f"the collector does not accept this agent: {details}"
        case grpc.StatusCode.UNIMPLEMENTED:
            return "what listens there is not a netmon collector's gRPC port"
        case grpc.StatusCode.UNAVAILABLE:
            return f"not reachable: {details}"
        case code:
            return f"{code.name.lower()}: {details}"
