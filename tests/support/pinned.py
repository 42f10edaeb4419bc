"""Expressions that are the same at any time, made of others by an `@` at each of their selectors."""

from dataclasses import replace
from typing import Final

from netmon_collector.query.syntax.nodes import Call, Node, Selector, Subquery, children, with_children

_OF_TIME: Final = frozenset(
    "days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp "
    "start end step range info anomaly_rate anomaly_score baseline_high baseline_low forecast forecast_high "
    "forecast_low time_until time_until_high time_until_low".split()
)
"""Functions whose result depends on when they are asked, whatever their argument is pinned to."""


def depends_on_time(root: Node) -> bool:
    """Whether a tree comes to something else at other times even when all its selectors are pinned."""
    if isinstance(root, Call) and root.function in _OF_TIME:
        return True
    return any(map(depends_on_time, children(root)))


def pinned(node: Node, at_ms: int) -> Node:
    """A tree whose selectors are pinned to a time, but for those that are to one, and those within subqueries."""
    if isinstance(node, Selector | Subquery):
        at = node.shift.at if node.shift.at is not None else at_ms
        return replace(node, shift=replace(node.shift, at=at))
    return with_children(node, lambda child: pinned(child, at_ms))
