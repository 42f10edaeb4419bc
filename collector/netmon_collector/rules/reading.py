"""What the rules of a group read and write, to know when one must wait for what those before it wrote."""

from collections.abc import Iterator, Sequence

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
from netmon_collector.query.syntax.parser import INFO_METRIC, parse
from netmon_collector.rules.alerting import ALERTS, FOR_STATE
from netmon_collector.rules.model import Rule

ANY = "*"
"""Stands for whatever name there may be."""


def names_read(expr: str) -> frozenset[str]:
    """The metrics that an expression reads, ANY among them where that depends on the data."""
    return frozenset(_names(parse(expr)))


def _names(node: Node) -> Iterator[str]:
    if isinstance(node, Selector):
        yield node.metric or ANY
    if isinstance(node, Call) and node.function == "info":
        yield INFO_METRIC
    for child in children(node):
        yield from _names(child)


def is_hungry(node: Node) -> bool:
    """Whether an expression comes to nothing where none of its selectors finds a series."""
    match node:
        case Selector():
            return True
        case Paren() | Negation() | Subquery():
            return is_hungry(node.inner)
        case Aggregation():
            return is_hungry(node.inner)
        case Binary(op="or"):
            return is_hungry(node.left) and is_hungry(node.right)
        case Binary(op="unless"):
            return is_hungry(node.left)
        case Binary():
            return is_hungry(node.left) or is_hungry(node.right)
        case Call() if node.function not in _FROM_NOTHING:
            return any(is_hungry(one) for one in node.args if one.type in (ValueType.VECTOR, ValueType.MATRIX))
    return False


_FROM_NOTHING = frozenset({"absent", "absent_over_time", "scalar", "vector"})
"""Functions that come to something of nothing."""


def names_written(rule: Rule) -> frozenset[str]:
    """The metrics that a rule writes."""
    return frozenset({ALERTS, FOR_STATE} if rule.is_alert else {rule.name})


def waits(rules: Sequence[Rule]) -> list[bool]:
    """For each rule, whether all that was written before it must be readable when it is evaluated."""
    pending: set[str] = set()
    result = []
    for rule in rules:
        texts = [text for _, text in (*rule.labels, *rule.annotations)] if rule.is_alert else []
        read = {ANY} if any("query" in text for text in texts) else names_read(rule.expr)
        must = bool(pending) and (ANY in read or not pending.isdisjoint(read))
        result.append(must)
        pending = set(names_written(rule)) | (set() if must else pending)
    return result
