"""The way of a sample through the collector, top to bottom. Whoever adds a step adds it here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.feed import Feed
from netmon_collector.fleet import Fleet
from netmon_collector.foreign.base import Complaint, Written
from netmon_collector.foreign.book import Book
from netmon_collector.forward.forwarding import Forwarding
from netmon_collector.intake import Intake
from netmon_collector.metadata import Metadata
from netmon_collector.session import Refusal, Session
from netmon_collector.store.base import Origin, Points, Row, Store, StoreError
from netmon_configs.logs import EventLog
from netmon_proto.model import Acked, Batch, Reason, Receipt, Refused, Retry

log = EventLog("netmon.collector.pipeline")

AHEAD_MS = 600_000
RETRY_MS = 5_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request of another program: so many samples are on disk, and why others never will be."""

    samples: int
    complaints: Sequence[Complaint] = ()


class Pipeline:
    """Takes batches from streams, what other programs write, and the collector's own rows."""

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        feed: Feed,
        intake: Intake,
        forwarding: Forwarding | None = None,
        assessor: Assessor | None = None,
        *,
        retention_ms: int,
        now_ms: Callable[[], int],
        believed_ms: Callable[[], int] | None = None,
    ) -> None:
        """`believed_ms` is the time by which samples are too old."""
        self._store = store
        self._fleet = fleet
        self._feed = feed
        self._intake = intake
        self._forwarding = forwarding
        self._assessor = assessor
        self._retention_ms = retention_ms
        self._now_ms = now_ms
        self._believed_ms = believed_ms or now_ms
        self._book = Book(store, fleet.has_instance)
        self.metadata = Metadata()
        """What other programs tell of their metrics."""
        self._trouble: str | None = None

    async def receive(self, session: Session, batch: Batch) -> Receipt:
        """Takes one batch of an agent; the receipt says what became of it. Acked means on disk."""
        now_ms = self._now_ms()
        try:
            ahead_ms = session.skew.observe(batch.clock_ms, batch.age_ms, now_ms)
            await session.prepare(batch)
            rows = session.rows(batch, ahead_ms)
            self._judge_times(rows, now_ms)
        except Refusal as refusal:
            self._intake.refused(refusal.reason)
            return Receipt(batch.epoch, batch.sequence, Refused(refusal.reason, refusal.message))
        if not rows:  # all of it is about devices that the agent has polled until a moment ago
            return Receipt(batch.epoch, batch.sequence, Acked())
        try:
            is_new = await self._store.append(rows, Origin(session.agent.agent_id, batch.epoch, batch.sequence))
        except StoreError as error:
            self._tell_store_fails(error)
            return Receipt(batch.epoch, batch.sequence, Retry(RETRY_MS, f"the store cannot write: {error}"))
        self._tell_store_works()
        if is_new:
            self._intake.stored(rows, now_ms)
            self._pass_on(rows)
        else:
            self._intake.duplicate()
        self._fleet.heard(session, max(row.time_ms for row in rows))
        return Receipt(batch.epoch, batch.sequence, Acked())

    async def take(self, written: Written) -> Taken:
        """Takes what another program wrote; what is taken is on disk when this returns.

        Bad samples are left out and the others taken. Raises StoreError: then none is, and all may be sent again.
        """
        now_ms = self._now_ms()
        timely, complaints = self._in_time(written, now_ms)
        placed = await self._book.place(timely)
        if placed.points.values.size:
            try:
                await self._store.append([placed.points], None)
            except StoreError as error:
                self._tell_store_fails(error)
                raise
            self._tell_store_works()
            self._intake.stored([placed.points], now_ms)
            self._pass_on([placed.points])
        self.metadata.note(written.families)
        complaints = [*written.complaints, *complaints, *placed.complaints]
        self._intake.left_out(sum(complaint.samples for complaint in complaints))
        return Taken(placed.points.values.size, complaints)

    async def append_own(self, rows: Sequence[Row | Points]) -> None:
        """Takes what the collector itself has made; they are lost where the store cannot write."""
        try:
            await self._store.append(rows, None)
        except StoreError as error:
            self._tell_store_fails(error)
            return
        self._tell_store_works()
        self._pass_on(rows)

    def _pass_on(self, rows: Sequence[Row | Points]) -> None:
        """Shows what was stored to those who listen, sends it to other servers, and has it judged."""
        self._feed.publish(rows)
        if self._forwarding is not None:
            self._forwarding.offer(rows)
        if self._assessor is not None:
            self._assessor.offer(rows)

    def trouble(self) -> str | None:
        """Why samples cannot be taken at the moment; None where they can."""
        return self._trouble

    def _judge_times(self, rows: Sequence[Row], now_ms: int) -> None:
        believed_ms = self._believed_ms()
        for place, row in enumerate(rows):
            if row.time_ms > now_ms + AHEAD_MS:
                ahead_s = (row.time_ms - now_ms) / 1000
                raise Refusal(Reason.IN_FUTURE, f"gather {place} is {ahead_s:.0f} s ahead of the clock")
            if row.time_ms < believed_ms - self._retention_ms:
                old_d, kept_d = (believed_ms - row.time_ms) / 86_400_000, self._retention_ms / 86_400_000
                raise Refusal(Reason.TOO_OLD, f"gather {place} is {old_d:.1f} days old; {kept_d:.1f} days are kept")

    def _in_time(self, written: Written, now_ms: int) -> tuple[Written, list[Complaint]]:
        """Without the samples that are too old or in the future."""
        early = written.times > now_ms + AHEAD_MS
        late = written.times < self._believed_ms() - self._retention_ms
        keep = ~(early | late)
        if keep.all():
            return written, []
        kept_d = self._retention_ms / 86_400_000
        told = [
            Complaint(f"samples are more than {AHEAD_MS // 1000} s ahead of the clock", int(np.count_nonzero(early))),
            Complaint(f"samples are older than the {kept_d:g} days that are kept", int(np.count_nonzero(late))),
        ]
        timely = replace(written, rows=written.rows[keep], times=written.times[keep], values=written.values[keep])
        return timely, [complaint for complaint in told if complaint.samples]

    def _tell_store_fails(self, error: StoreError) -> None:
        self._intake.store_failed()
        if self._trouble is None:
            log.error("store.fails", error=str(error), consequence="agents keep their batches")
        self._trouble = f"the store cannot write: {error}"

    def _tell_store_works(self) -> None:
        if self._trouble is not None:
            log.info("store.recovered")
        self._trouble = None
