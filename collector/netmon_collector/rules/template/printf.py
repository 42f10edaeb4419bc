"""Go's printf (https://pkg.go.dev/fmt), for the types that templates have."""

import math
import re
from typing import Final

from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.values import Value, inner, type_name

WIDEST: Final = 1000
"""Of width and precision; more is refused, because it is memory."""
LONGEST: Final = 10_000
"""Characters of a form; each of its verbs may make as many as WIDEST."""

_VERB: Final = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d*))?(?P<verb>.?)", re.DOTALL)
_FLOATS: Final = frozenset("eEfFgG")
_BASES: Final = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X", "c": "c"}


def printf(form: str, arguments: list[Value]) -> str:
    """The form, filled in. Mistakes are told within the text, as Go does."""
    if len(form) > LONGEST:
        raise TemplateError(f"printf: a form of more than {LONGEST} characters")
    left = list(arguments)
    out: list[str] = []
    at = 0
    for found in _VERB.finditer(form):
        out.append(form[at : found.start()])
        at = found.end()
        out.append(_filled(found, left))
    out.append(form[at:])
    if left:
        out.append("%!(EXTRA " + ", ".join(f"{type_name(one)}={inner(one)}" for one in left) + ")")
    return "".join(out)


def _filled(found: re.Match[str], left: list[Value]) -> str:
    verb, flags = found["verb"], found["flags"]
    if verb == "%":
        return "%"
    if not verb:
        return "%!(NOVERB)"
    width = _size(found["width"], left)
    precision = _size(found["precision"], left) if found["precision"] is not None else None
    if width is not None and width < 0:
        width, flags = -width, flags + "-"
    if max(width or 0, precision or 0) > WIDEST:
        raise TemplateError(f"printf: a width or precision of more than {WIDEST}")
    if not left:
        return f"%!{verb}(MISSING)"
    value = left.pop(0)
    text = _one(verb, flags, 0 if found["precision"] == "" else precision, value)
    if text is None:
        return f"%!{verb}({type_name(value)}={inner(value)})" if value is not None else f"%!{verb}(<nil>)"
    return _padded(text, flags, width or 0, is_number=isinstance(value, int | float))


def _size(text: str | None, left: list[Value]) -> int | None:
    if text == "*":
        value = left.pop(0) if left else 0
        return value if isinstance(value, int) else 0
    return int(text) if text and len(text) < 6 else WIDEST + 1 if text else None


def _one(verb: str, flags: str, precision: int | None, value: Value) -> str | None:
    """A value by a verb; None where the verb is not for it."""
    if verb == "v":
        text = inner(value)
        return _signed(text, flags) if isinstance(value, int | float) else text
    if verb == "T":
        return type_name(value)
    match value:
        case bool():
            return inner(value) if verb == "t" else None
        case float():
            return _signed(_float(verb, precision, value), flags) if verb in _FLOATS else None
        case int():
            return _int(verb, flags, value)
        case str():
            return _string(verb, flags, precision, value)
    return inner(value) if verb == "s" and value is not None else None


def _int(verb: str, flags: str, value: int) -> str | None:
    if verb == "q":
        return f"'{chr(value)}'" if 0 <= value < 0x110000 else None
    if verb == "U":
        return f"U+{value:04X}"
    if verb not in _BASES or (verb == "c" and not 0 <= value < 0x110000):
        return None
    alternate = "#" if "#" in flags and verb in "xXo" else ""
    return format(value, alternate + _BASES[verb]) if verb == "c" else _signed(format(value, _BASES[verb]), flags)


def _float(verb: str, precision: int | None, value: float) -> str:
    if not math.isfinite(value):
        return inner(value)
    if precision is None and verb in "gG":
        text = inner(value)
        return text.upper() if verb == "G" else text
    return format(value, f".{6 if precision is None else precision}{verb}")


def _string(verb: str, flags: str, precision: int | None, value: str) -> str | None:
    cut = value if precision is None else value[:precision]
    match verb:
        case "s":
            return cut
        case "q":
            return f"`{cut}`" if "#" in flags and "`" not in cut else go_quoted(cut)
        case "x" | "X":
            text = cut.encode(errors="surrogateescape").hex()
            return text.upper() if verb == "X" else text
    return None


def _signed(text: str, flags: str) -> str:
    if text.startswith(("-", "+")):
        return text
    return ("+" if "+" in flags else " " if " " in flags else "") + text


def _padded(text: str, flags: str, width: int, *, is_number: bool) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and is_number and not text.strip("+-").startswith(("I", "N")):
        return text.zfill(width)
    return text.rjust(width)
