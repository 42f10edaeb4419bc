"""What has to be known before a query is evaluated: its times, and which samples it needs."""

import math
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Final

import numpy as np

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.operators import scalars
from netmon_collector.query.record import record
from netmon_collector.query.syntax.lexer import syntax_error
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.nodes import (
    NO_SHIFT,
    Aggregation,
    Binary,
    Call,
    Edges,
    Moment,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    Shift,
    Subquery,
    bare,
    children,
)
from netmon_collector.query.syntax.signatures import EXPERIMENTAL_AGGREGATIONS, SIGNATURES

_DEPENDS_ON_TIME: Final = frozenset(
    "days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp"
    " anomaly_score baseline_high baseline_low forecast forecast_high forecast_low"
    " time_until time_until_high time_until_low".split()
)


_DIVISIONS: Final = {"/": "division", "%": "modulo"}
_PLAIN_S: Final = 2**40
"""Seconds; a length below is one that can be asked for."""


@record
class Query:
    """A query and its times; an instant query is a range of one step, and has step_ms 0.

    invariant: the ids of the nodes that come to the same at every step. takers: see `takers_of`.
    """

    text: str
    root: Node
    start_ms: int
    end_ms: int
    step_ms: int
    lookback_ms: int
    subquery_step_ms: int
    invariant: Set[int]
    takers: Sequence[tuple[Selector, str]] | None = None

    @property
    def steps(self) -> int:
        """How many times it is evaluated for."""
        return (self.end_ms - self.start_ms) // max(self.step_ms, 1) + 1

    def length_ms(self, node: Node) -> int:
        """The length of time that an expression of durations comes to."""
        if isinstance(node, Number) and 0 <= node.value < _PLAIN_S:  # as nearly always
            return math.trunc(round(node.value * 1000, 6))
        return math.trunc(_seconds(node, self) * 1000)

    def range_ms(self, node: Selector | Subquery) -> int:
        """How long the windows of a range vector are, or how far an instant vector looks back."""
        if node.range is None:
            return self.lookback_ms
        length_ms = self.length_ms(node.range)
        if length_ms <= 0:
            raise syntax_error(self.text, node.range.start, "duration must be greater than 0")
        return length_ms

    def inner_step_ms(self, node: Subquery) -> int:
        """How far apart a subquery's steps are."""
        step_ms = self.length_ms(node.step) if node.step is not None else self.subquery_step_ms
        if step_ms <= 0:
            raise syntax_error(self.text, node.start, "duration must be greater than 0")
        return step_ms

    def moment_ms(self, shift: Shift) -> int | None:
        """The time that `@` pins a selector to."""
        if isinstance(shift.at, Moment):
            return self.start_ms if shift.at is Moment.START else self.end_ms
        return shift.at

    def offset_ms(self, shift: Shift) -> int:
        return 0 if shift.offset is None else self.length_ms(shift.offset)


@record
class Need:
    """The samples of a selector after `after_ms`, up to and with `until_ms`.

    newest_only: whether of each series only the newest of them counts. is_inner: whether it is part of a subquery.
    function: which takes the samples; nothing for none.
    """

    selector: Selector
    after_ms: int
    until_ms: int
    newest_only: bool
    is_inner: bool
    function: str


def takers_of(root: Node) -> Sequence[tuple[Selector, str]] | None:
    """The selectors of an expression, and the function that takes each; None where one is part of a subquery."""
    return None if _has_subquery(root) else list(outer_takers(root))


def outer_takers(node: Node, function: str = "") -> Iterator[tuple[Selector, str]]:
    """The selectors that are no part of a subquery, and the function that takes each; "" where none does."""
    if isinstance(node, Selector):
        yield node, function
    elif not isinstance(node, Subquery):
        function = node.function if isinstance(node, Call) else function if isinstance(node, Paren) else ""
        for child in children(node):
            yield from outer_takers(child, function)


def _has_subquery(node: Node) -> bool:
    return isinstance(node, Subquery) or any(map(_has_subquery, children(node)))


def needs(query: Query, spares: Callable[[Node], bool] | None = None) -> list[Need]:
    """What all selectors of a query need. Raises QueryError for lengths of time that are none.

    spares: whether a node needs nothing, as what it comes to is known.
    """
    start_ms, end_ms = query.start_ms, query.end_ms
    if query.takers is not None and spares is None:
        return [_need(query, node, start_ms, end_ms, function, is_inner=False) for node, function in query.takers]
    return list(_needs(query, query.root, start_ms, end_ms, "", spares or (lambda _: False), is_inner=False))


