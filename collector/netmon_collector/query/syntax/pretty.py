"""From a tree back to text, laid out as Prometheus lays out expressions: on one line where it fits."""

from typing import Final

from netmon_collector.query.syntax.lexer import go_quoted
from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Card,
    Moment,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    Shift,
    String,
    Subquery,
)
from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME
from netmon_proto.names import LABEL_WORD, METRIC_WORD

WIDEST: Final = 100
_INDENT: Final = "  "
_UNITS: Final = (("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000))


def pretty(node: Node) -> str:
    """The whole expression; what is longer than WIDEST is broken where its parts begin."""
    return _laid_out(node, 0)


def one_line(node: Node) -> str:
    """The whole expression on one line."""
    match node:
        case Number(value=value, is_duration=is_duration):
            return duration(round(value * 1000)) if is_duration else number(value)
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
            return f"{node.function}({', '.join(one_line(one) for one in node.args)})"


def _laid_out(node: Node, level: int) -> str:
    indent = _INDENT * level
    flat = one_line(node)
    if len(flat) <= WIDEST:
        return indent + flat
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
        return node.args
    return (node.inner,) if node.param is None else (node.param, node.inner)


def _head(node: Aggregation) -> str:
    if node.without:
        return f"{node.op} without ({_labels(node.grouping)}) "
    return f"{node.op} by ({_labels(node.grouping)}) " if node.grouping else node.op


def _operator(node: Binary) -> str:
    matching = node.matching
    words = [node.op, "bool"] if node.returns_bool else [node.op]
    if matching.labels or matching.on:
        words.append(f"{'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})")
    if matching.card in (Card.MANY_TO_ONE, Card.ONE_TO_MANY):
        side = "left" if matching.card is Card.MANY_TO_ONE else "right"
        words.append(f"group_{side} ({_labels(matching.include)})")
    left, right = matching.fill_left, matching.fill_right
    if left is not None and left == right:
        words.append(f"fill ({number(left)})")
    else:
        words += [f"fill_{side} ({number(one)})" for side, one in (("left", left), ("right", right)) if one is not None]
    return " ".join(words)


def _selector(node: Selector) -> str:
    name = node.name if METRIC_WORD.fullmatch(node.name) else ""
    conditions = [go_quoted(node.name)] if node.name and not name else []
    conditions += sorted(_condition(one) for one in node.matchers if one != Matcher(NAME, MatchOp.EQUAL, node.name))
    text = name + (f"{{{','.join(conditions)}}}" if conditions or not name else "")
    if node.range is not None:
        text += f"[{_length(node.range)}]"
    if node.edges:
        text += f" {node.edges}"
    return text + _shift(node.shift)


def _condition(matcher: Matcher) -> str:
    name = matcher.name if LABEL_WORD.fullmatch(matcher.name) else go_quoted(matcher.name)
    return f"{name}{matcher.op}{go_quoted(matcher.value)}"


def _suffix(node: Subquery) -> str:
    step = "" if node.step is None else _length(node.step)
    return f"[{_length(node.range)}:{step}]{_shift(node.shift)}"


def _shift(shift: Shift) -> str:
    text = ""
    if isinstance(shift.at, Moment):
        text = f" @ {shift.at}()"
    elif shift.at is not None:
        text = f" @ {shift.at / 1000:.3f}"
    if shift.offset is not None:
        text += f" offset {_length(shift.offset)}"
    return text


def _length(node: Node) -> str:
    """A length of time; plain seconds are shown as the duration that they are."""
    return duration(round(node.value * 1000)) if isinstance(node, Number) else one_line(node)


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(name if LABEL_WORD.fullmatch(name) else go_quoted(name) for name in names)


def duration(length_ms: int) -> str:
    """1h30m, -5m, 0s; years, weeks and days only where they come out even, as Prometheus has it."""
    if length_ms < 0:
        return "-" + duration(-length_ms)
    if length_ms == 0:
        return "0s"
    text, left = "", length_ms
    for unit, unit_ms in _UNITS:
        count, rest = divmod(left, unit_ms)
        if count and (unit not in "ywd" or rest == 0):
            text, left = f"{text}{count}{unit}", rest
    seconds, ms = divmod(left, 1000)
    return text + (f"{seconds}s" if seconds else "") + (f"{ms}ms" if ms else "")


def number(value: float) -> str:
    """A number with an exponent from 1e+06 on, as Prometheus prints literals."""
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
