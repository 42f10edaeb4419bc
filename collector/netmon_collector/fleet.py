"""What the collector knows of its devices and of the agents that report them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from netmon_collector.clock import Skew
from netmon_collector.polling import Polled, Polling
from netmon_collector.session import Report, Session
from netmon_collector.state.agents import AgentRecord, Agents
from netmon_collector.store.base import Store
from netmon_proto.model import Hello, Limits

MISSED_INTERVALS = 3
"""An agent that has been silent for so many of its intervals is down, whatever its stream says."""

GRACE_MS = 90_000
"""An agent whose stream is gone has this time to come back, or less where its intervals are short. After the
collector's own start nobody is down before it has passed: agents need to find the collector again."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and the agent that reports it; times are Unix milliseconds.

    `up` has held since `since_ms`; None: not known yet, because the collector has just started. `address` is the
    agent's while it is connected. What the agent tells with its batches is None until it has told it;
    `clock_skew_ms` is positive where its clock is ahead of the collector's.
    """

    instance: str
    name: str
    job: str
    up: bool | None
    since_ms: int
    first_seen_ms: int
    last_seen_ms: int
    last_sample_ms: int | None
    interval_ms: int
    agent_id: str
    version: str
    platform: str
    hostname: str
    connected: bool
    address: str | None
    clock_skew_ms: float | None
    spool_batches: int | None
    spool_bytes: int | None
    spool_oldest_age_s: float | None
    quarantined: int | None


class Seen(NamedTuple):
    """What is written down of an agent at every tick; cheap to make, because there may be ten thousand."""

    instance: str
    version: str
    platform: str
    up: bool | None
    clock_skew_ms: int | None


class Voice(NamedTuple):
    """When an agent was heard of last; since_ms is from when on it could have been. Times are Unix milliseconds."""

    instance: str
    hostname: str
    interval_ms: int
    since_ms: int
    heard_ms: int | None


@dataclass(slots=True)
class _Member:
    """An agent as it is now."""

    record: AgentRecord
    since_ms: int
    up: bool | None = None
    skew: Skew = field(default_factory=Skew)
    report: Report = field(default_factory=Report)
    heard_ms: int | None = None
    newest_ms: int | None = None
    address: str | None = None
    session: Session | None = None
    left_ms: int | None = None

    def is_now(self, up: bool | None, now_ms: int) -> None:
        """Takes note of a state, and of the time if it is another one."""
        if up is not self.up:
            self.up, self.since_ms = up, now_ms


class Fleet:
    """All agents ever admitted, and the sessions of those that are connected."""

    def __init__(
        self,
        agents: Agents,
        store: Store,
        limits: Limits,
        now_ms: Callable[[], int],
        polling: Polling | None = None,
    ) -> None:
        self._agents = agents
        self._store = store
        self._limits = limits
        self._now_ms = now_ms
        self._polling = polling
        self._started_ms = now_ms()
        self._members = {record.agent_id: _Member(record, self._started_ms) for record in agents.all()}
        self._instances = {member.record.instance for member in self._members.values()}
        self.came_up = asyncio.Event()
        """Set when an agent comes up; for whoever waits for that, who clears it."""

    def admit(self, hello: Hello) -> AgentRecord:
        """Checks who says hello and keeps what it says. Blocks on the database. Raises KeyMismatch."""
        return self._agents.admit(hello, self._now_ms())

    def connect(self, record: AgentRecord, address: str) -> Session:
        """Opens a session; whichever session the agent had before is not its own any more."""
        member = self._members.setdefault(record.agent_id, _Member(record, self._now_ms()))
        member.record, member.address = record, address
        self._instances.add(record.instance)
        member.session = Session(record, self._store, self._limits, member.skew, member.report, self._polling)
        return member.session

    def disconnect(self, session: Session) -> None:
        """Ends a session, unless another has taken its place."""
        member = self._members[session.agent.agent_id]
        if member.session is session:
            member.session, member.address, member.left_ms = None, None, self._now_ms()

    def heard(self, session: Session, newest_ms: int) -> None:
        """Notes that a batch came, with samples up to a time."""
        member = self._members[session.agent.agent_id]
        member.heard_ms = self._now_ms()
        member.newest_ms = max(newest_ms, member.newest_ms or 0)
        if not member.up:
            self.came_up.set()
        member.is_now(True, member.heard_ms)

    def judge(self) -> None:
        """Decides anew who is up and who is down; called regularly."""
        now_ms = self._now_ms()
        for member in self._members.values():
            member.is_now(self._is_up(member, now_ms), now_ms)
        if self._polling:
            self._polling.judge()

    def save(self) -> None:
        """Writes down when the connected agents were last heard of. Blocks on the database."""
        members = list(self._members.values())
        self._agents.seen({one.record.agent_id: one.heard_ms for one in members if one.heard_ms is not None})

    def seen(self) -> list[Seen]:
        """All agents as they are now, in no particular order."""
        return [
            Seen(one.record.instance, one.record.version, one.record.platform, one.up, one.skew.skew_ms)
            for one in self._members.values()
        ]

    def voices(self) -> list[Voice]:
        """When all agents were heard of last, in no particular order."""
        return [
            Voice(
                one.record.instance,
                one.record.hostname,
                one.record.interval_ms,
                max(self._started_ms, one.record.first_seen_ms),
                one.heard_ms,
            )
            for one in self._members.values()
        ]

    def polls(self) -> list[tuple[Polled, str]]:
        """The devices that agents poll, each with the instance of its agent, where that is known."""
        members = self._members
        return [
            (one, members[one.record.agent_id].record.instance)
            for one in self.polled()
            if one.record.agent_id in members
        ]

    def devices(self) -> list[Device]:
        """All devices, polled ones too, sorted by instance."""
        polled = self._polling.all() if self._polling else []
        found = [*map(_device, self._members.values()), *map(self._polled_device, polled)]
        return sorted(found, key=lambda device: device.instance)

    def device(self, instance: str) -> Device | None:
        """One device by its handle."""
        polled = self._polling.one(instance) if self._polling else None
        if polled is not None:
            return self._polled_device(polled)
        members = self._members.values()
        return next((_device(one) for one in members if one.record.instance == instance), None)

    def away(self, for_ms: int) -> dict[str, str]:
        """Agents that have not been connected for so long, by instance; none before this has run as long itself."""
        since_ms = self._now_ms() - for_ms
        return {
            one.record.instance: agent_id
            for agent_id, one in self._members.items()
            if one.session is None and (one.left_ms or self._started_ms) <= since_ms
        }

    def instance_of(self, agent_id: str) -> str:
        """The handle of an agent's host; empty where no such agent is known."""
        member = self._members.get(agent_id)
        return member.record.instance if member else ""

    def agent_of(self, instance: str) -> str:
        """The id of the agent on a host, by the host's handle; empty where none is."""
        return next((one.record.agent_id for one in self._members.values() if one.record.instance == instance), "")

    def has_instance(self, instance: str) -> bool:
        """Whether a device of this handle is known; cheap."""
        return instance in self._instances or (self._polling is not None and self._polling.one(instance) is not None)

    def polled(self) -> list[Polled]:
        """The devices that agents poll, sorted by instance."""
        return self._polling.all() if self._polling else []

    def _polled_device(self, polled: Polled) -> Device:
        record = polled.record
        return replace(
            _device(self._members[record.agent_id]),
            instance=record.instance,
            name=record.name,
            job="snmp",
            up=polled.up,
            since_ms=polled.since_ms,
            first_seen_ms=record.added_ms,
            last_seen_ms=polled.heard_ms or record.added_ms,
            last_sample_ms=polled.newest_ms or None,
            interval_ms=record.interval_ms,
        )

    def _is_up(self, member: _Member, now_ms: int) -> bool | None:
        patience_ms = MISSED_INTERVALS * member.record.interval_ms
        if member.session is None:
            patience_ms = min(patience_ms, GRACE_MS)
        if member.heard_ms is None:
            waited_ms = now_ms - max(self._started_ms, member.record.first_seen_ms)
            return None if waited_ms < GRACE_MS + patience_ms else False
        return now_ms - member.heard_ms <= patience_ms


def _device(member: _Member) -> Device:
    record, report = member.record, member.report
    return Device(
        instance=record.instance,
        name=record.name,
        job="node",
        up=member.up,
        since_ms=member.since_ms,
        first_seen_ms=record.first_seen_ms,
        last_seen_ms=max(record.last_seen_ms, member.heard_ms or 0),
        last_sample_ms=member.newest_ms,
        interval_ms=record.interval_ms,
        agent_id=record.agent_id,
        version=record.version,
        platform=record.platform,
        hostname=record.hostname,
        connected=member.session is not None,
        address=member.address,
        clock_skew_ms=member.skew.skew_ms,
        spool_batches=report.spool_batches,
        spool_bytes=report.spool_bytes,
        spool_oldest_age_s=report.spool_oldest_age_s,
        quarantined=report.quarantined,
    )
