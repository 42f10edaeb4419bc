"""From what a query came to, or from the samples that it asked for, to its answer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netmon_collector.query.answer import Answer, Samples, Shape, Stats
from netmon_collector.query.edges import extended_samples
from netmon_collector.query.evaluate import Evaluator, Source
from netmon_collector.query.guard import Guard
from netmon_collector.query.notes import Notes
from netmon_collector.query.plan import Query
from netmon_collector.query.settle import settled
from netmon_collector.query.syntax.nodes import Edges, Selector
from netmon_collector.query.values import Scalar, Steps, Text, Value, Vector
from netmon_collector.query.windows import Tracks, begins_of, windows_of
from netmon_collector.store.base import Times
from netmon_proto.model import Labels


def answer_of(query: Query, value: Value, steps: Steps, notes: Notes, stats: Stats) -> Answer:
    instant = query.step_ms == 0
    text: str | None = None
    labels: Sequence[Labels] = [()]
    match value:
        case Text():
            shape, text, labels = Shape.STRING, value.value, []
            values = np.empty((0, len(steps)))
            present = np.empty((0, len(steps)), np.bool_)
        case Scalar():
            shape = Shape.SCALAR if instant else Shape.MATRIX
            values = np.ascontiguousarray(value.values)[None, :]
            present = np.ones(values.shape, np.bool_)
        case Vector():
            vector = settled(value)
            if not (instant and vector.ordered):
                vector = vector.sorted()
            shape = Shape.VECTOR if instant else Shape.MATRIX
            labels, values, present = vector.series.labels(), vector.values, vector.present
    return Answer(shape, labels, steps.times, values, present, None, text, notes.warnings, notes.infos, stats)


def stored_samples(query: Query, selector: Selector, source: Source, guard: Guard) -> Answer:
    """The samples in the one window of an instant query."""
    at_ms = query.moment_ms(selector.shift)
    end_ms = (query.start_ms if at_ms is None else at_ms) - query.offset_ms(selector.shift)
    stats = Stats(guard.samples, guard.series)
    if selector.edges is not Edges.PLAIN:
        return _extended(query, selector, source, end_ms, stats)
    return _of_windows(query, source, np.array([end_ms]), query.range_ms(selector), stats)


def _extended(query: Query, selector: Selector, source: Source, end_ms: int, stats: Stats) -> Answer:
    """The samples in a window with those at its ends, see edges.py."""
    assert isinstance(source.samples, Tracks)
    length_ms, lookback_ms = query.range_ms(selector), query.lookback_ms
    after_ms = lookback_ms if selector.edges is Edges.SMOOTHED else 0
    wider = np.array([end_ms + after_ms]), lookback_ms + length_ms + after_ms
    windows = windows_of(source.samples, *wider, stale=False)
    found = extended_samples(windows, end_ms - length_ms, end_ms, selector.edges)
    left = [row for row in source.series.order().tolist() if len(found[row][0])]
    begins = begins_of(np.array([len(found[row][0]) for row in left], np.int64))
    times = np.concatenate([found[row][0] for row in left] or [np.empty(0, np.int64)])
    values = np.concatenate([found[row][1] for row in left] or [np.empty(0)])
    labels = source.series.labels()
    none = np.empty((len(left), 0))
    samples = Samples(times, values, begins)
    at = np.array([query.start_ms])
    return Answer(Shape.MATRIX, [labels[row] for row in left], at, none, none.astype(np.bool_), samples, stats=stats)


def subquery_samples(query: Query, evaluator: Evaluator, steps: Steps) -> Answer:
    found = evaluator.range_vector(query.root, steps)
    answer = _of_windows(query, found.source, found.ends, found.length_ms, Stats(evaluator.guard.samples))
    return replace(answer, warnings=evaluator.notes.warnings, infos=evaluator.notes.infos)


def _of_windows(
    query: Query,
    source: Source,
    ends: Times,
    length_ms: int,
    stats: Stats,
) -> Answer:
    order = source.series.order()
    none = np.empty((len(order), 0))
    if not len(order):
        empty = Samples(np.empty(0, np.int64), np.empty(0), np.zeros(1, np.int64))
        return Answer(Shape.MATRIX, [], np.array([query.start_ms]), none, none.astype(np.bool_), empty, stats=stats)
    assert isinstance(source.samples, Tracks)
    windows = windows_of(source.samples, ends, length_ms, stale=False)
    lo, hi = windows.lo[order, 0], windows.hi[order, 0]
    kept = hi > lo
    lo, hi = lo[kept], hi[kept]
    begins = begins_of(hi - lo)
    own = slice(lo[0], hi[0]) if len(lo) == 1 else np.repeat(lo - begins[:-1], hi - lo) + np.arange(begins[-1])
    samples = Samples(windows.times[own], windows.values[own], begins)
    labels = source.series.labels()
    left = [labels[row] for row in order[kept].tolist()]
    none = np.empty((len(left), 0))
    return Answer(Shape.MATRIX, left, np.array([query.start_ms]), none, none.astype(np.bool_), samples, stats=stats)
