"""From a tree and the samples that it needs to a value: one method per kind of node."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from netmon_collector.query.aggregate import aggregated
from netmon_collector.query.answer import Mask
from netmon_collector.query.edges import check_edges, extended_kernel, smoothed_kernel
from netmon_collector.query.errors import refuse
from netmon_collector.query.functions import FUNCTIONS
from netmon_collector.query.guard import Guard
from netmon_collector.query.history import History
from netmon_collector.query.masks import everywhere, is_anywhere, nowhere
from netmon_collector.query.notes import Notes
from netmon_collector.query.numbers import general
from netmon_collector.query.operators import scalars, sets, vectors, with_scalar
from netmon_collector.query.plan import Query, first_step
from netmon_collector.query.ranking import RANKED, counted_values, ranked, sampled
from netmon_collector.query.record import record
from netmon_collector.query.series import SeriesSet
from netmon_collector.query.settle import settled, unnamed
from netmon_collector.query.sharing import Part
from netmon_collector.query.syntax.clauses import TRIMS
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.nodes import (
    NO_SHIFT,
    Aggregation,
    Binary,
    Call,
    Card,
    Edges,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    bare,
)
from netmon_collector.query.values import Scalar, Steps, Text, Value, Vector
from netmon_collector.query.windows import Indices, Kernel, Tracks, Windows, over_windows
from netmon_collector.store.base import ABSENT, Times, Values
from netmon_proto.model import NAME, STALE_BITS

Pick = Callable[[Windows, Indices], Values]
"""Of the samples of a block, and which of them is wanted for each series and step: what to make of it."""


@record
class Source:
    """The samples of a selector: tracks, or the windows of its one step."""

    series: SeriesSet
    samples: Tracks | Windows
    history: History | None = None


@record
class RangeVector:
    """The samples of a range vector, and the windows at each step: where they end, and how long they are."""

    source: Source
    unnamed: Mask
    ends: Times
    length_ms: int


class Evaluator:
    """Evaluates one query. sources: the samples of each selector, by its id."""

    def __init__(
        self,
        query: Query,
        sources: Mapping[int, Source],
        guard: Guard,
        *,
        delayed_name_removal: bool = True,
    ) -> None:
        self.query: Query = query
        self.notes = Notes(query.text)
        self.guard = guard
        self._sources = sources
        self._delayed = delayed_name_removal

    def evaluate(self, node: Node, steps: Steps) -> Value:
        """The value of an expression at some steps."""
        match node:
            case Number():
                return _number(node, len(steps.times))
            case String():
                return Text(node.value)
            case Paren():
                return self.evaluate(node.inner, steps)
        self.guard.check()
        if id(node) in self.query.invariant and len(steps.times) > 1:
            return _spread(self.evaluate(node, steps.first()), len(steps))
        match node:
            case Selector():
                return self._selected(node, steps)
            case Call():
                check_edges(node)
                return FUNCTIONS[node.function](self, node, steps)
            case Binary():
                return self._operated(node, steps)
            case Aggregation():
                return self._aggregated(node, steps)
            case Negation():
                return self._negated(node, steps)
        raise AssertionError(f"{node} is no instant value")

    def vector(self, node: Node, steps: Steps) -> Vector:
        value = self.evaluate(node, steps)
        assert isinstance(value, Vector)
        return value

    def scalar(self, node: Node, steps: Steps) -> Values:
        """float64 (T,)."""
        value = self.evaluate(node, steps)
        assert isinstance(value, Scalar)
        return value.values

    def text(self, node: Node) -> str:
        string = bare(node)
        assert isinstance(string, String)
        return string.value

    def nameless(self, vector: Vector) -> Vector:
        """The vector as the result of something that makes another thing of its values."""
        result = unnamed(vector)
        return result if self._delayed else settled(result)

    # selectors

    def _selected(self, node: Selector, steps: Steps) -> Vector:
        if node.edges is Edges.SMOOTHED:
            ends, lookback_ms = self._ends(node, steps), self.query.lookback_ms
            return self._extended(node, ends + lookback_ms, 2 * lookback_ms, smoothed_kernel(ends))
        return self.latest(node, steps)

    def _extended(self, node: Selector, ends: Times, length_ms: int, kernel: Kernel) -> Vector:
        source = self._sources[id(node)]
        return self._windowed(source, nowhere(len(source.series)), ends, length_ms, kernel, stale=False)

    def latest(self, node: Selector, steps: Steps, pick: Pick | None = None) -> Vector:
        """Each series' latest sample, or what is picked of it by its place among the samples of a block."""

        def kernel(windows: Windows) -> tuple[Values, Mask]:
            if pick is None and windows.axes.is_filled:
                values = windows.at(windows.axes.last)
                may_end = windows.has_nan and is_anywhere(np.isnan(values))
                return values, values.view(np.uint64) != STALE_BITS if may_end else everywhere(*values.shape)
            there = windows.hi > windows.lo
            if not len(windows.values):
                return np.zeros(there.shape), there
            last = np.maximum(windows.hi - 1, 0)
            values = windows.values[last]
            if windows.has_nan and np.isnan(values).any():
                there &= values.view(np.uint64) != STALE_BITS
            return values if pick is None else pick(windows, last), there

        source = self._sources[id(node)]
        ends, lookback_ms = self._ends(node, steps), self.query.lookback_ms
        return self._windowed(source, nowhere(len(source.series)), ends, lookback_ms, kernel, stale=True)

    def _ends(self, node: Selector | Subquery, steps: Steps) -> Times:
        """Where the windows of a selector end: one for each step."""
        if node.shift is NO_SHIFT:
            return steps.times
        at_ms = self.query.moment_ms(node.shift)
        times = steps.times if at_ms is None else np.full(len(steps), at_ms, np.int64)
        offset_ms = self.query.offset_ms(node.shift)
        return times - offset_ms if offset_ms else times

    def _windowed(
        self,
        source: Source,
        lost: Mask,
        ends: Times,
        length_ms: int,
        kernel: Kernel,
        *,
        stale: bool,
    ) -> Vector:
        self.guard.produce(len(source.series), len(ends))
        if isinstance(source.samples, Windows):
            values, present = kernel(source.samples)
        else:
            values, present = over_windows(source.samples, ends, length_ms, kernel, stale=stale, check=self.guard.check)
        vector = Vector(source.series, values, present, lost).compact()
        return vector if source.history is None else source.history.complete(vector, ends, length_ms, self.guard.check)

    def range_vector(self, node: Node, steps: Steps) -> RangeVector:
        """The samples and windows of a range selector or a subquery."""
        node = bare(node)
        assert isinstance(node, Selector | Subquery)
        ends, length_ms = self._ends(node, steps), self.query.range_ms(node)
        if isinstance(node, Selector):
            source = self._sources[id(node)]
            return RangeVector(source, nowhere(len(source.series)), ends, length_ms)
        inner = self._subquery(node, int(ends.min()) - length_ms, int(ends.max()))
        tracks = Tracks.of_tables([(inner[1].times, np.where(inner[0].present, inner[0].values, ABSENT))])
        return RangeVector(Source(inner[0].series, tracks), inner[0].unnamed, ends, length_ms)

    def _subquery(self, node: Subquery, start_ms: int, end_ms: int) -> tuple[Vector, Steps]:
        step_ms = self.query.inner_step_ms(node)
        first_ms = first_step(start_ms, step_ms)
        self.guard.produce(1, max(0, (end_ms - first_ms) // step_ms))
        inner = Steps.between(first_ms, end_ms, step_ms)
        if not len(inner):
            return Vector.none(inner), inner
        vector = self.vector(node.inner, inner)
        self.guard.hold(vector.values.size)
        return vector, inner

    def windowed(
        self, node: Node, steps: Steps, kernel: Kernel, *, keeps_name: bool = False, function: str = ""
    ) -> Vector:
        """A kernel applied to the windows of a range vector."""
        selector = bare(node)
        if function and isinstance(selector, Selector) and selector.edges is not Edges.PLAIN:
            ends, length_ms = self._ends(selector, steps), self.query.range_ms(selector)
            extended = extended_kernel(function, ends - length_ms, ends, selector.edges)
            after_ms = self.query.lookback_ms if selector.edges is Edges.SMOOTHED else 0
            wider_ms = self.query.lookback_ms + length_ms + after_ms
            vector = self._extended(selector, ends + after_ms, wider_ms, extended)
            return vector if keeps_name else self.nameless(vector)
        samples = self.range_vector(node, steps)
        vector = self._windowed(samples.source, samples.unnamed, samples.ends, samples.length_ms, kernel, stale=False)
        return vector if keeps_name else self.nameless(vector)

    # operators

    def _negated(self, node: Negation, steps: Steps) -> Value:
        value = self.evaluate(node.inner, steps)
        if not node.minus:
            return value
        if isinstance(value, Scalar):
            return Scalar(-value.values)
        assert isinstance(value, Vector)
        return self.nameless(value.with_values(-value.values))

    def _operated(self, node: Binary, steps: Steps) -> Value:
        left, right = self.evaluate(node.left, steps), self.evaluate(node.right, steps)
        if node.op in TRIMS:
            return self._trimmed(node, left, right, steps)
        if isinstance(left, Scalar):
            if isinstance(right, Scalar):
                return Scalar(scalars(node.op, left.values, right.values))
            return self._with_scalar(node, right, left, number_left=True)
        if isinstance(right, Scalar):
            return self._with_scalar(node, left, right, number_left=False)
        assert isinstance(left, Vector)
        assert isinstance(right, Vector)
        if node.matching.card is Card.MANY_TO_MANY:
            return sets(node.op, left, right, node.matching)
        result = vectors(node.op, left, right, node.matching, returns_bool=node.returns_bool)
        self.guard.produce(len(result.series), len(steps))
        return self.nameless(result) if node.returns_bool else result

    def _trimmed(self, node: Binary, left: Value, right: Value, steps: Steps) -> Vector:
        """Nothing, for there are no native histograms; and why, if there are values that are none."""
        match left, right:
            case Vector(), Vector():
                met = sets("and", left, right, node.matching)
            case (Vector() as met, _) | (_, Vector() as met):
                pass
            case _:
                refuse(f"operator {go_quoted(node.op)} not allowed for Scalar operations")
        if met.present.any():
            told = f"incompatible sample types encountered for binary operator {go_quoted(node.op)}"
            self.notes.inform(node, f"{told}: float {node.op} float")
        return Vector.none(steps)

    def _with_scalar(self, node: Binary, vector: Value, number: Scalar, *, number_left: bool) -> Vector:
        assert isinstance(vector, Vector)
        result = with_scalar(node.op, vector, number.values, number_left=number_left, returns_bool=node.returns_bool)
        return self.nameless(result) if node.op in _RENAMING or node.returns_bool else result

    def _aggregated(self, node: Aggregation, steps: Steps) -> Vector:
        if node.op == "count_values":
            assert node.param is not None
            label = self.text(node.param)
            return counted_values(node, self.vector(node.inner, steps), label)
        param = None if node.param is None else self.scalar(node.param, steps)
        if node.op in RANKED:
            assert param is not None
            return ranked(node, self.vector(node.inner, steps), param)
        if node.op == "limit_ratio":
            assert node.param is not None
            assert param is not None
            return sampled(node.param, self.vector(node.inner, steps), param, self.notes)
        if node.op == "quantile":
            assert node.param is not None
            assert param is not None
            self.check_quantile(node.param, _outermost(param))
        return aggregated(node, self.vector(node.inner, steps), param).compact()

    def check_quantile(self, node: Node, quantile: Values) -> None:
        """Warns of a quantile that is none."""
        for value in np.unique(quantile[~((quantile >= 0) & (quantile <= 1))]).tolist():
            self.notes.warn(node, f"quantile value should be between 0 and 1, got {general(value)}")

    def warn_of_gauges(self, node: Node, vector: Vector) -> None:
        """Tells of series whose names say that they are no counters."""
        for name in vector.series.values(NAME):
            if name and not name.endswith(("_total", "_sum", "_count", "_bucket")):
                self.notes.inform(
                    node,
                    "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                    + go_quoted(name),
                )


class PartEvaluator(Evaluator):
    """Evaluates one of several queries, each of what they have in common once."""

    def __init__(
        self,
        part: Part,
        query: Query,
        sources: Mapping[int, Source],
        guard: Guard,
        *,
        delayed_name_removal: bool = True,
    ) -> None:
        super().__init__(query, sources, guard, delayed_name_removal=delayed_name_removal)
        self._part = part

    def evaluate(self, node: Node, steps: Steps) -> Value:
        part = self._part
        node = part.same.get(id(node), node)
        value = part.known.get(id(node))
        if value is None:
            before = self.guard.samples
            value = super().evaluate(node, steps)
            if id(node) in part.wanted:
                part.keep(node, value, self.guard.samples - before)
        return value


def _outermost(values: Values) -> Values:
    """The greatest and the least, which are NaN where one is: of no others does Prometheus warn."""
    return np.array([values.max(), values.min()])


_RENAMING = frozenset("+ - * / % ^ atan2".split())


@lru_cache(64)
def _number(node: Number, count: int) -> Scalar:
    """Made once for all that ask for an expression again."""
    values = np.full(count, node.value)
    values.flags.writeable = False
    return Scalar(values)


def _spread(value: Value, count: int) -> Value:
    match value:
        case Scalar():
            return replace(value, values=np.broadcast_to(value.values, count))
        case Vector():
            return value.spread(count)
    return value
