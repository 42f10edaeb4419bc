"""What the grammar allows and the types do not."""

from typing import Final

from netmon_collector.query.syntax.lexer import go_quoted, syntax_error
from netmon_collector.query.syntax.nodes import Binary, Call, Card, Matching, Node, Selector, String, ValueType, bare
from netmon_collector.query.syntax.signatures import SIGNATURES, Signature
from netmon_collector.store.match import Condition
from netmon_proto.model import NAME

_SETS: Final = frozenset(("and", "or", "unless"))
_COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))


def expect(text: str, node: Node, wanted: ValueType, context: str) -> None:
    """Raises QueryError where an expression is of another type than wanted."""
    if node.type is not wanted:
        raise syntax_error(text, node.start, f"expected type {wanted} in {context}, got {node.type}")


def checked_selector(text: str, selector: Selector) -> Selector:
    """A selector that can be asked for: valid expressions, and not all series there are."""
    try:
        conditions = [Condition(matcher) for matcher in selector.matchers]
    except ValueError as error:
        raise syntax_error(text, selector.start, str(error)) from None
    if all(condition.accepts("") for condition in conditions):
        raise syntax_error(text, selector.start, "vector selector must contain at least one non-empty matcher")
    names = [one.value for one in selector.matchers if one.name == NAME and one.op == "="]
    if len(names) > 1 and selector.name:
        raise syntax_error(
            text,
            selector.start,
            f"metric name must not be set twice: {go_quoted(names[0])} or {go_quoted(names[1])}",
        )
    return selector


def checked_binary(
    text: str, op: str, left: Node, right: Node, matching: Matching, returns_bool: bool, grouped: bool
) -> Binary:
    """An operator with both of its sides."""
    for side in (left, right):
        if side.type not in (ValueType.SCALAR, ValueType.VECTOR):
            raise syntax_error(text, side.start, "binary expression must contain only scalar and instant vector types")
    scalars = [side.type is ValueType.SCALAR for side in (left, right)]
    if all(scalars) and op in _COMPARISONS and not returns_bool:
        raise syntax_error(text, left.start, "comparisons between scalars must use BOOL modifier")
    if any(scalars):
        if op in _SETS:
            raise syntax_error(
                text, left.start, f"set operator {go_quoted(op)} not allowed in binary scalar expression"
            )
        if grouped and (matching.labels or matching.card is not Card.ONE_TO_ONE):
            raise syntax_error(text, left.start, "vector matching only allowed between instant vectors")
        if matching.fill_left is not None or matching.fill_right is not None:
            raise syntax_error(text, left.start, "filling in missing series only allowed between instant vectors")
    kind = ValueType.SCALAR if all(scalars) else ValueType.VECTOR
    return Binary(left.start, op, left, right, matching, returns_bool, kind)


def checked_call(text: str, start: int, name: str, args: tuple[Node, ...]) -> Call:
    """A call of a function that there is, with as many arguments as it takes, each of the right type."""
    signature = SIGNATURES.get(name)
    if signature is None:
        raise syntax_error(text, start, f"unknown function with name {go_quoted(name)}")
    _check_count(text, start, name, signature, len(args))
    for number, arg in enumerate(args):
        wanted = signature.args[min(number, len(signature.args) - 1)]
        expect(text, arg, wanted, f"call to function {go_quoted(name)}")
        if wanted is ValueType.STRING and not isinstance(bare(arg), String):
            raise syntax_error(text, arg.start, "expected a string literal")
    return Call(start, name, args, signature.returns)


def _check_count(text: str, start: int, name: str, signature: Signature, given: int) -> None:
    least, most = signature.least, len(signature.args)
    if signature.optional == 0 and given != most:
        raise syntax_error(text, start, f"expected {most} argument(s) in call to {go_quoted(name)}, got {given}")
    if given < least:
        raise syntax_error(
            text, start, f"expected at least {least} argument(s) in call to {go_quoted(name)}, got {given}"
        )
    if signature.optional >= 0 and given > most:
        raise syntax_error(
            text, start, f"expected at most {most} argument(s) in call to {go_quoted(name)}, got {given}"
        )
