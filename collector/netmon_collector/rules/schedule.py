"""When each group is evaluated: on its interval, at a phase of its own, and told when that is not kept."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from netmon_collector.rules.evaluation import GroupAtWork
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.rules.schedule")

_LONGEST_SLEEP_S: Final = 1.0
"""A clock may be put right, and rules may change, while nobody looks."""


def due_ms(key: str, interval_ms: int, now_ms: int) -> int:
    """The last time up to now at which a group is due.

    Groups of one interval are spread over it by a hash of their key, so that the same group has the same times after a
    restart.
    """
    phase_ms = zlib.crc32(key.encode(errors="surrogateescape")) * 2_654_435_761 % (1 << 32) * interval_ms >> 32
    return (now_ms - phase_ms) // interval_ms * interval_ms + phase_ms


class Scheduler:
    """Evaluates groups when they are due: different ones at the same time, one never twice at a time.

    groups: those that there are, asked for again and again.
    """

    def __init__(
        self,
        groups: Callable[[], Iterable[GroupAtWork]],
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        registry: CollectorRegistry,
    ) -> None:
        self._groups = groups
        self._now_ms = now_ms
        self._sleep = sleep
        self._next: dict[str, int] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._behind: set[str] = set()
        by = ["rule_group"]
        self._evaluations = Counter("netmon_rule_group_iterations", "Evaluations.", by, registry=registry)
        self._missed = Counter(
            "netmon_rule_group_iterations_missed", "Left out for lack of time.", by, registry=registry
        )
        self._duration_s = Gauge("netmon_rule_group_last_duration_seconds", "Of the last one.", by, registry=registry)
        self._interval_s = Gauge("netmon_rule_group_interval_seconds", "Between two.", by, registry=registry)
        self._failing = Gauge("netmon_rule_group_failing_rules", "Rules that fail.", by, registry=registry)

    async def run(self) -> None:
        """Until cancelled; what is being evaluated then is cancelled too."""
        try:
            while True:
                await self._sleep(self.start_due())
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def start_due(self) -> float:
        """Begins to evaluate what is due, and gives the seconds until something else may be."""
        now_ms = self._now_ms()
        groups = {one.group.key: one for one in self._groups()}
        for key in [key for key in self._next if key not in groups]:
            self._forget(key)
        for key, group in groups.items():
            interval_ms = group.interval_ms
            planned_ms = self._next.get(key)
            latest_ms = due_ms(key, interval_ms, now_ms)
            if planned_ms is None or planned_ms > latest_ms + interval_ms:
                self._next[key] = latest_ms + interval_ms  # it is new, or the clock was put
            elif planned_ms <= now_ms:
                self._begin(key, group, latest_ms, planned_ms)
        wait_ms = min((planned_ms - now_ms for planned_ms in self._next.values()), default=1000)
        return min(max(wait_ms / 1000, 0.0), _LONGEST_SLEEP_S)

    def _begin(self, key: str, group: GroupAtWork, latest_ms: int, planned_ms: int) -> None:
        self._next[key] = latest_ms + group.interval_ms
        missed = (latest_ms - planned_ms) // group.interval_ms
        if key in self._running:
            self._tell_missed(key, group, missed + 1)
            return
        self._tell_missed(key, group, missed)
        task = asyncio.create_task(group.evaluate(latest_ms))
        self._running[key] = task
        task.add_done_callback(lambda done: self._end(key, group, done))

    def _end(self, key: str, group: GroupAtWork, done: "asyncio.Task[None]") -> None:
        self._running.pop(key, None)
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            log.error("rules.broken", group=group.group.name, error=f"{type(error).__name__}: {error}")
            return
        self._evaluations.labels(key).inc()
        self._duration_s.labels(key).set(group.last_duration_s)
        self._interval_s.labels(key).set(group.interval_ms / 1000)
        self._failing.labels(key).set(sum(rule.health == "err" for rule in group.rules))

    def _tell_missed(self, key: str, group: GroupAtWork, missed: int) -> None:
        """Counts what was left out, and says so once when it begins and once when it is over."""
        if missed:
            group.missed += missed
            self._missed.labels(key).inc(missed)
            if key not in self._behind:
                log.warning("rules.behind", group=group.group.name, interval_s=group.interval_ms / 1000)
            self._behind.add(key)
        elif key in self._behind:
            self._behind.discard(key)
            log.info("rules.in_time", group=group.group.name)

    def _forget(self, key: str) -> None:
        del self._next[key]
        self._behind.discard(key)
        for metric in (self._evaluations, self._missed, self._duration_s, self._interval_s, self._failing):
            with suppress(KeyError):
                metric.remove(key)
