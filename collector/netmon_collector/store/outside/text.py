"""Labels on their way to a server and back: the line protocol and its characters that cannot be said in it.

A character that a server cannot take is moved into Unicode's private use area, to 0xF000 above its own place, as Cygwin
and SMB do with file names; on the way back it becomes itself again. So any text survives except those few private-use
characters.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import NAME, Labels
from netmon_proto.names import LABEL_WORD

_SHIFT: Final = 0xF000
_ESCAPES: Final = str.maketrans({one: "\\" + one for one in "\\,= "})

_PLAIN_REGEX: Final = re.compile(
    r"""(?: [\x20-'*-Z\]-~\u00c0-\ud7ff]  # ordinary characters: no brackets, parentheses, backslashes
          | \\[dwbB] | \\[^a-zA-Z0-9\\]  # digits, word characters, \. and its like
          | \[ (?: a-z | A-Z | 0-9 | [\w.:/,@\x20] )+ -? \]
          | \( (?!\?) | \(\?i?: | \(\?i\) | \)
        )*""",
    re.VERBOSE | re.ASCII,
)


class Alphabet:
    """The characters that a server cannot take in a label, and the label names that it keeps for itself."""

    def __init__(self, characters: str, reserved: Iterable[str] = ()) -> None:
        self._out = {ord(one): chr(_SHIFT + ord(one)) for one in characters}
        self._back = {_SHIFT + ord(one): one for one in characters}
        self._names = {name: chr(_SHIFT + ord(name[0])) + name[1:] for name in reserved}
        self._own_names = {said: name for name, said in self._names.items()}

    def say(self, value: str) -> str:
        """A label's value, or a metric's name, as the server knows it."""
        return value.translate(self._out)

    def say_name(self, name: str) -> str:
        """A label's name as the server knows it."""
        return self._names.get(name) or self.say(name)

    def hear_text(self, text: str) -> str:
        """A label's value, or the name of one that is not reserved, from what the server tells."""
        return text.translate(self._back)

    def hear(self, labels: Mapping[str, str]) -> Labels:
        """The labels of a series from those that the server tells; one without a value is none."""
        return tuple(
            sorted(
                (self._own_names.get(name) or self.hear_text(name), self.hear_text(value))
                for name, value in labels.items()
                if value
            )
        )


def escaped(text: str) -> str:
    """A word of the line protocol: measurement, tag name, tag value or field name."""
    return text.translate(_ESCAPES)


def tags(labels: Labels, alphabet: Alphabet) -> str:
    """All labels but the metric's name, each with a comma before it."""
    return "".join(
        f",{escaped(alphabet.say_name(name))}={escaped(alphabet.say(value))}"
        for name, value in labels
        if name != NAME and value
    )


def can_be_asked(matcher: Matcher) -> bool:
    """Whether a server that has the labels in its own alphabet finds exactly what we would find.

    A regular expression that could tell a moved character from the true one is judged on our side only.
    """
    if not LABEL_WORD.fullmatch(matcher.name):
        return False
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        return True
    return _PLAIN_REGEX.fullmatch(matcher.value) is not None
