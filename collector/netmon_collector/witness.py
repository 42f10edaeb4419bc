"""What the collector itself says of its agents, as series: `up`, versions, clock skew; and of itself."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
from prometheus_client import CollectorRegistry

from netmon_collector.fleet import Device, Fleet
from netmon_collector.pipeline import Pipeline
from netmon_collector.store.base import ABSENT, Group, Row, Store
from netmon_proto.model import NAME, Kind, Labels

INTERVAL_S = 10.0


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
        self._groups: dict[tuple[Labels, ...], Group] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """One tick."""
        self._fleet.judge()
        now_ms = self._now_ms()
        seen = [entry for device in self._fleet.devices() for entry in _about(device)]
        rows = [self._row(now_ms, entries) for entries in (seen, _own(self._registry, self._hostname)) if entries]
        await self._pipeline.append_own(rows)

    def _row(self, now_ms: int, entries: Sequence[tuple[Labels, Kind, float]]) -> Row:
        labels = tuple(entry[0] for entry in entries)
        group = self._groups.get(labels)
        if group is None:
            if len(self._groups) > 8:
                self._groups.clear()
            group = self._groups[labels] = self._store.register(labels, [entry[1] for entry in entries])
        return Row(group, now_ms, np.array([entry[2] for entry in entries]))


def _about(device: Device) -> list[tuple[Labels, Kind, float]]:
    who = {"instance": device.instance}
    up = ABSENT if device.up is None else float(device.up)
    skew_s = ABSENT if device.clock_skew_ms is None else device.clock_skew_ms / 1000
    info = {"version": device.version, "platform": device.platform}
    return [
        (_labels("up", who | {"job": device.job}), Kind.GAUGE, up),
        (_labels("netmon_agent_clock_skew_seconds", who | {"job": "agent"}), Kind.GAUGE, skew_s),
        (_labels("netmon_agent_info", who | {"job": "agent"} | info), Kind.GAUGE, 1.0),
    ]


def _own(registry: CollectorRegistry, hostname: str) -> list[tuple[Labels, Kind, float]]:
    who = {"instance": hostname, "job": "collector"}
    return [
        (_labels(sample.name, sample.labels | who), _kind(family.type, sample.name), sample.value)
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


def _labels(name: str, labels: dict[str, str]) -> Labels:
    return tuple(sorted({NAME: name, **{key: value for key, value in labels.items() if value}}.items()))


def _kind(family_type: str, name: str) -> Kind:
    counts = family_type == "counter" or name.endswith(("_bucket", "_count", "_sum"))
    return Kind.COUNTER if counts else Kind.GAUGE
