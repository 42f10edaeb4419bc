"""Devices that samples know by several handles: a query about one of them is a query about all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Negation,
    Node,
    Paren,
    Selector,
    Subquery,
)
from netmon_collector.store.base import Matcher, MatchOp

Handles = Mapping[str, Sequence[str]]
"""For each handle of a device that has several, all of them."""

_LABEL: Final = "instance"
_WIDER: Final = {MatchOp.EQUAL: MatchOp.REGEX, MatchOp.NOT_EQUAL: MatchOp.NOT_REGEX}


def expanded(node: Node, handles: Handles) -> Node:
    """An expression whose selectors of `instance="a"` and `instance!="a"` name all handles of a's device.

    Regular expressions are taken as they were written.
    """
    if not handles:
        return node
    match node:
        case Selector():
            return replace(node, matchers=tuple(_wider(one, handles) for one in node.matchers))
        case Paren() | Negation() | Subquery():
            return replace(node, inner=expanded(node.inner, handles))
        case Binary():
            return replace(node, left=expanded(node.left, handles), right=expanded(node.right, handles))
        case Aggregation():
            param = None if node.param is None else expanded(node.param, handles)
            return replace(node, inner=expanded(node.inner, handles), param=param)
        case Call():
            return replace(node, args=tuple(expanded(one, handles) for one in node.args))
    return node


def _wider(matcher: Matcher, handles: Handles) -> Matcher:
    alike = handles.get(matcher.value, ()) if matcher.name == _LABEL else ()
    if len(alike) < 2 or matcher.op not in _WIDER:
        return matcher
    return Matcher(_LABEL, _WIDER[matcher.op], "|".join(re.escape(one) for one in alike))
