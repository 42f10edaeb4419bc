"""From the text of a template to pieces of text and actions, and from an action to its words."""

import re
from dataclasses import dataclass
from typing import Final

from netmon_collector.rules.template.nodes import TemplateError

_ACTION: Final = re.compile(
    r"\{\{(?P<trim>-\s)?\s*(?:(?P<comment>/\*.*?\*/)"
    r"|(?P<inner>(?:\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|'(?:[^'\\\n]|\\.)*'|(?!\}\}).)*?))\s*(?P<after>(?<=\s)-)?\}\}",
    re.DOTALL,
)
_QUOTED: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
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
        found = _ACTION.match(text, begin)
        if found is None or _is_broken(found["inner"] or ""):
            raise TemplateError(f"line {line}: {_unclosed(text, begin)}")
        plain = plain.rstrip() if found["trim"] else plain
        if plain:
            pieces.append(Piece(line, plain))
        if found["comment"] is None:
            pieces.append(Piece(line, words=_words(found["inner"], line)))
        trims, at = found["after"] is not None, found.end()


def _is_broken(inner: str) -> bool:
    """Whether a comment or a string begins and does not end before the action does."""
    if inner.startswith("/*"):
        return True
    rest = _QUOTED.sub("", inner)
    return any(mark in rest for mark in "\"`'")


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
