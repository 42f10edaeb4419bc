"""Times, durations, limits and selectors as Prometheus' API reads them, and as it words what is wrong with them."""

import math
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from netmon_api.prometheus.problem import Problem
from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.parser import parse_selector
from netmon_collector.store.base import Matcher
from netmon_collector.store.match import Condition

EARLIEST_MS: Final = -9_000_000_000_000_000
LATEST_MS: Final = 9_000_000_000_000_000
"""What a float still tells apart to the millisecond; what is asked beyond is the same to any store."""

TRUNCATED: Final = "results truncated due to limit"

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT)(\d{1,2})(:\d\d:\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
"""And what Go takes besides: hours of one digit, a comma, any number of decimals, offsets of 24 hours, 60 minutes."""
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_MOST_DIGITS: Final = 1000
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_UNITS_MS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)
LONGEST_MS: Final = 2**63 // 10**6  # Go's durations are nanoseconds in 64 bits
_FEW_DIGITS: Final = 10
"""So many digits are a time within all bounds, one less a duration."""
_SHORT: Final = 1000
"""Characters; what a longer selector means is not kept."""
_BOUNDS = {"-292273086-05-16T16:47:06Z": EARLIEST_MS, "292277025-08-18T07:12:54.999999999Z": LATEST_MS}
"""The ends of time as Prometheus itself writes them, which its clients send back."""


def time_ms(text: str, parameter: str, default: int | None = None) -> int:
    """Unix milliseconds from RFC 3339 or Unix seconds; the default, if there is one, for no text."""
    if not text and default is not None:
        return default
    if len(text) <= _FEW_DIGITS and text.isascii() and text.isdigit():  # as nearly always
        return int(text) * 1000
    found = _seconds(text) if _FLOAT.fullmatch(text) else _moment(text)
    if found is None:
        doubled = "" if default is None else f"invalid time value for '{parameter}': "
        raise Problem.of(parameter, f"{doubled}cannot parse {go_quoted(text)} to a valid timestamp")
    return max(EARLIEST_MS, min(found, LATEST_MS))


def duration_ms(text: str) -> float:
    """Milliseconds from seconds or `1h30m`. Raises ValueError."""
    if len(text) < _FEW_DIGITS and text.isascii() and text.isdigit():
        return float(text) * 1000
    if _FLOAT.fullmatch(text):
        seconds = float(text)
        if abs(seconds) * 1000 > LONGEST_MS:
            raise ValueError(f"cannot parse {go_quoted(text)} to a valid duration. It overflows int64")
        return seconds * 1000
    parts = _DURATION.fullmatch(text)
    if not text or parts is None:
        raise ValueError(f"cannot parse {go_quoted(text)} to a valid duration")
    total = sum(int(count) * unit for count, unit in zip(parts.groups(), _UNITS_MS, strict=True) if count)
    if total > LONGEST_MS:
        raise ValueError(f"cannot parse {go_quoted(text)} to a valid duration")
    return float(total)


def limit(text: str) -> int | None:
    """The most results, None for all."""
    if not text:
        return None
    try:
        most = whole_number(text)
    except ValueError as error:
        raise Problem.of("limit", str(error)) from error
    if most < 0:
        raise Problem.of("limit", "limit must be non-negative")
    return most or None


def whole_number(text: str, largest: int = sys.maxsize, reader: str = "Atoi") -> int:
    """A number as Go's strconv reads it. Raises ValueError in its words."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"strconv.{reader}: parsing {go_quoted(text)}: invalid syntax")
    number = int(text) if len(text) < _MOST_DIGITS else sys.maxsize + 1
    if not -largest - 1 <= number <= largest:
        raise ValueError(f"strconv.{reader}: parsing {go_quoted(text)}: value out of range")
    return number


def selectors(texts: Sequence[str], *, is_named: bool = True, may_be_all: bool = False) -> list[Sequence[Matcher]]:
    """What `match[]` asks for: a series fits that fits one of them.

    is_named: whether a mistake is told with the name of the parameter, which Prometheus does on some paths. may_be_all:
    whether one may ask for all series there are.
    """
    try:
        chosen = [_known_selector(text) if len(text) <= _SHORT else parse_selector(text) for text in texts]
    except QueryError as error:
        raise _of_selectors(error.message, is_named) from error
    if not may_be_all and any(all(Condition(one).accepts("") for one in matchers) for matchers in chosen):
        raise _of_selectors("match[] must contain at least one non-empty matcher", is_named)
    return chosen


def _of_selectors(complaint: str, is_named: bool) -> Problem:
    return Problem.of("match[]", complaint) if is_named else Problem("bad_data", complaint)


@lru_cache(256)
def _known_selector(text: str) -> Sequence[Matcher]:
    """The variables of a dashboard ask with the same ones each time."""
    return parse_selector(text)


def _seconds(text: str) -> int | None:
    value = float(text)
    if math.isinf(value):
        return None
    if abs(value) >= LATEST_MS / 1000:
        return LATEST_MS if value > 0 else EARLIEST_MS
    fraction, whole = math.modf(value)
    return int(whole) * 1000 + int(math.copysign(math.floor(abs(fraction) * 1000 + 0.5), fraction))


def _moment(text: str) -> int | None:
    if text in _BOUNDS:
        return _BOUNDS[text]
    parts = _RFC3339.fullmatch(text)
    if parts is None:
        return None
    date, hour, rest, decimals, sign, hours, minutes = parts.groups("0")
    try:
        whole = datetime.fromisoformat(f"{date}{hour:0>2}{rest}+00:00").timestamp()
    except (ValueError, OverflowError):
        return None
    if int(hours) > 24 or int(minutes) > 60:
        return None
    offset_s = (int(hours) * 60 + int(minutes)) * 60
    return (int(whole) - (-offset_s if sign == "-" else offset_s)) * 1000 + int(f"{decimals}000"[:3])
