"""What the collector itself says of its agents, as series: `up`, versions, clock skew; and of itself."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from prometheus_client import CollectorRegistry

from netmon_collector.fleet import Fleet, Seen
from netmon_collector.pipeline import Pipeline
from netmon_collector.store.base import ABSENT, Group, Row, Store
from netmon_proto.model import NAME, STALE, Kind, Labels

INTERVAL_S = 10.0
GATHER_S = 1.0
"""Agents that come up within it are written down together."""


class Witness:
    """Judges the fleet at every tick and writes down what it sees."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        pipeline: Pipeline,
        registry: CollectorRegistry,
        *,
        hostname: str,
        now_ms: Callable[[], int],
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._pipeline = pipeline
        self._registry = registry
        self._hostname = hostname
        self._now_ms = now_ms
        self._agents: tuple[list[tuple[str, str, str]], Group | None] = ([], None)
        self._polled: tuple[list[str], Group | None] = ([], None)
        self._own: tuple[list[Labels], Group | None] = ([], None)

    async def run(self) -> None:
        """At every interval, and when an agent has come up, until cancelled."""
        while True:
            self._fleet.came_up.clear()
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._fleet.came_up.wait()
                    await asyncio.sleep(GATHER_S)

    async def look(self) -> None:
        """One tick."""
        self._fleet.judge()
        now_ms = self._now_ms()
        rows = [*self._agents_row(now_ms), *self._polled_rows(now_ms), *self._own_row(now_ms)]
        await self._pipeline.append_own(rows)

    def _agents_row(self, now_ms: int) -> Iterator[Row]:
        seen = self._fleet.seen()
        known, group = self._agents
        names = [(one.instance, one.version, one.platform) for one in seen]
        if group is None or names != known:
            labels = [one for name in names for one in _about(*name)]
            group = self._store.register(labels, [Kind.GAUGE] * len(labels)) if labels else None
            self._agents = (names, group)
        if group is not None:
            yield Row(group, now_ms, np.array([value for one in seen for value in _values(one)]))

    def _polled_rows(self, now_ms: int) -> Iterator[Row]:
        """`up` of the devices that agents poll; a last word on those that are polled no more."""
        polled = self._fleet.polled()
        known, group = self._polled
        names = [one.record.instance for one in polled]
        if names != known:
            if gone := sorted(set(known) - set(names)):
                yield Row(self._ups(gone), now_ms, np.full(len(gone), STALE))
            group = self._ups(names) if names else None
            self._polled = (names, group)
        if group is not None:
            yield Row(group, now_ms, np.array([ABSENT if one.up is None else float(one.up) for one in polled]))

    def _ups(self, instances: Sequence[str]) -> Group:
        labels = [_labels("up", {"instance": instance, "job": "snmp"}) for instance in instances]
        return self._store.register(labels, [Kind.GAUGE] * len(labels))

    def _own_row(self, now_ms: int) -> Iterator[Row]:
        who = {"instance": self._hostname, "job": "collector"}
        samples = [
            (_labels(sample.name, sample.labels | who), _kind(family.type, sample.name), sample.value)
            for family in self._registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        known, group = self._own
        labels = [sample[0] for sample in samples]
        if group is None or labels != known:
            group = self._store.register(labels, [sample[1] for sample in samples])
            self._own = (labels, group)
        yield Row(group, now_ms, np.array([sample[2] for sample in samples]))


def _about(instance: str, version: str, platform: str) -> Iterator[Labels]:
    who = {"instance": instance, "job": "agent"}
    yield _labels("up", {"instance": instance, "job": "node"})
    yield _labels("netmon_agent_clock_skew_seconds", who)
    yield _labels("netmon_agent_info", who | {"version": version, "platform": platform})


def _values(seen: Seen) -> tuple[float, float, float]:
    """The values of what `_about` names; ABSENT is not written."""
    up = ABSENT if seen.up is None else float(seen.up)
    skew_s = ABSENT if seen.clock_skew_ms is None else seen.clock_skew_ms / 1000
    return up, skew_s, 1.0


def _labels(name: str, labels: dict[str, str]) -> Labels:
    return tuple(sorted({NAME: name, **{key: value for key, value in labels.items() if value}}.items()))


def _kind(family_type: str, name: str) -> Kind:
    counts = family_type == "counter" or name.endswith(("_bucket", "_count", "_sum"))
    return Kind.COUNTER if counts else Kind.GAUGE
