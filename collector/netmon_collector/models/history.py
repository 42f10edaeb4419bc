"""The series of a model's expression, as arrays."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_collector.models.spec import MOST_SERIES, ModelError, Spec
from netmon_collector.query.answer import QueryError
from netmon_collector.query.engine import Engine
from netmon_collector.store.base import Times, Values
from netmon_proto.model import Labels

STEPS_AT_ONCE: Final = 1000


@dataclass(frozen=True, eq=False, slots=True)
class Steps:
    """labels: S. times: (T,), Unix milliseconds, multiples of the step. values: (S, T), NaN where there is none."""

    labels: list[Labels]
    times: Times
    values: Values


async def read(engine: Engine, spec: Spec, start_ms: int, end_ms: int) -> Steps:
    """What the expression was at the multiples of the step from start to end. Raises ModelError."""
    first, last = -(-start_ms // spec.step_ms) * spec.step_ms, end_ms // spec.step_ms * spec.step_ms
    try:
        answer = await engine.range(spec.expression, first, max(first, last), spec.step_ms)
    except QueryError as error:
        raise ModelError(f"expression: {error.message}") from None
    if len(answer.labels) > MOST_SERIES:
        raise ModelError(f"expression: comes to {len(answer.labels):,} series; a model takes {MOST_SERIES:,} at most")
    return Steps(list(answer.labels), answer.times, np.where(answer.present, answer.values, np.nan))


async def read_parts(engine: Engine, spec: Spec, start_ms: int, end_ms: int) -> AsyncIterator[Steps]:
    """The same in parts, one after the other. Raises ModelError."""
    at_ms = -(-start_ms // spec.step_ms) * spec.step_ms
    while at_ms <= end_ms:
        until_ms = min(at_ms + (STEPS_AT_ONCE - 1) * spec.step_ms, end_ms)
        yield await read(engine, spec, at_ms, until_ms)
        at_ms += STEPS_AT_ONCE * spec.step_ms


async def read_whole(engine: Engine, spec: Spec, start_ms: int, end_ms: int) -> Steps:
    """The same as one. Raises ModelError."""
    parts = [one async for one in read_parts(engine, spec, start_ms, end_ms)]
    rows: dict[Labels, int] = {}
    for part in parts:
        for labels in part.labels:
            rows.setdefault(labels, len(rows))
    if len(rows) > MOST_SERIES:
        raise ModelError(f"expression: comes to {len(rows):,} series; a model takes {MOST_SERIES:,} at most")
    times = np.concatenate([part.times for part in parts])
    values = np.full((len(rows), len(times)), np.nan)
    at = 0
    for part in parts:
        values[[rows[labels] for labels in part.labels], at : at + len(part.times)] = part.values
        at += len(part.times)
    return Steps(list(rows), times, values)
