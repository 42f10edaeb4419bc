"""Errors of evaluation, in Prometheus' words where it has such an error."""

from typing import NoReturn

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.syntax.literals import go_quoted
from netmon_proto.model import Labels
from netmon_proto.names import label_text


def refuse(message: str) -> NoReturn:
    """Ends the evaluation: the query cannot be answered with the data that there is."""
    raise QueryError(ErrorKind.EXECUTION, message)


def shown(labels: Labels) -> str:
    """A series as Prometheus prints it in errors."""
    return "{" + ", ".join(f"{label_text(name)}={go_quoted(value)}" for name, value in labels) + "}"
