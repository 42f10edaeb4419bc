"""Plain selectors, such as `node_load1{instance=~"web.*"}`, as matchers for the stores and the live feed."""

import re
from typing import Final

import promql_parser

from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.match import Matching
from netmon_proto.model import NAME

LONGEST_BYTES: Final = 16 << 10
MOST_WORDS: Final = 120
"""Names, texts and signs in one selector. The parser crashes the process on some thousands of nested signs."""

_ALLOWED: Final = 'only plain selectors such as node_load1{instance="web1"} are understood for now'
_WORD: Final = re.compile(
    r"""\#[^\n]* | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*` | [\w:.]+ | [^\s\w]""", re.VERBOSE | re.DOTALL
)
_OPERATORS: Final = (
    (promql_parser.MatchOp.Equal, MatchOp.EQUAL),
    (promql_parser.MatchOp.NotEqual, MatchOp.NOT_EQUAL),
    (promql_parser.MatchOp.Re, MatchOp.REGEX),
    (promql_parser.MatchOp.NotRe, MatchOp.NOT_REGEX),
)


def parse_selector(text: str) -> list[Matcher]:
    """The conditions of a plain vector selector; at least one of them does not accept the empty text.

    Raises ValueError for anything else (PromQL's ranges, offsets, functions, operators and `or` too), for a
    regular expression that is none, and for more than LONGEST_BYTES or MOST_WORDS.
    """
    _check_size(text)
    parsed = promql_parser.parse(text)
    if not isinstance(parsed, promql_parser.VectorSelector):
        raise ValueError(_ALLOWED)
    if parsed.offset is not None or parsed.at is not None or parsed.matchers.or_matchers:
        raise ValueError(f"{_ALLOWED}, without offset, @ and or")
    named = [] if parsed.name is None else [Matcher(NAME, MatchOp.EQUAL, parsed.name)]
    matchers = named + [Matcher(one.name, _operator(one.op), one.value) for one in parsed.matchers.matchers]
    if Matching(matchers).accepts(()):
        raise ValueError("must have a metric name, or a condition that the empty text does not fulfil")
    return matchers


def _check_size(text: str) -> None:
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    if size_bytes > LONGEST_BYTES:
        raise ValueError(f"must be at most {LONGEST_BYTES} bytes long (got {size_bytes})")
    if len(_WORD.findall(text)) > MOST_WORDS:
        raise ValueError("has too many parts; " + _ALLOWED)


def _operator(op: promql_parser.MatchOp) -> MatchOp:
    return next(ours for theirs, ours in _OPERATORS if theirs == op)
