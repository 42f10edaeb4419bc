"""A real collector without its API, in the test's own event loop, and a hand-driven agent that speaks to it."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry

from netmon_collector.config import GrpcOptions
from netmon_collector.events.book import EventBook
from netmon_collector.events.owners import Owners
from netmon_collector.events.reactions import Reactions
from netmon_collector.facts import FactBook
from netmon_collector.feed import Feed
from netmon_collector.fleet import Fleet
from netmon_collector.intake import Intake
from netmon_collector.pipeline import Pipeline
from netmon_collector.polling import Polling
from netmon_collector.receive import Receiver
from netmon_collector.state.agents import Agents
from netmon_collector.state.credentials import Credentials
from netmon_collector.state.database import open_state
from netmon_collector.state.devices import Devices
from netmon_collector.state.events import KeptEvents
from netmon_collector.state.facts import KeptFacts
from netmon_collector.state.tokens import Tokens
from netmon_collector.store.base import Matcher, MatchOp, Store, is_absent
from netmon_collector.store.embedded import EmbeddedStore
from netmon_configs.sealing import Sealer
from netmon_proto import wire
from netmon_proto.model import (
    AgentMessage,
    Batch,
    Checks,
    CollectorMessage,
    Gather,
    Hello,
    Jobs,
    Kind,
    Labels,
    Layout,
    Limits,
    PollNow,
    Reason,
    Receipt,
    Refused,
    Series,
    SeriesDefinitions,
    Sweep,
    Welcome,
)

RETENTION_MS = 30 * 86_400_000


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class RunningCollector:
    """The parts of a collector that are of interest to tests."""

    def __init__(
        self,
        folder: Path,
        options: GrpcOptions,
        socket: Path | None,
        limits: Limits,
        now_ms: Callable[[], int],
        believed_ms: Callable[[], int] | None,
    ) -> None:
        self.engine = open_state(f"sqlite:///{folder / 'state.sqlite'}")
        self.store: Store = EmbeddedStore.open(folder / "store")
        self.tokens = Tokens(self.engine, now_ms)
        self.feed = Feed()
        self.intake = Intake(CollectorRegistry(), now_ms())
        credentials = Credentials(self.engine, Sealer(folder / "state.key"))
        self.polling = Polling(Devices(self.engine), credentials, now_ms)
        self.facts = FactBook(KeptFacts(self.engine), self.polling, now_ms)
        self.fleet = Fleet(Agents(self.engine), self.store, limits, now_ms, self.polling)
        self.pipeline = Pipeline(
            self.store,
            self.fleet,
            self.feed,
            self.intake,
            retention_ms=RETENTION_MS,
            now_ms=now_ms,
            believed_ms=believed_ms,
        )
        self.registry = CollectorRegistry()
        self.owners = Owners(self.polling, self.fleet, self.facts)
        self.facts.tell(self.owners)
        self.reactions = Reactions(self.polling)
        kept = KeptEvents(self.engine)
        self.events = EventBook(kept, self.owners, self.reactions, self.registry, limits, now_ms)
        self.receiver = Receiver(
            options,
            socket,
            self.fleet,
            self.store,
            self.pipeline,
            tokens=self.tokens,
            limits=limits,
            now_ms=now_ms,
            polling=self.polling,
            facts=self.facts,
            events=self.events,
        )

    async def samples(self, name: str) -> dict[Labels, list[tuple[int, float]]]:
        """All samples of a metric."""
        matchers = [Matcher("__name__", MatchOp.EQUAL, name)]
        frames = await self.store.select(matchers, 0, 1 << 60)
        found = {}
        for frame in frames:
            for column, labels in enumerate(frame.labels):
                there = ~is_absent(frame.values[:, column].copy())
                points = zip(frame.times[there].tolist(), frame.values[there, column].tolist(), strict=True)
                found[labels] = list(points)
        return found


@contextlib.asynccontextmanager
async def collector(
    folder: Path,
    options: GrpcOptions | None = None,
    limits: Limits | None = None,
    now_ms: Callable[[], int] = wall_ms,
    socket: Path | None = None,
    believed_ms: Callable[[], int] | None = None,
) -> AsyncIterator[RunningCollector]:
    """Runs a collector on a free port of loopback."""
    folder.mkdir(exist_ok=True)
    options = options or GrpcOptions(listen="127.0.0.1:0")
    running = RunningCollector(folder, options, socket, limits or Limits(), now_ms, believed_ms)
    await running.receiver.start()
    try:
        yield running
    finally:
        await running.receiver.stop()
        running.reactions.close()
        await running.store.close()
        running.engine.dispose()


class HandAgent:
    """Says on a stream what a test tells it to."""

    def __init__(self, where: str | grpc.aio.Channel, agent_id: str | None = None) -> None:
        """Connects to an address, or shares a channel."""
        options = [("grpc.max_send_message_length", -1)]
        self.channel = grpc.aio.insecure_channel(where, options=options) if isinstance(where, str) else where
        self.agent_id = agent_id or str(uuid.uuid4())
        self.key = b"k" * 32
        self.told: list[Jobs | PollNow | Sweep] = []
        self.open()

    def open(self) -> None:
        """Starts a stream."""
        stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self.channel.stream_stream(wire.METHOD)
        self.call = stream()

    async def close(self) -> None:
        await self.channel.close()

    async def say(self, message: AgentMessage | bytes) -> None:
        await self.call.write(message if isinstance(message, bytes) else wire.encode_agent(message))

    async def hear(self) -> Welcome | Receipt:
        while isinstance(message := await self.hear_all(), Jobs | PollNow | Sweep | Checks):
            if not isinstance(message, Checks):
                self.told.append(message)
        return message

    async def hear_jobs(self) -> Jobs:
        """What it is told next to poll."""
        message = self.told.pop(0) if self.told else await self.hear_all()
        assert isinstance(message, Jobs)
        return message

    async def hear_all(self) -> CollectorMessage:
        async with asyncio.timeout(10):
            frame = await self.call.read()
        assert isinstance(frame, bytes), "the stream has ended"
        message = wire.decode_collector(frame)
        assert message is not None
        return message

    async def greet(self, **changes: object) -> Welcome:
        await self.say(self.hello(**changes))
        welcome = await self.hear()
        assert isinstance(welcome, Welcome)
        jobs = await self.hear_all()  # what is not heard keeps the stream's status from being told
        assert isinstance(jobs, Jobs)
        self.told.append(jobs)
        return welcome

    def hello(self, **changes: object) -> Hello:
        fields: dict[str, object] = {
            "agent_id": self.agent_id,
            "agent_key": self.key,
            "hostname": "Web1.example",
            "version": "1.0",
            "platform": "Linux x86_64",
            "clock_ms": wall_ms(),
            "interval_ms": 10_000,
            "epoch": 7,
            "first_sequence": 1,
            "last_sequence": 0,
        }
        return Hello(**(fields | changes))  # type: ignore[arg-type]

    async def define(self, names: Mapping[int, str], labels: Mapping[str, str] | None = None, layout: int = 1) -> None:
        """Defines series by id and name, and a layout of all of them."""
        await self.say(SeriesDefinitions([Series(one, name, labels or {}, Kind.GAUGE) for one, name in names.items()]))
        await self.say(Layout(layout, "test", "node", "", list(names)))

    async def send(self, sequence: int, *gathers: Gather, clock_ms: int | None = None, age_ms: int = 0) -> Receipt:
        """Sends a batch and waits for its receipt."""
        clock = wall_ms() if clock_ms is None else clock_ms
        await self.say(Batch(7, sequence, clock, age_ms, gathers))
        receipt = await self.hear()
        assert isinstance(receipt, Receipt)
        assert receipt.sequence == sequence
        return receipt

    async def ending(self) -> tuple[grpc.StatusCode, str]:
        """How the collector ends the stream."""
        async with asyncio.timeout(10):
            return await self.call.code(), await self.call.details() or ""


def refusal(receipt: Receipt) -> tuple[Reason, str]:
    """Why a batch was refused."""
    assert isinstance(receipt.outcome, Refused), receipt
    return receipt.outcome.reason, receipt.outcome.message
