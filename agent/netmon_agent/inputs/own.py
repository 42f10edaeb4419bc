"""What the agent says of itself: its inputs, its spool, its stream, its process."""

import time
from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import PrivateAttr

from netmon_agent.inputs.base import Columns, Input, Reading
from netmon_agent.process import own_process
from netmon_agent.schedule import Scheduler
from netmon_agent.spool import Spool
from netmon_proto.model import Kind


class OwnInput(Input):
    """Always there, never configured. `watch` says whom it reports on."""

    job: ClassVar[str] = "agent"

    type: Literal["agent"] = "agent"
    _parts: tuple[Scheduler, Spool] | None = PrivateAttr(default=None)
    _events: Spool | None = PrivateAttr(default=None)

    _started_s: float = PrivateAttr(default_factory=lambda: time.time() - time.process_time())

    def watch(self, scheduler: Scheduler, spool: Spool, events: Spool | None = None) -> None:
        """Reports on these from now on; `events` is the spool of events, where there is one."""
        self._parts = (scheduler, spool)
        self._events = events

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        usage = own_process()
        readings = [
            Reading("process_cpu_seconds_total", {}, usage.cpu_s, Kind.COUNTER),
            Reading("process_start_time_seconds", {}, self._started_s),
            Reading("process_resident_memory_bytes", {}, usage.resident_bytes),
        ]
        if self._parts is not None:
            scheduler, spool = self._parts
            readings += _inputs(scheduler)
            readings += _spool(spool, await spool.oldest_age_s())
        if self._events is not None:
            readings += _events_spool(self._events, await self._events.oldest_age_s())
        return readings


def _inputs(scheduler: Scheduler) -> Iterable[Reading]:
    for title, counts in scheduler.counts.items():
        labels = {"input": title}
        yield Reading("netmon_agent_gathers_total", labels, counts.gathers, Kind.COUNTER)
        yield Reading("netmon_agent_gather_failures_total", labels, counts.failures, Kind.COUNTER)
        yield Reading("netmon_agent_gathers_missed_total", labels, counts.missed, Kind.COUNTER)
        yield Reading("netmon_agent_gather_seconds_total", labels, counts.duration_s, Kind.COUNTER)
        yield Reading("netmon_agent_samples_total", labels, counts.samples, Kind.COUNTER)


def _spool(spool: Spool, oldest_age_s: float) -> Iterable[Reading]:
    counts = spool.counts
    yield Reading("netmon_agent_spool_batches", {}, counts.batches)
    yield Reading("netmon_agent_spool_bytes", {}, counts.bytes)
    yield Reading("netmon_agent_spool_oldest_age_seconds", {}, oldest_age_s)
    yield Reading("netmon_agent_spool_dropped_batches_total", {}, counts.dropped_total, Kind.COUNTER)
    yield Reading("netmon_agent_quarantined_batches", {}, counts.quarantined)
    yield Reading("netmon_agent_acked_batches_total", {}, counts.acked_total, Kind.COUNTER)
    for reason, total in sorted(counts.refused_total.items()):
        yield Reading("netmon_agent_refused_batches_total", {"reason": reason}, total, Kind.COUNTER)


def _events_spool(spool: Spool, oldest_age_s: float) -> Iterable[Reading]:
    counts = spool.counts
    yield Reading("netmon_agent_events_spool_batches", {}, counts.batches)
    yield Reading("netmon_agent_events_spool_bytes", {}, counts.bytes)
    yield Reading("netmon_agent_events_spool_oldest_age_seconds", {}, oldest_age_s)
    yield Reading("netmon_agent_events_spool_dropped_batches_total", {}, counts.dropped_total, Kind.COUNTER)
    yield Reading("netmon_agent_events_quarantined_batches", {}, counts.quarantined)
