"""What the templates of notifications work on, by the names that Alertmanager gives it; ProbableCause is our own.

See prometheus.io/docs/alerting/latest/notifications.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.payload import common, generator_url, start_ms
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.values import Moment, Thing, Value


@dataclass(frozen=True, slots=True)
class Struct(Thing):
    """A value that has these fields and no others."""

    type_name: str
    fields: Mapping[str, Value] = field(default_factory=dict)

    def field(self, name: str, arguments: list[Value]) -> Value:
        if name not in self.fields or arguments:
            raise TemplateError(f"can't evaluate field {name} in type {self.type_name}")
        return self.fields[name]


class Pairs(list[Any], Thing):
    """Names and values, in their order."""

    __slots__ = ()

    def field(self, name: str, arguments: list[Value]) -> Value:
        if name in ("Names", "Values") and not arguments:
            return [pair.fields[name[:-1]] for pair in self]
        raise TemplateError(f"can't evaluate field {name} in type template.Pairs")


class Pool(dict[str, str], Thing):
    """Labels or annotations: Alertmanager's KV. What is not there is the empty text."""

    __slots__ = ()

    def field(self, name: str, arguments: list[Value]) -> Value:
        if name == "Remove" and len(arguments) == 1 and isinstance(arguments[0], list):
            return Pool({key: value for key, value in self.items() if key not in arguments[0]})
        if name in ("SortedPairs", "Names", "Values") and not arguments:
            pairs = self._pairs()
            return pairs if name == "SortedPairs" else pairs.field(name, [])
        if arguments:
            raise TemplateError(f"{name} has arguments but cannot be invoked as function")
        return self.get(name, "")

    def _pairs(self) -> Pairs:
        """Sorted by name, the name of the alert first."""
        names = sorted(self, key=lambda name: (name != "alertname", name))
        return Pairs(Struct("template.Pair", {"Name": name, "Value": self[name]}) for name in names)


class Alerts(list[Any], Thing):
    """Alerts; those that fire and those that are over can be had alone."""

    __slots__ = ()

    def field(self, name: str, arguments: list[Value]) -> Value:
        if name not in ("Firing", "Resolved") or arguments:
            raise TemplateError(f"can't evaluate field {name} in type template.Alerts")
        return Alerts(alert for alert in self if alert.fields["Status"] == name.lower())


def data_of(message: Message) -> Struct:
    """What a template of a notification is about."""
    news = message.notification
    return Struct(
        "*template.Data",
        {
            "Receiver": news.endpoint.receiver,
            "Status": "firing" if news.firing else "resolved",
            "Alerts": Alerts(_alert(alert, message.url) for alert in news.alerts),
            "GroupLabels": _pool(news.group_labels),
            "CommonLabels": Pool(common([alert.labels for alert in news.alerts])),
            "CommonAnnotations": Pool(common([alert.annotations for alert in news.alerts])),
            "ExternalURL": message.url,
            "ProbableCause": message.cause,
        },
    )


def _alert(alert: Alert, url: str) -> Struct:
    over_s = None if alert.resolved_at_ms is None else alert.resolved_at_ms / 1000
    return Struct(
        "template.Alert",
        {
            "Status": "firing" if over_s is None else "resolved",
            "Labels": _pool(alert.labels),
            "Annotations": _pool(alert.annotations),
            "StartsAt": Moment(start_ms(alert) / 1000),
            "EndsAt": Moment(-62_135_596_800 if over_s is None else over_s),
            "GeneratorURL": generator_url(alert, url),
            "Fingerprint": alert.fingerprint,
        },
    )


def _pool(pairs: Iterable[Sequence[str]]) -> Pool:
    return Pool((name, value) for name, value in pairs)
