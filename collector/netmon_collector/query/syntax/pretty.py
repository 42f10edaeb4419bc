"""From a tree back to text, laid out as Prometheus lays out expressions: on one line where it fits."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from netmon_collector.query.syntax.literals import go_quoted, whole_ms
from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Card,
    Matching,
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
from netmon_collector.store.base import Matcher
from netmon_proto.names import LABEL_WORD

WIDEST: Final = 100
"""Bytes of UTF-8, as there."""
_INDENT: Final = "  "
_UNITS: Final = (("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000))


def pretty(node: Node) -> str:
    """The whole expression; what is longer than WIDEST is broken where its parts begin."""
    return _laid_out(node, 0)


def one_line(node: Node) -> str:
    """The whole expression on one line."""
    match node:
        case Number(value=value, is_duration=is_duration):
            return duration(whole_ms(value)) if is_duration else plain_number(value)
        case String(value=value):
            return go_quoted(value)
        case Selector():
            return _selector(node)
        case Subquery():
            return one_line(node.inner) + _suffix(node)
        case Paren():
            return f"({one_line(node.inner)})"
        case Negation():
            return f"{'-' if node.minus else '+'}{one_line(node.inner)}"
        case Binary():
            return f"{_left(node, one_line(node.left))} {_operator(node)} {one_line(node.right)}"
        case Aggregation():
            return f"{_head(node)}({', '.join(one_line(one) for one in _arguments(node))})"
        case Call():
            return f"{node.function}({', '.join(one_line(one) for one in node.written)})"


def _laid_out(node: Node, level: int) -> str:
    indent = _INDENT * level
    flat = one_line(node)
    if len(flat.encode()) <= WIDEST:
        return flat if isinstance(node, Subquery) else indent + flat  # these stand at the left edge there
    match node:
        case Binary():
            left, right = _left(node, _laid_out(node.left, level + 1)), _laid_out(node.right, level + 1)
            return f"{left}\n{indent}{_operator(node)}\n{right}"
        case Aggregation() | Call():
            head = _head(node) if isinstance(node, Aggregation) else node.function
            inner = ",\n".join(_laid_out(one, level + 1) for one in _arguments(node))
            return f"{indent}{head}(\n{inner}\n{indent})"
        case Paren():
            return f"{indent}(\n{_laid_out(node.inner, level + 1)}\n{indent})"
        case Subquery():
            return _laid_out(node.inner, level) + _suffix(node)
        case Negation():
            return f"{indent}{'-' if node.minus else '+'}{_laid_out(node.inner, level).strip()}"
    return indent + flat


def _left(node: Binary, text: str) -> str:
    """The left side of an operator: a literal's sign, as of +Inf, would be taken for one of the whole power."""
    if node.op != "^" or not isinstance(node.left, Number):
        return text
    return text.replace("+", "", 1) if text.lstrip().startswith("+") else text


def _arguments(node: Aggregation | Call) -> tuple[Node, ...]:
    if isinstance(node, Call):
        return node.written
    return (node.inner,) if node.param is None else (node.param, node.inner)


def _head(node: Aggregation) -> str:
    if node.without:
        return f"{node.op} without ({_labels(node.grouping)}) "
    return f"{node.op} by ({_labels(node.grouping)}) " if node.grouping else node.op


def _operator(node: Binary) -> str:
    words = [node.op, "bool"] if node.returns_bool else [node.op]
    if node.left.type is node.right.type is ValueType.VECTOR:
        words += _matching(node.matching)
    return " ".join(words)


def _matching(matching: Matching) -> Iterator[str]:
    grouped = {Card.MANY_TO_ONE: "group_left", Card.ONE_TO_MANY: "group_right"}.get(matching.card)
    if matching.labels or matching.on or grouped:
        yield f"{'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if grouped:
        yield f"{grouped} ({_labels(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and left == right:
        yield f"fill ({number(left)})"
    else:
        for side, value in (("left", left), ("right", right)):
            if value is not None:
                yield f"fill_{side} ({number(value)})"


def _selector(node: Selector) -> str:
    matchers = node.matchers[:-1] if node.name else node.matchers
    conditions = sorted(map(_condition, matchers))
    text = node.name + (f"{{{','.join(conditions)}}}" if conditions or not node.name else "")
    edges = f" {node.edges}" if node.edges else ""
    if node.range is not None:
        return f"{text}[{_length(node.range)}]{edges}{_at(node.shift)}{_offset(node.shift)}"
    return f"{text}{_at(node.shift)}{edges}{_offset(node.shift)}"


def _condition(matcher: Matcher) -> str:
    name = matcher.name if LABEL_WORD.fullmatch(matcher.name) else go_quoted(matcher.name)
    return f"{name}{matcher.op}{go_quoted(matcher.value)}"


def _suffix(node: Subquery) -> str:
    step = "" if node.step is None else _length(node.step)
    return f"[{_length(node.range)}:{step}]{_at(node.shift)}{_offset(node.shift)}"


def _at(shift: Shift) -> str:
    if isinstance(shift.at, Moment):
        return f" @ {shift.at}()"
    return "" if shift.at is None else f" @ {shift.at / 1000:.3f}"


def _offset(shift: Shift) -> str:
    none = shift.offset is None or (isinstance(shift.offset, Number) and shift.offset.value == 0)
    return "" if none or shift.offset is None else f" offset {_length(shift.offset)}"


def _length(node: Node) -> str:
    """A length of time; plain seconds are shown as the duration that they are."""
    return duration(whole_ms(node.value)) if isinstance(node, Number) else one_line(node)


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(name if LABEL_WORD.fullmatch(name) else go_quoted(name) for name in names)


def duration(length_ms: int) -> str:
    """1h30m, -5m, 0s; years and weeks only where they come out even, as Prometheus has it."""
    if length_ms < 0:
        return "-" + duration(-length_ms)
    if length_ms == 0:
        return "0s"
    text, left = "", length_ms
    for unit, unit_ms in _UNITS:
        count, rest = divmod(left, unit_ms)
        if count and (unit not in "yw" or rest == 0):
            text, left = f"{text}{count}{unit}", rest
    seconds, ms = divmod(left, 1000)
    return text + (f"{seconds}s" if seconds else "") + (f"{ms}ms" if ms else "")


def plain_number(value: float) -> str:
    """A number without an exponent, as Prometheus prints literals."""
    return number(value) if not math.isfinite(value) else f"{Decimal(repr(value)):f}".removesuffix(".0")


def number(value: float) -> str:
    """A number with an exponent from 1e+06 on, as Go prints it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    written = repr(value).removesuffix(".0")
    if 1e6 <= abs(value) < 1e16:
        digits = written.lstrip("-").replace(".", "")
        power = len(str(int(abs(value)))) - 1
        fraction = digits[1:].rstrip("0")
        sign = "-" if value < 0 else ""
        return f"{sign}{digits[0]}{f'.{fraction}' if fraction else ''}e+{power:02}"
    return written
