"""From words to a tree: one function per rule of the grammar, bounded in words and in depth."""

from dataclasses import replace
from typing import Final

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.syntax.check import check
from netmon_collector.query.syntax.clauses import (
    NO_NAMES,
    read_conditions,
    read_grouping,
    read_moment,
    read_number,
    read_operator,
    starts_expression,
)
from netmon_collector.query.syntax.cursor import AGGREGATIONS, Cursor
from netmon_collector.query.syntax.durations import KINDS, read_length, read_offset
from netmon_collector.query.syntax.lexer import Token, Word, syntax_error
from netmon_collector.query.syntax.literals import go_quoted, unquoted
from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Edges,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    ValueType,
    children,
)
from netmon_collector.query.syntax.signatures import SIGNATURES
from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME

LONGEST_BYTES: Final = 256 << 10
INFO_METRIC: Final = "target_info"
"""Where info() finds labels if it is not told otherwise."""
HIGHEST: Final = 200
"""Levels of the tree, in which each operator of a chain is one."""

_WITH_PARAM: Final = frozenset("topk bottomk count_values quantile limitk limit_ratio".split())
_LEVELS: Final = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "</": 3, ">/": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_UNARY_LEVEL: Final = 5
_NAMES_ONLY: Final = frozenset("and or unless by without offset anchored smoothed".split()) | AGGREGATIONS
"""Keywords that may be the name of a metric, and of no function."""
_ANY_CASE: Final = frozenset("start end step range".split())
"""Functions that are keywords."""
_RANGES: Final = "subquery or range selector"


