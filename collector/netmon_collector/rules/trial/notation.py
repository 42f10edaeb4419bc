"""How promtool writes series and their values: `up{job="x"}` and `0+1x5 _ stale`."""

import re
from typing import Final

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.nodes import Selector
from netmon_collector.query.syntax.parser import parse
from netmon_collector.store.base import MatchOp
from netmon_proto.model import STALE, Labels

MOST_POINTS: Final = 1_000_000
"""Of one series."""

_NUMBER: Final = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[iI]nf|[nN]a[nN])"
_MANY: Final = re.compile(rf"({_NUMBER}|stale|_)(?:([-+])({_NUMBER.removeprefix('[-+]?')}))?(?:x([0-9]+))?")


class NativeHistogram(Exception):
    """Values that are native histograms, which are not kept here."""


def labels_of(text: str) -> Labels:
    """The labels that a text such as `up{job="x"}` names. Raises ValueError."""
    if text.strip() in ("", "{}"):
        return ()
    try:
        node = parse(text)
    except QueryError as error:
        raise ValueError(error.message) from None
    if not isinstance(node, Selector) or node.range is not None or node.shift.offset or node.shift.at is not None:
        raise ValueError('must be a series, such as up{job="x"}')
    if any(one.op is not MatchOp.EQUAL for one in node.matchers):
        raise ValueError("must be a series: its labels are told by =")
    return tuple(sorted((one.name, one.value) for one in node.matchers if one.value))


def points_of(text: str) -> list[float | None]:
    """The values of a series at one time after the other, None where there is none. Raises ValueError."""
    if "{{" in text:
        raise NativeHistogram
    points: list[float | None] = []
    for word in text.split():
        found = _MANY.fullmatch(word)
        if found is None:
            raise ValueError(f"{word!r} is no value such as 1, 0+1x5, _ or stale")
        first, sign, step, count = found.groups()
        times = int(count) if count and len(count) < 9 else 0 if not count else MOST_POINTS
        if len(points) + times >= MOST_POINTS:
            raise ValueError(f"has more than {MOST_POINTS} values")
        if first == "_":
            points += [None] * (times or 1)
            continue
        value = STALE if first == "stale" else float(first)
        rise = float(step) * (-1 if sign == "-" else 1) if step else 0.0
        points += [value + number * rise if rise else value for number in range(times + 1)]
    return points
