"""Rows of facts, fit for keys, screens and SQL."""

from collections.abc import Iterator
from itertools import islice

from netmon_proto.model import DeviceFacts

Row = dict[str, str]


def printable_rows(facts: DeviceFacts, kind: str, most: int) -> Iterator[Row]:
    """The first rows of a table, without the fields that are empty. What can't be printed becomes a space."""
    table = facts.table(kind)
    if table is not None:
        for row in islice(table.rows(), most):
            yield {name: text if text.isprintable() else _printable(text) for name, text in row.items()}


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
