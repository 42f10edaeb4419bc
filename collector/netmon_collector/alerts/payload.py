"""A notification as Alertmanager's webhooks tell it (version 4)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.channel import Message
from netmon_proto.model import Labels

NEVER: Final = "0001-01-01T00:00:00Z"


def payload_of(message: Message, *, most_alerts: int = 0) -> dict[str, Any]:
    """What Alertmanager would send, and beside that the key by which doubles are known and the probable cause.

    most_alerts: those beyond it are only counted; 0: all are told.
    """
    news = message.notification
    told = news.alerts[:most_alerts] if most_alerts else news.alerts
    return {
        "version": "4",
        "groupKey": news.group_key,
        "truncatedAlerts": len(news.alerts) - len(told),
        "status": "firing" if news.firing else "resolved",
        "receiver": news.endpoint.receiver,
        "groupLabels": dict(news.group_labels),
        "commonLabels": common([alert.labels for alert in news.alerts]),
        "commonAnnotations": common([alert.annotations for alert in news.alerts]),
        "externalURL": message.url,
        "alerts": [alert_payload(alert, message.url) for alert in told],
        "notificationKey": news.key,
        "probableCause": message.cause,
    }


def alert_payload(alert: Alert, url: str) -> dict[str, Any]:
    """One alert in it."""
    return {
        "status": "firing" if alert.resolved_at_ms is None else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": stamp(start_ms(alert)),
        "endsAt": NEVER if alert.resolved_at_ms is None else stamp(alert.resolved_at_ms),
        "generatorURL": generator_url(alert, url),
        "fingerprint": alert.fingerprint,
    }


def start_ms(alert: Alert) -> int:
    """Since when an alert has been firing, as receivers are told it."""
    return alert.active_at_ms if alert.fired_at_ms is None else alert.fired_at_ms


def generator_url(alert: Alert, url: str) -> str:
    """The whole URL that shows what an alert is about; one that came whole from elsewhere is left as it is."""
    return alert.generator if "://" in alert.generator or not alert.generator else url + alert.generator


def common(sets: Sequence[Labels]) -> dict[str, str]:
    """The pairs that all have."""
    if not sets:
        return {}
    shared = set(sets[0]).intersection(*sets[1:])
    return dict(sorted(shared))


def stamp(at_ms: int) -> str:
    """RFC 3339, as Go writes it: no more digits than needed."""
    text = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"
