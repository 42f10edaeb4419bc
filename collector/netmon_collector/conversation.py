"""What is said on one agent's stream after the hello: definitions and batches in, receipts out."""

import asyncio
from typing import Any, Final

import grpc
import grpc.aio

from netmon_collector.checks.book import CheckBook
from netmon_collector.discovery.book import DiscoveryBook
from netmon_collector.events.book import EventBook
from netmon_collector.facts import FactBook
from netmon_collector.pipeline import Pipeline
from netmon_collector.polling import Polling
from netmon_collector.session import Session, StreamOverfull
from netmon_proto import wire
from netmon_proto.model import (
    AgentMessage,
    Batch,
    CheckReport,
    DeviceFacts,
    DeviceReport,
    EventBatch,
    Layout,
    Limits,
    Reason,
    Receipt,
    Refused,
    SeriesDefinitions,
    SweepNews,
)

Context = grpc.aio.ServicerContext[bytes, bytes]

_LARGE_BYTES: Final = 64 << 10
"""What is larger takes more than some milliseconds to decode, for which others would wait."""


class StreamOver(Exception):
    """The stream ends with a status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def decoded(frame: bytes) -> AgentMessage | None:
    """An agent's message. Raises StreamOver for what is none."""
    try:
        return wire.decode_agent(frame)
    except wire.MalformedFrame as error:
        raise StreamOver(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None


class Conversation:
    """Reads one stream; answers each batch when it is on disk, while the next ones are read already."""

    def __init__(
        self,
        session: Session,
        context: Context,
        pipeline: Pipeline,
        limits: Limits,
        polling: Polling | None = None,
        facts: FactBook | None = None,
        events: EventBook | None = None,
        discovery: DiscoveryBook | None = None,
        checks: CheckBook | None = None,
    ) -> None:
        self._session = session
        self._context = context
        self._pipeline = pipeline
        self._limits = limits
        self._polling = polling
        self._facts = facts
        self._events = events
        self._discovery = discovery
        self._checks = checks
        self._slots = asyncio.Semaphore(limits.batches_in_flight)
        self._writing = asyncio.Lock()
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self, ended: "asyncio.Future[StreamOver]") -> None:
        """Until the agent ends the stream, or `ended` says why it is over. Raises StreamOver."""
        reading = asyncio.create_task(self._read())
        tasks = [reading]
        if self._polling is not None:
            tasks.append(asyncio.create_task(self._direct(self._polling)))
        try:
            either: set[asyncio.Future[Any]] = {*tasks, ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise ended.result()
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in (*tasks, *self._answers):
                task.cancel()
            await asyncio.gather(*tasks, *self._answers, return_exceptions=True)

    async def _direct(self, polling: Polling) -> None:
        """Tells the agent what to poll and to check, now and whenever it changes."""
        agent_id = self._session.agent.agent_id
        line = polling.lines.open(agent_id)
        try:
            while True:
                message = await polling.lines.next_message(agent_id, line)
                async with self._writing:
                    await self._context.write(wire.encode_collector(message))
        finally:
            polling.lines.close(agent_id, line)

    async def _read(self) -> None:
        while isinstance(frame := await self._context.read(), bytes):
            is_large = len(frame) > _LARGE_BYTES
            match await asyncio.to_thread(decoded, frame) if is_large else decoded(frame):
                case SeriesDefinitions() as definitions:
                    await self._define(definitions)
                case Layout() as layout:
                    await self._define(layout)
                    await asyncio.sleep(0)  # others have their turn on the event loop, however many layouts come
                case DeviceReport() as report if self._polling is not None:
                    await self._polling.reported(self._session.agent.agent_id, report)
                case DeviceFacts() as facts if self._facts is not None:
                    agent = self._session.agent
                    await self._facts.told(agent.agent_id, facts, agent.instance)
                case SweepNews() as news if self._discovery is not None:
                    await self._discovery.told(self._session.agent.agent_id, news)
                case CheckReport() as report if self._checks is not None:
                    self._checks.reported(self._session.agent.agent_id, report)
                case (Batch() | EventBatch()) as batch:
                    await self._slots.acquire()
                    task = asyncio.create_task(self._answer(batch, len(frame)))
                    self._answers.add(task)
                    task.add_done_callback(self._answers.discard)
        await asyncio.gather(*self._answers)

    async def _define(self, definition: SeriesDefinitions | Layout) -> None:
        try:
            if isinstance(definition, Layout):
                await self._session.lay_out(definition)
            else:
                self._session.define(definition)
        except StreamOverfull as error:
            raise StreamOver(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)) from None

    async def _answer(self, batch: Batch | EventBatch, size_bytes: int) -> None:
        try:
            receipt = await self._receipt(batch, size_bytes)
            async with self._writing:
                await self._context.write(wire.encode_collector(receipt))
        finally:
            self._slots.release()

    async def _receipt(self, batch: Batch | EventBatch, size_bytes: int) -> Receipt:
        most_bytes = self._limits.batch_bytes
        if size_bytes > most_bytes:
            message = f"a batch of {size_bytes} bytes; at most {most_bytes} are taken"
            return Receipt(batch.epoch, batch.sequence, Refused(Reason.TOO_LARGE, message))
        if isinstance(batch, Batch):
            return await self._pipeline.receive(self._session, batch)
        if self._events is None:
            return Receipt(batch.epoch, batch.sequence, Refused(Reason.UNSPECIFIED, "no events are taken here"))
        return await self._events.receive(self._session.agent, self._session.skew, batch)
