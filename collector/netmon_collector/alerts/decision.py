"""Who is told of a group of alerts, and of which of them: the stages between a group that is due and the outbox."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import sha256

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.calendar import any_holds
from netmon_collector.alerts.calendar_options import Calendar
from netmon_collector.alerts.escalation import Chains, Policy, escalation_of, further_receivers
from netmon_collector.alerts.groups import Due, Told, is_news
from netmon_collector.alerts.incident import device_of
from netmon_collector.alerts.incidents import Incidents
from netmon_collector.alerts.inhibition import Inhibitor
from netmon_collector.alerts.kinship import Kinship
from netmon_collector.alerts.maintenance import Maintenance
from netmon_collector.alerts.overrides import Overrides
from netmon_collector.alerts.routes import Route
from netmon_collector.alerts.schedule import Schedule
from netmon_collector.alerts.silences import Silences
from netmon_proto.model import Labels


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to tell somebody: what a receiver is made of.

    name: `email/0`, the kind of channel and its place among those of its kind in the receiver.
    """

    receiver: str
    name: str
    tells_resolved: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Notification:
    """What one endpoint is told of a group at a time.

    key: the same for the same news, however often it is sent: what receivers know doubles by.
    alerts: those that fire and, for an endpoint that tells of them, those that are over.
    """

    key: str
    endpoint: Endpoint
    group_key: str
    group_labels: Labels
    at_ms: int
    alerts: tuple[Alert, ...]

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.resolved_at_ms is None)

    @property
    def resolved(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.resolved_at_ms is not None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an endpoint has been told once this is kept; without a notification it is only taken note of."""

    endpoint: Endpoint
    group_key: str
    told: Told
    notification: Notification | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a group that is due. `is_held`: some of it is not told, because what explains it is."""

    outcomes: tuple[Outcome, ...] = ()
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Mute:
    """Why somebody is not told of an alert; ids of silences, fingerprints of alerts, names of times and of windows of
    maintenance."""

    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_times: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.silenced_by or self.inhibited_by or self.muted_times or self.maintenance)


