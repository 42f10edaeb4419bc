"""The way of a batch of events through the collector: judged, said of which device, kept, counted, acted on."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.clock import Skew
from netmon_collector.events.feed import EventFeed
from netmon_collector.events.owners import Owners
from netmon_collector.events.reactions import Reactions
from netmon_collector.state.agents import AgentRecord
from netmon_collector.state.events import EventRecord, KeptEvents, NewEvent, Wanted
from netmon_collector.store.base import Origin
from netmon_configs.logs import EventLog
from netmon_proto.model import Acked, Event, EventBatch, Limits, Reason, Receipt, Refused, Retry, Severity

log = EventLog("netmon.collector.events")

Kept = TypeVar("Kept")

RETRY_MS: Final = 5_000
AHEAD_MS: Final = 600_000
MOST_SERIES: Final = 20_000
"""Of the counter: devices, kinds and severities come from outside. What is beyond is counted as others."""
OTHERS: Final = "(others)"
_LARGEST: Final = (1 << 63) - 1
_MOST_FIELDS: Final = 100
_LONGEST_SOURCE, _LONGEST_KIND, _LONGEST_TEXT = 32, 128, 4096
_LONGEST_NAME, _LONGEST_FIELD, _LONGEST_ADDRESS = 256, 1024, 45


class EventBook:
    """Takes events from agents; acked is what is in the log."""

    def __init__(
        self,
        kept: KeptEvents,
        owners: Owners,
        reactions: Reactions,
        registry: CollectorRegistry,
        limits: Limits,
        now_ms: Callable[[], int],
    ) -> None:
        self.kept = kept
        self.feed = EventFeed()
        self._owners = owners
        self._reactions = reactions
        self._limits = limits
        self._now_ms = now_ms
        self._turn = asyncio.Lock()
        self._counted: set[tuple[str, str, str]] = set()
        self._is_broken = False
        self._events = Counter(
            "netmon_events", "Events in the log, by what they stand for.", ["device", "kind", "severity"],
            registry=registry,
        )  # fmt: skip

    async def receive(self, agent: AgentRecord, skew: Skew, batch: EventBatch) -> Receipt:
        """Takes one batch of an agent; the receipt says what became of it. Acked means in the log, once."""
        now_ms = self._now_ms()
        if mistake := self._mistake(batch):
            log.warning("events.refused", instance=agent.instance, why=mistake)
            return Receipt(batch.epoch, batch.sequence, Refused(Reason.MALFORMED, mistake))
        ahead_ms = skew.observe(batch.clock_ms, batch.age_ms, now_ms)
        new = [self._new(one, agent, min(one.time_ms - ahead_ms, now_ms + AHEAD_MS)) for one in batch.events]
        origin = Origin(agent.agent_id, batch.epoch, batch.sequence)
        try:
            async with self._turn:
                is_new, told = await self._keep(len(new), lambda: self.kept.append(new, origin, now_ms))
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error)
            if not self._is_broken:
                log.error("events.not_kept", error=why, consequence="agents keep them")
            self._is_broken = True
            return Receipt(batch.epoch, batch.sequence, Retry(RETRY_MS, f"the log of events cannot be written: {why}"))
        if self._is_broken:
            log.info("events.kept_again")
        self._is_broken = False
        if is_new:
            self._count(new)
            self._reactions.happened(new)
            self.feed.publish(told)
        return Receipt(batch.epoch, batch.sequence, Acked())

    async def note(self, new: Sequence[NewEvent]) -> None:
        """Takes what the collector itself has to tell; what cannot be kept is lost, and said once."""
        if not new:
            return
        bounded = [self._bounded(one) for one in new]
        try:
            async with self._turn:
                _, told = await self._keep(len(bounded), lambda: self.kept.note(bounded, self._now_ms()))
        except SQLAlchemyError as error:
            if not self._is_broken:
                log.error("events.not_kept", error=str(getattr(error, "orig", None) or error), events=len(new))
            self._is_broken = True
            return
        self._is_broken = False
        self._count(bounded)
        self.feed.publish(told)

    async def _keep(self, events: int, keep: Callable[[], Kept]) -> tuple[Kept, list[EventRecord]]:
        """What `keep` says, and where somebody listens the events as they are kept now. Raises SQLAlchemyError."""
        if not self.feed.is_heard:
            return await asyncio.to_thread(keep), []

        def keep_and_tell() -> tuple[Kept, list[EventRecord]]:
            before = self.kept.newest_id()
            return keep(), self.kept.after(Wanted(), events, before)

        return await asyncio.to_thread(keep_and_tell)

    async def greet(self, agent_id: str, epoch: int, first_sequence: int) -> int:
        """Takes note of where an agent's spool of events stands; the highest sequence that is kept."""
        if not 0 < epoch <= _LARGEST:
            return 0
        async with self._turn:
            await asyncio.to_thread(self.kept.settle, agent_id, epoch, min(first_sequence, _LARGEST))
            return await asyncio.to_thread(self.kept.highest_acked, agent_id, epoch)

    async def prune(self, before_ms: int, max_rows: int) -> None:
        """Keeps the log within its bounds."""
        gone = await asyncio.to_thread(self.kept.prune, before_ms, max_rows)
        if gone:
            log.debug("events.forgotten", events=gone)

    def _mistake(self, batch: EventBatch) -> str:
        most = self._limits.batch_events
        if not (0 < batch.epoch <= _LARGEST and 0 < batch.sequence <= _LARGEST):
            return "a batch needs an epoch and a sequence from 1 on, below 2^63"
        if not 0 < len(batch.events) <= most:
            return f"a batch of {len(batch.events)} events; 1 to {most} are taken"
        return ""

    def _new(self, event: Event, agent: AgentRecord, time_ms: int) -> NewEvent:
        fields = {
            _plain(name, _LONGEST_NAME): _plain(text, _LONGEST_FIELD)
            for name, text in list(event.fields.items())[:_MOST_FIELDS]
        }
        return NewEvent(
            time_ms=max(time_ms, 0),
            device=self._owners.of(event, agent.instance, agent.agent_id),
            source=_plain(event.source, _LONGEST_SOURCE),
            kind=_plain(event.kind, _LONGEST_KIND),
            severity=int(event.severity),
            count=min(max(event.count, 1), 1 << 30),
            text=_plain(event.text, _LONGEST_TEXT),
            address=_plain(event.address, _LONGEST_ADDRESS),
            fields=fields,
        )

    def _bounded(self, own: NewEvent) -> NewEvent:
        fields = {name: _plain(text, _LONGEST_FIELD) for name, text in own.fields.items()}
        return replace(own, text=_plain(own.text, _LONGEST_TEXT), fields=fields)

    def _count(self, new: Sequence[NewEvent]) -> None:
        for one in new:
            series = one.device, one.kind, Severity(one.severity).name.lower()
            if series not in self._counted and len(self._counted) >= MOST_SERIES:
                series = OTHERS, OTHERS, series[2]
            self._counted.add(series)
            self._events.labels(*series).inc(one.count)


def _plain(text: str, longest: int) -> str:
    """Within its bound, and without NUL, which no database takes."""
    return text[:longest].replace("\0", "") if "\0" in text else text[:longest]
