"""Queries that a store's own server may evaluate: a short list, each entry of which is compared with our own results.

Functions such as rate are not on it, because servers extrapolate otherwise than Prometheus. What a server tells are
the first steps; those for which samples may still be on their way to it are evaluated here.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from netmon_collector.query.answer import Answer, Shape
from netmon_collector.query.guard import Guard
from netmon_collector.query.plan import Query
from netmon_collector.query.syntax.nodes import Aggregation, Call, Selector, bare
from netmon_collector.store.base import Frame, StoreError, is_absent
from netmon_collector.store.remote import Steps, Summarising, Summary
from netmon_proto.model import NAME
from netmon_proto.names import LABEL_WORD

AGGREGATIONS: Final = frozenset("sum min max avg count group".split())
FUNCTIONS: Final = frozenset("avg_over_time min_over_time max_over_time sum_over_time count_over_time".split())
NEWEST: Final = "last_over_time"
"""What an instant vector is of the samples that it looks back to."""


async def pushed(store: Summarising, query: Query, guard: Guard) -> Answer | None:
    """The first steps of a range query as the store's server tells them; None where there are none to be had so."""
    what = summary_of(query)
    if what is None:
        return None
    try:
        told = await store.summarise(what, Steps(query.start_ms, query.end_ms, query.step_ms))
    except StoreError:  # what ails it is told where the samples are read
        return None
    if told is None or told.until_ms < query.start_ms:
        return None
    return _answer(told.frames, query, told.until_ms, guard)


def summary_of(query: Query) -> Summary | None:
    """The summary that a query is, if it is one."""
    root = bare(query.root)
    if query.step_ms <= 0 or not isinstance(root, Aggregation) or root.op not in AGGREGATIONS or root.param is not None:
        return None
    found = _window(root)
    if found is None or not all(map(_is_plain, root.grouping)) or (root.without and not root.grouping):
        return None
    function, selector = found
    range_ms, offset_ms = query.range_ms(selector), query.offset_ms(selector.shift)
    if (
        selector.edges
        or selector.shift.at is not None
        or any(one % 1000 for one in (query.start_ms, query.end_ms, query.step_ms, range_ms, offset_ms))
    ):
        return None
    return Summary(root.op, root.grouping, root.without, function, selector.matchers, range_ms, offset_ms)


def _window(root: Aggregation) -> tuple[str, Selector] | None:
    """The function over time, and the selector that it is of."""
    inner = bare(root.inner)
    if isinstance(inner, Selector):
        return NEWEST, inner
    if isinstance(inner, Call) and inner.function in FUNCTIONS:
        selector = bare(inner.args[0])
        if isinstance(selector, Selector):
            return inner.function, selector
    return None


def _is_plain(label: str) -> bool:
    return label != NAME and LABEL_WORD.fullmatch(label) is not None


def _answer(frames: Sequence[Frame], query: Query, until_ms: int, guard: Guard) -> Answer:
    times = np.arange(query.start_ms, until_ms + 1, query.step_ms)
    ordered = sorted(
        ((labels, frame, column) for frame in frames for column, labels in enumerate(frame.labels)),
        key=lambda one: one[0],
    )
    guard.produce(len(ordered), len(times))
    values = np.zeros((len(ordered), len(times)))
    present = np.zeros(values.shape, np.bool_)
    for row, (_, frame, column) in enumerate(ordered):
        own = frame.values[:, column].copy()
        there = ~is_absent(own)
        steps = (frame.times[there] - query.start_ms) // query.step_ms
        values[row, steps], present[row, steps] = own[there], True
    return Answer(Shape.MATRIX, [labels for labels, _, _ in ordered], times, values, present)
