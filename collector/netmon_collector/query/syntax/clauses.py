"""What stands around operands: operators with their matching, lists of labels, conditions, times."""

from dataclasses import dataclass, replace
from typing import Final

from netmon_collector.query.syntax.cursor import Cursor
from netmon_collector.query.syntax.lexer import Token, Word, duration_ms, go_quoted, number_of, syntax_error, unquoted
from netmon_collector.query.syntax.nodes import Card, Matching, Moment
from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.match import Condition
from netmon_proto.model import NAME

COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))
SETS: Final = frozenset(("and", "or", "unless"))


@dataclass(frozen=True, slots=True)
class Operator:
    """grouped: whether `on` or `ignoring` stands behind it."""

    start: int
    op: str
    matching: Matching
    grouped: bool
    returns_bool: bool


def read_operator(cursor: Cursor) -> Operator:
    word = cursor.next()
    op = word.text.lower()
    returns_bool = cursor.take("bool")
    if returns_bool and op not in COMPARISONS:
        raise syntax_error(cursor.text, word.start, "bool modifier can only be used on comparison operators")
    matching = Matching(card=Card.MANY_TO_MANY if op in SETS else Card.ONE_TO_ONE)
    grouped = False
    if cursor.sees("on", "ignoring"):
        on = cursor.next().text.lower() == "on"
        matching, grouped = replace(matching, on=on, labels=read_labels(cursor)), True
        if cursor.sees("group_left", "group_right"):
            matching = _group(cursor, word, matching)
    return Operator(word.start, op, _fill(cursor, matching), grouped, returns_bool)


def _group(cursor: Cursor, operator: Word, matching: Matching) -> Matching:
    word = cursor.next()
    include = read_labels(cursor) if cursor.sees("(") else ()
    for label in include:
        if matching.on and label in matching.labels:
            raise syntax_error(
                cursor.text, operator.start, f"label {go_quoted(label)} must not occur in ON and GROUP clause at once"
            )
    left = word.text.lower() == "group_left"
    return replace(matching, card=Card.MANY_TO_ONE if left else Card.ONE_TO_MANY, include=include)


def _fill(cursor: Cursor, matching: Matching) -> Matching:
    while cursor.sees("fill", "fill_left", "fill_right") and cursor.after().text == "(":
        word = cursor.next()
        cursor.need("(", "fill modifier")
        value = _signed(cursor)
        cursor.need(")", "fill modifier")
        kind = word.text.lower()
        if kind in ("fill", "fill_left"):
            matching = replace(matching, fill_left=value)
        if kind in ("fill", "fill_right"):
            matching = replace(matching, fill_right=value)
    return matching


def _signed(cursor: Cursor) -> float:
    """A number, with or without a sign."""
    minus = cursor.sees("-")
    cursor.take("+", "-")
    value = read_number(cursor)
    if value is None:
        raise cursor.unexpected("fill modifier", ", expected number")
    return -value if minus else value


def read_number(cursor: Cursor) -> float | None:
    """The number, or the seconds of the duration, that comes next; None, and nothing is read, for anything else."""
    word = cursor.word
    if word.token is Token.NUMBER:
        value = number_of(word.text)
    elif word.token is Token.DURATION:
        value = duration_ms(word.text) / 1000
    elif cursor.sees("inf", "nan"):
        value = float(word.text.lower())
    else:
        return None
    cursor.next()
    return value


def read_labels(cursor: Cursor) -> tuple[str, ...]:
    cursor.need("(", "grouping opts")
    labels: list[str] = []
    while not cursor.take(")"):
        word = cursor.next()
        if word.token is Token.NAME and ":" not in word.text:
            labels.append(word.text)
        elif word.token is Token.STRING:
            labels.append(unquoted(word, cursor.text))
        else:
            cursor.back()
            raise cursor.unexpected("grouping opts", ", expected label")
        if not cursor.sees(")"):
            cursor.need(",", "grouping opts")
    return tuple(labels)


def read_grouping(cursor: Cursor) -> tuple[bool, tuple[str, ...]] | None:
    if not cursor.sees("by", "without"):
        return None
    without = cursor.next().text.lower() == "without"
    return without, read_labels(cursor)


def read_conditions(cursor: Cursor, matchers: list[Matcher]) -> str:
    """Reads what stands in braces; returns the metric's name, if one stands there in quotes."""
    name = ""
    cursor.need("{", "label matching")
    while not cursor.take("}"):
        name = _matcher(cursor, matchers) or name
        if not cursor.sees("}"):
            cursor.need(",", "label matching")
    return name


def _matcher(cursor: Cursor, matchers: list[Matcher]) -> str:
    """Reads one condition; returns the metric's name if it is that, in quotes."""
    word = cursor.next()
    if word.token is Token.STRING and cursor.sees(",", "}"):
        name = unquoted(word, cursor.text)
        matchers.append(Matcher(NAME, MatchOp.EQUAL, name))
        return name
    if word.token not in (Token.NAME, Token.STRING) or (word.token is Token.NAME and ":" in word.text):
        cursor.back()
        raise cursor.unexpected("label matching", ', expected identifier or "}"')
    label = word.text if word.token is Token.NAME else unquoted(word, cursor.text)
    if not cursor.sees("=", "!=", "=~", "!~"):
        raise cursor.unexpected("label matching", ", expected label matching operator")
    op = cursor.next().text
    if cursor.word.token is not Token.STRING:
        raise cursor.unexpected("label matching", ", expected string")
    matchers.append(Matcher(label, MatchOp(op), unquoted(cursor.next(), cursor.text)))
    try:
        Condition(matchers[-1])
    except ValueError as error:
        raise syntax_error(cursor.text, word.start, str(error)) from None
    return ""


def read_moment(cursor: Cursor) -> int | Moment:
    if cursor.sees("start", "end"):
        moment = Moment(cursor.next().text.lower())
        cursor.need("(", "@")
        cursor.need(")", "@")
        return moment
    start = cursor.word.start
    minus = cursor.sees("-")
    cursor.take("+", "-")
    seconds = read_number(cursor)
    if seconds is None:
        raise cursor.unexpected("@", ", expected timestamp")
    if not seconds * 1000 < 2**63:
        raise syntax_error(cursor.text, start, f"timestamp out of bounds for @ modifier: {seconds:f}")
    at_ms = round(seconds * 1000)
    return -at_ms if minus else at_ms
