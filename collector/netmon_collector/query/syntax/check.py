"""What the grammar allows and the types do not."""

from netmon_collector.query.syntax.clauses import COMPARISONS, SETS, Operator
from netmon_collector.query.syntax.lexer import go_quoted, syntax_error
from netmon_collector.query.syntax.nodes import Binary, Call, Card, Node, Selector, String, ValueType, bare
from netmon_collector.query.syntax.signatures import SIGNATURES, Signature
from netmon_collector.store.match import Condition


def expect(text: str, node: Node, wanted: ValueType, context: str) -> None:
    """Raises QueryError where an expression is of another type than wanted."""
    if node.type is not wanted:
        raise syntax_error(text, node.start, f"expected type {wanted} in {context}, got {node.type}")


def checked_selector(text: str, selector: Selector) -> Selector:
    """A selector that can be asked for: not all series there are."""
    if all(Condition(matcher).accepts("") for matcher in selector.matchers):
        raise syntax_error(text, selector.start, "vector selector must contain at least one non-empty matcher")
    return selector


def checked_binary(text: str, operator: Operator, left: Node, right: Node) -> Binary:
    """An operator with both of its sides."""
    op, matching = operator.op, operator.matching
    fills = matching.fill_left is not None or matching.fill_right is not None
    for side in (left, right):
        if side.type not in (ValueType.SCALAR, ValueType.VECTOR):
            raise syntax_error(text, side.start, "binary expression must contain only scalar and instant vector types")
    scalars = [side.type is ValueType.SCALAR for side in (left, right)]
    if all(scalars) and op in COMPARISONS and not operator.returns_bool:
        raise syntax_error(text, operator.start, "comparisons between scalars must use BOOL modifier")
    if any(scalars):
        if op in SETS:
            raise syntax_error(
                text, left.start, f"set operator {go_quoted(op)} not allowed in binary scalar expression"
            )
        if operator.grouped and (matching.labels or matching.card is not Card.ONE_TO_ONE):
            raise syntax_error(text, left.start, "vector matching only allowed between instant vectors")
        if fills:
            raise syntax_error(text, left.start, "filling in missing series only allowed between instant vectors")
    elif op in SETS:
        if matching.card is not Card.MANY_TO_MANY:
            raise syntax_error(text, left.start, f"no grouping allowed for {go_quoted(op)} operation")
        if fills:
            raise syntax_error(text, left.start, "filling in missing series not allowed for set operators")
    kind = ValueType.SCALAR if all(scalars) else ValueType.VECTOR
    return Binary(left.start, op, left, right, matching, operator.returns_bool, kind)


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