def parse(text: str) -> Node:
    """The tree of an expression, its types checked. Raises QueryError that says what is wrong and where."""
    return _Parser(_bounded(text)).whole()


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The conditions of a selector by itself, which may be one that all series fit. Raises QueryError."""
    return _Parser(_bounded(text)).selector()


def _bounded(text: str) -> str:
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise QueryError(ErrorKind.BAD_DATA, "query must be valid Unicode") from None
    if size_bytes > LONGEST_BYTES:
        raise QueryError(
            ErrorKind.BAD_DATA, f"query is longer than {LONGEST_BYTES} bytes (has {size_bytes}): ask for less at a time"
        )
    return text


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = Cursor(text)

    def whole(self) -> Node:
        if self._words.at_end():
            raise syntax_error(self._text, 0, "no expression found in input")
        node = self._expression(0)
        if not self._words.at_end():
            raise self._words.unexpected()
        self._check_height(node)
        check(self._text, node)
        return node

    def selector(self) -> tuple[Matcher, ...]:
        word = self._words.word
        is_named = word.token is Token.NAME and word.text.lower() not in NO_NAMES
        if not is_named and not self._words.sees("{"):
            raise self._words.unexpected()
        node = self._selector(self._words.next().text if is_named else "", word.start)
        if not self._words.at_end():
            raise self._words.unexpected()
        return node.matchers

    def _check_height(self, root: Node) -> None:
        """A chain of operators is a tree that is as high as the chain is long."""
        level = [root]
        for _ in range(HIGHEST):
            level = [child for node in level for child in children(node)]
            if not level:
                return
        raise syntax_error(self._text, level[0].start, f"more than {HIGHEST} operators in a chain: use parentheses")

    # expressions

    def _expression(self, level: int) -> Node:
        """An expression whose operators bind at least as closely as `level`."""
        self._words.deeper()
        left = self._unary()
        while (operator_level := self._operator_level()) and operator_level >= level:
            operator = read_operator(self._words)
            right = self._expression(operator_level if operator.op == "^" else operator_level + 1)
            scalar = left.type is right.type is ValueType.SCALAR
            kind = ValueType.SCALAR if scalar else ValueType.VECTOR
            op, matching, returns_bool = operator.op, operator.matching, operator.returns_bool
            left = Binary(left.start, op, left, right, matching, returns_bool, kind, operator.start)
        self._words.higher()
        return left

    def _operator_level(self) -> int:
        word = self._words.word
        if word.token is Token.SIGN or word.token is Token.NAME:
            return _LEVELS.get(word.text.lower(), 0)
        return 0

    def _unary(self) -> Node:
        word = self._words.word
        if not self._words.sees("+", "-"):
            return self._postfix(self._primary())
        self._words.next()
        inner = self._expression(_UNARY_LEVEL + 1)
        if isinstance(inner, Number):
            return Number(word.start, -inner.value if word.text == "-" else inner.value, inner.is_duration)
        return Negation(word.start, inner, minus=word.text == "-", type=inner.type)

    # operands

    def _primary(self) -> Node:
        word = self._words.word
        number = read_number(self._words)
        if number is not None:
            return number
        match word.token:
            case Token.STRING:
                return String(word.start, unquoted(self._words.next().text))
            case Token.NAME:
                return self._named()
        if self._words.take("("):
            inner = self._expression(0)
            self._words.need(")")
            return Paren(word.start, inner, inner.type)
        if self._words.sees("{"):
            return self._selector("", word.start)
        raise self._words.unexpected()

    def _named(self) -> Node:
        lower = self._words.word.text.lower()
        if lower in NO_NAMES or self._words.sees_fill():
            raise self._words.unexpected()
        word = self._words.next()
        if lower in AGGREGATIONS and self._words.sees("(", "by", "without"):
            return self._aggregation(word)
        if self._words.sees("(") and ":" not in word.text and (lower not in _NAMES_ONLY):
            return self._call(word)
        return self._selector(word.text, word.start)

    def _aggregation(self, word: Word) -> Node:
        op = word.text.lower()
        with self._words.within("aggregation"):
            grouping = read_grouping(self._words)
            args = self._args()
        if grouping is None:
            grouping = read_grouping(self._words) or (False, ())
        wanted = 2 if op in _WITH_PARAM else 1
        if len(args) != wanted:
            raise syntax_error(
                self._text,
                word.start,
                f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(args)}"
                if args
                else "no arguments for aggregate expression provided",
            )
        without, labels = grouping
        return Aggregation(word.start, op, args[-1], args[0] if wanted == 2 else None, labels, without)

    def _args(self) -> list[Node]:
        self._words.need("(")
        args: list[Node] = []
        while not args or not self._words.sees(")"):
            if not args and self._words.sees(")"):
                break
            args.append(self._expression(0))
            comma = self._words.word
            if self._words.take(",") and not starts_expression(self._words):
                raise syntax_error(self._text, comma.start, "trailing commas not allowed in function call args")
            if comma.text not in (",", ")"):
                raise self._words.unexpected()
        self._words.next()
        return args

    def _call(self, word: Word) -> Call:
        args = self._args()
        name = word.text.lower() if word.text.lower() in _ANY_CASE else word.text
        signature = SIGNATURES.get(name)
        if signature is None:
            raise syntax_error(self._text, word.start, f"unknown function with name {go_quoted(name)}")
        if name == "info" and 0 < len(args) < 3:
            args[1:] = [_with_metric(arg) for arg in args[1:] or [Selector(word.start, "", ())]]
        return Call(word.start, name, tuple(args), signature.returns)

    def _selector(self, name: str, start: int) -> Selector:
        matchers = read_conditions(self._words) if self._words.sees("{") else ()
        if name:
            matchers += (Matcher(NAME, MatchOp.EQUAL, name),)
        return Selector(start, name, matchers)

    # what follows an operand

    def _postfix(self, node: Node) -> Node:
        while True:
            if self._words.sees("["):
                node = self._ranged(node)
            elif self._words.sees("offset"):
                node = self._offset(node)
            elif self._words.sees("@"):
                node = self._pinned(node)
            elif self._words.sees("anchored", "smoothed"):
                node = self._extended(node)
            else:
                return node

    def _ranged(self, node: Node) -> Node:
        start = self._words.next().start
        with self._words.within(_RANGES, KINDS):
            length = read_length(self._words)
        if self._words.take(":"):
            return self._subquery(node, length)
        if not self._words.take("]"):
            raise self._words.unexpected("subquery or range", '":" or "]"')
        if not isinstance(node, Selector) or node.range is not None:
            raise syntax_error(self._text, start, "ranges only allowed for vector selectors")
        offset = node.shift.offset
        if isinstance(offset, Number) and offset.value:
            raise syntax_error(self._text, start, "no offset modifiers allowed before range")
        if isinstance(node.shift.at, int):
            raise syntax_error(self._text, start, "no @ modifiers allowed before range")
        return replace(node, range=length)

    def _subquery(self, node: Node, length: Node) -> Node:
        step = None
        if not self._words.sees("]"):
            with self._words.within("subquery selector", KINDS.replace("or ", "") + ', or "]"'):
                step = read_length(self._words)
        if not self._words.take("]"):
            raise self._words.unexpected("subquery selector", '"]"')
        return Subquery(node.start, node, length, step)

    def _offset(self, node: Node) -> Node:
        self._words.next()
        length = read_offset(self._words)
        if not isinstance(node, Selector | Subquery):
            raise self._not_behind(node, "offset modifier")
        before = node.shift.offset
        if before is not None and not (isinstance(before, Number) and before.value == 0):
            raise syntax_error(self._text, node.start, "offset may not be set multiple times")
        return replace(node, shift=replace(node.shift, offset=length))

    def _pinned(self, node: Node) -> Node:
        self._words.next()
        at = read_moment(self._words, node.start)
        if not isinstance(node, Selector | Subquery):
            raise self._not_behind(node, "@ modifier")
        if node.shift.at is not None:
            raise syntax_error(self._text, node.start, "@ <timestamp> may not be set multiple times")
        return replace(node, shift=replace(node.shift, at=at))

    def _not_behind(self, node: Node, what: str) -> QueryError:
        told = "must be preceded by an instant vector selector or range vector selector or a subquery"
        return syntax_error(self._text, node.start, f"{what} {told}")

    def _extended(self, node: Node) -> Node:
        edges = Edges(self._words.next().text.lower())
        if isinstance(node, Subquery):
            raise syntax_error(self._text, node.start, f"{edges} modifier is not supported for subqueries")
        if not isinstance(node, Selector):
            raise syntax_error(self._text, node.start, f"{edges} modifier not implemented")
        if node.edges not in (Edges.PLAIN, edges):
            told = "anchored and smoothed modifiers cannot be used together"
            raise syntax_error(self._text, node.start, told)
        return replace(node, edges=edges)


def _with_metric(node: Node) -> Node:
    """The conditions for info(), with the metric that it looks at if they name none."""
    if not isinstance(node, Selector) or any(matcher.name == NAME for matcher in node.matchers):
        return node
    return replace(node, matchers=(*node.matchers, Matcher(NAME, MatchOp.EQUAL, INFO_METRIC)), is_implied=True)
