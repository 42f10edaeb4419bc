"""What the grammar allows and the types do not: looked for when the whole text is read, in Prometheus' order."""

from typing import Final

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.clauses import COMPARISONS, SETS
from netmon_collector.query.syntax.lexer import syntax_error
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.nodes import (
    Aggregation,
    Binary,
    Call,
    Card,
    Edges,
    Negation,
    Node,
    Paren,
    Selector,
    Subquery,
    ValueType,
)
from netmon_collector.query.syntax.signatures import SIGNATURES
from netmon_collector.store.match import Condition
from netmon_proto.model import NAME

_OPERANDS: Final = (ValueType.SCALAR, ValueType.VECTOR)
_SHORT: Final = {ValueType.VECTOR: "vector", ValueType.MATRIX: "matrix"}


def expect(text: str, node: Node, wanted: ValueType, context: str) -> None:
    """Raises QueryError where an expression is of another type than wanted."""
    if node.type is not wanted:
        raise syntax_error(text, node.start, f"expected type {wanted} in {context}, got {node.type}")


def check(text: str, node: Node) -> None:
    """Raises QueryError for the first mistake in a tree."""
    match node:
        case Aggregation():
            _check_aggregation(text, node)
        case Binary():
            _check_binary(text, node)
        case Call():
            _check_call(text, node)
        case Paren():
            check(text, node.inner)
        case Negation():
            check(text, node.inner)
            if node.inner.type not in _OPERANDS:
                raise syntax_error(
                    text,
                    node.start,
                    "unary expression only allowed on expressions of type scalar or instant vector, "
                    f"got {go_quoted(node.inner.type)}",
                )
        case Subquery():
            check(text, node.inner)
            kind = node.inner.type
            if kind is not ValueType.VECTOR:
                told = f"subquery is only allowed on instant vector, got {_SHORT.get(kind, kind)} instead"
                raise syntax_error(text, node.start, told)
        case Selector():
            _check_selector(text, node)


def _check_selector(text: str, node: Selector) -> None:
    """A selector must not be for all series there are."""
    if node.edges is Edges.ANCHORED and node.range is None:
        raise syntax_error(text, node.start, "anchored modifier is only for range vectors")
    if node.name:
        for matcher in node.matchers[:-1]:
            if matcher.name == NAME:
                told = f"metric name must not be set twice: {go_quoted(node.name)} or {go_quoted(matcher.value)}"
                raise syntax_error(text, node.start, told)
    elif all(Condition(matcher).accepts("") for matcher in node.matchers):
        raise syntax_error(text, node.start, "vector selector must contain at least one non-empty matcher")


def _check_aggregation(text: str, node: Aggregation) -> None:
    check(text, node.inner)
    expect(text, node.inner, ValueType.VECTOR, "aggregation expression")
    if node.param is not None:
        check(text, node.param)
        kind = ValueType.STRING if node.op == "count_values" else ValueType.SCALAR
        expect(text, node.param, kind, "aggregation parameter")


def _check_binary(text: str, node: Binary) -> None:
    check(text, node.left)
    check(text, node.right)
    if node.returns_bool and node.op not in COMPARISONS:
        raise syntax_error(text, node.op_start, "bool modifier can only be used on comparison operators")
    types = (node.left.type, node.right.type)
    if node.op in COMPARISONS and not node.returns_bool and types == (ValueType.SCALAR, ValueType.SCALAR):
        raise syntax_error(text, node.op_start, "comparisons between scalars must use BOOL modifier")
    if node.matching.on:
        for label in node.matching.labels:
            if label in node.matching.include:
                told = f"label {go_quoted(label)} must not occur in ON and GROUP clause at once"
                raise syntax_error(text, node.op_start, told)
    for side in (node.left, node.right):
        if side.type not in _OPERANDS:
            raise syntax_error(text, side.start, "binary expression must contain only scalar and instant vector types")
    mistake = _matching_mistake(node, of_series=types == (ValueType.VECTOR, ValueType.VECTOR))
    if mistake is not None:
        raise syntax_error(text, node.start, mistake)


def _matching_mistake(node: Binary, *, of_series: bool) -> str | None:
    matching, op = node.matching, node.op
    fills = matching.fill_left is not None or matching.fill_right is not None
    if not of_series:
        if matching.labels:
            return "vector matching only allowed between instant vectors"
        if fills:
            return "filling in missing series only allowed between instant vectors"
        return f"set operator {go_quoted(op)} not allowed in binary scalar expression" if op in SETS else None
    if op in SETS:
        if matching.card is not Card.MANY_TO_MANY:
            return f"no grouping allowed for {go_quoted(op)} operation"
        if fills:
            return "filling in missing series not allowed for set operators"
    return None


def _check_call(text: str, node: Call) -> None:
    told = _count_mistake(node)
    if told is not None:
        raise syntax_error(text, node.start, told)
    if node.function == "info" and len(node.args) > 1:
        _check_info(text, node)
    signature = SIGNATURES[node.function]
    for number, arg in enumerate(node.args):
        if node.function != "info" or number == 0:
            check(text, arg)
        wanted = signature.args[min(number, len(signature.args) - 1)]
        expect(text, arg, wanted, f"call to function {go_quoted(node.function)}")


def _check_info(text: str, node: Call) -> None:
    data = node.args[1]
    expected = "expected label selectors only"
    if data.type is not ValueType.VECTOR:
        raise _info_type(text, node, data)
    if not isinstance(data, Selector):
        raise syntax_error(text, data.start, expected)
    if data.name:
        raise syntax_error(text, data.start, f"{expected}, got vector selector instead")


def _info_type(text: str, node: Call, data: Node) -> QueryError:
    told = f'expected type {ValueType.VECTOR} in call to function "info", got {data.type}'
    return syntax_error(text, node.start, told)


def _count_mistake(node: Call) -> str | None:
    signature, given = SIGNATURES[node.function], len(node.args)
    of_call = f"argument(s) in call to {go_quoted(node.function)}, got {given}"
    if signature.variadic == 0:
        return f"expected {signature.least} {of_call}" if given != signature.least else None
    if given < signature.least:
        return f"expected at least {signature.least} {of_call}"
    return f"expected at most {signature.most} {of_call}" if given > signature.most else None
