"""An incident: alert groups that belong together, what people did about them, and when. Values and pure functions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from netmon_collector.alerts.base import Alert

JOINED_BY: Final = ("instance", "device", "site")
"""Labels of which an equal value makes groups one incident, the most telling first."""
JOINED_WITHIN_MS: Final = {"site": 900_000}
"""How long after an incident was opened such a label counts; the others count for as long as it is open."""
REOPENED_WITHIN_MS: Final = 900_000
"""A group that fires again so soon after its incident was closed opens it again."""
SEVERITIES: Final = ("critical", "error", "warning", "info")
MOST_ENTRIES: Final = 500
MOST_MARKS: Final = 1000
MOST_DEVICES: Final = 200
"""Of one group."""
LONGEST_TITLE: Final = 200


class Kind(StrEnum):
    """What an entry of a timeline is about."""

    OPENED = "opened"
    JOINED = "joined"
    CAUSE = "cause"
    MERGED = "merged"
    TOLD = "told"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    RELEASED = "released"
    SNOOZED = "snoozed"
    COMMENT = "comment"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened at a time, and who did it; nobody where netmon did."""

    at_ms: int
    kind: Kind
    text: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An alert group of an incident. `over_ms` is None while something in it fires; `why` says why it is in there;
    `escalation` names who else is told of it where nobody cares; `devices`: what its alerts are about, sorted."""

    key: str
    title: str
    severity: str
    since_ms: int
    why: str
    escalation: str = ""
    over_ms: int | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalated:
    """A step of an escalation that was taken at a time: from then on a receiver is told as well."""

    name: str
    receiver: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Incident:
    """All that is known of an incident. Times are Unix milliseconds.

    members: its groups, the one that opened it first. marks: labels and values by which others join it.
    shadows: devices that are or were down, each with those that could only be reached through it, sorted.
    merged_into: the incident that it turned out to be part of, 0 where there is none.
    acknowledged_until_ms: until then `owner` cares for it, and nothing of it is told that is no news.
    snoozed_until_ms: until then nothing of it is told but its end.
    timeline: the oldest entry first; of very many those in the middle are dropped.
    probable_cause: in words, "" where none is known; cause_known_ms: since when one is elsewhere than what gives the
    incident its name.
    """

    number: int
    opened_ms: int
    members: tuple[Member, ...]
    marks: frozenset[tuple[str, str]] = frozenset()
    closed_ms: int | None = None
    owner: str = ""
    acknowledged_until_ms: int = 0
    snoozed_until_ms: int = 0
    escalated: tuple[Escalated, ...] = ()
    timeline: tuple[Entry, ...] = ()
    shadows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    merged_into: int = 0
    probable_cause: str = ""
    cause_known_ms: int = 0

    @property
    def title(self) -> str:
        """What its first group says by rank."""
        return self.ranked()[0].title

    def causes(self) -> frozenset[str]:
        """The devices that others stand behind, and that stand behind none themselves."""
        return frozenset(self.shadows).difference(*self.shadows.values())

    def ranked(self) -> list[Member]:
        """Its groups, those about what the others stand behind first, then by severity, of equals the first."""
        causes = self.causes()
        return sorted(self.members, key=lambda one: (causes.isdisjoint(one.devices), rank(one.severity)))

    @property
    def severity(self) -> str:
        return min((one.severity for one in self.members), key=rank)

    def is_acknowledged(self, at_ms: int) -> bool:
        return self.closed_ms is None and at_ms < self.acknowledged_until_ms

    def is_snoozed(self, at_ms: int) -> bool:
        return self.closed_ms is None and at_ms < self.snoozed_until_ms


class NotOpen(Exception):
    """Something was to be done about an incident that is over."""


def rank(severity: str) -> int:
    """The place of a severity, 0 for the highest; those that nobody knows come last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def open_incident(number: int, key: str, firing: Sequence[Alert], now_ms: int, escalation: str = "") -> Incident:
    """A new incident of one group, of which somebody is told that these fire; at least one."""
    member = member_of(key, firing, now_ms, "it opened the incident", escalation)
    opened = Incident(number, now_ms, (member,), marks_of(firing))
    return note(opened, Entry(now_ms, Kind.OPENED, member.title))


def why_related(incident: Incident, marks: frozenset[tuple[str, str]], now_ms: int) -> str:
    """Why a group with such labels belongs to an incident, "" where it does not."""
    for name in JOINED_BY:
        within_ms = JOINED_WITHIN_MS.get(name)
        if within_ms is not None and now_ms - incident.opened_ms > within_ms:
            continue
        shared = sorted(value for label, value in marks & incident.marks if label == name)
        if shared:
            return f"same {name}: {shared[0]}"
    return ""


def join(
    incident: Incident, key: str, firing: Sequence[Alert], why: str, now_ms: int, escalation: str = ""
) -> Incident:
    """A group, new or known, of which somebody is told that these fire; the incident is open from then on."""
    known = next((one for one in incident.members if one.key == key), None)
    member = member_of(key, firing, now_ms, known.why if known else why, escalation)
    if known is None:
        joined = replace(incident, members=(*incident.members, member))
        joined = note(joined, Entry(now_ms, Kind.JOINED, f"{member.title} ({why})"))
    else:
        again = known.over_ms is not None
        severity = member.severity if again else min(known.severity, member.severity, key=rank)
        member = replace(
            known,
            over_ms=None,
            severity=severity,
            since_ms=now_ms if again else known.since_ms,
            escalation=escalation,
            devices=member.devices,
        )
        joined = replace(incident, members=tuple(member if one.key == key else one for one in incident.members))
        if again:
            joined = note(joined, Entry(now_ms, Kind.OPENED, f"{member.title}: fires again"))
    marks = joined.marks | marks_of(firing)
    return replace(joined, closed_ms=None, marks=marks if len(marks) <= MOST_MARKS else joined.marks)


