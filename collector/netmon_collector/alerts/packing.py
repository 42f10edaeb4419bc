"""Alerts as bytes, for the database."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

import orjson

from netmon_collector.alerts.base import Alert, AlertState
from netmon_proto.model import Labels

_ODD: Final = {"NaN": float("nan"), "Inf": float("inf"), "-Inf": float("-inf")}


def pack_alert(alert: Alert) -> bytes:
    return orjson.dumps(_plain(alert))


def unpack_alert(content: bytes) -> Alert:
    return _alert(orjson.loads(content))


def pack_news(group_labels: Labels, alerts: Iterable[Alert]) -> bytes:
    """What somebody is told of a group."""
    return orjson.dumps({"group_labels": group_labels, "alerts": [_plain(alert) for alert in alerts]})


def unpack_news(content: bytes) -> tuple[Labels, tuple[Alert, ...]]:
    plain = orjson.loads(content)
    return _pairs(plain["group_labels"]), tuple(_alert(one) for one in plain["alerts"])


def _plain(alert: Alert) -> dict[str, Any]:
    plain = asdict(alert)
    if alert.value - alert.value != 0.0:  # JSON has no such numbers
        plain["value"] = "NaN" if alert.value != alert.value else "Inf" if alert.value > 0 else "-Inf"
    return plain


def _alert(plain: dict[str, Any]) -> Alert:
    pairs = {name: _pairs(plain[name]) for name in ("labels", "annotations")}
    value = plain["value"]
    return Alert(**{**plain, **pairs, "state": AlertState(plain["state"]), "value": _ODD.get(value, value)})


def _pairs(plain: list[list[str]]) -> Labels:
    return tuple((name, value) for name, value in plain)
