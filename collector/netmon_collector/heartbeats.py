"""Heartbeats of others: jobs and programs that say now and then that they are well, and who of them has not."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from netmon_collector.repeat import keep_at
from netmon_collector.rules.writing import Ledger
from netmon_configs.logs import EventLog
from netmon_proto.model import NAME, Labels

EVERY_S: Final = 10.0
MOST: Final = 10_000
_JOB: Final = "heartbeat"

log = EventLog("netmon.collector.heartbeats")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What is to come every `interval_ms`, and is late `grace_ms` after that. Times are Unix milliseconds."""

    name: str
    interval_ms: int
    grace_ms: int
    created_ms: int
    last_ms: int | None = None

    def due_ms(self, since_ms: int) -> int:
        """When it is late; `since_ms`: before that nobody could hear it."""
        heard_ms = self.created_ms if self.last_ms is None else self.last_ms
        return max(heard_ms, since_ms) + self.interval_ms + self.grace_ms


class Kept(Protocol):
    """Where heartbeats outlive a restart. Calls block on the database."""

    def all(self) -> list[Heartbeat]: ...

    def put(self, heartbeat: Heartbeat) -> None: ...

    def remove(self, name: str) -> None: ...


class Heartbeats:
    """All heartbeats. What could not be heard while the collector was away counts against nobody: after a start each
    has its whole time."""

    def __init__(self, kept: Kept, results: Ledger, now_ms: Callable[[], int]) -> None:
        self._kept = kept
        self._results = results
        self._now_ms = now_ms
        self._started_ms = now_ms()
        self._known = {one.name: one for one in kept.all()}

    def all(self) -> list[Heartbeat]:
        """Sorted by name."""
        return [self._known[name] for name in sorted(self._known)]

    def one(self, name: str) -> Heartbeat | None:
        return self._known.get(name)

    def due_ms(self, heartbeat: Heartbeat) -> int:
        """When one is late."""
        return heartbeat.due_ms(self._started_ms)

    async def put(self, name: str, interval_ms: int, grace_ms: int) -> Heartbeat:
        """Waits for a heartbeat from now on, or otherwise than before. Raises SQLAlchemyError."""
        before = self._known.get(name)
        if before is None:
            changed = Heartbeat(name, interval_ms, grace_ms, self._now_ms())
        else:
            changed = replace(before, interval_ms=interval_ms, grace_ms=grace_ms)
        await self._keep(changed)
        return changed

    async def beat(self, name: str) -> Heartbeat:
        """One came; it is on disk when this returns. Raises KeyError where nobody waits for it, and SQLAlchemyError."""
        beaten = replace(self._known[name], last_ms=self._now_ms())
        await self._keep(beaten)
        return beaten

    async def remove(self, name: str) -> Heartbeat:
        """Waits for one no more. Raises KeyError, and SQLAlchemyError."""
        gone = self._known[name]
        await asyncio.to_thread(self._kept.remove, name)
        self._known.pop(name, None)
        return gone

    async def run(self) -> None:
        """Writes down how old each is, and which are late, until cancelled."""
        await keep_at(
            self.look,
            EVERY_S,
            failing=lambda error: log.error("heartbeats.not_written", error=error),
            recovered=lambda: log.info("heartbeats.written_again"),
        )

    async def look(self) -> None:
        """Does so once."""
        now_ms = self._now_ms()
        ages_s = {
            _labels("netmon_heartbeat_age_seconds", one): (now_ms - one.last_ms) / 1000
            for one in self._known.values()
            if one.last_ms is not None
        }
        late = {_labels("netmon_heartbeat_late", one): float(now_ms > self.due_ms(one)) for one in self._known.values()}
        self._note("age", ages_s, now_ms)
        self._note("late", late, now_ms)
        await self._results.flush()

    def _note(self, key: str, series: Mapping[Labels, float], now_ms: int) -> None:
        self._results.note(f"{_JOB} {key}", series, now_ms)

    async def _keep(self, heartbeat: Heartbeat) -> None:
        await asyncio.to_thread(self._kept.put, heartbeat)
        self._known[heartbeat.name] = heartbeat


def _labels(name: str, heartbeat: Heartbeat) -> Labels:
    return (NAME, name), ("heartbeat", heartbeat.name), ("job", _JOB)
