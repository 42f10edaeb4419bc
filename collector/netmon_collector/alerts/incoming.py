"""Alerts that others raise, such as a Prometheus: as they say it, or what Alertmanager makes of what they don't say."""

from collections.abc import Mapping
from dataclasses import dataclass

from netmon_collector.alerts.base import Alert, AlertState
from netmon_proto.model import Labels


class NoAlert(ValueError):
    """What came is no alert; says why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says of an alert; times are Unix milliseconds, None where nothing was said."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator: str
    starts_at_ms: int | None
    ends_at_ms: int | None


def alert_of(claim: Claim, known: Alert | None, now_ms: int, resolve_timeout_ms: int) -> Alert:
    """The alert that is claimed. Labels and annotations without a value are none. Without an end it is over when
    nothing more is heard of it for the timeout. What overlaps with the alert that is `known` by these labels goes on
    with its start. Raises NoAlert."""
    labels = pairs_of(claim.labels)
    if not labels:
        raise NoAlert("at least one label pair required")
    ends_at_ms = now_ms + resolve_timeout_ms if claim.ends_at_ms is None else claim.ends_at_ms
    starts_at_ms = claim.starts_at_ms
    if starts_at_ms is None:
        starts_at_ms = now_ms if claim.ends_at_ms is None else claim.ends_at_ms
    if ends_at_ms < starts_at_ms:
        raise NoAlert("start time must be before end time")
    if known is not None and known.fired_at_ms is not None and _overlap(known, starts_at_ms, ends_at_ms):
        starts_at_ms = min(starts_at_ms, known.fired_at_ms)
    over = ends_at_ms <= now_ms
    return Alert(
        labels=labels,
        annotations=pairs_of(claim.annotations),
        state=AlertState.RESOLVED if over else AlertState.FIRING,
        active_at_ms=starts_at_ms,
        value=float("nan"),
        generator=claim.generator,
        fired_at_ms=starts_at_ms,
        resolved_at_ms=ends_at_ms if over else None,
        valid_until_ms=None if over else ends_at_ms,
    )


def pairs_of(given: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in given.items() if value))


def _overlap(known: Alert, starts_at_ms: int, ends_at_ms: int) -> bool:
    known_end_ms = known.resolved_at_ms or known.valid_until_ms
    return (known.fired_at_ms or 0) <= ends_at_ms and (known_end_ms is None or starts_at_ms <= known_end_ms)
