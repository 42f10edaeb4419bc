"""Expressions of PromQL in configuration files."""

from typing import Annotated

from pydantic import BeforeValidator

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.parser import parse


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be an expression of PromQL")
    try:
        parse(value)
    except QueryError as error:
        raise ValueError(error.message) from None
    return value


Expression = Annotated[str, BeforeValidator(_checked)]
