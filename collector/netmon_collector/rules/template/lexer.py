"""From the text of a template to pieces of text and actions, and from an action to its words."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from netmon_collector.rules.template.nodes import TemplateError

_STEP: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|`[^`]*+`|'(?:[^'\\\n]|\\.)*+'|\}\}|\}|[^\"`'}]++", re.DOTALL)
"""What an action is made of, up to its end; nothing where a string does not end."""
_COMMENT: Final = re.compile(r"(?:-\s)?\s*+/\*")
_CLOSING: Final = re.compile(r"\s*+(?P<after>(?<=\s)-)?\}\}")
_WORD: Final = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<raw>`[^`]*`)
    | (?P<char>'(?:[^'\\\n]|\\.)+')
    | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?!\w))
    | (?P<field>\.[^\W\d]\w*)
    | (?P<variable>\$\w*)
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>:=|[=|(),.])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """`spaced`: whether there is a space before it, which parts a field from what it would be a field of."""

    kind: str
    text: str
    spaced: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, or the words of an action; `line` counts from 1."""

    line: int
    text: str = ""
    words: tuple[Word, ...] | None = None


def split_pieces(text: str) -> list[Piece]:
    """The pieces of a template. Raises TemplateError."""
    pieces: list[Piece] = []
    at = 0
    trims = False
    while True:
        begin = text.find("{{", at)
        line = text.count("\n", 0, max(begin, 0)) + 1
        plain = text[at:] if begin < 0 else text[at:begin]
        plain = plain.lstrip() if trims else plain
        if begin < 0:
            return [*pieces, Piece(line, plain)] if plain else pieces
        action = _comment(text, begin + 2) or _action(text, begin + 2)
        if action is None:
            raise TemplateError(f"line {line}: {_unclosed(text, begin)}")
        plain = plain.rstrip() if action.trims_before else plain
        if plain:
            pieces.append(Piece(line, plain))
        if action.inner is not None:
            pieces.append(Piece(line, words=_words(action.inner, line)))
        trims, at = action.trims_after, action.end


class _Action(NamedTuple):
    """What stands between braces, None for a comment; and whether the spaces before and after them do not count."""

    inner: str | None
    trims_before: bool
    trims_after: bool
    end: int


def _comment(text: str, begin: int) -> _Action | None:
    opening = _COMMENT.match(text, begin)
    close = text.find("*/", opening.end()) if opening else -1
    closing = _CLOSING.match(text, close + 2) if close >= 0 else None
    if closing is None:
        return None
    return _Action(None, text[begin] == "-", closing["after"] is not None, closing.end())


def _action(text: str, begin: int) -> _Action | None:
    """None where it does not end, or a string or a comment in it does not."""
    at = begin
    while (found := _STEP.match(text, at)) is not None and found.group() != "}}":
        at = found.end()
    if found is None:
        return None
    inner = text[begin:at]
    trims_before = inner[:1] == "-" and inner[1:2].isspace()
    rest = inner[2:] if trims_before else inner
    trims_after = rest[-1:] == "-" and inner[-2:-1].isspace()
    rest = (rest[:-1] if trims_after else rest).strip()
    return None if rest.startswith("/*") else _Action(rest, trims_before, trims_after, found.end())


def _unclosed(text: str, begin: int) -> str:
    inner = text[begin + 2 :]
    if re.match(r"-?\s*/\*", inner):
        return "unclosed comment"
    if inner.partition("}}")[0].count('"') % 2:
        return "unterminated quoted string"
    return "unclosed action" if "}}" not in inner else "unexpected characters in an action"


def _words(inner: str, line: int) -> tuple[Word, ...]:
    words: list[Word] = []
    at = 0
    spaced = True
    while at < len(inner):
        found = _WORD.match(inner, at)
        if found is None or found.lastgroup is None:
            raise TemplateError(f"line {line}: unexpected {inner[at]!r} in an action")
        at = found.end()
        if found.lastgroup == "space":
            spaced = True
            continue
        words.append(Word(found.lastgroup, found.group(), spaced))
        spaced = False
    return tuple(words)
