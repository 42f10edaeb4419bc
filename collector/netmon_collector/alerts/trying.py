"""Tries a receiver out: what it would be told, and whether a message arrives the whole way that real ones go."""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from netmon_collector.alerts.alerting import Alerting
from netmon_collector.alerts.base import Alert, AlertState
from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.decision import Endpoint, Notification
from netmon_collector.alerts.texts.library import write_now
from netmon_collector.state.outbox import Receipt

LOOK_S: Final = 0.1
SUMMARY: Final = "This is a test: netmon can reach you"


class NoReceiver(LookupError):
    """No receiver has this name."""


async def preview(alerting: Alerting, receiver: str, alert: Alert, at_ms: int) -> dict[str, dict[str, str]]:
    """The texts that the channels of a receiver would send about an alert, by channel and option. Raises NoReceiver,
    and ConfigError where the receiver could not be used now."""
    _endpoints(alerting, receiver)

    def written() -> dict[str, dict[str, str]]:
        return {
            endpoint.name: write_now(Message(_news(endpoint, alert, at_ms), alerting.url), texts)
            for endpoint, texts in alerting.texts_of(receiver).items()
        }

    return await asyncio.to_thread(written)


async def tell(alerting: Alerting, receiver: str, at_ms: int, wait_s: float) -> list[Receipt]:
    """Tells all channels of a receiver of an alert that is a test, and of its end where they want to know, so that no
    incident stays open. What came of the first, once that is known or the time is up. Raises NoReceiver."""
    endpoints = _endpoints(alerting, receiver)
    return list(await asyncio.gather(*(_told(alerting, one, at_ms, wait_s) for one in endpoints)))


async def _told(alerting: Alerting, endpoint: Endpoint, at_ms: int, wait_s: float) -> Receipt:
    receipt = await _settled(alerting, _news(endpoint, example(at_ms), at_ms), wait_s)
    if receipt.state == "delivered" and endpoint.tells_resolved:
        news = _news(endpoint, example(at_ms, over_ms=at_ms + 1), at_ms, group_key=receipt.group_key)
        await _post(alerting, news)
    return receipt


async def _settled(alerting: Alerting, news: Notification, wait_s: float) -> Receipt:
    await _post(alerting, news)
    receipt = await asyncio.to_thread(alerting.outbox.receipt_of, news.key)
    waited_s = 0.0
    while receipt.state == "pending" and waited_s < wait_s:
        await asyncio.sleep(LOOK_S)
        waited_s += LOOK_S
        receipt = await asyncio.to_thread(alerting.outbox.receipt_of, news.key)
    return receipt


async def _post(alerting: Alerting, news: Notification) -> None:
    posted = await asyncio.to_thread(alerting.outbox.post, news)
    if posted is not None:
        alerting.delivery.post([posted])


def example(at_ms: int, labels: Mapping[str, str] | None = None, over_ms: int | None = None) -> Alert:
    """An alert that says of itself that it is none."""
    told = {"alertname": "NetmonTest", "severity": "info", **(labels or {})}
    return Alert(
        labels=tuple(sorted(told.items())),
        annotations=(("description", "Somebody asked for it; nothing is wrong."), ("summary", SUMMARY)),
        state=AlertState.FIRING if over_ms is None else AlertState.RESOLVED,
        active_at_ms=at_ms,
        value=1.0,
        fired_at_ms=at_ms,
        resolved_at_ms=over_ms,
    )


def _news(endpoint: Endpoint, alert: Alert, at_ms: int, *, group_key: str = "") -> Notification:
    """Each test is a group of its own, so that it begins no thread of another's."""
    key = uuid4().hex
    name = (("alertname", alert.name),)
    return Notification(key, endpoint, group_key or f'{{}}:{{test="{key}"}}', name, at_ms, (alert,))


def _endpoints(alerting: Alerting, receiver: str) -> list[Endpoint]:
    found = alerting.file.endpoints().get(receiver)
    if found is None:
        raise NoReceiver(receiver)
    return found
