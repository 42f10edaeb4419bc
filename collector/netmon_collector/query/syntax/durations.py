"""Lengths of time in brackets and behind `offset`: numbers, durations, and what is computed of them."""

from typing import Final

from netmon_collector.query.syntax.clauses import read_number
from netmon_collector.query.syntax.cursor import Cursor
from netmon_collector.query.syntax.lexer import syntax_error
from netmon_collector.query.syntax.nodes import Binary, Call, Matching, Negation, Node, Number, Paren, ValueType

_LEVELS: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_UNARY_LEVEL: Final = 2
_LONGEST_S: Final = (1 << 63) / 1e9
KINDS: Final = "number, duration, step(), or range()"


def read_length(cursor: Cursor) -> Node:
    """The length of a window or of a step, which is not zero as far as can be seen."""
    node = _computed(cursor, 0)
    if isinstance(node, Number) and node.value <= 0:
        raise syntax_error(cursor.text, node.start, "duration must be greater than 0")
    return node


def read_offset(cursor: Cursor) -> Node:
    """What follows `offset`: one operand, with or without signs; operators behind it are for what is shifted."""
    with cursor.within("offset", KINDS):
        return _operand(cursor)


def _computed(cursor: Cursor, level: int) -> Node:
    cursor.deeper()
    left = _signed(cursor)
    while (own := _LEVELS.get(cursor.word.text, 0)) and own >= level:
        operator = cursor.next()
        right = _computed(cursor, own if operator.text == "^" else own + 1)
        if operator.text in ("/", "%") and isinstance(right, Number) and right.value == 0:
            kind = "division" if operator.text == "/" else "modulo"
            raise syntax_error(cursor.text, operator.start, f"{kind} by zero")
        left = Binary(left.start, operator.text, left, right, Matching(), returns_bool=False, type=ValueType.SCALAR)
    cursor.higher()
    return left


def _signed(cursor: Cursor) -> Node:
    if not cursor.sees("+", "-"):
        return _primary(cursor)
    sign = cursor.next()
    return _with_sign(sign.text, sign.start, _computed(cursor, _UNARY_LEVEL + 1))


def _operand(cursor: Cursor) -> Node:
    if not cursor.sees("+", "-"):
        return _primary(cursor)
    sign = cursor.next()
    cursor.deeper()
    node = _with_sign(sign.text, sign.start, _operand(cursor))
    cursor.higher()
    return node


def _with_sign(sign: str, start: int, node: Node) -> Node:
    if isinstance(node, Number):
        return Number(start, -node.value if sign == "-" else node.value, node.is_duration)
    return node if sign == "+" else Negation(start, node, minus=True, type=ValueType.SCALAR)


def _primary(cursor: Cursor) -> Node:
    start = cursor.word.start
    number = read_number(cursor)
    if number is not None:
        if not abs(number.value) <= _LONGEST_S:
            raise syntax_error(cursor.text, start, "duration out of range")
        return number
    if cursor.take("("):
        inner = _computed(cursor, 0)
        cursor.need(")")
        return Paren(start, inner, ValueType.SCALAR)
    if not cursor.sees("step", "range", "min_of", "max_of"):
        raise cursor.unexpected()
    name = cursor.next().text.lower()
    cursor.need("(")
    args: list[Node] = []
    if name in ("min_of", "max_of"):
        args.append(_computed(cursor, 0))
        cursor.need(",")
        args.append(_computed(cursor, 0))
    cursor.need(")")
    return Call(start, name, tuple(args), ValueType.SCALAR)