@dataclass(slots=True)
class Decisions:
    """The stages, each for its reason; what they were told of before is in `told`, by endpoint and group."""

    silences: Silences
    inhibitor: Inhibitor
    calendar: Calendar
    endpoints: Mapping[str, Sequence[Endpoint]]
    maintenance: Maintenance
    incidents: Incidents = field(default_factory=Incidents)
    chains: Chains = field(default_factory=dict)
    on_call: Mapping[str, Schedule] = field(default_factory=dict)
    kinship: Kinship = field(default_factory=Kinship)
    policies: Sequence[Policy] = ()
    overrides: Overrides = field(default_factory=Overrides)
    told: dict[tuple[Endpoint, str], Told] = field(default_factory=dict)

    def take(self, alert: Alert) -> None:
        """Takes note of an alert, firing or over: it may be why others need not be told of."""
        self.inhibitor.take([alert])
        self.kinship.take(alert)

    def decide(self, due: Due) -> Decision:
        """Top to bottom the way of a group: mute by time, by maintenance, by other alerts, by silences, by people
        who put it off, then per endpoint what is explained by what it knows, and what is new. Nothing is changed:
        `keep` is called once the outcomes are on disk."""
        if self.muted_times(due.group.route, due.at_ms):
            return Decision()
        audible = [alert for alert in due.alerts if not self.maintenance.muted_by(dict(alert.labels), due.at_ms)]
        audible = [alert for alert in audible if not self.inhibitor.muted_by(alert, due.at_ms)]
        audible = [alert for alert in audible if not self.silences.muted_by(dict(alert.labels), due.at_ms)]
        if not audible or self._is_snoozed(due, audible):
            return Decision()
        behind = {one.fingerprint for one in audible if self._is_behind(one, due.at_ms) or self._is_passing(one)}
        explains = {one.fingerprint: set(self.kinship.explains(one, due.at_ms)) for one in audible}
        outcomes, is_held = [], False
        for endpoint in self._endpoints(due):
            new = self._explained(endpoint, due, behind, explains)
            is_held = is_held or bool(new)
            outcome = self._tell(endpoint, due, [one for one in audible if one.fingerprint not in new])
            outcomes += [outcome] if outcome is not None else []
        return Decision(tuple(outcomes), is_held)

    def escalation(self, due: Due) -> str:
        """Who else is told of a group where nobody cares."""
        firing = [alert for alert in due.alerts if alert.resolved_at_ms is None]
        return escalation_of(due.group.route, firing, self.policies)

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Takes note of who has been told what."""
        for outcome in outcomes:
            self.told[outcome.endpoint, outcome.group_key] = outcome.told

    def mute(self, alert: Alert, route: Route, at_ms: int) -> Mute:
        """Why nobody is told of an alert on a route at a time."""
        return Mute(
            silenced_by=tuple(self.silences.muted_by(dict(alert.labels), at_ms)),
            inhibited_by=(*self.inhibitor.muted_by(alert, at_ms), *self._causes(alert, at_ms)),
            muted_times=self.muted_times(route, at_ms),
            maintenance=tuple(self.maintenance.muted_by(dict(alert.labels), at_ms)),
        )

    def muted_times(self, route: Route, at_ms: int) -> tuple[str, ...]:
        """Names of the times that keep a route mute: those that hold and mute, or those outside of which it is."""
        muting = tuple(name for name in route.mute_times if any_holds(self.calendar.get(name, ()), at_ms))
        active = route.active_times
        outside = bool(active) and not any(any_holds(self.calendar.get(name, ()), at_ms) for name in active)
        return (*muting, *active) if outside else muting

    def _endpoints(self, due: Due) -> list[Endpoint]:
        """Those of a group's receiver, and of all to whom its incident has been escalated."""
        incident = self.incidents.of_group(due.group.key)
        further = further_receivers(incident, due.group.key) if incident is not None else []
        receivers = dict.fromkeys((due.group.route.receiver, *further))
        people = dict.fromkeys(person for name in receivers for person in self._on_duty(name, due))
        return [endpoint for name in people for endpoint in self.endpoints.get(name, ())]

    def _on_duty(self, receiver: str, due: Due) -> list[str]:
        """A receiver, and who is on call for it; that all is over concerns whoever was on call when it was told."""
        schedule = self.on_call.get(receiver)
        if schedule is None:
            return [receiver]
        schedule = self.overrides.applied(schedule, self.endpoints)
        if all(alert.resolved_at_ms is not None for alert in due.alerts):
            return [receiver, *schedule.people()]
        return [receiver, schedule.who(due.at_ms)]

    def _causes(self, alert: Alert, at_ms: int) -> list[str]:
        return self.kinship.explained_by(alert, self.incidents.causes, at_ms) if alert.resolved_at_ms is None else []

    def _is_behind(self, alert: Alert, at_ms: int) -> bool:
        """Whether something is down before its device of which people are told, or on which they work."""
        if alert.resolved_at_ms is not None:
            return False
        causes = self.kinship.causes(device_of(alert), self.incidents.causes)
        return bool(self._causes(alert, at_ms) or (causes and self.maintenance.devices(set(causes), at_ms)))

    def _is_passing(self, alert: Alert) -> bool:
        causes = self.incidents.causes
        return bool(causes) and alert.resolved_at_ms is None and self.kinship.is_passing(alert, causes)

    def _explained(self, endpoint: Endpoint, due: Due, behind: Set[str], explains: Mapping[str, Set[str]]) -> Set[str]:
        """Alerts that an endpoint was not told of yet and need not be: they are behind what is down, or it knows what
        is behind them, and the incident has them at its front."""
        before = self.told.get((endpoint, due.group.key))
        known = before.firing if before is not None else frozenset()
        late = {one for one, others in explains.items() if others and self._knows(endpoint, others)}
        return (behind | late) - known

    def _knows(self, endpoint: Endpoint, fingerprints: Set[str]) -> bool:
        return any(one == endpoint and not told.firing.isdisjoint(fingerprints) for (one, _), told in self.told.items())

    def _is_snoozed(self, due: Due, alerts: Sequence[Alert]) -> bool:
        """Whether people put it off; that all is over they want to know even so."""
        incident = self.incidents.of_group(due.group.key)
        fires = any(alert.resolved_at_ms is None for alert in alerts)
        return incident is not None and fires and incident.is_snoozed(due.at_ms)

    def _repeat_ms(self, due: Due, told: Told | None) -> int:
        """After how long an endpoint is told again without news: never while somebody cares for the incident, at once
        where it was put off until after the endpoint was last told, and for the group that gives the incident its name
        where the cause became known after that."""
        incident = self.incidents.of_group(due.group.key)
        if incident is not None and incident.is_acknowledged(due.at_ms):
            return due.at_ms + 1
        if incident is not None and told is not None and told.at_ms < incident.snoozed_until_ms <= due.at_ms:
            return 0
        if incident is not None and told is not None and told.at_ms < incident.cause_known_ms:
            return 0 if incident.ranked()[0].key == due.group.key else due.group.route.repeat_interval_ms
        return due.group.route.repeat_interval_ms

    def _tell(self, endpoint: Endpoint, due: Due, alerts: Sequence[Alert]) -> Outcome | None:
        firing = frozenset(alert.fingerprint for alert in alerts if alert.resolved_at_ms is None)
        resolved = frozenset(alert.fingerprint for alert in alerts if alert.resolved_at_ms is not None)
        before = self.told.get((endpoint, due.group.key))
        news = is_news(
            before,
            firing,
            resolved,
            tells_resolved=endpoint.tells_resolved,
            repeat_ms=self._repeat_ms(due, before),
            now_ms=due.at_ms,
        )
        if not news:
            return None
        told = Told(due.at_ms, firing, resolved)
        wanted = tuple(alert for alert in alerts if alert.resolved_at_ms is None or endpoint.tells_resolved)
        if not wanted:
            return Outcome(endpoint, due.group.key, told, None)
        key = _key(endpoint, due)
        notification = Notification(key, endpoint, due.group.key, due.group.labels, due.at_ms, wanted)
        return Outcome(endpoint, due.group.key, told, notification)


def _key(endpoint: Endpoint, due: Due) -> str:
    text = "\0".join((endpoint.receiver, endpoint.name, due.group.key, str(due.at_ms)))
    return sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]
