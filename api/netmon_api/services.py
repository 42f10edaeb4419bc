"""What the API stands on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry

from netmon_api.sockets import Sockets
from netmon_api.writing.desk import Desk
from netmon_collector.alerts.alerting import Alerting
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.earlier import Likes
from netmon_collector.atlas import Atlas
from netmon_collector.backup.making import Backups
from netmon_collector.capacity.survey import Survey
from netmon_collector.causes.inquest import Inquests
from netmon_collector.checks.book import CheckBook
from netmon_collector.discovery.book import DiscoveryBook
from netmon_collector.events.feed import EventFeed
from netmon_collector.facts import FactBook
from netmon_collector.feed import Feed
from netmon_collector.fleet import Device
from netmon_collector.heartbeats import Heartbeats
from netmon_collector.intake import IngestStats
from netmon_collector.metadata import Metadata
from netmon_collector.models.service import Models
from netmon_collector.poller_balance import PollerBalance
from netmon_collector.polling import Polling
from netmon_collector.query.engine import Engine
from netmon_collector.reachability.ledger import Ledger as Reachability
from netmon_collector.rules.rulebook import Rulebook
from netmon_collector.sites import Sites
from netmon_collector.state.events import KeptEvents
from netmon_collector.state.rules import SavedFiles
from netmon_collector.state.tokens import Tokens
from netmon_collector.store.base import Store


class Fleet(Protocol):
    """The devices that the collector knows; all from memory."""

    def devices(self) -> Sequence[Device]:
        """All devices, in no particular order."""
        ...

    def device(self, instance: str) -> Device | None:
        """One device by its handle."""
        ...

    def instance_of(self, agent_id: str) -> str:
        """The handle of an agent's host; empty where no such agent is known."""
        ...


class Intake(Protocol):
    """What came in, counted."""

    def stats(self, now_ms: int) -> IngestStats: ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of a collector. Times are Unix milliseconds; `readiness` is None, or why the collector is not ready."""

    store: Store
    engine: Engine
    fleet: Fleet
    feed: Feed
    tokens: Tokens
    registry: CollectorRegistry
    intake: Intake
    backups: Backups
    polling: Polling
    sites: Sites
    heartbeats: Heartbeats
    facts: FactBook
    events: KeptEvents
    event_feed: EventFeed
    alerting: Alerting
    inquests: Inquests
    pollers: PollerBalance
    capacity: Survey
    atlas: Atlas
    discovery: DiscoveryBook
    checks: CheckBook
    desk: Desk
    metadata: Metadata
    reachability: Reachability
    assessor: Assessor | None
    models: Models
    rulebook: Rulebook
    rule_files: SavedFiles
    readiness: Callable[[], str | None]
    now_ms: Callable[[], int]
    started_ms: int
    likes: Likes = field(default_factory=Likes)
    sockets: Sockets = field(default_factory=Sockets)
