"""Matchers as Alertmanager writes them: `severity="critical"`, `instance=~"web.*"`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import re2

from netmon_proto.names import label_text, quoted

Op = Literal["=", "!=", "=~", "!~"]

LONGEST_REGEX: Final = 1000
_MATCHER: Final = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*))\s*(?P<op>=~|!=|!~|=)\s*(?P<value>.*?)\s*""",
    re.ASCII | re.DOTALL,
)
_BRACED: Final = re.compile(r"\s*\{(?P<inner>.*)\}\s*", re.DOTALL)
_ESCAPED: Final = {"n": "\n", '"': '"', "\\": "\\"}


class NoMatcher(ValueError):
    """A text is no matcher; says why."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a label must be, or must not be. A label that is not there has the value "". Regular expressions are RE2's
    and match the whole value."""

    name: str
    op: Op
    value: str
    _pattern: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.op in ("=~", "!~"):
            object.__setattr__(self, "_pattern", _compiled(self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.name, "")
        if self._pattern is None:
            return (value == self.value) == (self.op == "=")
        found = self._pattern.fullmatch(value.encode(errors="replace")) is not None
        return found == (self.op == "=~")

    def __str__(self) -> str:
        return f"{label_text(self.name)}{self.op}{quoted(self.value)}"


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)


def written(matchers: Sequence[Matcher]) -> str:
    """Matchers as one text: `{a="b",c=~"d"}`."""
    return "{" + ",".join(str(matcher) for matcher in matchers) + "}"


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """One matcher, or several with commas between, in braces or not. Raises NoMatcher."""
    braced = _BRACED.fullmatch(text)
    if braced is None and (text.lstrip().startswith("{") or text.rstrip().endswith("}")):
        raise NoMatcher(f"{text!r} has a brace without its other one")
    parts = _split(braced["inner"] if braced else text)
    return tuple(parse_matcher(part) for part in parts)


def parse_matcher(text: str) -> Matcher:
    """One matcher; the value may stand without quotes. Raises NoMatcher."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise NoMatcher(f'{text!r} is no matcher, such as severity="critical" or instance=~"web.*"')
    name = found["name"] if found["quoted"] is None else _unescaped(found["quoted"], text)
    value = found["value"]
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise NoMatcher(f"{text!r} has a quote without its other one")
        value = value[1:-1]
    if not name:
        raise NoMatcher(f"{text!r} names no label")
    return Matcher(name, cast("Op", found["op"]), _unescaped(value, text))


def _split(text: str) -> list[str]:
    """The parts between commas that are not in quotes."""
    parts, start, quoted, at = [], 0, False, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        elif text[at] == "," and not quoted:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    last = text[start:]
    return parts if parts and not last.strip() else [*parts, last] if text.strip() else []


def _unescaped(value: str, text: str) -> str:
    """Go's escapes that Alertmanager knows; others stand for themselves, as regular expressions want them."""
    letters, at = [], 0
    while at < len(value):
        letter = value[at]
        if letter == "\\":
            following = value[at + 1 : at + 2]
            if not following:
                raise NoMatcher(f"{text!r} ends with a backslash")
            letters.append(_ESCAPED.get(following, letter + following))
            at += 2
            continue
        if letter == '"':
            raise NoMatcher(f"{text!r} has a quote in its value that is not escaped")
        letters.append(letter)
        at += 1
    return "".join(letters)


def _compiled(expression: str) -> Any:
    if len(expression) > LONGEST_REGEX:
        raise NoMatcher(f"a regular expression may have {LONGEST_REGEX} characters (got {len(expression)})")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = 8 << 20
    try:
        return re2.compile(expression.encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        raise NoMatcher(f"{expression!r} is no regular expression: {_told(error)}") from error


def _told(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)
