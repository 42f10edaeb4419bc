"""Alerts that one cause explains: what is behind a device that is down, and what that makes one incident."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.incident import Entry, Escalated, Incident, Kind, device_of, note, rank, severity_of

BESIDE_MS: Final = 300_000
"""How long after an incident was opened alerts of neighbours count as of the same fault."""
MOST_SHADOWED: Final = 5000
"""Devices that an incident keeps by name."""
MOST_NAMED: Final = 3
MOST_REASONS: Final = 10


class Surroundings(Protocol):
    """What is known of the network around a device, now."""

    def before(self, device: str) -> tuple[str, ...] | None:
        """What is down between a device and who looks at it, sorted; None where nobody can tell now, or things have
        just changed."""
        ...

    def behind(self, device: str) -> Collection[str]:
        """The devices that cannot be reached because one is down."""
        ...

    def beside(self, device: str) -> Set[str]:
        """The devices at the other ends of its links."""
        ...

    def back_ms(self, device: str) -> int | None:
        """Since when a device can be reached again, where that is so recent that what it brought with it need not be
        over yet."""
        ...


class Unknown:
    """Surroundings of which nothing is known."""

    def before(self, device: str) -> tuple[str, ...] | None:
        return None

    def behind(self, device: str) -> Collection[str]:
        return ()

    def beside(self, device: str) -> Set[str]:
        return frozenset()

    def back_ms(self, device: str) -> int | None:
        return None


@dataclass(slots=True)
class Kinship:
    """Knows which alerts fire about which device, and which of them another one explains."""

    surroundings: Surroundings = field(default_factory=Unknown)
    _firing: dict[str, dict[str, Alert]] = field(default_factory=dict)

    def take(self, alert: Alert) -> None:
        """Takes note of an alert, firing or over."""
        device = device_of(alert)
        if alert.resolved_at_ms is None:
            self._firing.setdefault(device, {})[alert.fingerprint] = alert
        elif device in self._firing:
            self._firing[device].pop(alert.fingerprint, None)
            if not self._firing[device]:
                del self._firing[device]

    def causes(self, device: str, recorded: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """What is down before a device; as it was `recorded` where nobody can tell now, such as after a start."""
        if not device:
            return ()
        known = self.surroundings.before(device)
        return recorded.get(device, ()) if known is None else known

    def near(self, devices: Iterable[str]) -> set[str]:
        """These devices, what is down before them, what is behind them, and those at the other ends of their links."""
        found = set(devices)
        for device in tuple(found):
            found.update(self.surroundings.before(device) or ())
            found.update(self.surroundings.behind(device))
            found.update(self.surroundings.beside(device))
        return found

    def explained_by(self, alert: Alert, recorded: Mapping[str, tuple[str, ...]], now_ms: int) -> list[str]:
        """Fingerprints of alerts, at least as severe, about what is down before the device of one; sorted."""
        return self._as_severe(self.causes(device_of(alert), recorded), alert, now_ms)

    def explains(self, alert: Alert, now_ms: int) -> list[str]:
        """Fingerprints of alerts, at least as severe, about what is behind the device of one; sorted."""
        device = device_of(alert)
        behind = self.surroundings.behind(device) if device else ()
        return self._as_severe(self._firing.keys() & set(behind), alert, now_ms)

    def is_passing(self, alert: Alert, recorded: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether an alert is about a device that others were behind, and that has just come back since it fired."""
        device = device_of(alert)
        if not any(device in causes for causes in recorded.values()):
            return False
        back_ms = self.surroundings.back_ms(device)
        return back_ms is not None and (alert.fired_at_ms or alert.active_at_ms) < back_ms

    def _as_severe(self, devices: Iterable[str], alert: Alert, now_ms: int) -> list[str]:
        limit = rank(severity_of(alert))
        return sorted(
            fingerprint
            for device in devices
            for fingerprint, one in self._firing.get(device, {}).items()
            if rank(severity_of(one)) <= limit and (one.valid_until_ms is None or one.valid_until_ms > now_ms)
        )


def why_behind(incident: Incident, devices: Collection[str], kinship: Kinship) -> str:
    """Why a group about some devices belongs to an incident by what stands between them, "" where it does not."""
    known = {device for one in incident.members for device in one.devices}
    recorded = recorded_causes([incident])
    for device in sorted(devices):
        for cause in kinship.causes(device, recorded):
            if cause in known or cause in incident.shadows:
                return f"{device} is behind {cause}, which is down"
        behind = known.intersection({*kinship.surroundings.behind(device), *incident.shadows.get(device, ())})
        if behind:
            return f"{counted(behind)} {'is' if len(behind) == 1 else 'are'} behind {device}, which is down"
    return ""


