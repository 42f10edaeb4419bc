"""Alerts, in groups and one by one, and those that others raise."""

import orjson
import re2
from aiohttp import web

from netmon_api.alertmanager.route import AlertsAsked, Asked, Refused, json_of
from netmon_api.alertmanager.values import alert_value, claim_of, matchers_of
from netmon_api.envelope import json_response
from netmon_api.routes import Call
from netmon_collector.alerts.alerting import Alerting
from netmon_collector.alerts.base import Alert, AlertsNotTaken, fingerprint_of
from netmon_collector.alerts.decision import Mute
from netmon_collector.alerts.groups import as_of
from netmon_collector.alerts.incoming import NoAlert, alert_of, pairs_of
from netmon_collector.alerts.matching import matches_all
from netmon_collector.alerts.routes import Route

MOST_ALERTS = 10_000


class _Chosen:
    """Which alerts somebody asked for."""

    def __init__(self, alerting: Alerting, asked: AlertsAsked, now_ms: int) -> None:
        self._alerting = alerting
        self._asked = asked
        self._now_ms = now_ms
        self._matchers = matchers_of(asked.filter)
        try:
            self._receiver = re2.compile(f"(?:{asked.receiver})") if asked.receiver else None
        except re2.error:
            raise Refused(400, "failed to parse receiver param: it is no regular expression") from None

    def has_receiver(self, name: str) -> bool:
        return self._receiver is None or self._receiver.fullmatch(name) is not None

    def mute(self, alert: Alert, route: Route) -> Mute | None:
        """Why an alert is mute on a route; None where it was not asked for."""
        asked = self._asked
        if alert.resolved_at_ms is not None or not matches_all(self._matchers, dict(alert.labels)):
            return None
        mute = self._alerting.notifier.decisions.mute(alert, route, self._now_ms)
        if not asked.active and not mute:
            return None
        hidden = (mute.silenced_by and not asked.silenced) or (mute.inhibited_by and not asked.inhibited)
        return None if hidden or ((mute.muted_times or mute.maintenance) and not asked.muted) else mute


async def list_alerts_v2(call: Call[AlertsAsked]) -> web.Response:
    """All alerts that fire, sorted by fingerprint."""
    alerting, now_ms = call.services.alerting, call.services.now_ms()
    chosen = _Chosen(alerting, call.query, now_ms)
    root = alerting.file.tree()
    found = []
    for alert in (as_of(one, now_ms) for one in alerting.notifier.alerts()):
        routes = root.find(dict(alert.labels))
        receivers = sorted({route.receiver for route in routes})
        mute = chosen.mute(alert, routes[0]) if any(chosen.has_receiver(name) for name in receivers) else None
        if mute is not None:
            found.append(alert_value(alert, mute, receivers, processed=True, url=alerting.url))
    found.sort(key=lambda value: str(value["fingerprint"]))
    return json_response(orjson.dumps(found))


async def list_alert_groups(call: Call[AlertsAsked]) -> web.Response:
    """The groups in which people are told of alerts, sorted by labels and receiver."""
    alerting, now_ms = call.services.alerting, call.services.now_ms()
    chosen = _Chosen(alerting, call.query, now_ms)
    root = alerting.file.tree()
    groups = []
    for group in sorted(alerting.notifier.groups.all(), key=lambda one: (one.labels, one.route.receiver)):
        if not chosen.has_receiver(group.route.receiver):
            continue
        alerts = []
        for alert in sorted(group.alerts.values(), key=lambda one: one.labels):
            mute = chosen.mute(as_of(alert, now_ms), group.route)
            if mute is not None:
                receivers = sorted({route.receiver for route in root.find(dict(alert.labels))})
                alerts.append(alert_value(alert, mute, receivers, processed=True, url=alerting.url))
        if alerts:
            groups.append({"alerts": alerts, "labels": dict(group.labels), "receiver": {"name": group.route.receiver}})
    return json_response(orjson.dumps(groups))


async def take_alerts(call: Call[Asked]) -> web.Response:
    """Alerts that somebody else raised, such as a Prometheus. Where some are none, the others are taken all the same:
    whoever sent them does not send them again."""
    alerting, now_ms = call.services.alerting, call.services.now_ms()
    given = await json_of(call)
    if not isinstance(given, list):
        raise Refused(400, "alerts in body must be a list")
    if len(given) > MOST_ALERTS:
        raise Refused(400, f"at most {MOST_ALERTS} alerts at once (got {len(given)})")
    known = {alert.fingerprint: alert for alert in alerting.notifier.alerts()}
    timeout_ms = round(alerting.file.all.resolve_timeout_s * 1000)
    alerts, wrong = [], []
    for claim in [claim_of(one) for one in given]:
        try:
            alerts.append(alert_of(claim, known.get(fingerprint_of(pairs_of(claim.labels))), now_ms, timeout_ms))
        except NoAlert as error:
            wrong.append(str(error))
    try:
        await alerting.notifier.take(alerts, now_ms)
    except AlertsNotTaken as error:
        raise Refused(500, str(error)) from None
    if wrong:
        raise Refused(400, "; ".join(dict.fromkeys(wrong)))
    return json_response(b"")
