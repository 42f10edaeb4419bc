"""Queries of one moment, asked together: what they have in common is read once and computed once, and kept as long as
one of them is still to come that needs it.

Parts of two expressions are the same where their texts are, laid out alike.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from netmon_collector.query.answer import Answer, QueryError
from netmon_collector.query.guard import Guard
from netmon_collector.query.options import Limits
from netmon_collector.query.plan import Query, takers_of
from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Negation,
    Node,
    Paren,
    Selector,
    Subquery,
    ValueType,
    children,
)
from netmon_collector.query.syntax.pretty import one_line
from netmon_collector.query.values import Value

TURN_S: Final = 0.05
"""So long queries that are asked together have a thread before others that wait have their turn."""


class Tree:
    """An expression. invariant: the ids of the nodes that come to the same at every step. takers: see `takers_of`."""

    def __init__(self, root: Node, invariant: Set[int]) -> None:
        self.root = root
        self.invariant = invariant
        self.takers = takers_of(root)

    @cached_property
    def keys(self) -> Mapping[int, str]:
        """By the id of a node, what it has in common with the same node of other trees; of those worth to be kept."""
        return {id(node): one_line(node) for node in _shareable(self.root, in_call=False)}


def _shareable(node: Node, *, in_call: bool) -> Iterator[Node]:
    """Nodes that come to a vector at the time of the query; a function may want more of a selector than its value."""
    match node:
        case Selector():
            if node.range is None and not in_call:
                yield node
            return
        case Subquery():
            return
        case Call() | Aggregation() | Binary() | Negation() if node.type is ValueType.VECTOR:
            yield node
    for child in children(node):
        yield from _shareable(child, in_call=isinstance(node, Call) or (in_call and isinstance(node, Paren)))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a node came to, and what was read for that."""

    value: Value
    series: int
    samples: int


class Part:
    """What one query takes of what all have in common, and leaves for others.

    known: by the id of a node, its value. same: by the id of a node that is there twice, the one that is evaluated.
    wanted: by the id of a node that is needed again, its key. read: series and samples that selectors, and what is
    known, took to read.
    """

    def __init__(self, shared: "Shared") -> None:
        self._shared = shared
        self.known: dict[int, Value] = {}
        self.same: dict[int, Node] = {}
        self.wanted: dict[int, str] = {}
        self.read: dict[int, tuple[int, int]] = {}

    def spares(self, node: Node) -> bool:
        """Whether nothing has to be read for a node."""
        return id(node) in self.known or id(node) in self.same

    def keep(self, node: Node, value: Value, held: int) -> None:
        """Takes the value of a node that is wanted. held: samples that it took beside those that were read."""
        below = list(self._read_below(node))
        read = sum(series for series, _ in below), held + sum(samples for _, samples in below)
        self.known[id(node)], self.read[id(node)] = value, read
        self._shared.keep(self.wanted[id(node)], _Kept(value, *read))

    def _read_below(self, node: Node) -> Iterator[tuple[int, int]]:
        own = self.read.get(id(node))
        if own is not None:
            yield own
            return
        for child in children(node):
            yield from self._read_below(child)


class Shared:
    """What queries have in common, which are evaluated in their order. For one thread at a time."""

    def __init__(self, trees: Iterable[Tree]) -> None:
        self._kept: dict[str, _Kept] = {}
        self._left: Counter[str] = Counter()
        for tree in trees:
            self._count(tree, tree.root)

    def _count(self, tree: Tree, node: Node) -> None:
        key = tree.keys.get(id(node))
        if key is not None:
            self._left[key] += 1
            if self._left[key] > 1:
                return
        for child in children(node):
            self._count(tree, child)

    def part(self, tree: Tree, guard: Guard) -> Part:
        """The part of the next query. What was read for what is known counts as if it were read again."""
        part = Part(self)
        self._find(tree, tree.root, part, guard, {})
        return part

    def keep(self, key: str, kept: _Kept) -> None:
        if self._left[key] > 0:
            self._kept[key] = kept

    def _find(self, tree: Tree, node: Node, part: Part, guard: Guard, seen: dict[str, Node]) -> None:
        key = tree.keys.get(id(node))
        if key is not None:
            self._left[key] -= 1
            if key in seen:
                part.same[id(node)] = seen[key]
                return
            if key in self._kept:
                self._take(key, node, part, guard)
                return
            seen[key] = node
            if self._left[key] > 0:
                part.wanted[id(node)] = key
        for child in children(node):
            self._find(tree, child, part, guard, seen)

    def _take(self, key: str, node: Node, part: Part, guard: Guard) -> None:
        kept = self._kept[key] if self._left[key] > 0 else self._kept.pop(key)
        part.known[id(node)] = kept.value
        part.read[id(node)] = kept.series, kept.samples
        guard.series += kept.series
        guard.hold(kept.samples)


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one of several queries, and how long it took."""

    result: Answer | QueryError
    duration_s: float


class Together:
    """Queries that are asked together, evaluated in their order, a turn at a time.

    queries: each with its tree, or what is wrong with it. evaluate: gives the answer to one, or raises QueryError.
    """

    def __init__(
        self,
        queries: Sequence[tuple[Query, Tree] | QueryError],
        limits: Limits,
        evaluate: Callable[[Query, Guard, Part], Answer],
    ) -> None:
        self._queries = queries
        self._limits = limits
        self._evaluate = evaluate
        self._shared = Shared([one[1] for one in queries if not isinstance(one, QueryError)])
        self._guard: Guard | None = None
        self._cancelled = False
        self.asked: list[Asked] = []

    @property
    def done(self) -> bool:
        return len(self.asked) == len(self._queries)

    def cancel(self) -> None:
        """Ends the turn that is being taken soon; from any thread."""
        self._cancelled = True
        if self._guard is not None:
            self._guard.cancel()

    def take_turn(self) -> None:
        """Evaluates some of the queries."""
        until_s = time.perf_counter() + TURN_S
        while not self.done and not self._cancelled and time.perf_counter() < until_s:
            began_s = time.perf_counter()
            result = self._answer(self._queries[len(self.asked)])
            self.asked.append(Asked(result, time.perf_counter() - began_s))

    def _answer(self, query: tuple[Query, Tree] | QueryError) -> Answer | QueryError:
        if isinstance(query, QueryError):
            return query
        self._guard = guard = Guard(self._limits)
        try:
            return self._evaluate(query[0], guard, self._shared.part(query[1], guard))
        except QueryError as error:
            return error
