"""How promtool and Prometheus' test scripts write series and their values: `up{job="x"} 0+1x5 _ stale`."""

import re
from itertools import accumulate, repeat
from typing import Final

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.clauses import NO_NAMES, read_conditions
from netmon_collector.query.syntax.cursor import Cursor
from netmon_collector.query.syntax.lexer import Token
from netmon_collector.query.syntax.literals import number_of
from netmon_collector.store.base import MatchOp
from netmon_proto.model import NAME, STALE, Labels

MOST_POINTS: Final = 1_000_000
"""Of one series."""

_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_NUMBER: Final = rf"(?:(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?{_DIGITS})?|(?i:inf|nan))"
_MANY: Final = re.compile(rf"([-+]?{_NUMBER}|stale|_)(?:([-+])({_NUMBER})(?=x))?(?:x([0-9]+))?")
_SERIES: Final = re.compile(
    r"""([a-zA-Z_:][\w:]*)?(\{(?:[^"'`}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\})?(?=\s|$)""", re.ASCII
)


class NativeHistogram(Exception):
    """Values that are native histograms, which are not kept here."""


def series_of(text: str) -> tuple[Labels, str]:
    """The labels that a line begins with, and what stands behind them. Raises ValueError."""
    found = _SERIES.match(text)
    if found is None:
        raise ValueError(f"{text!r} must begin with a series")
    return labels_of(found.group()), text[found.end() :].strip()


def labels_of(text: str) -> Labels:
    """The labels that a text such as `up{job="x"}` names. Raises ValueError."""
    try:
        cursor = Cursor(text)
        name = ""
        if cursor.word.token is Token.NAME and cursor.word.text.lower() not in NO_NAMES:
            name = cursor.next().text
        matchers = read_conditions(cursor) if cursor.sees("{") else ()
        if not cursor.at_end():
            raise cursor.unexpected()
    except QueryError as error:
        raise ValueError(f'must be a series, such as up{{job="x"}}: {error.message}') from None
    if any(one.op is not MatchOp.EQUAL for one in matchers):
        raise ValueError("must be a series: its labels are told by =")
    labels = {one.name: one.value for one in matchers} | ({NAME: name} if name else {})
    return tuple(sorted((name, value) for name, value in labels.items() if value))


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
            points += [None] * (times if count else 1)
        elif step is None:
            points += [STALE if first == "stale" else _value(first)] * (times + 1)
        else:  # added again and again, as there: ten times 0.1 is not quite 1
            rise = _value(step) * (-1 if sign == "-" else 1)
            points += accumulate(repeat(rise, times), initial=_value(first))
    return points


def _value(text: str) -> float:
    digits = text.lstrip("+-")
    value = number_of(digits) if digits[0] in "0123456789." else float(digits)
    return -value if text[0] == "-" else value
