"""What labels must be like to be taken, whoever sends them."""

import re
from collections.abc import Iterable
from typing import Final

from netmon_collector.foreign.base import BadSeries
from netmon_collector.session import MOST_LABELS, VALUE_BYTES
from netmon_proto.model import NAME, Labels
from netmon_proto.names import is_name

_NOT_OF_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
_SHOWN: Final = 100


def checked(pairs: Iterable[tuple[str, str]]) -> Labels:
    """The labels of a series, sorted, without those that have no value. Raises BadSeries."""
    labels = sorted(pair for pair in pairs if pair[1])
    if len(labels) > MOST_LABELS:
        raise BadSeries(f"a series has {len(labels)} labels; at most {MOST_LABELS} are taken")
    before = None
    for name, value in labels:
        if name == before:
            raise BadSeries(f"a series has the label {name[:_SHOWN]!r} twice")
        _check(name, value)
        before = name
    if not any(name == NAME for name, _ in labels):
        raise BadSeries("a series has no metric name")
    return tuple(labels)


def _check(name: str, value: str) -> None:
    if name == NAME:
        if not is_name(value):
            raise BadSeries(f"{value[:_SHOWN]!r} is not a metric's name")
    elif not is_name(name):
        raise BadSeries(f"{name[:_SHOWN]!r} is not a label's name")
    elif len(value) > VALUE_BYTES or len(value.encode()) > VALUE_BYTES:
        raise BadSeries(f"the value of label {name} has more than {VALUE_BYTES} bytes")


def as_name(text: str) -> str:
    """A text as the name of a label or of a metric: what may not stand in one becomes an underscore."""
    name = _NOT_OF_A_NAME.sub("_", text)
    return f"_{name}" if name[:1].isdigit() else name
