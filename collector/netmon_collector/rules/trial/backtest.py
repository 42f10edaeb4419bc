"""What a rule would have done in the past: its expression over all that time at once, then an alert's life."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_collector.alerts.base import ALERT_NAME, AlertState
from netmon_collector.query.answer import Answer, Mask
from netmon_collector.rules.life import Active, Seen, Timing, lived
from netmon_collector.rules.model import Rule
from netmon_collector.rules.template.values import Given
from netmon_collector.rules.texts import AskAt, Outside, filled
from netmon_collector.store.base import Times
from netmon_proto.model import NAME, Labels

MOST_STEPS: Final = 200_000
"""Evaluations: 30 days by a quarter of a minute, more than a year by three minutes."""
MOST_EPISODES: Final = 10_000
_STEPS_AT_A_TIME: Final = 5_000

AskRange = Callable[[str, int, int, int], Awaitable[Answer]]
"""An expression from a start to an end by a step, all in ms. Raises QueryError."""

Run = tuple[int, int]
"""The first and the last step of a time in which an expression held without a break, Unix milliseconds."""


class TooLong(Exception):
    """More steps than one backtest may take, and what to do."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that an alert fired. resolved_at_ms: None where it still does at the end. value: when it began to."""

    labels: Labels
    active_at_ms: int
    fired_at_ms: int
    resolved_at_ms: int | None
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Backtest:
    """How often, when and how long an alert would have fired.

    pended: how often it would have been pending without ever firing. is_cut: whether there were more episodes.
    """

    start_ms: int
    end_ms: int
    step_ms: int
    episodes: Sequence[Episode]
    pended: int
    is_cut: bool

    @property
    def fired_ms(self) -> int:
        """How long alerts fired, those of one time added up."""
        return sum((one.resolved_at_ms or self.end_ms) - one.fired_at_ms for one in self.episodes)

    @property
    def longest_ms(self) -> int:
        return max(((one.resolved_at_ms or self.end_ms) - one.fired_at_ms for one in self.episodes), default=0)


async def replay(
    rule: Rule, ask: AskRange, ask_at: AskAt, start_ms: int, end_ms: int, step_ms: int, outside: Outside | None = None
) -> Backtest:
    """The life of all alerts of a rule over some time. Raises QueryError, TooLong."""
    if (end_ms - start_ms) // step_ms > MOST_STEPS:
        shortest_s = -(-(end_ms - start_ms) // MOST_STEPS // 1000)
        raise TooLong(f"would take more than {MOST_STEPS:,} evaluations: choose a step of {shortest_s} s or more")
    start_ms -= start_ms % step_ms
    runs: dict[Labels, list[Run]] = {}
    values: dict[tuple[Labels, int], float] = {}
    for first_ms in range(start_ms, end_ms + 1, _STEPS_AT_A_TIME * step_ms):
        last_ms = min(first_ms + (_STEPS_AT_A_TIME - 1) * step_ms, end_ms)
        answer = await ask(rule.expr, first_ms, last_ms, step_ms)
        for row, labels in enumerate(answer.labels):
            _join(runs.setdefault(labels, []), runs_of(answer.present[row], answer.times), step_ms)
        _note_values(values, answer, rule.for_ms, runs, step_ms)
    timing = Timing(rule.for_ms, rule.keep_firing_for_ms)
    found = [(labels, episode) for labels, own in runs.items() for episode in episodes(own, step_ms, timing, end_ms)]
    fired = sorted((one for one in found if one[1].fired_at_ms >= 0), key=lambda one: one[1].fired_at_ms)
    outside = outside or Outside()
    told = []
    for labels, one in fired[:MOST_EPISODES]:
        value = values.get((labels, one.fired_at_ms), 0.0)
        shown = await _labels(rule, labels, value, ask_at, one.fired_at_ms, outside)
        told.append(Episode(shown, one.active_at_ms, one.fired_at_ms, one.resolved_at_ms, value))
    return Backtest(start_ms, end_ms, step_ms, told, len(found) - len(fired), len(fired) > MOST_EPISODES)


def runs_of(present: Mask, times: Times) -> list[Run]:
    """When a series was there without a break."""
    edges = np.diff(np.concatenate([[0], present.astype(np.int8), [0]]))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return list(zip(times[first].tolist(), times[last].tolist(), strict=True))


def _join(before: list[Run], more: list[Run], step_ms: int) -> None:
    if before and more and more[0][0] - before[-1][1] == step_ms:
        before[-1] = (before[-1][0], more[0][1])
        more = more[1:]
    before.extend(more)


def _note_values(
    values: dict[tuple[Labels, int], float], answer: Answer, for_ms: int, runs: dict[Labels, list[Run]], step_ms: int
) -> None:
    """What the expression came to when alerts began to fire."""
    if not len(answer.times):
        return
    first_ms, last_ms = int(answer.times[0]), int(answer.times[-1])
    for row, labels in enumerate(answer.labels):
        for begin_ms, end_ms in runs[labels]:
            fires_ms = begin_ms + -(-for_ms // step_ms) * step_ms
            if first_ms <= fires_ms <= min(last_ms, end_ms):
                values[labels, fires_ms] = float(answer.values[row, (fires_ms - first_ms) // step_ms])


def episodes(runs: Sequence[Run], step_ms: int, timing: Timing, end_ms: int) -> Iterator[Episode]:
    """The times that one alert fired, given when its expression held; fired_at_ms is -1 where it was only pending.

    Between the steps that are looked at nothing can change: the life of an alert is asked at those alone.
    """
    seen = Seen((), (), 0.0)
    before: Active | None = None
    for place, (begin_ms, last_ms) in enumerate(runs):
        limit_ms = runs[place + 1][0] - step_ms if place + 1 < len(runs) else end_ms
        fires_ms = begin_ms + -(-timing.for_ms // step_ms) * step_ms
        for at_ms in sorted({begin_ms, min(fires_ms, last_ms), last_ms}):
            before = lived(before, seen, at_ms, timing)
        gone_ms = last_ms + step_ms
        over_ms = gone_ms + -(-timing.keep_firing_for_ms // step_ms) * step_ms
        for at_ms in sorted({gone_ms, over_ms}):
            if at_ms > limit_ms or before is None:
                break
            was, before = before, lived(before, None, at_ms, timing)
            if before is None and was.state is AlertState.PENDING:
                yield Episode((), was.active_at_ms, -1, at_ms)
            if before is not None and before.state is AlertState.RESOLVED and was.state is AlertState.FIRING:
                assert before.fired_at_ms is not None
                yield Episode((), before.active_at_ms, before.fired_at_ms, at_ms)
    if before is not None and before.state is AlertState.FIRING:
        assert before.fired_at_ms is not None
        yield Episode((), before.active_at_ms, before.fired_at_ms, None)


async def _labels(rule: Rule, labels: Labels, value: float, ask: AskAt, time_ms: int, outside: Outside) -> Labels:
    given = Given(dict(labels), value, dict(outside.labels), outside.url)
    told = {name: text for name, text in labels if name != NAME}
    for name, text in rule.labels:
        told[name] = await filled(rule.name, text, given, ask, time_ms)
    told[ALERT_NAME] = rule.name
    return tuple(sorted((name, text) for name, text in told.items() if text))
