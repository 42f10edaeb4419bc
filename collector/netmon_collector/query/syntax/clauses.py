"""What stands around operands: operators with their matching, lists of labels, conditions, times."""

import math
from dataclasses import dataclass, replace
from typing import Final

from netmon_collector.query.syntax.cursor import BRACES, Cursor
from netmon_collector.query.syntax.lexer import Token, Word, syntax_error
from netmon_collector.query.syntax.literals import duration_ms, go_quoted, number_of, unquoted
from netmon_collector.query.syntax.nodes import Card, Matching, Moment, Number
from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.match import BadPattern, Condition
from netmon_proto.model import NAME

COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))
SETS: Final = frozenset(("and", "or", "unless"))
TRIMS: Final = frozenset(("</", ">/"))
"""Take what is above or below a number off a native histogram."""
_LISTS: Final = "grouping opts"
_GO_WORDS: Final = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid repetition size": "invalid repeat count",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
}
"""What RE2 says of a regular expression, as Prometheus says it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """start: where whatever follows the left side begins, which may be a comment."""

    start: int
    op: str
    matching: Matching
    returns_bool: bool


def read_operator(cursor: Cursor) -> Operator:
    start = cursor.behind()
    op = cursor.next().text.lower()
    returns_bool = cursor.take("bool")
    matching = Matching(card=Card.MANY_TO_MANY if op in SETS else Card.ONE_TO_ONE)
    if cursor.sees("on", "ignoring"):
        on = cursor.next().text.lower() == "on"
        matching = replace(matching, on=on, labels=read_labels(cursor))
        if cursor.sees("group_left", "group_right"):
            matching = _group(cursor, matching)
    return Operator(start, op, _fill(cursor, matching), returns_bool)


def _group(cursor: Cursor, matching: Matching) -> Matching:
    left = cursor.next().text.lower() == "group_left"
    if not cursor.sees("(") and not starts_expression(cursor) and not cursor.sees_fill():
        raise cursor.unexpected(_LISTS, '"("')
    include = read_labels(cursor) if cursor.sees("(") else ()
    return replace(matching, card=Card.MANY_TO_ONE if left else Card.ONE_TO_MANY, include=include)


def starts_expression(cursor: Cursor) -> bool:
    """Whether the next word can be the first of an expression."""
    word = cursor.word
    if word.token is Token.SIGN:
        return word.text in ("(", "{", "+", "-")
    if word.token is Token.NAME:
        return word.text.lower() not in NO_NAMES and not cursor.sees_fill()
    return word.token is not Token.END


NO_NAMES: Final = frozenset("atan2 bool on ignoring group_left group_right".split())
"""Keywords that cannot be the name of a metric, as others can."""


def _fill(cursor: Cursor, matching: Matching) -> Matching:
    """`fill`, or `fill_left` and `fill_right`, each once."""
    sides = {"fill", "fill_left", "fill_right"}
    while sides and cursor.sees_fill():
        kind = cursor.word.text.lower()
        if kind not in sides:
            raise cursor.unexpected()
        sides -= {kind, "fill"} if kind != "fill" else sides
        cursor.next()
        cursor.need("(")
        value = _signed(cursor)
        if value is None:
            raise cursor.unexpected()
        cursor.need(")")
        if kind != "fill_right":
            matching = replace(matching, fill_left=value)
        if kind != "fill_left":
            matching = replace(matching, fill_right=value)
    return matching


def _signed(cursor: Cursor) -> float | None:
    """A number, with or without a sign; None where there is none."""
    minus = cursor.sees("-")
    cursor.take("+", "-")
    number = read_number(cursor)
    if number is None:
        return None
    return -number.value if minus else number.value


def read_number(cursor: Cursor) -> Number | None:
    """The number, or the seconds of the duration, that comes next; None, and nothing is read, for anything else."""
    word = cursor.word
    try:
        if word.token is Token.NUMBER:
            number = Number(word.start, number_of(word.text))
        elif word.token is Token.DURATION:
            number = Number(word.start, duration_ms(word.text) / 1000, is_duration=True)
        elif cursor.sees("inf", "nan"):
            number = Number(word.start, float(word.text))
        else:
            return None
    except ValueError as error:
        kind = "error parsing number: " if word.token is Token.NUMBER else ""
        raise syntax_error(cursor.text, word.start, f"{kind}{error}") from None
    cursor.next()
    return number


def read_labels(cursor: Cursor) -> tuple[str, ...]:
    if not cursor.take("("):
        raise cursor.unexpected(_LISTS, '"("')
    labels: list[str] = []
    while not labels or not cursor.sees(")"):
        if not labels and cursor.sees(")"):
            break
        labels.append(_label(cursor))
        if not cursor.sees(",", ")"):
            raise cursor.unexpected(_LISTS, '"," or ")"')
        cursor.take(",")
    cursor.next()
    return tuple(labels)


def _label(cursor: Cursor) -> str:
    word = cursor.word
    if word.token not in (Token.NAME, Token.STRING) or cursor.sees("inf", "nan", "without") or cursor.sees_fill():
        raise cursor.unexpected(_LISTS, "label")
    cursor.next()
    label = unquoted(word.text) if word.token is Token.STRING else word.text
    if not label or any(0xDC80 <= ord(character) <= 0xDCFF for character in label):
        raise syntax_error(cursor.text, word.start, f"invalid label name for grouping: {go_quoted(label)}")
    return label


def read_grouping(cursor: Cursor) -> tuple[bool, tuple[str, ...]] | None:
    if not cursor.sees("by", "without"):
        return None
    without = cursor.next().text.lower() == "without"
    return without, read_labels(cursor)


def read_conditions(cursor: Cursor) -> tuple[Matcher, ...]:
    """What stands in braces."""
    matchers: list[Matcher] = []
    cursor.next()
    with cursor.within(BRACES):
        while not cursor.sees("}"):
            matchers.append(_matcher(cursor))
            if not cursor.sees(",", "}"):
                raise cursor.unexpected(BRACES, '"," or "}"')
            cursor.take(",")
    cursor.next()
    return tuple(matchers)


def _matcher(cursor: Cursor) -> Matcher:
    """One condition; a string by itself is the name of the metric."""
    word = cursor.word
    if word.token not in (Token.NAME, Token.STRING):
        raise cursor.unexpected(BRACES, 'identifier or "}"')
    cursor.next()
    label = unquoted(word.text) if word.token is Token.STRING else word.text
    if not cursor.sees("=", "!=", "=~", "!~"):
        if word.token is Token.NAME:
            raise cursor.unexpected(BRACES, "label matching operator")
        return Matcher(NAME, MatchOp.EQUAL, label)
    op = cursor.next().text
    if cursor.word.token is not Token.STRING:
        raise cursor.unexpected(BRACES, "string")
    matcher = Matcher(label, MatchOp(op), unquoted(cursor.next().text))
    _check_pattern(cursor, word, matcher)
    return matcher


def _check_pattern(cursor: Cursor, word: Word, matcher: Matcher) -> None:
    try:
        Condition(matcher)
    except BadPattern as error:
        words, _, part = error.reason.partition(": ")
        told = f"error parsing regexp: {_GO_WORDS.get(words, words)}: `{part}`"
        raise syntax_error(cursor.text, word.start, told) from None


def read_moment(cursor: Cursor, start: int) -> int | Moment:
    """What stands behind the @ of an expression that starts at a place."""
    with cursor.within("@", "timestamp"):
        if cursor.sees("start", "end"):
            moment = Moment(cursor.next().text.lower())
            cursor.need("(")
            cursor.need(")")
            return moment
        seconds = _signed(cursor)
        if seconds is None:
            raise cursor.unexpected()
    if not abs(seconds) < 2**63:
        told = {math.inf: "+Inf", -math.inf: "-Inf"}.get(seconds, "NaN" if seconds != seconds else f"{seconds:f}")
        raise syntax_error(cursor.text, start, f"timestamp out of bounds for @ modifier: {told}")
    return int(math.copysign(math.floor(abs(seconds) * 1000 + 0.5), seconds))