def _needs(
    query: Query,
    node: Node,
    start_ms: int,
    end_ms: int,
    function: str,
    spares: Callable[[Node], bool],
    *,
    is_inner: bool,
) -> Iterator[Need]:
    if spares(node):
        return
    if isinstance(node, Selector):
        yield _need(query, node, start_ms, end_ms, function, is_inner=is_inner)
        return
    if isinstance(node, Subquery):
        start_ms, end_ms = _moved(query, node.shift, start_ms, end_ms)
        start_ms, is_inner = first_step(start_ms - query.range_ms(node), query.inner_step_ms(node)), True
    function = node.function if isinstance(node, Call) else function if isinstance(node, Paren) else ""
    for child in children(node):
        yield from _needs(query, child, start_ms, end_ms, function, spares, is_inner=is_inner)


def _need(query: Query, node: Selector, start_ms: int, end_ms: int, function: str, *, is_inner: bool) -> Need:
    if node.shift is not NO_SHIFT:
        start_ms, end_ms = _moved(query, node.shift, start_ms, end_ms)
    after_ms, is_plain = start_ms - query.range_ms(node), node.edges is Edges.PLAIN
    if not is_plain:
        after_ms -= query.lookback_ms if node.range is not None else 0
        end_ms += query.lookback_ms if node.edges is Edges.SMOOTHED else 0
    newest_only = query.start_ms == query.end_ms and node.range is None and not is_inner and is_plain
    return Need(node, after_ms, end_ms, newest_only, is_inner, function)


def _moved(query: Query, shift: Shift, start_ms: int, end_ms: int) -> tuple[int, int]:
    """A time as `@` and `offset` move it."""
    at_ms = query.moment_ms(shift)
    offset_ms = query.offset_ms(shift)
    return (start_ms - offset_ms, end_ms - offset_ms) if at_ms is None else (at_ms - offset_ms, at_ms - offset_ms)


def first_step(after_ms: int, step_ms: int) -> int:
    """The first multiple of a step after a time."""
    return (after_ms // step_ms + 1) * step_ms


def invariant(root: Node) -> set[int]:
    """The ids of the nodes that come to the same at every step."""
    found: set[int] = set()

    def look(node: Node) -> bool:
        parts = [look(child) for child in children(node)]
        match node:
            case Selector() | Subquery():
                same = node.shift.at is not None
            case Call():
                same = all(parts) and node.function not in _DEPENDS_ON_TIME
            case Binary() | Aggregation() | Negation():
                same = all(parts)
            case _:
                same = all(parts)
        if same:
            found.add(id(node))
        return same

    look(root)
    return found


def check_allowed(text: str, root: Node) -> None:
    """Raises QueryError for the first that a query uses of what is experimental."""
    for child in children(root):
        check_allowed(text, child)
    told = _experimental(root)
    if told is not None:
        allowed = "'experimental: true' under 'query' in collector.yaml allows it"
        raise syntax_error(text, root.start, f"{told}: {allowed}")


def _experimental(node: Node) -> str | None:
    """What is experimental about a node, in Prometheus' words."""
    match node:
        case Call() if SIGNATURES[node.function].experimental:
            return f"function {go_quoted(node.function)} is not enabled"
        case Aggregation() if node.op in EXPERIMENTAL_AGGREGATIONS:
            return f"{node.op}() is experimental and must be enabled"
        case Binary() if (node.matching.fill_left, node.matching.fill_right) != (None, None):
            return "binop fill modifiers are experimental and not enabled"
        case Selector() | Subquery() if not _plain(node):
            return "experimental duration expression is not enabled"
        case Selector() if node.edges is not Edges.PLAIN:
            return f"{node.edges} modifier is experimental and not enabled"
    return None


def _plain(node: Selector | Subquery) -> bool:
    step = node.step if isinstance(node, Subquery) else None
    return all(part is None or isinstance(part, Number) for part in (node.range, node.shift.offset, step))


def _seconds(node: Node, query: Query) -> float:
    """The value of an expression of durations."""
    value = _constant(bare(node), query)
    if not math.isfinite(value) or abs(value) > 2**53 / 1000:
        raise syntax_error(query.text, node.start, "duration out of range")
    return value


def _constant(node: Node, query: Query) -> float:
    match node:
        case Number():
            return node.value
        case Negation():
            return (-1 if node.minus else 1) * _constant(bare(node.inner), query)
        case Binary():
            left, right = (np.array(_constant(bare(side), query)) for side in (node.left, node.right))
            if right == 0 and node.op in _DIVISIONS:
                raise syntax_error(query.text, node.start, f"{_DIVISIONS[node.op]} by zero")
            with np.errstate(all="ignore"):
                return float(scalars(node.op, left, right))
        case Call(function="step"):
            return query.step_ms / 1000
        case Call(function="range"):
            return (query.end_ms - query.start_ms) / 1000
        case Call(function="min_of" | "max_of"):
            parts = [_constant(bare(arg), query) for arg in node.args]
            return min(parts) if node.function == "min_of" else max(parts)
    raise QueryError(ErrorKind.BAD_DATA, "a duration must be a number, a duration, step() or range()")
