"""Expressions of PromQL that come to series, in configuration files and elsewhere."""

from typing import Annotated

from pydantic import BeforeValidator

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.check import expect
from netmon_collector.query.syntax.nodes import ValueType
from netmon_collector.query.syntax.parser import parse


def check_series(text: str, *, or_number: bool = True) -> None:
    """Raises QueryError where a text is no expression of PromQL that comes to series, or to a number, at each time."""
    root = parse(text)
    if root.type is not ValueType.SCALAR or not or_number:
        expect(text, root, ValueType.VECTOR, "query")


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be an expression of PromQL")
    try:
        check_series(value)
    except QueryError as error:
        raise ValueError(error.message) from None
    return value


Expression = Annotated[str, BeforeValidator(_checked)]
