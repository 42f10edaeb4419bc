"""From characters to words. Linear in the length of the text."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from netmon_collector.query.answer import ErrorKind, QueryError


class Token(Enum):
    NAME = auto()
    NUMBER = auto()
    DURATION = auto()
    STRING = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Word:
    token: Token
    text: str
    start: int


_DURATION: Final = r"(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?"
_WORD: Final = re.compile(
    rf"""
      (?P<space>(?:\s+|\#[^\n]*)+)
    | (?P<duration>(?=\d+[a-z]){_DURATION}(?![\w.]))
    | (?P<number>0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*(?!\w)
        | (?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
    | (?P<name>[a-zA-Z_:][\w:]*)
    | (?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){{}}\[\],@])
    """,
    re.VERBOSE | re.ASCII,
)
_KINDS: Final = {
    "duration": Token.DURATION,
    "number": Token.NUMBER,
    "string": Token.STRING,
    "name": Token.NAME,
    "sign": Token.SIGN,
}
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST_MS: Final = 292 * 365 * 86_400_000
_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.?))", re.DOTALL
)
_SIMPLE: Final = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


def syntax_error(text: str, start: int, message: str) -> QueryError:
    """The error for what is wrong at a place, which is told as line and column."""
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return QueryError(ErrorKind.BAD_DATA, f"{line}:{column}: parse error: {message}")


def split_words(text: str, most: int) -> list[Word]:
    """The words of a text, with one of Token.END behind the last. Raises QueryError, also for more than `most`."""
    words: list[Word] = []
    at = brackets = 0
    while at < len(text):
        if brackets and text[at] == ":":  # elsewhere it is a part of a name
            words.append(Word(Token.SIGN, ":", at))
            at += 1
            continue
        found = _WORD.match(text, at)
        if found is None:
            raise syntax_error(text, at, _unexpected(text, at))
        if found.lastgroup is not None and found.lastgroup != "space":
            words.append(Word(_KINDS[found.lastgroup], found.group(), at))
            if found.lastgroup == "duration" and (found.end() - at > 60 or duration_ms(found.group()) > _LONGEST_MS):
                raise syntax_error(text, at, "duration out of range")
            brackets += (found.group() == "[") - (found.group() == "]")
        if len(words) > most:
            raise QueryError(ErrorKind.BAD_DATA, f"query has more than {most} words: ask for less at a time")
        at = found.end()
    words.append(Word(Token.END, "end of input", len(text)))
    return words


def _unexpected(text: str, at: int) -> str:
    character = text[at]
    if character in "\"'`":
        return "unterminated raw string" if character == "`" else "unterminated quoted string"
    if character.isdigit() or character == ".":
        word = re.match(r"[\w.]+", text[at : at + 64])
        return f"bad number or duration syntax: {go_quoted(word.group() if word else character)}"
    return f"unexpected character: {go_quoted(character)[1:-1]!r}"


def duration_ms(text: str) -> int:
    """The length of time that a word such as 1h30m names."""
    return sum(
        int(count) * (365 * 86_400_000 if unit == "y" else _UNITS_MS[unit]) for count, unit in _PART.findall(text)
    )


def number_of(text: str) -> float:
    """The value of a word of digits."""
    plain = text.replace("_", "")
    return float(int(plain, 16)) if plain[:2] in ("0x", "0X") else float(plain)


def unquoted(word: Word, text: str) -> str:
    """The string that a literal stands for. Bytes that are no UTF-8 come as lone surrogates."""
    body = word.text[1:-1]
    if word.text[0] == "`" or "\\" not in body:
        return body
    parts = bytearray()
    at = 0
    for found in _ESCAPE.finditer(body):
        parts += body[at : found.start()].encode(errors="surrogateescape")
        meant = _escaped(found, word.text[0])
        if meant is None:
            raise syntax_error(text, word.start + 1 + found.start(), "unknown escape sequence in a string")
        parts += meant
        at = found.end()
    parts += body[at:].encode(errors="surrogateescape")
    return parts.decode(errors="surrogateescape")


def _escaped(found: re.Match[str], quote: str) -> bytes | None:
    """The bytes of an escape; None for one that is not valid."""
    simple, byte, short, long, octal, _ = found.groups()
    if simple is not None:
        return None if simple in "'\"" and simple != quote else _SIMPLE[simple].encode()
    if byte is not None:
        return bytes([int(byte, 16)])
    if octal is not None:
        return bytes([int(octal, 8)]) if int(octal, 8) < 256 else None
    point = int(short or long or "110000", 16)
    return None if point > 0x10FFFF or 0xD800 <= point < 0xE000 else chr(point).encode()


def go_quoted(text: str) -> str:
    """The text in double quotes, as Prometheus prints it."""
    out = []
    for character in text:
        point = ord(character)
        if character in '"\\':
            out.append("\\" + character)
        elif character in "\a\b\f\n\r\t\v":
            out.append("\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(character)])
        elif 0xDC80 <= point <= 0xDCFF:
            out.append(f"\\x{point - 0xDC00:02x}")
        elif point < 0x20 or point == 0x7F:
            out.append(f"\\x{point:02x}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'
