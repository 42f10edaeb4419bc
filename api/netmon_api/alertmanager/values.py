"""Alerts and silences as Alertmanager's API writes and reads them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from netmon_api.alertmanager.route import Refused
from netmon_api.times import rfc3339
from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.decision import Mute
from netmon_collector.alerts.incoming import Claim
from netmon_collector.alerts.matching import Matcher, NoMatcher, parse_matcher
from netmon_collector.alerts.payload import generator_url
from netmon_collector.alerts.silences import Silence

ZERO_TIMES: Final = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z")
RESOLVE_TIMEOUT_MS: Final = 300_000


def alert_value(alert: Alert, mute: Mute, receivers: Sequence[str], *, processed: bool, url: str) -> dict[str, Any]:
    """A `gettableAlert`."""
    started_ms = alert.active_at_ms if alert.fired_at_ms is None else alert.fired_at_ms
    ends_ms = alert.valid_until_ms if alert.resolved_at_ms is None else alert.resolved_at_ms
    suppressed = mute.silenced_by or mute.inhibited_by or mute.maintenance
    state = "suppressed" if suppressed else "active" if processed else "unprocessed"
    source = generator_url(alert, url)
    return {
        "annotations": dict(alert.annotations),
        "endsAt": rfc3339(ends_ms if ends_ms is not None else started_ms + RESOLVE_TIMEOUT_MS),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": name} for name in receivers],
        "startsAt": rfc3339(started_ms),
        "status": {
            "inhibitedBy": list(mute.inhibited_by),
            "mutedBy": [*mute.muted_times, *mute.maintenance],
            "silencedBy": list(mute.silenced_by),
            "state": state,
        },
        "updatedAt": rfc3339(started_ms),
        **({"generatorURL": source} if source else {}),
        "labels": dict(alert.labels),
    }


def silence_value(silence: Silence, now_ms: int) -> dict[str, Any]:
    """A `gettableSilence`."""
    return {
        "id": silence.id,
        "status": {"state": str(silence.state(now_ms))},
        "updatedAt": rfc3339(silence.updated_at_ms),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": rfc3339(silence.ends_at_ms),
        "matchers": [
            {
                "isEqual": matcher.op in ("=", "=~"),
                "isRegex": matcher.op in ("=~", "!~"),
                "name": matcher.name,
                "value": matcher.value,
            }
            for matcher in silence.matchers
        ],
        "startsAt": rfc3339(silence.starts_at_ms),
    }


def silence_of(given: Any) -> Silence:
    """A `postableSilence`. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused(400, "the silence must be an object")
    matchers = given.get("matchers")
    if not isinstance(matchers, list) or not matchers:
        raise Refused(400, "matchers in body is required")
    starts_at_ms, ends_at_ms = time_of(given, "startsAt"), time_of(given, "endsAt")
    if starts_at_ms is None or ends_at_ms is None:
        raise Refused(400, "startsAt and endsAt in body are required")
    return Silence(
        id=text_of(given, "id", required=False),
        matchers=tuple(_matcher(one) for one in matchers),
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        updated_at_ms=0,
        created_by=text_of(given, "createdBy"),
        comment=text_of(given, "comment"),
    )


def claim_of(given: Any) -> Claim:
    """A `postableAlert`. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused(400, "an alert must be an object")
    return Claim(
        labels=_texts(given, "labels", required=True),
        annotations=_texts(given, "annotations"),
        generator=text_of(given, "generatorURL", required=False),
        starts_at_ms=time_of(given, "startsAt"),
        ends_at_ms=time_of(given, "endsAt"),
    )


def matchers_of(filters: Sequence[str]) -> tuple[Matcher, ...]:
    """The parameter `filter`. Raises Refused."""
    try:
        return tuple(parse_matcher(text) for text in filters)
    except NoMatcher as error:
        raise Refused(400, f"bad matcher format: {error}") from None


def text_of(given: Mapping[str, Any], name: str, *, required: bool = True) -> str:
    value = given.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise Refused(400, f"{name} in body is required, as a text")
    return value


def time_of(given: Mapping[str, Any], name: str) -> int | None:
    """A time in RFC 3339; Go's zero time stands for none. Raises Refused."""
    value = given.get(name)
    if value is None or value in ZERO_TIMES or value == "":
        return None
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return round(parsed.timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise Refused(400, f"{name} in body must be a time in RFC 3339 (got {value!r})")


def _matcher(given: Any) -> Matcher:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not isinstance(given.get("value"), str):
        raise Refused(400, "a matcher must have a name, a value and isRegex")
    is_regex, is_equal = given.get("isRegex", False), given.get("isEqual", True)
    op = ("=~" if is_equal else "!~") if is_regex else ("=" if is_equal else "!=")
    try:
        return Matcher(given["name"], op, given["value"])  # type: ignore[arg-type]
    except NoMatcher as error:
        raise Refused(400, f"invalid silence: {error}") from None


def _texts(given: Mapping[str, Any], name: str, *, required: bool = False) -> dict[str, str]:
    value = given.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Refused(400, f"{name} in body must be an object of texts")
    return value
