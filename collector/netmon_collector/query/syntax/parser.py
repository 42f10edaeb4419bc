"""From words to a tree: one function per rule of the grammar, bounded in words and in depth."""

from dataclasses import dataclass, replace
from typing import Final

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.syntax.check import checked_binary, checked_call, checked_selector, expect
from netmon_collector.query.syntax.lexer import (
    Token,
    Word,
    duration_ms,
    go_quoted,
    number_of,
    split_words,
    syntax_error,
    unquoted,
)
from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Call,
    Card,
    Matching,
    Moment,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    ValueType,
    bare,
    children,
)
from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME

LONGEST_BYTES: Final = 256 << 10
MOST_WORDS: Final = 20_000
INFO_METRIC: Final = "target_info"
"""Where info() finds labels if it is not told otherwise."""
DEEPEST: Final = 100
"""Levels of parentheses, functions and operators' right sides."""
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
_COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))
_SETS: Final = frozenset(("and", "or", "unless"))


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


@dataclass(frozen=True, slots=True)
class _Operator:
    op: str
    matching: Matching
    grouped: bool
    returns_bool: bool


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = split_words(text, MOST_WORDS)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        if len(self._words) == 1:
            raise syntax_error(self._text, 0, "no expression found in input")
        node = self._expression(0)
        if self._word.token is not Token.END:
            raise self._unexpected("expression")
        self._check_height(node)
        return node

    # words

    @property
    def _word(self) -> Word:
        return self._words[self._at]

    def _next(self) -> Word:
        word = self._words[self._at]
        self._at += 1
        return word

    def _is(self, *texts: str) -> bool:
        """Whether the next word is one of some signs or keywords; keywords in any case."""
        word = self._word
        if word.token is Token.SIGN:
            return word.text in texts
        return word.token is Token.NAME and word.text.lower() in texts

    def _take(self, *texts: str) -> bool:
        if not self._is(*texts):
            return False
        self._at += 1
        return True

    def _need(self, sign: str, context: str) -> Word:
        if self._word.token is not Token.SIGN or self._word.text != sign:
            raise self._unexpected(context, f', expected "{sign}"')
        return self._next()

    def _unexpected(self, context: str, expected: str = "") -> QueryError:
        word = self._word
        what = {
            Token.NAME: f"identifier {go_quoted(word.text)}",
            Token.NUMBER: f"number {go_quoted(word.text)}",
            Token.DURATION: f"number {go_quoted(word.text)}",
            Token.STRING: f"string {go_quoted(word.text[1:-1])}",
            Token.SIGN: f"<{word.text}>" if len(word.text) > 2 else go_quoted(word.text),
            Token.END: "end of input",
        }[word.token]
        return syntax_error(self._text, word.start, f"unexpected {what} in {context}{expected}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise syntax_error(
                self._text, self._word.start, f"nested deeper than {DEEPEST} levels: use fewer parentheses or signs"
            )

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
        self._deeper()
        left = self._unary()
        while (operator_level := self._operator_level()) and operator_level >= level:
            operator = self._operator()
            right = self._expression(operator_level if operator.op == "^" else operator_level + 1)
            left = checked_binary(
                self._text, operator.op, left, right, operator.matching, operator.returns_bool, operator.grouped
            )
        self._depth -= 1
        return left

    def _operator_level(self) -> int:
        word = self._word
        if word.token is Token.SIGN or word.token is Token.NAME:
            return _LEVELS.get(word.text.lower(), 0)
        return 0

    def _unary(self) -> Node:
        word = self._word
        if not self._is("+", "-"):
            return self._postfix(self._primary())
        self._next()
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

    def _operator(self) -> _Operator:
        op = self._next().text.lower()
        returns_bool = self._take("bool")
        if returns_bool and op not in _COMPARISONS:
            raise syntax_error(
                self._text, self._words[self._at - 1].start, "bool modifier can only be used on comparison operators"
            )
        matching = Matching(card=Card.MANY_TO_MANY if op in _SETS else Card.ONE_TO_ONE)
        grouped = False
        if self._is("on", "ignoring"):
            on = self._next().text.lower() == "on"
            matching, grouped = replace(matching, on=on, labels=self._label_list()), True
            if self._is("group_left", "group_right"):
                matching = self._group(op, matching)
        return _Operator(op, self._fill(op, matching), grouped, returns_bool)

    def _group(self, op: str, matching: Matching) -> Matching:
        word = self._next()
        if op in _SETS:
            raise syntax_error(self._text, word.start, f"no grouping allowed for {go_quoted(op)} operation")
        include = self._label_list() if self._is("(") else ()
        for label in include:
            if matching.on and label in matching.labels:
                raise syntax_error(
                    self._text, word.start, f"label {go_quoted(label)} must not occur in ON and GROUP clause at once"
                )
        left = word.text.lower() == "group_left"
        return replace(matching, card=Card.MANY_TO_ONE if left else Card.ONE_TO_MANY, include=include)

    def _fill(self, op: str, matching: Matching) -> Matching:
        while self._is("fill", "fill_left", "fill_right") and self._words[self._at + 1].text == "(":
            word = self._next()
            if op in _SETS:
                raise syntax_error(self._text, word.start, f"filling in missing series not allowed for {op}")
            self._need("(", "fill modifier")
            value = bare(self._expression(0))
            self._need(")", "fill modifier")
            if not isinstance(value, Number):
                raise syntax_error(self._text, word.start, "fill modifier needs a number")
            kind = word.text.lower()
            if kind in ("fill", "fill_left"):
                matching = replace(matching, fill_left=value.value)
            if kind in ("fill", "fill_right"):
                matching = replace(matching, fill_right=value.value)
        return matching

    def _label_list(self) -> tuple[str, ...]:
        self._need("(", "grouping opts")
        labels: list[str] = []
        while not self._take(")"):
            word = self._next()
            if word.token is Token.NAME and ":" not in word.text:
                labels.append(word.text)
            elif word.token is Token.STRING:
                labels.append(unquoted(word, self._text))
            else:
                self._at -= 1
                raise self._unexpected("grouping opts", ", expected label")
            if not self._is(")"):
                self._need(",", "grouping opts")
        return tuple(labels)

    # operands

    def _primary(self) -> Node:
        word = self._word
        match word.token:
            case Token.NUMBER:
                return Number(word.start, number_of(self._next().text))
            case Token.DURATION:
                return Number(word.start, duration_ms(self._next().text) / 1000, is_duration=True)
            case Token.STRING:
                return String(word.start, unquoted(self._next(), self._text))
            case Token.NAME:
                return self._named()
        if self._take("("):
            inner = self._expression(0)
            self._need(")", "paren expression")
            return Paren(word.start, inner, inner.type)
        if self._is("{"):
            return self._selector("", word.start)
        raise self._unexpected("expression")

    def _named(self) -> Node:
        word = self._next()
        lower = word.text.lower()
        if lower in ("inf", "nan"):
            return Number(word.start, float(lower))
        if lower in AGGREGATIONS and self._is("(", "by", "without"):
            return self._aggregation(word)
        if self._is("("):
            return self._call(word)
        return self._selector(word.text, word.start)

    def _aggregation(self, word: Word) -> Node:
        op = word.text.lower()
        grouping = self._grouping()
        args = self._args("aggregation")
        if grouping is None:
            grouping = self._grouping() or (False, ())
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

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        if not self._is("by", "without"):
            return None
        without = self._next().text.lower() == "without"
        return without, self._label_list()

    def _args(self, context: str) -> list[Node]:
        self._need("(", context)
        args: list[Node] = []
        while not self._take(")"):
            args.append(self._expression(0))
            if not self._is(")"):
                self._need(",", context)
                if self._is(")"):
                    raise syntax_error(
                        self._text, self._word.start, "trailing commas not allowed in function call args"
                    )
        return args

    def _call(self, word: Word) -> Call:
        args = self._info_args() if word.text == "info" else self._args("function call")
        return checked_call(self._text, word.start, word.text, tuple(args))

    def _info_args(self) -> list[Node]:
        """Those of info(): a vector, and conditions on labels, which may be met by series without these labels."""
        self._need("(", "function call")
        args = [] if self._is(")") else [self._expression(0)]
        start = self._word.start
        matchers: list[Matcher] = []
        if args and self._take(","):
            start = self._word.start
            if not self._is("{"):
                raise syntax_error(self._text, start, "expected label selectors only")
            self._conditions("", matchers)
        self._need(")", "function call")
        if not any(matcher.name == NAME for matcher in matchers):
            matchers.append(Matcher(NAME, MatchOp.EQUAL, INFO_METRIC))
        return [*args, checked_selector(self._text, Selector(start, "", tuple(matchers)))] if args else []

    def _selector(self, name: str, start: int) -> Selector:
        matchers: list[Matcher] = []
        if self._is("{"):
            name = self._conditions(name, matchers)
        if name:
            matchers.append(Matcher(NAME, MatchOp.EQUAL, name))
        return checked_selector(self._text, Selector(start, name, tuple(matchers)))

    def _conditions(self, name: str, matchers: list[Matcher]) -> str:
        """Reads what stands in braces; returns the metric's name."""
        self._need("{", "label matching")
        while not self._take("}"):
            name = self._matcher(name, matchers)
            if not self._is("}"):
                self._need(",", "label matching")
        return name

    def _matcher(self, name: str, matchers: list[Matcher]) -> str:
        """Reads one condition; returns the metric's name, which may also stand here in quotes."""
        word = self._next()
        if word.token is Token.STRING and self._is(",", "}"):
            quoted = unquoted(word, self._text)
            if name:
                raise syntax_error(
                    self._text,
                    word.start,
                    f"metric name must not be set twice: {go_quoted(name)} or {go_quoted(quoted)}",
                )
            return quoted
        if word.token not in (Token.NAME, Token.STRING) or (word.token is Token.NAME and ":" in word.text):
            self._at -= 1
            raise self._unexpected("label matching", ', expected identifier or "}"')
        label = word.text if word.token is Token.NAME else unquoted(word, self._text)
        if not self._is("=", "!=", "=~", "!~"):
            raise self._unexpected("label matching", ", expected label matching operator")
        op = self._next().text
        if self._word.token is not Token.STRING:
            raise self._unexpected("label matching", ", expected string")
        matchers.append(Matcher(label, MatchOp(op), unquoted(self._next(), self._text)))
        if name and label == NAME and op == "=":
            raise syntax_error(
                self._text,
                word.start,
                f"metric name must not be set twice: {go_quoted(name)} or {go_quoted(matchers[-1].value)}",
            )
        return name

    # what follows an operand

    def _postfix(self, node: Node) -> Node:
        while True:
            if self._is("["):
                node = self._ranged(node)
            elif self._is("offset"):
                node = self._offset(node)
            elif self._is("@"):
                node = self._pinned(node)
            else:
                return node

    def _ranged(self, node: Node) -> Node:
        start = self._next().start
        length = self._duration("range")
        if self._take(":"):
            return self._subquery(node, length)
        self._need("]", "matrix selector")
        if not isinstance(node, Selector) or node.range is not None:
            raise syntax_error(self._text, start, "ranges only allowed for vector selectors")
        if node.shift.offset is not None or node.shift.at is not None:
            raise syntax_error(self._text, start, "no offset or @ modifiers allowed before range")
        return replace(node, range=length)

    def _subquery(self, node: Node, length: Node) -> Node:
        step = None if self._is("]") else self._duration("step")
        self._need("]", "subquery selector")
        if node.type is not ValueType.VECTOR and node.type is not ValueType.SCALAR:
            raise syntax_error(
                self._text, node.start, f"subquery is only allowed on instant vector, got {node.type} instead"
            )
        if node.type is ValueType.SCALAR:
            raise syntax_error(self._text, node.start, "subquery is only allowed on instant vector, got scalar instead")
        return Subquery(node.start, node, length, step)

    def _duration(self, what: str) -> Node:
        """A length of time: seconds, a duration, or an expression of them."""
        start = self._word.start
        node = self._expression(0)
        if isinstance(node, Number) and node.value <= 0:
            raise syntax_error(self._text, start, "duration must be greater than 0")
        expect(self._text, node, ValueType.SCALAR, f"{what} of a selector")
        return node

    def _offset(self, node: Node) -> Node:
        self._next()
        word = self._word
        if not isinstance(node, Selector | Subquery):
            raise syntax_error(
                self._text,
                node.start,
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
        if node.shift.offset is not None:
            raise syntax_error(self._text, node.start, "offset may not be set multiple times")
        minus = self._is("-")
        if self._is("+", "-"):
            self._next()
        if self._word.token not in (Token.NUMBER, Token.DURATION) and not self._is("(", "step", "range"):
            raise self._unexpected("offset", ", expected number, duration, step(), or range()")
        length = self._primary()
        expect(self._text, length, ValueType.SCALAR, "offset")
        if isinstance(length, Number):
            length = Number(word.start, -length.value if minus else length.value)
        elif minus:
            length = Negation(word.start, length, minus=True, type=length.type)
        return replace(node, shift=replace(node.shift, offset=length))

    def _pinned(self, node: Node) -> Node:
        self._next()
        if not isinstance(node, Selector | Subquery):
            raise syntax_error(
                self._text,
                node.start,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
        if node.shift.at is not None:
            raise syntax_error(self._text, node.start, "@ <timestamp> may not be set multiple times")
        return replace(node, shift=replace(node.shift, at=self._moment()))

    def _moment(self) -> int | Moment:
        if self._is("start", "end"):
            moment = Moment(self._next().text.lower())
            self._need("(", "@")
            self._need(")", "@")
            return moment
        word = self._word
        minus = self._is("-")
        if self._is("+", "-"):
            self._next()
        if self._word.token is Token.DURATION:
            seconds = duration_ms(self._next().text) / 1000
        elif self._word.token is Token.NUMBER:
            seconds = number_of(self._next().text)
        elif self._is("inf", "nan"):
            seconds = float(self._next().text.lower())
        else:
            raise self._unexpected("@", ", expected timestamp")
        if not seconds * 1000 < 2**63:
            raise syntax_error(self._text, word.start, f"timestamp out of bounds for @ modifier: {seconds:f}")
        at_ms = round(seconds * 1000)
        return -at_ms if minus else at_ms
