"""One alerting rule at work: from the answer to its expression to alerts, and to the series that tell of them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote_plus

import numpy as np

from netmon_collector.alerts.base import ALERT_NAME, Alert, AlertState
from netmon_collector.query.answer import Answer
from netmon_collector.rules.life import Active, Seen, Timing, is_due, lived
from netmon_collector.rules.model import Rule
from netmon_collector.rules.template.values import Given
from netmon_collector.rules.texts import AskAt, Outside, filled, is_steady
from netmon_proto.model import NAME, Labels

MOST_ALERTS: Final = 10_000
"""Of one rule that sets no limit: a mistake in an expression must not fill the memory."""
_AT_ONCE: Final = 64
"""The texts of so many alerts are filled in before others have their turn on the event loop."""
ALERTS: Final = "ALERTS"
FOR_STATE: Final = "ALERTS_FOR_STATE"


class RuleFailed(Exception):
    """A rule whose answer cannot be used, and why."""


class AlertingRule:
    """The alerts of a rule, by their labels, and how they change."""

    def __init__(self, rule: Rule, limit: int = 0) -> None:
        self.rule = rule
        self.limit = limit
        self.active: dict[Labels, Active] = {}
        self._steady = all(is_steady(text) for _, text in (*rule.labels, *rule.annotations))
        self._known: dict[Labels, tuple[float, Seen]] = {}

    async def observe(self, answer: Answer, ask: AskAt, now_ms: int, outside: Outside) -> dict[Labels, Seen]:
        """What an answer shows, by the labels of the alerts. Raises RuleFailed."""
        values = answer.values[:, 0].tolist() if len(answer.labels) else []
        if len(values) > MOST_ALERTS:
            raise RuleFailed(f"{len(values)} series would raise alerts, and a rule may raise {MOST_ALERTS}")
        known: dict[Labels, tuple[float, Seen]] = {}
        shown: dict[Labels, Seen] = {}
        for labels, value in zip(answer.labels, values, strict=True):
            last = self._known.get(labels) if self._steady else None
            if last is not None and (last[0] == value or (np.isnan(value) and np.isnan(last[0]))):
                seen = last[1]
            else:
                seen = await self._told(labels, value, ask, now_ms, outside)
                if len(known) % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)
            if seen.labels in shown:
                raise RuleFailed("vector contains metrics with the same labelset after applying alert labels")
            known[labels] = value, seen
            shown[seen.labels] = seen
        self._known = known
        return shown

    async def _told(self, labels: Labels, value: float, ask: AskAt, now_ms: int, outside: Outside) -> Seen:
        own = dict(labels)
        given = Given(own, value, dict(outside.labels), outside.url)
        name = self.rule.name
        told = {key: one for key, one in labels if key != NAME}
        for key, text in self.rule.labels:
            told[key] = await filled(name, text, given, ask, now_ms)
        told[ALERT_NAME] = name
        annotations = [(key, await filled(name, text, given, ask, now_ms)) for key, text in self.rule.annotations]
        return Seen(_labels(told), tuple(annotations), value)

    def live(self, shown: Mapping[Labels, Seen], now_ms: int, *, is_settling: bool = False) -> None:
        """The next step in the life of all alerts. Raises RuleFailed, and forgets them, where they are too many."""
        timing = Timing(self.rule.for_ms, self.rule.keep_firing_for_ms, is_settling)
        after: dict[Labels, Active] = {}
        for labels in {**self.active, **shown}:
            alert = lived(self.active.get(labels), shown.get(labels), now_ms, timing)
            if alert is not None:
                after[labels] = alert
        count = sum(alert.state is not AlertState.RESOLVED for alert in after.values())
        if self.limit and count > self.limit:
            self.active = {}
            raise RuleFailed(f"exceeded limit of {self.limit} with {count} alerts")
        self.active = after

    def series(self) -> Iterator[tuple[Labels, float]]:
        """ALERTS and ALERTS_FOR_STATE as Prometheus writes them."""
        for alert in self.active.values():
            if alert.state is not AlertState.RESOLVED:
                own = dict(alert.labels)
                yield _labels(own | {NAME: ALERTS, "alertstate": str(alert.state)}), 1.0
                yield _labels(own | {NAME: FOR_STATE}), float(alert.active_at_ms // 1000)

    def due(self, now_ms: int, resend_ms: int) -> list[Active]:
        """The alerts that are to be handed on, sorted by labels."""
        found = [alert for alert in self.active.values() if is_due(alert, now_ms, resend_ms)]
        return sorted(found, key=lambda alert: alert.labels)

    def sent(self, labels: Iterable[Labels], now_ms: int) -> None:
        """Takes note of alerts that were handed on."""
        for one in labels:
            self.active[one] = replace(self.active[one], sent_ms=now_ms)

    def alert(self, active: Active, valid_until_ms: int | None = None) -> Alert:
        """An alert as others see it."""
        return Alert(
            active.labels,
            active.annotations,
            active.state,
            active.active_at_ms,
            active.value,
            generator_of(self.rule.expr),
            active.fired_at_ms,
            active.resolved_at_ms,
            valid_until_ms if active.state is AlertState.FIRING else None,
        )

    @property
    def state(self) -> str:
        """Of all its alerts the worst: inactive, pending or firing."""
        states = {alert.state for alert in self.active.values()}
        return next((str(one) for one in (AlertState.FIRING, AlertState.PENDING) if one in states), "inactive")


def generator_of(expr: str) -> str:
    return f"/graph?g0.expr={quote_plus(expr)}&g0.tab=1"


def _labels(told: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in told.items() if value))
