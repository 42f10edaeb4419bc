"""Who else is told of an incident that nobody takes on, and when. Values and pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.incident import Entry, Escalated, Incident, Kind, note
from netmon_collector.alerts.matching import Matcher, matches_all
from netmon_collector.alerts.routes import Route


@dataclass(frozen=True, slots=True)
class Step:
    """A receiver that is told as well once nobody has cared for so long."""

    after_ms: int
    receiver: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The escalation for alerts that fit, on routes that say nothing of it."""

    name: str
    matchers: tuple[Matcher, ...]


Chains = Mapping[str, tuple[Step, ...]]
"""The steps of each escalation by its name, in order."""


def escalation_of(route: Route, alerts: Iterable[Alert], policies: Iterable[Policy]) -> str:
    """The escalation of a group in which these fire, "" where there is none: what its route says, else the first policy
    that one of them fits."""
    if route.escalation is not None:
        return route.escalation
    labels = [dict(alert.labels) for alert in alerts]
    return next((one.name for one in policies if any(matches_all(one.matchers, each) for each in labels)), "")


def next_step(incident: Incident, chains: Chains) -> tuple[int, str] | None:
    """When the next step of an incident is due, and of which escalation; None where there is none.

    The time runs from the first of its groups that fire and name the escalation. While somebody cares for the incident,
    or has put it off, no step comes; the next one comes at the end of that, those after it as far apart as the chain
    says.
    """
    if incident.closed_ms is not None:
        return None
    held_ms = max(incident.acknowledged_until_ms, incident.snoozed_until_ms)
    found = []
    for name in {one.escalation for one in incident.members if one.escalation and one.over_ms is None}:
        steps = chains.get(name, ())
        done = [one for one in incident.escalated if one.name == name]
        if len(done) >= len(steps):
            continue
        step = steps[len(done)]
        since_ms = min(one.since_ms for one in incident.members if one.escalation == name and one.over_ms is None)
        at_ms = max(since_ms + step.after_ms, held_ms)
        if done:
            at_ms = max(at_ms, done[-1].at_ms + step.after_ms - steps[len(done) - 1].after_ms)
        found.append((at_ms, name))
    return min(found, default=None)


def next_step_ms(incidents: Iterable[Incident], chains: Chains) -> int | None:
    """When the next step of any is due."""
    found = [one for one in (next_step(incident, chains) for incident in incidents) if one is not None]
    return min(at_ms for at_ms, _ in found) if found else None


def escalate(incidents: Iterable[Incident], chains: Chains, now_ms: int) -> list[Incident]:
    """Those of which a step is due, one step further each."""
    changed = []
    for incident in incidents:
        due = next_step(incident, chains)
        if due is None or due[0] > now_ms:
            continue
        name = due[1]
        place = sum(one.name == name for one in incident.escalated)
        receiver = chains[name][place].receiver
        raised = replace(incident, escalated=(*incident.escalated, Escalated(name, receiver, now_ms)))
        changed.append(note(raised, Entry(now_ms, Kind.ESCALATED, f"{name}, step {place + 1}: {receiver}")))
    return changed


def further_receivers(incident: Incident, group_key: str) -> list[str]:
    """Who is told of a group of an incident beside its receiver, in the order of the steps."""
    names = {one.escalation for one in incident.members if one.key == group_key}
    return [one.receiver for one in incident.escalated if one.name in names]
