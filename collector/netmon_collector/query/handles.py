"""Devices that samples know by several handles: a query about one of them is a query about all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from netmon_collector.query.syntax.nodes import Node, Selector, with_children
from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.match import Condition

Handles = Mapping[str, Sequence[str]]
"""For each handle of a device that has several, all of them."""

_LABEL: Final = "instance"
_WIDER: Final = {MatchOp.EQUAL: MatchOp.REGEX, MatchOp.NOT_EQUAL: MatchOp.NOT_REGEX}


def expanded(node: Node, handles: Handles) -> Node:
    """An expression whose selectors of an `instance` name all handles of its device."""
    if not handles:
        return node
    if isinstance(node, Selector):
        return replace(node, matchers=widened(node.matchers, handles))
    return with_children(node, lambda child: expanded(child, handles))


def widened(matchers: Sequence[Matcher], handles: Handles) -> tuple[Matcher, ...]:
    """Conditions that accept the series of all handles of a device where they accept those of one, or of none."""
    return tuple(_wider(one, handles) if handles and one.name == _LABEL else one for one in matchers)


def _wider(matcher: Matcher, handles: Handles) -> Matcher:
    if matcher.op in _WIDER:
        alike = handles.get(matcher.value, ())
        return Matcher(_LABEL, _WIDER[matcher.op], _either(alike)) if len(alike) > 1 else matcher
    try:
        named = Condition(Matcher(_LABEL, MatchOp.REGEX, matcher.value))
    except ValueError:  # whoever evaluates it says so
        return matcher
    missing = {other for one in handles if named.accepts(one) for other in handles[one] if not named.accepts(other)}
    if not missing:
        return matcher
    return replace(matcher, value=f"(?:{matcher.value})|{_either(sorted(missing))}")


def _either(handles: Sequence[str]) -> str:
    return "|".join(re.escape(one) for one in handles)
