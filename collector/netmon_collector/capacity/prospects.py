"""When each of many series runs out, from what was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_analytics.forecast.ahead import DAY_S, MINUTE_S, Reached, busy_until, until
from netmon_collector.capacity.limits import Limited, Way
from netmon_collector.query.answer import Answer
from netmon_collector.store.base import Values
from netmon_proto.model import Labels

YEAR_DAYS: Final = 365
LATELY_MINUTES: Final = 120
"""So far back is looked by minutes, and as far ahead."""
MOVED: Final = 1 / 16
"""What took less of the room within two hours does not take the rest of it within two more."""
GONE_S: Final = DAY_S
"""A series without a sample for so long is there no more."""


NOW: Final = Reached(0.0, 0.0, 0.0, 0.0, None, DAY_S)


@dataclass(frozen=True, slots=True)
class Prospect:
    """When something comes to its limit, as of `at_s` (Unix). used: in the unit of the limit; of what counts down, how
    many seconds are left."""

    limited: Limited
    labels: Labels
    at_s: float
    used: float
    reached: Reached


def prospects(
    limited: Limited, by_hours: Sequence[Answer], by_minutes: Answer | None, now_s: float
) -> Iterator[Prospect]:
    """Of each series that is still there and of which enough is known.

    by_hours: what was for weeks, in answers one after the other; by_minutes: for the last two hours, None where that
    says nothing about the limit.
    """
    lately = {} if by_minutes is None else dict(_lines([by_minutes]))
    for labels, (times_s, values) in _lines(by_hours):
        if times_s[-1] <= now_s - GONE_S:
            continue
        used = float(values[-1])
        reached = _at_last(limited, times_s, values, now_s)
        if labels in lately:
            soon = _at_this_pace(limited, *lately[labels], now_s)
            reached = soon if reached is None or (soon is not None and soon.high_s < reached.middle_s) else reached
            used = float(lately[labels][1][-1])
        if reached is not None:
            yield Prospect(limited, labels, now_s, used, reached)


def _lines(answers: Sequence[Answer]) -> Iterator[tuple[Labels, tuple[Values, Values]]]:
    """The times, in seconds, and the values of each series, from answers one after the other."""
    numbers: dict[Labels, int] = {}
    for answer in answers:
        for labels in answer.labels:
            numbers.setdefault(labels, len(numbers))
    rows = np.full((len(numbers), len(answers)), -1)
    for place, answer in enumerate(answers):
        rows[[numbers[labels] for labels in answer.labels], place] = np.arange(len(answer.labels))
    for labels, own in zip(numbers, rows.tolist(), strict=True):
        pieces = [_samples(answer, row) for answer, row in zip(answers, own, strict=True) if row >= 0]
        times_s, values = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        if len(times_s):
            yield labels, (times_s, values)


def _samples(answer: Answer, row: int) -> tuple[Values, Values]:
    there = answer.present[row] & np.isfinite(answer.values[row])
    return answer.times[there] / 1000, answer.values[row, there]


def _at_last(limited: Limited, times_s: Values, values: Values, now_s: float) -> Reached | None:
    if limited.way is Way.COUNTS_DOWN:
        left_s = max(float(values[-1]) - (now_s - float(times_s[-1])), 0.0)
        return Reached(left_s, left_s, left_s, 0.0, None, DAY_S)
    if values[-1] >= limited.limit:
        return NOW
    if limited.way is Way.PILES_UP:
        return until(times_s, values, now_s, limited.limit, most_steps=YEAR_DAYS)
    if values[times_s > now_s - DAY_S].max() >= limited.limit:  # that hour is over, and comes again
        return NOW
    return busy_until(times_s, values, now_s, limited.limit, most_days=YEAR_DAYS)


def _at_this_pace(limited: Limited, times_s: Values, values: Values, now_s: float) -> Reached | None:
    """By the last two hours, where that gets there within two more for sure; else None."""
    room = limited.limit - float(values[-1])
    if room <= 0 or values[-1] - values.min() < room * MOVED:
        return None
    soon = until(times_s, values, now_s, limited.limit, most_steps=LATELY_MINUTES)
    if soon is None or soon.step_s != MINUTE_S or not np.isfinite(soon.high_s):
        return None
    first = values[: len(values) // 2]
    has_a_pace = soon.changed_s is not None or np.median(np.diff(first)) > 0  # else it began too short a time ago
    return soon if has_a_pace else None
