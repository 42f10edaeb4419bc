"""From characters to words. Linear in the length of the text."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.syntax.literals import go_quoted, go_quoted_character, string_mistake


class Token(Enum):
    NAME = auto()
    NUMBER = auto()
    DURATION = auto()
    STRING = auto()
    SIGN = auto()
    END = auto()
    MISTAKE = auto()
    """What is no word: nothing follows, and its text says what is wrong. Whoever looks at it raises."""


@dataclass(frozen=True, slots=True)
class Word:
    token: Token
    text: str
    start: int


_SPACE: Final = r"(?P<space>(?:[ \t\r\n]+|\#[^\r\n]*)+)"
_STRING: Final = r""" (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`) """
_DIGITS: Final = r"\d+(?:_\d+)*"
_HEX: Final = "0[xX]_?(?:[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?"
_DECIMAL: Final = rf"(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})"
_UNITS: Final = r"[smhdwy]s?(?:\d+[smhdw]s?)*"
_NUMBER: Final = rf"""
      (?P<number>(?:{_HEX}|{_DECIMAL}(?:[eE][+-]?+(?:{_DIGITS}|(?!\Z)))?)(?![\w.]))
    | (?P<duration>(?:{_HEX}|{_DECIMAL}(?:[eE][+-]?(?:{_DIGITS})?)?){_UNITS}(?!\w))
"""
_FLAGS: Final = re.VERBOSE | re.ASCII
_OUTSIDE: Final = re.compile(
    rf"{_SPACE} | {_NUMBER} | {_STRING} | (?P<name>[a-zA-Z_:][\w:]*)"
    r" | (?P<sign>[=!<>]=|[<>]/|=(?!~)|[-+*/%^<>(){\[,@])",
    _FLAGS,
)
_BRACES: Final = re.compile(rf"{_SPACE} | {_STRING} | (?P<name>[a-zA-Z_]\w*) | (?P<sign>=~|!~|!=|[=,}}])", _FLAGS)
_DURATION: Final = re.compile(
    rf"(?P<space>[ \t\r\n]+) | {_NUMBER} | (?P<name>(?i:step|range|min_of|max_of)(?!\w)) | (?P<sign>[-+*/%^()\],:])",
    _FLAGS,
)
"""Behind an opening bracket, up to the first number."""
_BRACKETS: Final = re.compile(
    rf"{_SPACE} | {_NUMBER} | {_STRING} | (?P<name>(?i:step|range|min_of|max_of)(?!\w))"
    r" | (?P<sign>[=!<>]=|[<>]/|=(?!~)|[-+*/%^<>(){\],@:])",
    _FLAGS,
)
_KINDS: Final = {
    "duration": Token.DURATION,
    "number": Token.NUMBER,
    "string": Token.STRING,
    "name": Token.NAME,
    "sign": Token.SIGN,
}
_NUMBERISH: Final = re.compile(
    rf"(?:{_HEX}|(?:{_DECIMAL}|\.)(?:[eE][+-]?(?:{_DIGITS})?)?)(?:{_UNITS}(?:\d*\w)?|[._eE]{{0,2}})", re.ASCII
)
"""What is taken for a number or a duration before it turns out to be none."""


def syntax_error(text: str, start: int, message: str) -> QueryError:
    """The error for what is wrong at a place, which is told as line and column, in bytes."""
    if not text:
        return QueryError(ErrorKind.BAD_DATA, f"unknown position: parse error: {message}")
    line = text.count("\n", 0, start) + 1
    column = len(text[text.rfind("\n", 0, start) + 1 : start].encode()) + 1
    return QueryError(ErrorKind.BAD_DATA, f"{line}:{column}: parse error: {message}")


def split_words(text: str, most: int) -> list[Word]:
    """The words of a text, and behind them one of Token.END or a mistake. Raises QueryError for more than `most`."""
    reader = _Reader(text)
    words: list[Word] = []
    while not words or words[-1].token not in (Token.END, Token.MISTAKE):
        words.append(reader.next())
        if len(words) > most:
            raise QueryError(ErrorKind.BAD_DATA, f"query has more than {most} words: ask for less at a time")
    return words


class _Reader:
    """What is a word depends on the brackets and braces that it stands in."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._parens = 0
        self._pattern = _OUTSIDE
        self._had_colon = False

    def next(self) -> Word:
        found = self._pattern.match(self._text, self._at)
        if found is not None and found.lastgroup == "space":
            self._at = found.end()
            found = self._pattern.match(self._text, self._at)
        if found is None:
            return Word(*self._mistake(self._at), self._at)
        assert found.lastgroup is not None
        word = Word(_KINDS[found.lastgroup], found.group(), self._at)
        self._at = found.end()
        if word.token is Token.SIGN:
            return self._sign(word)
        if word.token is Token.STRING and "\\" in word.text and word.text[0] != "`":
            mistake = string_mistake(self._text, word.start)
            return word if mistake is None else Word(Token.MISTAKE, mistake, word.start)
        if self._pattern is _DURATION and word.token is not Token.NAME:
            self._pattern = _BRACKETS
        return word

    def _sign(self, word: Word) -> Word:
        match word.text:
            case "(":
                self._parens += 1
            case ")":
                self._parens -= 1
                if self._parens < 0:
                    return Word(Token.MISTAKE, "unexpected right parenthesis ')'", word.start + 1)
            case "{":
                self._pattern = _BRACES
            case "}" | "]":
                self._pattern = _OUTSIDE
            case "[":
                self._pattern, self._had_colon = _DURATION, False
            case ":" if self._pattern is _DURATION:
                told = "unexpected colon before duration in duration expression"
                return Word(Token.MISTAKE, told, word.start + 1)
            case ":" if self._had_colon:
                return Word(Token.MISTAKE, "unexpected colon ':'", word.start)
            case ":":
                self._had_colon = True
        return word

    def _mistake(self, at: int) -> tuple[Token, str]:
        """The end, or a word that says why there is none."""
        if at == len(self._text):
            told = self._end_mistake()
            return (Token.END, "") if told is None else (Token.MISTAKE, told)
        character, following = self._text[at], self._text[at + 1 : at + 2]
        shown, after = go_quoted_character(character), go_quoted_character(following)
        if self._pattern is not _BRACES and re.match(r"\.?[0-9]", self._text[at : at + 2]):
            told = f"bad number or duration syntax: {go_quoted(_numberish(self._text, at))}"
        elif self._pattern is _DURATION:
            told = f"unexpected character in duration expression: {shown}"
        elif character == "`":
            told = "unterminated raw string"
        elif character in "\"'":
            told = string_mistake(self._text, at) or "unterminated quoted string"
        elif character in "!=":
            inside = " inside braces" if self._pattern is _BRACES else ""
            told = f"unexpected character after {shown}{inside}: {after}"
        elif self._pattern is _BRACES:
            told = (
                f"unexpected left brace {shown}" if character == "{" else f"unexpected character inside braces: {shown}"
            )
        elif character == ("[" if self._pattern is _BRACKETS else "]"):
            told = f"unexpected {'left' if character == '[' else 'right'} bracket {shown}"
        else:
            told = f"unexpected character: {shown}"
            if self._pattern is _BRACKETS and re.match("[a-zA-Z_]", character):
                told += ", expected ':'"
        return Token.MISTAKE, told

    def _end_mistake(self) -> str | None:
        if self._pattern is _BRACES:
            return "unexpected end of input inside braces"
        if self._pattern is _DURATION:
            return "unexpected end of input in duration expression"
        if self._parens:
            return "unclosed left parenthesis"
        return "unclosed left bracket" if self._pattern is _BRACKETS else None


def _numberish(text: str, at: int) -> str:
    found = _NUMBERISH.match(text, at)
    return found.group() if found is not None else text[at]
