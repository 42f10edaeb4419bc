"""One group of rules, evaluated: the way from the questions to what is written and handed on, top to bottom."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Protocol

from netmon_collector.alerts.base import AlertReceiver, AlertsNotTaken
from netmon_collector.query.answer import Answer, QueryError
from netmon_collector.query.sharing import Asked
from netmon_collector.rules.alerting import AlertingRule, RuleFailed
from netmon_collector.rules.life import Active
from netmon_collector.rules.model import Group, Rule
from netmon_collector.rules.reading import waits
from netmon_collector.rules.recording import recorded
from netmon_collector.rules.texts import Outside
from netmon_collector.rules.writing import Ledger
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.rules")

KEPT_EVALUATIONS: Final = 20
MOST_TOGETHER: Final = 100
"""So many rules are asked together: their answers are in memory at the same time."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of a rule: at which time, how long it took, what was asked, how many results or which error."""

    time_ms: int
    duration_s: float
    query: str
    results: int
    error: str | None = None


@dataclass(slots=True)
class RuleAtWork:
    """A rule and what it came to lately. key: the same as long as it is the same rule, over restarts too."""

    key: str
    rule: Rule
    alerting: AlertingRule | None
    history: deque[Evaluation] = field(default_factory=lambda: deque(maxlen=KEPT_EVALUATIONS))

    @property
    def last(self) -> Evaluation | None:
        return self.history[-1] if self.history else None

    @property
    def health(self) -> str:
        """Prometheus' words: unknown, ok, err."""
        if self.last is None:
            return "unknown"
        return "ok" if self.last.error is None else "err"


class Keeper(Protocol):
    """Keeps alerts over restarts."""

    async def keep(self, changed: Sequence[tuple[str, Active]], gone: Sequence[tuple[str, Active]]) -> None:
        """Keeps what became of alerts, by the keys of their rules, and forgets those that are no more."""
        ...


class KeepsNothing:
    async def keep(self, changed: Sequence[tuple[str, Active]], gone: Sequence[tuple[str, Active]]) -> None:
        """For what has no restarts."""


class Asker(Protocol):
    """Says what expressions come to at a time, Unix milliseconds; see `Engine`."""

    async def instant(self, text: str, time_ms: int) -> Answer:
        """Raises QueryError."""
        ...

    async def instants(self, texts: Sequence[str], time_ms: int) -> Sequence[Asked]:
        """Of all, in their order."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What all groups stand on. Times are in ms; `settles_ms`: until then data may be missing after a start."""

    asker: Asker
    ledger: Ledger
    receiver: AlertReceiver
    keeper: Keeper
    outside: Outside = field(default_factory=Outside)
    interval_ms: int = 60_000
    query_offset_ms: int = 0
    resend_ms: int = 60_000
    settles_ms: int = 0
    clock: Callable[[], float] = time.perf_counter