def why_beside(incident: Incident, devices: Collection[str], kinship: Kinship, now_ms: int) -> str:
    """Why a group about some devices belongs to an incident by their links and the time, "" where it does not."""
    if now_ms - incident.opened_ms > BESIDE_MS:
        return ""
    known = {device for one in incident.members for device in one.devices}
    for device in sorted(devices):
        beside = sorted(known & kinship.surroundings.beside(device))
        if beside:
            return f"{device} has a link to {beside[0]}, and it began soon after"
    return ""


def surveyed(incident: Incident, kinship: Kinship, now_ms: int) -> Incident:
    """The incident with what its devices stand behind and what stands behind them, as far as it is known by now."""
    found: dict[str, set[str]] = {}
    for device in {device for one in incident.members if one.over_ms is None for device in one.devices}:
        for cause in kinship.surroundings.before(device) or ():
            found.setdefault(cause, set()).add(device)
    for cause in {*found, *(device for one in incident.members if one.over_ms is None for device in one.devices)}:
        if behind := kinship.surroundings.behind(cause):
            found.setdefault(cause, set()).update(behind)
    new = {cause: devices.difference(incident.shadows.get(cause, ())) for cause, devices in found.items()}
    room = MOST_SHADOWED - sum(map(len, incident.shadows.values()))
    if room <= 0 or not any(new.values()):
        return incident
    shadows = dict(incident.shadows)
    for cause, devices in sorted(new.items()):
        taken = sorted(devices)[: max(room, 0)]
        room -= len(taken)
        if taken:
            shadows[cause] = tuple(sorted({*shadows.get(cause, ()), *taken}))
    changed = replace(incident, shadows=shadows)
    for cause in sorted(changed.causes() - incident.causes()):
        changed = note(changed, Entry(now_ms, Kind.CAUSE, explained(cause, shadows[cause])))
    return changed


def merged(incident: Incident, other: Incident, why: str, now_ms: int) -> tuple[Incident, Incident]:
    """An incident with the groups of a later one that turned out to be part of it, and that one, which is over."""
    keys = {one.key for one in incident.members}
    moved = tuple(replace(one, why=why) for one in other.members if one.key not in keys)
    owner = incident if incident.is_acknowledged(now_ms) else other
    whole = replace(
        incident,
        members=incident.members + moved,
        marks=incident.marks | other.marks,
        owner=owner.owner,
        acknowledged_until_ms=owner.acknowledged_until_ms,
        escalated=_further(incident.escalated, other.escalated),
        shadows={**other.shadows, **incident.shadows},
    )
    whole = note(whole, Entry(now_ms, Kind.MERGED, f"incident {other.number}: {other.title} ({why})"))
    ended = tuple(replace(one, over_ms=one.over_ms or now_ms) for one in other.members)
    part = replace(other, members=ended, closed_ms=now_ms, merged_into=incident.number, owner="", escalated=())
    return whole, note(part, Entry(now_ms, Kind.MERGED, f"it is part of incident {incident.number}: {why}"))


def _further(one: tuple[Escalated, ...], other: tuple[Escalated, ...]) -> tuple[Escalated, ...]:
    """The steps of each escalation by whichever has taken more of them."""
    found: list[Escalated] = []
    for name in dict.fromkeys(step.name for step in (*one, *other)):
        first = [step for step in one if step.name == name]
        second = [step for step in other if step.name == name]
        found += first if len(first) >= len(second) else second
    return tuple(found)


def recorded_causes(incidents: Iterable[Incident]) -> dict[str, tuple[str, ...]]:
    """What each device was behind, by what open incidents know."""
    found: dict[str, tuple[str, ...]] = {}
    for incident in incidents:
        if incident.closed_ms is None:
            for cause, devices in incident.shadows.items():
                found.update((device, (*found.get(device, ()), cause)) for device in devices)
    return found


def explanation(incident: Incident) -> list[str]:
    """Why these groups are one incident, the cause first, for people."""
    told = [explained(cause, incident.shadows[cause]) for cause in sorted(incident.causes())]
    reasons = Counter(one.why for one in incident.members)
    if len(incident.members) > 1:
        told += [
            f"{number} of {len(incident.members)} groups: {why}" for why, number in reasons.most_common(MOST_REASONS)
        ]
    if incident.merged_into:
        told.append(f"it is part of incident {incident.merged_into}")
    return told


def explained(cause: str, devices: Collection[str]) -> str:
    """What a device that is down brings with it."""
    return f"{cause} is down, and there is no other way to {counted(devices)}"


def counted(names: Collection[str]) -> str:
    """Some names, and how many more there are."""
    some = sorted(names)
    more = len(some) - MOST_NAMED
    if more <= 1:
        return ", ".join(some)
    return f"{', '.join(some[:MOST_NAMED])} and {more} more"
