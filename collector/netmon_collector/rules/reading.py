"""What the rules of a group read and write, to know when one must wait for what those before it wrote."""

from collections.abc import Iterator, Sequence

from netmon_collector.query.syntax.nodes import Call, Node, Selector, children
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