def end_groups(incident: Incident, over: Iterable[str], now_ms: int) -> Incident:
    """Nothing fires any more in these groups. Closes the incident with its last one."""
    keys = set(over)
    ended = [one for one in incident.members if one.over_ms is None and one.key in keys]
    if not ended:
        return incident
    members = tuple(replace(one, over_ms=now_ms) if one in ended else one for one in incident.members)
    left = sum(one.over_ms is None for one in members)
    text = f"{ended[0].title}" if len(ended) == 1 else f"{len(ended)} groups"
    changed = replace(incident, members=members)
    if left:
        return note(changed, Entry(now_ms, Kind.RESOLVED, f"{text}: over, {left} still firing"))
    closed = replace(changed, closed_ms=now_ms, owner="", acknowledged_until_ms=0, snoozed_until_ms=0, escalated=())
    return note(closed, Entry(now_ms, Kind.RESOLVED, "all is over"))


def acknowledge(incident: Incident, by: str, until_ms: int, comment: str, now_ms: int) -> Incident:
    """Somebody cares for it until a time. Raises NotOpen."""
    _must_be_open(incident)
    owned = replace(incident, owner=by, acknowledged_until_ms=until_ms)
    return note(owned, Entry(now_ms, Kind.ACKNOWLEDGED, comment, by))


def release(incident: Incident, by: str, comment: str, now_ms: int) -> Incident:
    """Nobody cares for it any more: as if it had not been taken on. Raises NotOpen."""
    _must_be_open(incident)
    freed = replace(incident, owner="", acknowledged_until_ms=0)
    return note(freed, Entry(now_ms, Kind.RELEASED, comment, by))


def snooze(incident: Incident, by: str, until_ms: int, comment: str, now_ms: int) -> Incident:
    """Nobody is to hear of it until a time. Raises NotOpen."""
    _must_be_open(incident)
    return note(replace(incident, snoozed_until_ms=until_ms), Entry(now_ms, Kind.SNOOZED, comment, by))


def blame(incident: Incident, cause: str, score: float, devices: Collection[str], now_ms: int) -> Incident:
    """Something at some devices has probably caused it; the timeline tells of each cause once. That a device has failed
    is nothing new to whoever was told that it is down, so only a cause elsewhere is worth a message of its own."""
    text = f"{cause} ({score:.0%})"
    is_elsewhere = set(devices).isdisjoint(incident.ranked()[0].devices)
    known_ms = incident.cause_known_ms or (now_ms if is_elsewhere else 0)
    blamed = replace(incident, probable_cause=text, cause_known_ms=known_ms)
    entry = Entry(now_ms, Kind.CAUSE, f"probable cause: {text}")
    is_told = any(one.text.startswith(f"probable cause: {cause} (") for one in incident.timeline)
    return blamed if is_told else note(blamed, entry)


def note(incident: Incident, entry: Entry) -> Incident:
    """Puts an entry at the end of the timeline; of too many the second is dropped, as the first says how it began."""
    timeline = (*incident.timeline, entry)
    if len(timeline) > MOST_ENTRIES:
        timeline = (timeline[0], *timeline[len(timeline) - MOST_ENTRIES + 1 :])
    return replace(incident, timeline=timeline)


def member_of(key: str, firing: Sequence[Alert], now_ms: int, why: str, escalation: str) -> Member:
    worst = min(firing, key=lambda one: rank(severity_of(one)))
    devices = tuple(sorted({device_of(one) for one in firing} - {""})[:MOST_DEVICES])
    return Member(key, title_of(worst, len(firing)), severity_of(worst), now_ms, why, escalation, devices=devices)


def severity_of(alert: Alert) -> str:
    return dict(alert.labels).get("severity", "")


def device_of(alert: Alert) -> str:
    """The handle of the device that an alert is about, "" where it names none. Where there is an `instance`, `device`
    is a part of it, such as a disk."""
    labels = dict(alert.labels)
    return labels.get("instance") or labels.get("device", "")


def title_of(alert: Alert, number: int) -> str:
    """What a group of so many alerts is about, by one of them."""
    summary = dict(alert.annotations).get("summary", "")
    place = next((value for name in JOINED_BY for label, value in alert.labels if label == name), "")
    rest = summary or place
    text = f"{alert.name}: {rest}" if rest else alert.name
    more = f" and {number - 1} more" if number > 1 else ""
    return text[: LONGEST_TITLE - len(more)] + more


def marks_of(alerts: Iterable[Alert]) -> frozenset[tuple[str, str]]:
    """By which labels and values these belong to others."""
    marks = set()
    for alert in alerts:
        labels = dict(alert.labels)
        names = [name for name in JOINED_BY if name != "device" or "instance" not in labels]
        marks |= {(name, labels[name]) for name in names if labels.get(name)}
    return frozenset(sorted(marks)[:MOST_MARKS])


def _must_be_open(incident: Incident) -> None:
    if incident.closed_ms is not None:
        raise NotOpen(f"incident {incident.number} is over")
