"""All incidents: which one a group belongs to, and what it changes that one is about."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.groups import Due
from netmon_collector.alerts.incident import (
    REOPENED_WITHIN_MS,
    Entry,
    Incident,
    Kind,
    device_of,
    end_groups,
    join,
    marks_of,
    note,
    open_incident,
    why_related,
)
from netmon_collector.alerts.kinship import Kinship, merged, recorded_causes, surveyed, why_behind, why_beside

if TYPE_CHECKING:
    from netmon_collector.alerts.decision import Notification


class Incidents:
    """Those that are open, and those of late. `lock` is held from a plan until what it changes is on disk and kept."""

    def __init__(self, incidents: Iterable[Incident] = ()) -> None:
        self._incidents: dict[int, Incident] = {}
        self._of_group: dict[str, int] = {}
        self._causes: dict[str, tuple[str, ...]] = {}
        self.lock = asyncio.Lock()
        self.keep(sorted(incidents, key=lambda one: one.number))

    def all(self) -> Mapping[int, Incident]:
        """By their numbers."""
        return self._incidents

    def all_open(self) -> list[Incident]:
        return [one for one in self._incidents.values() if one.closed_ms is None]

    def of_group(self, key: str) -> Incident | None:
        """The open incident of a group."""
        incident = self._incidents.get(self._of_group.get(key, 0))
        return incident if incident is not None and incident.closed_ms is None else None

    def open_groups(self) -> set[str]:
        """The groups of all that are open."""
        return {
            one.key for incident in self._incidents.values() if incident.closed_ms is None for one in incident.members
        }

    def probable_cause(self, key: str) -> str:
        """What has probably caused the last incident of a group, in words; "" where nobody knows."""
        incident = self._incidents.get(self._of_group.get(key, 0))
        return incident.probable_cause if incident is not None else ""

    @property
    def causes(self) -> Mapping[str, tuple[str, ...]]:
        """What each device was behind, by what open incidents know."""
        return self._causes

    def plan(
        self,
        dues: Sequence[Due],
        told: Sequence["Notification"],
        held: Iterable[str],
        groups: Iterable[str],
        chains: Mapping[str, str],
        kinship: Kinship,
        now_ms: int,
    ) -> list[Incident]:
        """What incidents become when somebody is told so of groups that are due; `groups` are the keys of all groups,
        `chains` the escalations of those that are due.

        A group of which somebody is told that it fires opens an incident, or joins one that is open. One that is
        `held`, because what explains it is told, only joins. One in which nothing fires, or that is no more, is over.
        Those that turn out to have one cause become one.
        """
        work = _Work(self._incidents, self._of_group, kinship)
        firing = {due.group.key: [one for one in due.alerts if one.resolved_at_ms is None] for due in dues}
        heard: dict[str, set[str]] = {}
        for news in told:
            heard.setdefault(news.group_key, set()).add(news.endpoint.receiver)
        for key in heard:
            if firing.get(key):
                work.enter(key, firing[key], chains[key], now_ms)
        for key in held:
            if key not in heard and firing.get(key):
                work.enter(key, firing[key], "", now_ms, opens=False)
        work.look_around(now_ms)
        work.tell(heard, now_ms)
        present = set(groups)
        work.end({key for key, alerts in firing.items() if not alerts}, present, now_ms)
        return list(work.changed.values())

    def keep(self, changed: Iterable[Incident]) -> None:
        """Goes by incidents as they are now."""
        changed = sorted(changed, key=lambda one: one.closed_ms is None)  # a group's open incident counts
        for one in changed:
            self._incidents[one.number] = one
            self._of_group.update((member.key, one.number) for member in one.members)
        if any(one.shadows for one in changed):
            self._causes = recorded_causes(self._incidents.values())

    def forget_before(self, at_ms: int) -> list[int]:
        """Drops those that were closed before a time; their numbers."""
        gone = [one.number for one in self._incidents.values() if one.closed_ms is not None and one.closed_ms < at_ms]
        for number in gone:
            del self._incidents[number]
        self._of_group = {key: number for key, number in self._of_group.items() if number in self._incidents}
        return gone


class _Work:
    """Incidents on their way to what they become, without touching what they were."""

    def __init__(self, incidents: Mapping[int, Incident], of_group: Mapping[str, int], kinship: Kinship) -> None:
        self._before = incidents
        self._of_group = dict(of_group)
        self._kinship = kinship
        self._open = [number for number, one in incidents.items() if one.closed_ms is None]
        self._next = max(incidents, default=0) + 1
        self.changed: dict[int, Incident] = {}

    @cached_property
    def _index(self) -> "_Index":
        index = _Index()
        for number in self._open:
            index.add(self._must(number))
        return index

    def enter(self, key: str, firing: Sequence[Alert], escalation: str, now_ms: int, *, opens: bool = True) -> None:
        """Puts a group into its incident; without one into one that is related, else into a new one if it `opens`."""
        known = self._get(self._of_group.get(key, 0))
        if known is not None and (known.closed_ms is None or now_ms - known.closed_ms <= REOPENED_WITHIN_MS):
            if known.closed_ms is not None:
                self._open.append(known.number)
            self._enter(join(known, key, firing, "", now_ms, escalation))
            return
        incident, why = self._related(firing, now_ms)
        if incident is not None:
            number = incident.number
            self._enter(join(incident, key, firing, why, now_ms, escalation))
        elif opens:
            number, self._next = self._next, self._next + 1
            self._open.append(number)
            self._enter(open_incident(number, key, firing, now_ms, escalation))
        else:
            return
        self._of_group[key] = number

    def _enter(self, changed: Incident) -> None:
        self.changed[changed.number] = changed
        self._index.add(changed)

    def look_around(self, now_ms: int) -> None:
        """Takes note of what stands between the devices of incidents, and makes one of those with one cause."""
        for number in list(self._open):
            incident = self._must(number)
            looked = surveyed(incident, self._kinship, now_ms)
            if looked is not incident:
                self.changed[number] = looked
        first: dict[str, int] = {}
        for number in sorted(self._open):
            incident = self._must(number)
            into = next((first[cause] for cause in sorted(incident.causes()) if cause in first), None)
            if into is None:
                first.update((cause, number) for cause in incident.causes())
            else:
                self._merge(into, number, now_ms)

    def _merge(self, into: int, number: int, now_ms: int) -> None:
        whole, part = self._must(into), self._must(number)
        shared = sorted(whole.causes() & part.causes())
        self.changed[into], self.changed[number] = merged(whole, part, f"both are behind {shared[0]}", now_ms)
        self._open.remove(number)
        self._of_group.update((member.key, into) for member in part.members)

    def _related(self, firing: Sequence[Alert], now_ms: int) -> tuple[Incident | None, str]:
        """The open incident that these belong to, and why: what stands between devices tells more than labels do."""
        devices, marks = {device_of(one) for one in firing} - {""}, marks_of(firing)
        near = self._kinship.near(devices)
        incidents = [self._must(number) for number in self._index.find(near, marks)]
        ways: tuple[Callable[[Incident], str], ...] = (
            lambda one: why_behind(one, devices, self._kinship),
            lambda one: why_related(one, marks, now_ms),
            lambda one: why_beside(one, devices, self._kinship, now_ms),
        )
        for find in ways:
            for incident in incidents:
                if why := find(incident):
                    return incident, why
        return None, ""

    def tell(self, heard: Mapping[str, set[str]], now_ms: int) -> None:
        """Writes down who was told, once for all groups of an incident."""
        by_incident: dict[int, dict[str, int]] = {}
        for key, receivers in heard.items():
            number = self._of_group.get(key, 0)
            for receiver in receivers:
                counts = by_incident.setdefault(number, {})
                counts[receiver] = counts.get(receiver, 0) + 1
        for number, counts in by_incident.items():
            incident = self._get(number)
            if incident is not None and incident.closed_ms is None:
                text = ", ".join(f"{name} ({count} groups)" if count > 1 else name for name, count in counts.items())
                self.changed[number] = note(incident, Entry(now_ms, Kind.TOLD, text))

    def end(self, silent: set[str], present: set[str], now_ms: int) -> None:
        for number in self._open:
            incident = self._must(number)
            over = {one.key for one in incident.members if one.key in silent or one.key not in present}
            ended = end_groups(incident, over, now_ms)
            if ended is not incident:
                self.changed[number] = ended

    def _get(self, number: int) -> Incident | None:
        return self.changed.get(number) or self._before.get(number)

    def _must(self, number: int) -> Incident:
        return self.changed.get(number) or self._before[number]


class _Index:
    """Finds the incidents that something may belong to, among thousands."""

    def __init__(self) -> None:
        self._of_device: dict[str, set[int]] = {}
        self._of_mark: dict[tuple[str, str], set[int]] = {}

    def add(self, incident: Incident) -> None:
        for device in chain(incident.shadows, *incident.shadows.values(), *(one.devices for one in incident.members)):
            self._of_device.setdefault(device, set()).add(incident.number)
        for mark in incident.marks:
            self._of_mark.setdefault(mark, set()).add(incident.number)

    def find(self, devices: Iterable[str], marks: Iterable[tuple[str, str]]) -> list[int]:
        """The numbers of those that have any of these, in order."""
        found: set[int] = set()
        found.update(*(self._of_device.get(device, ()) for device in devices))
        found.update(*(self._of_mark.get(mark, ()) for mark in marks))
        return sorted(found)
