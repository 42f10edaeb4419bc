"""Alerts that say why others need not be told of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.matching import Matcher, matches_all


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an alert matches `source`, those that match `target` and have the same values of the labels `equal` are
    mute. A label that is not there is equal to an empty one. An alert that matches both sides is not muted by one
    that does so too, so that no two mute each other."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    name: str = ""


@dataclass(slots=True)
class Inhibitor:
    """Knows the alerts that fire, and tells which of them mutes another. Costs a look-up per rule and alert."""

    rules: Sequence[InhibitRule]
    _sources: list[dict[tuple[str, ...], dict[str, Alert]]] = field(init=False)

    def __post_init__(self) -> None:
        self._sources = [{} for _ in self.rules]

    def take(self, alerts: Iterable[Alert]) -> None:
        """Takes note of alerts, firing or over."""
        for alert in alerts:
            labels = dict(alert.labels)
            for rule, sources in zip(self.rules, self._sources, strict=True):
                if not matches_all(rule.source, labels):
                    continue
                values = _values(rule, labels)
                if alert.resolved_at_ms is None:
                    sources.setdefault(values, {})[alert.fingerprint] = alert
                else:
                    _drop(sources, values, alert.fingerprint)

    def muted_by(self, alert: Alert, now_ms: int) -> list[str]:
        """Fingerprints of the alerts that mute one at a time: for each rule the first by labels, without doubles."""
        labels = dict(alert.labels)
        found: dict[str, None] = {}
        for rule, sources in zip(self.rules, self._sources, strict=True):
            if not matches_all(rule.target, labels):
                continue
            both = matches_all(rule.source, labels)
            candidates = sources.get(_values(rule, labels), {}).values()
            muting = (one for one in candidates if _fires(one, now_ms) and not (both and _is_target(rule, one)))
            first = min(muting, key=lambda one: one.labels, default=None)
            if first is not None:
                found[first.fingerprint] = None
        return list(found)


def _values(rule: InhibitRule, labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)


def _is_target(rule: InhibitRule, alert: Alert) -> bool:
    return matches_all(rule.target, dict(alert.labels))


def _fires(alert: Alert, now_ms: int) -> bool:
    return alert.valid_until_ms is None or alert.valid_until_ms > now_ms


def _drop(sources: dict[tuple[str, ...], dict[str, Alert]], values: tuple[str, ...], fingerprint: str) -> None:
    alerts = sources.get(values)
    if alerts is not None:
        alerts.pop(fingerprint, None)
        if not alerts:
            del sources[values]
