"""Runs unit tests of rules and says what promtool would say of them."""

import asyncio
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np

from netmon_collector.alerts.base import ALERT_NAME, AlertState, NobodyTold
from netmon_collector.query.answer import Answer, QueryError, Shape
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.query.sharing import Asked
from netmon_collector.query.syntax.parser import parse as parse_query
from netmon_collector.query.syntax.pretty import duration, number
from netmon_collector.rules.alerting import AlertingRule
from netmon_collector.rules.evaluation import GroupAtWork, KeepsNothing, RuleAtWork, Surroundings
from netmon_collector.rules.files import parse_rules
from netmon_collector.rules.model import Group
from netmon_collector.rules.reading import ANY, is_hungry, names_read
from netmon_collector.rules.texts import Outside
from netmon_collector.rules.trial.cases import AlertCase, QueryCase, Scenario, UnitTestFile
from netmon_collector.rules.trial.memory import TrialStore
from netmon_collector.rules.writing import Ledger
from netmon_collector.store.base import Points
from netmon_configs.load import parse, read
from netmon_configs.mistakes import ConfigError, Mistake
from netmon_proto.model import NAME, Labels, is_stale

MOST_STEPS: Final = 200_000
"""Evaluations in one test: enough for four months by the minute."""


@dataclass(slots=True)
class Verdict:
    """What came of one test. refused: cases that nobody can judge here, and why."""

    name: str
    failures: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    cases: int = 0


async def run_file(path: Path) -> list[Verdict]:
    """The verdicts on all tests of a file. Raises ConfigError where it, or a rule file of it, cannot be read."""
    tests = parse(read(path), str(path), UnitTestFile)
    files = [parse_rules(read(one), str(one)) for one in _rule_files(path, tests)]
    groups = _ordered([group for file in files for group in file.groups], tests.group_eval_order)
    return [await _Trial(scenario, tests, groups).run(number) for number, scenario in enumerate(tests.tests)]


def _rule_files(path: Path, tests: UnitTestFile) -> Iterator[Path]:
    for pattern in tests.rule_files:
        anchor = Path(pattern)
        if anchor.is_absolute():
            found = sorted(Path(anchor.anchor).glob(str(anchor.relative_to(anchor.anchor))))
        else:
            found = sorted(path.parent.glob(pattern))
        if not found:
            raise ConfigError([Mistake(str(path), 0, "rule_files", f"no file matches {pattern}")])
        yield from found


def _ordered(groups: Sequence[Group], order: Sequence[str]) -> list[Group]:
    ranks = {name: rank for rank, name in enumerate(order)}
    return sorted(groups, key=lambda group: ranks.get(group.name, len(ranks)))


class _Sparing:
    """Answers at once where nothing is there of what is asked for, as it is for most rules of a pack."""

    def __init__(self, engine: Engine, store: TrialStore) -> None:
        self._engine = engine
        self._store = store

    async def instant(self, text: str, time_ms: int) -> Answer:
        if not self._is_in_vain(text):
            return await self._engine.instant(text, time_ms)
        none = np.empty((0, 1))
        return Answer(Shape.VECTOR, [], np.array([time_ms]), none, none.astype(np.bool_))

    async def instants(self, texts: Sequence[str], time_ms: int) -> list[Asked]:
        rest = [text for text in texts if not self._is_in_vain(text)]
        asked = iter(await self._engine.instants(rest, time_ms))
        return [
            Asked(await self.instant(text, time_ms), 0.0) if self._is_in_vain(text) else next(asked) for text in texts
        ]

    def _is_in_vain(self, text: str) -> bool:
        names = _needed(text)
        return names is not None and not any(map(self._store.has, names))


