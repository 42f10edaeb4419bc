"""Expressions as trees in JSON, as Prometheus' parse_query has them."""

from collections.abc import Sequence
from typing import Any

from netmon_api.prometheus.floats import scalar_text
from netmon_collector.query.syntax.literals import whole_ms
from netmon_collector.query.syntax.nodes import (
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
    String,
    Subquery,
    ValueType,
)
from netmon_collector.query.syntax.signatures import SIGNATURES
from netmon_collector.store.base import Matcher

Tree = dict[str, Any]

_TYPES = {
    ValueType.SCALAR: "scalar",
    ValueType.STRING: "string",
    ValueType.VECTOR: "vector",
    ValueType.MATRIX: "matrix",
}


def tree(node: Node) -> Tree:
    """An expression and all below it."""
    match node:
        case Number():
            return {"type": "numberLiteral", "val": scalar_text(node.value)}
        case String():
            return {"type": "stringLiteral", "val": node.value}
        case Paren():
            return {"type": "parenExpr", "expr": tree(node.inner)}
        case Negation():
            return {"type": "unaryExpr", "op": "-" if node.minus else "+", "expr": tree(node.inner)}
        case Selector():
            return _selector(node)
        case Subquery():
            times = {"range": _ms(node.range), "step": _ms(node.step), **_shift(node.shift)}
            return {"type": "subquery", "expr": tree(node.inner), **times}
        case Aggregation():
            return _aggregation(node)
        case Binary():
            return _binary(node)
        case Call():
            return {"type": "call", "func": _function(node.function), "args": [tree(one) for one in node.written]}


def _selector(node: Selector) -> Tree:
    ranged = {} if node.range is None else {"range": _ms(node.range)}
    return {
        "type": "vectorSelector" if node.range is None else "matrixSelector",
        "name": node.name,
        "matchers": _matchers(node.matchers),
        "anchored": node.edges is Edges.ANCHORED,
        "smoothed": node.edges is Edges.SMOOTHED,
        **ranged,
        **_shift(node.shift),
    }


def _matchers(matchers: Sequence[Matcher]) -> list[Tree]:
    return [{"name": one.name, "value": one.value, "type": str(one.op)} for one in matchers]


def _shift(shift: Shift) -> Tree:
    is_moment = isinstance(shift.at, Moment)
    return {
        "offset": _ms(shift.offset),
        "timestamp": None if is_moment else shift.at,
        "startOrEnd": str(shift.at) if is_moment else None,
    }


def _ms(length: Node | None) -> int:
    """A length of time; one that has to be computed is told as 0, as Prometheus does."""
    return whole_ms(length.value) if isinstance(length, Number) else 0


def _aggregation(node: Aggregation) -> Tree:
    return {
        "type": "aggregation",
        "op": node.op,
        "expr": tree(node.inner),
        "param": None if node.param is None else tree(node.param),
        "grouping": list(node.grouping),
        "without": node.without,
    }


def _binary(node: Binary) -> Tree:
    matching = None
    if node.left.type is node.right.type is ValueType.VECTOR:
        matching = {
            "card": str(node.matching.card),
            "labels": list(node.matching.labels),
            "on": node.matching.on,
            "include": list(node.matching.include),
            "fillValues": {"lhs": node.matching.fill_left, "rhs": node.matching.fill_right},
        }
    sides = {"lhs": tree(node.left), "rhs": tree(node.right)}
    return {"type": "binaryExpr", "op": node.op, **sides, "matching": matching, "bool": node.returns_bool}


def _function(name: str) -> Tree:
    signature = SIGNATURES[name]
    return {
        "name": name,
        "argTypes": [_TYPES[one] for one in signature.args],
        "variadic": signature.variadic,
        "returnType": _TYPES[signature.returns],
    }
