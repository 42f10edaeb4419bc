"""The tree of an expression. Every node says where in the text it starts, for annotations and errors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeGuard

from netmon_collector.store.base import Matcher
from netmon_proto.model import NAME


class ValueType(StrEnum):
    """What an expression comes to, named as Prometheus does in its errors."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    MATRIX = "range vector"


class Card(StrEnum):
    """How the series of both sides of an operator may meet."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


class Moment(StrEnum):
    """A time that the query as a whole has."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    start: int
    value: float
    is_duration: bool = False

    type = ValueType.SCALAR


@dataclass(frozen=True, slots=True)
class String:
    start: int
    value: str

    type = ValueType.STRING


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """`offset` and `@`. offset: in seconds, an expression of durations. at_ms: Unix time, or the query's own."""

    offset: "Node | None" = None
    at: "int | Moment | None" = None


NO_SHIFT: Final = Shift()
"""The one of nodes that have neither."""


class Edges(StrEnum):
    """What is taken for the values at the ends of a window: see query/edges.py."""

    PLAIN = ""
    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


@dataclass(frozen=True, slots=True, eq=False)
class Selector:
    """An instant vector; with `range` (in seconds, an expression of durations) a range vector.

    name: of the metric, where it stands before the braces; it is the last of the matchers then.
    """

    start: int
    name: str
    matchers: tuple[Matcher, ...]
    shift: Shift = NO_SHIFT
    range: "Node | None" = None
    edges: Edges = Edges.PLAIN
    is_implied: bool = False
    """Whether the last of the matchers, which is the name, is not in the text: info() has it if it is given none."""

    @property
    def type(self) -> ValueType:
        return ValueType.VECTOR if self.range is None else ValueType.MATRIX

    @property
    def metric(self) -> str:
        """The name that the text gives, "" where it gives none."""
        return self.name or next((one.value for one in self.matchers if one.name == NAME and one.op == "="), "")


@dataclass(frozen=True, slots=True, eq=False)
class Subquery:
    start: int
    inner: "Node"
    range: "Node"
    step: "Node | None"
    shift: Shift = NO_SHIFT

    type = ValueType.MATRIX


@dataclass(frozen=True, slots=True, eq=False)
class Paren:
    start: int
    inner: "Node"
    type: ValueType


@dataclass(frozen=True, slots=True, eq=False)
class Negation:
    """A minus sign, or a plus sign, before anything but a number."""

    start: int
    inner: "Node"
    minus: bool
    type: ValueType


@dataclass(frozen=True, slots=True)
class Matching:
    """How an operator finds partners: by the labels alone (`on`), or by all others (`ignoring`, and by default)."""

    card: Card = Card.ONE_TO_ONE
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    start: int
    op: str
    left: "Node"
    right: "Node"
    matching: Matching
    returns_bool: bool
    type: ValueType
    op_start: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Aggregation:
    start: int
    op: str
    inner: "Node"
    param: "Node | None"
    grouping: tuple[str, ...]
    without: bool

    type = ValueType.VECTOR


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    start: int
    function: str
    args: "tuple[Node, ...]"
    type: ValueType

    @property
    def written(self) -> "tuple[Node, ...]":
        """The arguments as they are in the text."""
        return tuple(_written(one) for one in self.args if not (_is_implied(one) and len(one.matchers) == 1))


def _is_implied(node: "Node") -> "TypeGuard[Selector]":
    return isinstance(node, Selector) and node.is_implied


def _written(node: "Node") -> "Node":
    return replace(node, matchers=node.matchers[:-1]) if _is_implied(node) else node


Node = Number | String | Selector | Subquery | Paren | Negation | Binary | Aggregation | Call


def bare(node: Node) -> Node:
    """The node within any parentheses around it."""
    while isinstance(node, Paren):
        node = node.inner
    return node


def children(node: Node) -> Iterator[Node]:
    """The nodes right below one, in the order of the text; lengths of time are not among them."""
    match node:
        case Paren() | Negation() | Subquery():
            yield node.inner
        case Binary():
            yield node.left
            yield node.right
        case Aggregation():
            if node.param is not None:
                yield node.param
            yield node.inner
        case Call():
            yield from node.args


def with_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """A node in which what is right below it is changed."""
    match node:
        case Paren() | Negation() | Subquery():
            return replace(node, inner=change(node.inner))
        case Binary():
            return replace(node, left=change(node.left), right=change(node.right))
        case Aggregation():
            param = None if node.param is None else change(node.param)
            return replace(node, param=param, inner=change(node.inner))
        case Call():
            return replace(node, args=tuple(map(change, node.args)))
    return node