class _Trial:
    """One test: a store of its own, rules over it, evaluated step by step."""

    def __init__(self, scenario: Scenario, tests: UnitTestFile, groups: Sequence[Group]) -> None:
        self._scenario = scenario
        self._fuzzy = tests.fuzzy_compare
        self._step_ms = round(tests.evaluation_interval_s * 1000)
        self._start_ms = round(scenario.start_timestamp * 1000)
        self._sample_ms = round((scenario.interval_s or tests.evaluation_interval_s) * 1000)
        self._store = TrialStore()
        self._engine = Engine(self._store, QueryOptions(concurrency=1, cache_bytes=0))  # type: ignore[arg-type]
        self._native: set[str] = set()
        self._clashes: list[Labels] = []
        self._due = sorted(self._samples(), key=itemgetter(0), reverse=True)
        outside = Outside(tuple(sorted(scenario.external_labels.items())), scenario.external_url)
        self._asker = _Sparing(self._engine, self._store)
        surroundings = Surroundings(
            self._asker,
            Ledger(self._store, self._append),
            NobodyTold(),
            KeepsNothing(),
            outside,
        )
        self._groups = [_at_work(group, surroundings) for group in groups]

    async def run(self, number: int) -> Verdict:
        verdict = Verdict(self._scenario.name or f"test {number + 1}")
        alerts = sorted(self._scenario.alert_rule_test, key=lambda case: case.eval_time_s)
        queries = self._scenario.promql_expr_test
        times_s = [case.eval_time_s for case in alerts] + [case.eval_time_s for case in queries]
        last_ms = round(max(times_s, default=0.0) * 1000)
        verdict.cases = len(alerts) + len(queries)
        try:
            if last_ms // self._step_ms > MOST_STEPS:
                verdict.failures.append(
                    f"takes more than {MOST_STEPS} evaluations: choose a longer evaluation_interval"
                )
                return verdict
            for at_ms in range(0, last_ms + 1, self._step_ms):
                await self._evaluate(at_ms, verdict)
                while alerts and alerts[0].eval_time_s * 1000 < at_ms + self._step_ms:
                    verdict.failures += self._judge_alerts(alerts.pop(0))
            for case in queries:
                await self._judge_query(case, verdict)
        finally:
            self._engine.close()
        return verdict

    async def _append(self, points: Sequence[Points]) -> None:
        """Of two values that a series is given for one time the first stays; the other one fails the test."""
        for part in points:
            for place, time_ms, value in zip(
                part.columns.tolist(), part.times.tolist(), part.values.tolist(), strict=True
            ):
                labels = part.group.labels[place]
                before = self._store.value_at(labels, time_ms)
                if before is None:
                    self._store.load(labels, {time_ms: value})
                elif not is_stale(value) and not _are_same(value, before):
                    self._clashes.append(labels)

    def _samples(self) -> Iterator[tuple[int, Labels, float]]:
        """All samples, as they are due. Of a series that is given twice the last counts."""
        for labels, values in {given.series: given.values for given in self._scenario.input_series}.items():
            if values is None:
                self._native.add(dict(labels).get(NAME, ""))
                continue
            for place, value in enumerate(values):
                if value is not None:
                    yield self._start_ms + place * self._sample_ms, labels, value

    def _load(self, until_ms: int) -> None:
        """Adds the samples up to a time: nothing, not even a query behind the last evaluation, sees later ones."""
        while self._due and self._due[-1][0] <= until_ms:
            time_ms, labels, value = self._due.pop()
            self._store.load(labels, {time_ms: value})

    async def _evaluate(self, at_ms: int, verdict: Verdict) -> None:
        self._load(self._start_ms + at_ms)
        for group in self._groups:
            await group.evaluate(self._start_ms + at_ms)
            for rule in group.rules:
                if rule.last is not None and rule.last.error is not None and len(verdict.failures) < 20:
                    verdict.failures.append(f"rule {rule.rule.name}, time {duration(at_ms)}: {rule.last.error}")
        for labels in dict.fromkeys(self._clashes) if len(verdict.failures) < 20 else ():
            told = "has two values: of two rules, or of a rule and the input"
            verdict.failures.append(f"time {duration(at_ms)}: {_braces(labels)} {told}")
        self._clashes.clear()

    def _judge_alerts(self, case: AlertCase) -> list[str]:
        got = sorted(
            (alert.labels, tuple(pair for pair in alert.annotations))
            for group in self._groups
            for rule in group.rules
            if rule.alerting is not None and rule.rule.name == case.alertname
            for alert in rule.alerting.active.values()
            if alert.state is AlertState.FIRING
        )
        wanted = sorted(
            (
                _pairs((one.exp_labels if one else {}) | {ALERT_NAME: case.alertname}),
                _pairs(one.exp_annotations if one else {}),
            )
            for one in case.exp_alerts or []
        )
        if got == wanted:
            return []
        where = f"alertname {case.alertname}, time {duration(round(case.eval_time_s * 1000))}"
        return [f"{where}:\n  exp: {_told(wanted)}\n  got: {_told(got)}"]

    async def _judge_query(self, case: QueryCase, verdict: Verdict) -> None:
        where = f"expr {case.expr!r}, time {duration(round(case.eval_time_s * 1000))}"
        wanted = case.exp_samples or []
        if any(one.histogram is not None for one in wanted) or not self._native.isdisjoint(names_read(case.expr)):
            verdict.refused.append(f"{where}: native histograms are not kept here")
            return
        try:
            answer = await self._asker.instant(case.expr, self._start_ms + round(case.eval_time_s * 1000))
        except QueryError as error:
            verdict.failures.append(f"{where}: {error}")
            return
        got = dict(zip(answer.labels, answer.values[:, 0].tolist() if len(answer.labels) else [], strict=True))
        expected = {one.series: one.value for one in wanted}
        same = set(got) == set(expected) and all(self._equal(got[one], expected[one]) for one in got)
        if not same or len(expected) != len(wanted):
            told = _samples((one.series, one.value) for one in wanted)
            verdict.failures.append(f"{where}:\n  exp: {told}\n  got: {_samples(got.items())}")

    def _equal(self, got: float, wanted: float) -> bool:
        if math.isnan(got) or math.isnan(wanted):
            return math.isnan(got) and math.isnan(wanted)
        return got == wanted or (self._fuzzy and math.isclose(got, wanted, rel_tol=1e-15))


@lru_cache(1024)
def _needed(text: str) -> frozenset[str] | None:
    """The metrics without which an expression comes to nothing; None where that cannot be said."""
    names = names_read(text)
    return names if ANY not in names and is_hungry(parse_query(text)) else None


def _are_same(value: float, other: float) -> bool:
    return value == other or (math.isnan(value) and math.isnan(other) and is_stale(value) == is_stale(other))


def _at_work(group: Group, surroundings: Surroundings) -> GroupAtWork:
    rules = [
        RuleAtWork(f"{group.key};{place}", rule, AlertingRule(rule, group.limit) if rule.is_alert else None)
        for place, rule in enumerate(group.rules)
    ]
    return GroupAtWork(group, rules, surroundings)


def _pairs(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _told(alerts: Sequence[tuple[Labels, Labels]]) -> str:
    return "[" + ", ".join(f"{_braces(labels)} {_braces(annotations)}" for labels, annotations in alerts) + "]"


def _braces(labels: Labels) -> str:
    return "{" + ", ".join(f"{name}={value!r}" for name, value in labels) + "}"


def _samples(samples: Iterable[tuple[Labels, float]]) -> str:
    return ", ".join(f"{_braces(labels)} {number(value)}" for labels, value in samples) or "nil"


def run(path: Path) -> list[Verdict]:
    """As `run_file`, for whoever has no event loop."""
    return asyncio.run(run_file(path))
