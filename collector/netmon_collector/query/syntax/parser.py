"""From words to a tree: one function per rule of the grammar, bounded in words and in depth."""

from dataclasses import replace
from typing import Final

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.syntax.check import checked_binary, checked_call, checked_selector, expect
from netmon_collector.query.syntax.clauses import read_conditions, read_grouping, read_moment, read_operator
from netmon_collector.query.syntax.cursor import Cursor
from netmon_collector.query.syntax.lexer import Token, Word, duration_ms, go_quoted, number_of, syntax_error, unquoted
from netmon_collector.query.syntax.nodes import (
    Aggregation,
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
from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME

LONGEST_BYTES: Final = 256 << 10
INFO_METRIC: Final = "target_info"
"""Where info() finds labels if it is not told otherwise."""
HIGHEST: Final = 200
"""Levels of the tree, in which each operator of a chain is one."""

AGGREGATIONS: Final = frozenset(
    "sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio".split()
)
_WITH_PARAM: Final = frozenset("topk bottomk count_values quantile limitk limit_ratio".split())
_LEVELS: Final = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_UNARY_LEVEL: Final = 5
_NO_NAMES: Final = frozenset("atan2 bool on ignoring group_left group_right".split())
"""Other keywords may be the name of a metric."""


def parse(text: str) -> Node:
    """The tree of an expression, its types checked. Raises QueryError that says what is wrong and where."""
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise QueryError(ErrorKind.BAD_DATA, "query must be valid Unicode") from None
    if size_bytes > LONGEST_BYTES:
        raise QueryError(
            ErrorKind.BAD_DATA, f"query is longer than {LONGEST_BYTES} bytes (has {size_bytes}): ask for less at a time"
        )
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = Cursor(text)

    def whole(self) -> Node:
        if self._words.at_end():
            raise syntax_error(self._text, 0, "no expression found in input")
        node = self._expression(0)
        if not self._words.at_end():
            raise self._words.unexpected("expression")
        self._check_height(node)
        return node

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
            left = checked_binary(self._text, operator, left, right)
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
        if inner.type not in (ValueType.SCALAR, ValueType.VECTOR):
            raise syntax_error(
                self._text,
                word.start,
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f"got {go_quoted(inner.type)}",
            )
        return Negation(word.start, inner, minus=word.text == "-", type=inner.type)

    # operands

    def _primary(self) -> Node:
        word = self._words.word
        match word.token:
            case Token.NUMBER:
                return Number(word.start, number_of(self._words.next().text))
            case Token.DURATION:
                return Number(word.start, duration_ms(self._words.next().text) / 1000, is_duration=True)
            case Token.STRING:
                return String(word.start, unquoted(self._words.next(), self._text))
            case Token.NAME:
                return self._named()
        if self._words.take("("):
            inner = self._expression(0)
            self._words.need(")", "paren expression")
            return Paren(word.start, inner, inner.type)
        if self._words.sees("{"):
            return self._selector("", word.start)
        raise self._words.unexpected("expression")

    def _named(self) -> Node:
        word = self._words.next()
        lower = word.text.lower()
        if lower in ("inf", "nan"):
            return Number(word.start, float(lower))
        if lower in AGGREGATIONS and self._words.sees("(", "by", "without"):
            return self._aggregation(word)
        if lower in _NO_NAMES:
            self._words.back()
            raise self._words.unexpected("expression")
        if self._words.sees("("):
            return self._call(word)
        return self._selector(word.text, word.start)

    def _aggregation(self, word: Word) -> Node:
        op = word.text.lower()
        grouping = read_grouping(self._words)
        args = self._args("aggregation")
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
        expect(self._text, args[-1], ValueType.VECTOR, "aggregation expression")
        if wanted == 2:
            kind = ValueType.STRING if op == "count_values" else ValueType.SCALAR
            expect(self._text, args[0], kind, "aggregation parameter")
        without, labels = grouping
        return Aggregation(word.start, op, args[-1], args[0] if wanted == 2 else None, labels, without)

    def _args(self, context: str) -> list[Node]:
        self._words.need("(", context)
        args: list[Node] = []
        while not self._words.take(")"):
            args.append(self._expression(0))
            if not self._words.sees(")"):
                self._words.need(",", context)
                if self._words.sees(")"):
                    raise syntax_error(
                        self._text, self._words.word.start, "trailing commas not allowed in function call args"
                    )
        return args

    def _call(self, word: Word) -> Call:
        args = self._info_args() if word.text == "info" else self._args("function call")
        return checked_call(self._text, word.start, word.text, tuple(args))

    def _info_args(self) -> list[Node]:
        """Those of info(): a vector, and conditions on labels, which may be met by series without these labels."""
        self._words.need("(", "function call")
        args = [] if self._words.sees(")") else [self._expression(0)]
        start = self._words.word.start
        matchers: list[Matcher] = []
        if args and self._words.take(","):
            start = self._words.word.start
            if not self._words.sees("{"):
                raise syntax_error(self._text, start, "expected label selectors only")
            read_conditions(self._words, matchers)
        self._words.need(")", "function call")
        if not any(matcher.name == NAME for matcher in matchers):
            matchers.append(Matcher(NAME, MatchOp.EQUAL, INFO_METRIC))
        return [*args, checked_selector(self._text, Selector(start, "", tuple(matchers)))] if args else []

    def _selector(self, name: str, start: int) -> Selector:
        matchers: list[Matcher] = []
        quoted = read_conditions(self._words, matchers) if self._words.sees("{") else ""
        others = [matcher.value for matcher in matchers if matcher.name == NAME]
        if name:
            if others:
                told = f"metric name must not be set twice: {go_quoted(name)} or {go_quoted(others[0])}"
                raise syntax_error(self._text, start, told)
            matchers.append(Matcher(NAME, MatchOp.EQUAL, name))
        elif len(others) == 1:
            name = quoted
        return checked_selector(self._text, Selector(start, name, tuple(matchers)))

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
        length = self._duration("range")
        if self._words.take(":"):
            return self._subquery(node, length)
        self._words.need("]", "matrix selector")
        if not isinstance(node, Selector) or node.range is not None:
            raise syntax_error(self._text, start, "ranges only allowed for vector selectors")
        if node.shift.offset is not None or node.shift.at is not None:
            raise syntax_error(self._text, start, "no offset or @ modifiers allowed before range")
        return replace(node, range=length)

    def _subquery(self, node: Node, length: Node) -> Node:
        step = None if self._words.sees("]") else self._duration("step")
        self._words.need("]", "subquery selector")
        if node.type is not ValueType.VECTOR:
            raise syntax_error(
                self._text, node.start, f"subquery is only allowed on instant vector, got {node.type} instead"
            )
        return Subquery(node.start, node, length, step)

    def _duration(self, what: str) -> Node:
        """A length of time: seconds, a duration, or an expression of them."""
        start = self._words.word.start
        node = self._expression(0)
        if isinstance(node, Number) and node.value <= 0:
            raise syntax_error(self._text, start, "duration must be greater than 0")
        expect(self._text, node, ValueType.SCALAR, f"{what} of a selector")
        return node

    def _offset(self, node: Node) -> Node:
        self._words.next()
        word = self._words.word
        if not isinstance(node, Selector | Subquery):
            raise syntax_error(
                self._text,
                node.start,
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
        if node.shift.offset is not None:
            raise syntax_error(self._text, node.start, "offset may not be set multiple times")
        minus = self._words.sees("-")
        if self._words.sees("+", "-"):
            self._words.next()
        if self._words.word.token not in (Token.NUMBER, Token.DURATION) and not self._words.sees("(", "step", "range"):
            raise self._words.unexpected("offset", ", expected number, duration, step(), or range()")
        length = self._primary()
        expect(self._text, length, ValueType.SCALAR, "offset")
        if isinstance(length, Number):
            length = Number(word.start, -length.value if minus else length.value)
        elif minus:
            length = Negation(word.start, length, minus=True, type=length.type)
        return replace(node, shift=replace(node.shift, offset=length))

    def _pinned(self, node: Node) -> Node:
        self._words.next()
        if not isinstance(node, Selector | Subquery):
            raise syntax_error(
                self._text,
                node.start,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
        if node.shift.at is not None:
            raise syntax_error(self._text, node.start, "@ <timestamp> may not be set multiple times")
        return replace(node, shift=replace(node.shift, at=read_moment(self._words)))

    def _extended(self, node: Node) -> Node:
        edges = Edges(self._words.next().text.lower())
        if not isinstance(node, Selector):
            raise syntax_error(self._text, node.start, f"{edges} modifier must be preceded by a selector")
        if node.edges is not Edges.PLAIN:
            raise syntax_error(self._text, node.start, "anchored and smoothed may be set once, and not both")
        if node.range is None and edges is Edges.ANCHORED:
            raise syntax_error(self._text, node.start, "anchored modifier is only for range vectors")
        return replace(node, edges=edges)
