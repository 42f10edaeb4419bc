"""An alert's life: what becomes of it at an evaluation, given what was and what is seen. Pure, without a clock.

Written down from the behaviour of Prometheus' alerting rules; tests/rules compares both.
"""

from dataclasses import dataclass, replace
from typing import Final

from netmon_collector.alerts.base import AlertState
from netmon_proto.model import Labels

RESOLVED_KEPT_MS: Final = 15 * 60_000
"""So long an alert that is over is told again, in case that somebody has not heard it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long an expression must hold before an alert fires, and how long it fires on when that is over.

    is_settling: whether data may be missing because the collector was away; then alerts from before stay as they are.
    """

    for_ms: int = 0
    keep_firing_for_ms: int = 0
    is_settling: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What an evaluation shows of an alert."""

    labels: Labels
    annotations: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Active:
    """An alert between two evaluations. Times are Unix milliseconds.

    kept_since_ms: since when it fires only because of `keep_firing_for`. sent_ms: when it was handed on last.
    is_restored: whether it comes from before the collector's start and has not been seen since.
    """

    labels: Labels
    annotations: Labels
    state: AlertState
    active_at_ms: int
    value: float
    fired_at_ms: int | None = None
    resolved_at_ms: int | None = None
    kept_since_ms: int | None = None
    sent_ms: int | None = None
    is_restored: bool = False


def lived(before: Active | None, seen: Seen | None, now_ms: int, timing: Timing) -> Active | None:
    """The alert after an evaluation; None where there is none, or no more."""
    if seen is not None:
        return _seen(before, seen, now_ms, timing)
    if before is None:
        return None
    if before.is_restored and timing.is_settling:
        return before
    return _missed(before, now_ms, timing)


def _seen(before: Active | None, seen: Seen, now_ms: int, timing: Timing) -> Active:
    if before is None or before.state is AlertState.RESOLVED:
        after = Active(seen.labels, seen.annotations, AlertState.PENDING, now_ms, seen.value)
    else:
        after = replace(before, annotations=seen.annotations, value=seen.value, kept_since_ms=None, is_restored=False)
    if after.state is AlertState.PENDING and now_ms - after.active_at_ms >= timing.for_ms:
        return replace(after, state=AlertState.FIRING, fired_at_ms=now_ms)
    return after


def _missed(before: Active, now_ms: int, timing: Timing) -> Active | None:
    if before.state is AlertState.PENDING:
        return None
    if before.state is AlertState.RESOLVED:
        assert before.resolved_at_ms is not None
        return None if now_ms - before.resolved_at_ms > RESOLVED_KEPT_MS else before
    if timing.keep_firing_for_ms:
        kept_since_ms = now_ms if before.kept_since_ms is None else before.kept_since_ms
        if now_ms - kept_since_ms < timing.keep_firing_for_ms:
            return replace(before, kept_since_ms=kept_since_ms, is_restored=False)
    return replace(before, state=AlertState.RESOLVED, resolved_at_ms=now_ms, is_restored=False)


def restored(before: Active, away_ms: int) -> Active:
    """An alert that was kept while nothing was evaluated: that time does not count as time that it was pending."""
    if before.state is not AlertState.PENDING:
        return replace(before, is_restored=True, sent_ms=None)
    return replace(before, active_at_ms=before.active_at_ms + away_ms, is_restored=True)


def is_due(alert: Active, now_ms: int, resend_ms: int) -> bool:
    """Whether an alert is to be handed on now."""
    if alert.state is AlertState.PENDING:
        return False
    if alert.sent_ms is None or (alert.resolved_at_ms is not None and alert.resolved_at_ms > alert.sent_ms):
        return True
    return alert.sent_ms + resend_ms < now_ms
