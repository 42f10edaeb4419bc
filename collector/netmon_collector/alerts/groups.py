"""Alerts that are told of together: when a group is due, and when what it holds is news."""

import heapq
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from netmon_collector.alerts.base import Alert, AlertState
from netmon_collector.alerts.routes import Route, group_key
from netmon_proto.model import Labels

_Key = tuple[int, Labels]
"""The place of a group's route in the tree, and the labels of the group."""


@dataclass(slots=True)
class Group:
    """The alerts of one route with the same group labels, by fingerprint."""

    key: str
    route: Route
    labels: Labels
    due_ms: int
    flushed: bool = False
    alerts: dict[str, Alert] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """A group whose time has come, with its alerts as they are then, sorted by labels."""

    group: Group
    alerts: tuple[Alert, ...]
    at_ms: int


class Groups:
    """All groups of a tree of routes, as Alertmanager's dispatcher has them: a new group waits `group_wait` for others
    to come, then it is looked at every `group_interval`. No clock: time is told."""

    def __init__(self, root: Route) -> None:
        self._root = root
        self._places = {id(route): place for place, route in enumerate(root.walk())}
        self._groups: dict[_Key, Group] = {}
        self._queue: list[tuple[int, _Key]] = []

    def __len__(self) -> int:
        return len(self._groups)

    def take(self, alert: Alert, now_ms: int, *, known: bool = False) -> None:
        """Puts an alert, firing or resolved, into the groups of all routes that it comes to. One that was resolved
        makes no group, unless somebody may have been told before a restart that it fired: `known`."""
        for route in self._root.find(dict(alert.labels)):
            labels = route.group_labels(alert.labels)
            key = (self._places[id(route)], labels)
            group = self._groups.get(key)
            if group is None:
                if alert.resolved_at_ms is not None and not known:
                    continue
                group = Group(group_key(route, labels), route, labels, now_ms + route.group_wait_ms)
                self._groups[key] = group
                self._wait(group)
            group.alerts[alert.fingerprint] = alert
            since_ms = alert.fired_at_ms if alert.fired_at_ms is not None else alert.active_at_ms
            if not group.flushed and since_ms + route.group_wait_ms < now_ms < group.due_ms:
                group.due_ms = now_ms
                self._wait(group)

    def next_ms(self) -> int | None:
        """When the next group is due."""
        while self._queue:
            due_ms, key = self._queue[0]
            group = self._groups.get(key)
            if group is not None and group.due_ms == due_ms:
                return due_ms
            heapq.heappop(self._queue)
        return None

    def flush(self, now_ms: int) -> list[Due]:
        """The groups that are due; each is due again after its `group_interval`."""
        due: list[Due] = []
        while (next_ms := self.next_ms()) is not None and next_ms <= now_ms:
            group = self._groups[heapq.heappop(self._queue)[1]]
            group.flushed = True
            group.due_ms = now_ms + group.route.group_interval_ms
            self._wait(group)
            alerts = tuple(sorted(group.alerts.values(), key=lambda alert: alert.labels))
            due.append(Due(group, tuple(as_of(alert, now_ms) for alert in alerts), now_ms))
        return due

    def hurry(self, keys: Iterable[str], now_ms: int) -> None:
        """Makes groups due now."""
        wanted = set(keys)
        for group in self._groups.values() if wanted else ():
            if group.key in wanted and group.due_ms > now_ms:
                group.due_ms = now_ms
                self._wait(group)

    def settle(self, due: Due) -> None:
        """Forgets what was resolved in a group, once it is written down who is told of it, unless it changed since."""
        group = due.group
        for alert in due.alerts:
            kept = group.alerts.get(alert.fingerprint)
            if alert.resolved_at_ms is not None and kept is not None and as_of(kept, due.at_ms) == alert:
                del group.alerts[alert.fingerprint]
        if not group.alerts:
            self._groups.pop(self._key(group), None)

    def all(self) -> Collection[Group]:
        """All groups. Two routes with the same matchers have groups of the same key, as in Alertmanager."""
        return self._groups.values()

    def _wait(self, group: Group) -> None:
        heapq.heappush(self._queue, (group.due_ms, self._key(group)))

    def _key(self, group: Group) -> _Key:
        return self._places[id(group.route)], group.labels


def as_of(alert: Alert, now_ms: int) -> Alert:
    """An alert as it is at a time: over where nothing was heard of it for too long, firing where it ends later."""
    if alert.resolved_at_ms is None and alert.valid_until_ms is not None and alert.valid_until_ms <= now_ms:
        return replace(alert, state=AlertState.RESOLVED, resolved_at_ms=alert.valid_until_ms)
    return alert


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was last told of a group."""

    at_ms: int
    firing: frozenset[str]
    resolved: frozenset[str]


def is_news(
    told: Told | None,
    firing: frozenset[str],
    resolved: frozenset[str],
    *,
    tells_resolved: bool,
    repeat_ms: int,
    now_ms: int,
) -> bool:
    """Whether fingerprints of a group are worth writing down, by Alertmanager's rules: something new fires, all is
    over, something is over (for who wants to know), or it was long ago. That something is over is news only for who was
    told that it fired. With nothing that fires it is news too for who does not want to know: nobody tells them, but
    what fires again is new to them then."""
    if told is None:
        return bool(firing)
    if not firing <= told.firing:
        return True
    if not firing:
        return bool(told.firing)
    if tells_resolved and not resolved <= told.resolved:
        return True
    return told.at_ms <= now_ms - repeat_ms
