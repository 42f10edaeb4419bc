"""A collector's API as it is in operation, and what it shows; `assembly.py` puts it together."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import numpy as np
from prometheus_client import CollectorRegistry

from netmon_api.serve import Server
from netmon_api.sockets import Sockets
from netmon_collector.alerts.alerting import Alerting
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.atlas import Atlas
from netmon_collector.capacity.survey import Survey
from netmon_collector.causes.inquest import Inquests
from netmon_collector.checks.book import CheckBook
from netmon_collector.discovery.book import DiscoveryBook
from netmon_collector.events.feed import EventFeed
from netmon_collector.facts import FactBook
from netmon_collector.feed import Feed
from netmon_collector.fleet import Device, Fleet
from netmon_collector.heartbeats import Heartbeats
from netmon_collector.intake import IngestStats
from netmon_collector.models.service import Models
from netmon_collector.pipeline import Pipeline
from netmon_collector.poller_balance import PollerBalance
from netmon_collector.polling import Polling
from netmon_collector.reachability.ledger import Ledger as Reachability
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.sites import Sites
from netmon_collector.state.causes import KeptCauses
from netmon_collector.state.events import KeptEvents
from netmon_collector.state.rules import SavedFiles
from netmon_collector.state.tokens import Tokens
from netmon_collector.store.base import Group, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import Hello, Kind, Labels
from tests.support.clocks import HandClock

NOW_MS = 1_769_860_800_000  # 2026-01-31T12:00:00Z

WEB1 = Device(
    instance="web1",
    name="Web 1",
    job="node",
    up=True,
    since_ms=NOW_MS - 60_000,
    first_seen_ms=NOW_MS - 3_600_000,
    last_seen_ms=NOW_MS - 1_000,
    last_sample_ms=NOW_MS - 2_000,
    interval_ms=10_000,
    agent_id="6f1c1a3e-0000-4000-8000-000000000001",
    version="0.1.0",
    platform="Linux x86_64",
    hostname="web1",
    connected=True,
    address="127.0.0.1:5123",
    clock_skew_ms=3.0,
    spool_batches=2,
    spool_bytes=300,
    spool_oldest_age_s=1.5,
    quarantined=0,
)
DB1 = replace(
    WEB1,
    instance="db1",
    name="db1",
    up=False,
    agent_id="6f1c1a3e-0000-4000-8000-000000000002",
    connected=False,
    last_sample_ms=None,
    address=None,
    clock_skew_ms=None,
    spool_batches=None,
    spool_bytes=None,
    spool_oldest_age_s=None,
    quarantined=None,
)
SWITCH = replace(WEB1, instance="switch", job="snmp", up=None)
"""Reported by web1's agent."""


def labels(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


RULES = """
groups:
  - name: g
    rules:
      - {record: "job:load:max", expr: max by (job) (load)}
      - alert: HighLoad
        expr: load > 0.9
        for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is busy"}
"""
"""What is saved as `lab`."""


class FleetOf:
    """A fleet of given devices."""

    def __init__(self, *devices: Device) -> None:
        self.members = list(devices)

    def devices(self) -> Sequence[Device]:
        return self.members

    def device(self, instance: str) -> Device | None:
        return next((one for one in self.members if one.instance == instance), None)

    def agent_of(self, instance: str) -> str:
        return next((one.agent_id for one in self.members if (one.instance, one.job) == (instance, "node")), "")

    def instance_of(self, agent_id: str) -> str:
        return next((one.instance for one in self.members if one.agent_id == agent_id), "")


class IntakeOf:
    def stats(self, now_ms: int) -> IngestStats:
        return IngestStats(samples=7, batches=3, duplicates=2, refused=1, samples_per_second=0.5)


def agent_hello(hostname: str) -> Hello:
    """What an agent of that host says first."""
    agent_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, hostname))
    return Hello(agent_id, bytes(32), hostname, "0.1.0", "Linux x86_64", NOW_MS, 10_000, 1, 1, 0)


async def have_polled(lab: "Lab", host: str, **given: Any) -> None:
    """Adds a device that an agent of the lab polls."""
    lab.have_agent("poller1")
    async with lab.client.post("/api/v1/snmp/devices", json={"host": host, "poller": "poller1", **given}) as response:
        assert response.status == 200, await response.text()


RETENTION_MS = 30 * 86_400_000


@dataclass
class Lab:
    """A running API, and the parts beneath it. `client` sends an administrator's token, `stranger` none."""

    store: EmbeddedStore
    feed: Feed
    tokens: Tokens
    fleet: FleetOf
    sockets: Sockets
    registry: CollectorRegistry
    token: str
    pipeline: Pipeline
    agents: Fleet
    """Those whose instances nobody else may write about."""
    polling: Polling
    facts: FactBook
    events: KeptEvents
    reachability: Reachability
    rulebook: Rulebook
    rule_files: SavedFiles
    alerting: Alerting
    clock: HandClock
    atlas: Atlas
    discovery: DiscoveryBook
    sites: Sites
    heartbeats: Heartbeats
    checks: CheckBook
    causes: KeptCauses
    event_feed: EventFeed = field(default_factory=EventFeed)
    url: str = ""
    not_ready: str | None = None
    groups: dict[tuple[Labels, ...], Group] = field(default_factory=dict)
    client: aiohttp.ClientSession = field(init=False)
    stranger: aiohttp.ClientSession = field(init=False)
    server: Server = field(init=False)
    assessor: Assessor = field(init=False)
    inquests: Inquests = field(init=False)
    pollers: PollerBalance = field(init=False)
    capacity: Survey = field(init=False)
    models: Models = field(init=False)

    def have_agent(self, hostname: str, address: str = "127.0.0.1:5124") -> str:
        """Has an agent connected, also to the fleet that the API shows; its id."""
        record = self.agents.admit(agent_hello(hostname))
        if self.fleet.device(record.instance) is None:
            shown = replace(WEB1, instance=record.instance, agent_id=record.agent_id, address=address)
            self.fleet.members.append(shown)
        return record.agent_id

    def row(self, values: dict[Labels, float], time_ms: int) -> Row:
        series = tuple(values)
        if series not in self.groups:
            self.groups[series] = self.store.register(series, [Kind.GAUGE] * len(series))
        return Row(self.groups[series], time_ms, np.array(list(values.values())))

    async def keep(self, values: dict[Labels, float], time_ms: int = NOW_MS) -> None:
        """Stores a value for each of some series."""
        await self.store.append([self.row(values, time_ms)], None)

    def publish(self, values: dict[Labels, float], time_ms: int = NOW_MS) -> None:
        """Gives a value for each of some series to the live feed."""
        self.feed.publish([self.row(values, time_ms)])

    async def get(self, path: str, *query: tuple[str, str | int]) -> Any:
        """The JSON of a good answer."""
        async with self.client.get(path, params=query) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def refusal(self, path: str, *query: tuple[str, str | int], status: int = 400) -> Any:
        """The error in a bad answer."""
        async with self.client.get(path, params=query) as response:
            assert response.status == status, await response.text()
            return (await response.json())["error"]
