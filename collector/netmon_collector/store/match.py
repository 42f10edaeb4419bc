"""Matchers made ready for work: which label values a condition accepts, and which series all conditions accept."""

from collections.abc import Callable, Sequence
from typing import Final

import re2

from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import Labels

REGEX_BYTES: Final = 8 << 20
"""Most memory that one compiled expression may take; RE2 refuses a larger one and never backtracks."""


class BadPattern(ValueError):
    """What was given for a regular expression, and is none. reason: worded by RE2."""

    def __init__(self, matcher: Matcher, reason: str) -> None:
        super().__init__(f'bad regular expression in {matcher.name}{matcher.op}"{matcher.value}": {reason}')
        self.reason = reason


class Condition:
    """One matcher, its regular expression compiled. Raises ValueError, naming the matcher, for a bad one."""

    def __init__(self, matcher: Matcher) -> None:
        self.name = matcher.name
        self.negative = matcher.op in (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX)
        self.literal = None if matcher.op in (MatchOp.REGEX, MatchOp.NOT_REGEX) else matcher.value
        """The one value that the matcher names, where it needs no regular expression."""
        self.expression = matcher.value
        self._matches = matcher.value.__eq__ if self.literal is not None else _full_match(matcher)

    def accepts(self, value: str) -> bool:
        """Whether the value fulfils the condition; the empty text stands for a label that is not there."""
        return self._matches(value) != self.negative


class Matching:
    """All of some matchers at once. Raises ValueError, naming the matcher, for a bad regular expression."""

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self.conditions = tuple(Condition(matcher) for matcher in matchers)

    def accepts(self, labels: Labels) -> bool:
        """Whether a series fulfils every condition; without any, every series does."""
        values = dict(labels)
        return all(condition.accepts(values.get(condition.name, "")) for condition in self.conditions)


def _full_match(matcher: Matcher) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = REGEX_BYTES
    options.never_capture = True
    options.dot_nl = True  # as in Prometheus, whose expressions are wrapped in (?s:…)
    try:
        expression = re2.compile(matcher.value, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
    except UnicodeEncodeError:
        reason = "not valid Unicode"
    else:
        return lambda value: expression.fullmatch(value) is not None
    raise BadPattern(matcher, reason)
