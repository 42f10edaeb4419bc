"""Numbers, lengths of time and strings: what they stand for, and how strings are written again."""

import math
import re
import string
from typing import Final

_UNITS_MS: Final = {
    "y": 365 * 86_400_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1
}  # fmt: skip
_RANKS: Final = {unit: rank for rank, unit in enumerate(_UNITS_MS)}
_LONGEST_MS: Final = ((1 << 63) - 1) // 1_000_000
_PART: Final = re.compile(r"(\d+)(\D+)", re.ASCII)
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))", re.ASCII
)
_SIMPLE: Final = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
_FOLLOWING: Final = {"x": 2, "u": 4, "U": 8} | dict.fromkeys("01234567", 2)
"""So many digits follow the first character of an escape."""


def duration_ms(text: str) -> int:
    """The length of time that a word such as 1h30m names. Raises ValueError, worded as by Prometheus."""
    total_ms, rank = 0, -1
    if not text[:1].isdecimal():
        raise ValueError(f"not a valid duration string: {go_quoted(text)}")
    for count, unit in _PART.findall(text):
        if unit not in _UNITS_MS:
            raise ValueError(f"unknown unit {go_quoted(unit)} in duration {go_quoted(text)}")
        if _RANKS[unit] <= rank or len(count.lstrip("0")) > 20:
            raise ValueError(f"not a valid duration string: {go_quoted(text)}")
        rank = _RANKS[unit]
        total_ms += int(count) * _UNITS_MS[unit]
        if total_ms > _LONGEST_MS:
            raise ValueError("duration out of range")
    return total_ms


def whole_ms(seconds: float) -> int:
    """A length of time in ms, what is less than one cut off."""
    return math.trunc(round(seconds * 1e9) / 1e6)


def number_of(text: str) -> float:
    """The value of a word of digits; one that begins with 0 may be octal. Raises ValueError, worded as by Go."""
    plain = text.replace("_", "")
    try:
        if plain[:2] in ("0x", "0X"):
            return float(int(plain, 16))
        if plain.isdecimal() and plain[0] == "0" and not set(plain) & {"8", "9"}:
            return float(int(plain, 8))
        value = float(plain)
    except (ValueError, OverflowError):
        raise ValueError(f"strconv.ParseFloat: parsing {go_quoted(text)}: invalid syntax") from None
    if value in (float("inf"), float("-inf")) and plain[0] in "0123456789.":
        raise ValueError(f"strconv.ParseFloat: parsing {go_quoted(text)}: value out of range")
    return value


def unquoted(text: str) -> str:
    """The string that a literal, quotes and all, stands for. Bytes that are no UTF-8 come as lone surrogates."""
    body = text[1:-1]
    if text[0] == "`" or "\\" not in body:
        return body
    parts = bytearray()
    at = 0
    for found in _ESCAPE.finditer(body):
        parts += body[at : found.start()].encode(errors="surrogateescape")
        parts += _bytes_of(found)
        at = found.end()
    parts += body[at:].encode(errors="surrogateescape")
    return parts.decode(errors="surrogateescape")


def _bytes_of(escape: re.Match[str]) -> bytes:
    simple, byte, short, long, octal = escape.groups()
    if simple is not None:
        return _SIMPLE[simple].encode()
    if byte is not None or octal is not None:
        return bytes([int(byte, 16) if byte is not None else int(octal, 8)])
    return chr(int(short or long, 16)).encode()


def string_mistake(text: str, start: int) -> str | None:
    """What is wrong with the string in quotes that begins at a place of a text; None for nothing."""
    quote = text[start]
    at = start + 1
    while at < len(text) and text[at] not in (quote, "\n"):
        if text[at] != "\\":
            at += 1
            continue
        found = _ESCAPE.match(text, at)
        mistake = _escape_mistake(text[at + 1 : at + 11], quote, found)
        if mistake is not None or found is None:
            return mistake
        at = found.end()
    return None if at < len(text) and text[at] == quote else "unterminated quoted string"


def _escape_mistake(text: str, quote: str, found: re.Match[str] | None) -> str | None:
    """What is wrong with an escape, whose text follows the backslash."""
    if not text:
        return "escape sequence not terminated"
    if found is None:
        if text[0] not in _FOLLOWING:
            return f"unknown escape sequence {_point(text[0])}"
        digits = string.octdigits if text[0].isdecimal() else string.hexdigits
        for character in text[1 : 1 + _FOLLOWING[text[0]]]:
            if character not in digits:
                return f"illegal character {_point(character)} in escape sequence"
        return "escape sequence not terminated"
    simple, _, short, long, octal = found.groups()
    if simple is not None and simple in "'\"" and simple != quote:
        return f"unknown escape sequence {_point(simple)}"
    if octal is not None and int(octal, 8) > 255:
        return "escape sequence is an invalid Unicode code point"
    point = int(short or long or "0", 16)
    return "escape sequence is an invalid Unicode code point" if point > 0x10FFFF or 0xD800 <= point < 0xE000 else None


def _point(character: str) -> str:
    """U+0071 'q'"""
    shown = f" '{character}'" if character.isprintable() else ""
    return f"U+{ord(character):04X}{shown}"


def go_quoted(text: str) -> str:
    """The text in double quotes, as Prometheus prints it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_quoted(character, '"') for character in text) + '"'


def go_quoted_character(character: str) -> str:
    """A character in single quotes, as Prometheus prints it; one that is not there is U+FFFD."""
    return f"'{_quoted(character or chr(0xFFFD), chr(39))}'"


def _quoted(character: str, quote: str) -> str:
    point = ord(character)
    if character in (quote, "\\"):
        return "\\" + character
    if character.isprintable():
        return character
    if character in "\a\b\f\n\r\t\v":
        return "\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(character)]
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x20 or point == 0x7F:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