class GroupAtWork:
    """A group, evaluated whenever somebody says so; never twice at a time."""

    def __init__(
        self, group: Group, rules: Sequence[RuleAtWork], surroundings: Surroundings, before: "GroupAtWork | None" = None
    ) -> None:
        """before: the group whose place this one takes; what it is evaluating is waited for."""
        self.group = group
        self.rules = rules
        self._around = surroundings
        self._runs = list(_runs(rules))
        self._turn: asyncio.Lock = asyncio.Lock() if before is None else before._turn
        self.last_ms: int | None = None
        self.last_duration_s = 0.0
        self.missed = 0

    @property
    def interval_ms(self) -> int:
        return self.group.interval_ms or self._around.interval_ms

    async def evaluate(self, time_ms: int) -> None:
        """Evaluates all rules as of a time; what one of them does wrong does not keep the others from their turn."""
        async with self._turn:
            started_s = self._around.clock()
            for rules in self._runs:
                await self._around.ledger.flush()
                asked = await self._around.asker.instants([one.rule.expr for one in rules], time_ms - self._offset_ms)
                for rule, one in zip(rules, asked, strict=True):
                    await self._evaluate(rule, one, time_ms)
            await self._around.ledger.flush()
            self.last_ms, self.last_duration_s = time_ms, self._around.clock() - started_s

    @property
    def _offset_ms(self) -> int:
        own = self.group.query_offset_ms
        return self._around.query_offset_ms if own is None else own

    async def _evaluate(self, at_work: RuleAtWork, asked: Asked, time_ms: int) -> None:
        rule, around = at_work.rule, self._around
        started_s = around.clock()
        results, error = 0, None
        try:
            answer = asked.result
            if isinstance(answer, QueryError):
                raise answer
            results = len(answer.labels)
            if at_work.alerting is None:
                series = recorded(rule, answer, self.group.limit)
                around.ledger.note(at_work.key, series, time_ms - self._offset_ms)
            else:
                await self._raise(at_work.key, at_work.alerting, answer, time_ms)
        except (QueryError, RuleFailed) as failure:
            error = str(failure)
        except Exception as failure:  # noqa: BLE001 - one broken rule must not keep the others from their turn
            error = f"{type(failure).__name__}: {failure}"
        self._tell(at_work, error)
        duration_s = asked.duration_s + around.clock() - started_s
        at_work.history.append(Evaluation(time_ms, duration_s, rule.expr, results, error))

    async def _raise(self, key: str, alerting: AlertingRule, answer: Answer, time_ms: int) -> None:
        """From the answer to alerts: what changed is kept first, then handed on, then written as series."""
        around = self._around
        shown = await alerting.observe(answer, around.asker.instant, time_ms, around.outside)
        if not shown and not alerting.active:
            around.ledger.note(key, {}, time_ms)
            return
        before = alerting.active
        try:
            alerting.live(shown, time_ms, is_settling=time_ms < around.settles_ms)
        finally:
            await self._keep(key, before, alerting.active)
            around.ledger.note(key, dict(alerting.series()), time_ms)
        await self.hand_on(alerting, time_ms)

    async def _keep(self, key: str, before: Mapping[Labels, Active], after: Mapping[Labels, Active]) -> None:
        changed = [(key, alert) for labels, alert in after.items() if _moved(before.get(labels), alert)]
        gone = [(key, alert) for labels, alert in before.items() if labels not in after]
        if changed or gone:
            await self._around.keeper.keep(changed, gone)

    async def hand_on(self, alerting: AlertingRule, time_ms: int) -> None:
        """Hands on the alerts that are due; those that are not taken stay due."""
        around = self._around
        due = alerting.due(time_ms, around.resend_ms)
        if not due:
            return
        valid_until_ms = time_ms + 4 * max(self.interval_ms, around.resend_ms)
        try:
            await around.receiver.take([alerting.alert(one, valid_until_ms) for one in due], time_ms)
        except AlertsNotTaken as error:
            log.warning("alerts.not_taken", rule=alerting.rule.name, error=str(error))
            return
        alerting.sent([one.labels for one in due], time_ms)

    def _tell(self, at_work: RuleAtWork, error: str | None) -> None:
        """Says once that a rule fails, and once that it does no more."""
        before = at_work.last.error if at_work.last else None
        if error is not None and before is None:
            log.warning("rule.fails", group=self.group.name, rule=at_work.rule.name, error=error)
        if error is None and before is not None:
            log.info("rule.recovered", group=self.group.name, rule=at_work.rule.name)


def _runs(rules: Sequence[RuleAtWork]) -> Iterator[Sequence[RuleAtWork]]:
    """Rules that can be asked together, one run after the other: none reads what one before it in its run writes."""
    waiting = waits([one.rule for one in rules])
    edges = [at for at, must_wait in enumerate(waiting) if must_wait]
    for first, last in pairwise([0, *edges, len(rules)]):
        for at in range(first, last, MOST_TOGETHER):
            yield rules[at : min(at + MOST_TOGETHER, last)]


def _moved(before: Active | None, after: Active) -> bool:
    """Whether there is something about an alert that a restart must not lose."""
    return before is None or (before.state, before.fired_at_ms, before.kept_since_ms, before.active_at_ms) != (
        after.state,
        after.fired_at_ms,
        after.kept_since_ms,
        after.active_at_ms,
    )
