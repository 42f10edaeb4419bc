"""Puts pydantic's errors into the words of the file: its places, its names, its units."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netmon_configs.mistakes import Mistake
from netmon_configs.schema import Shape
from netmon_configs.text import excerpt
from netmon_configs.tree import Branch, place_of

_KINDS = {
    "bool": "true or false",
    "bytes": "text",
    "dict": "a block of names and values",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a block of names and values",
    "model": "a block of options",
    "set": "a list",
    "string": "text",
    "tuple": "a list",
}
BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
_DURATIONS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def explain(error: ValidationError, tree: Branch, name: str, model: type[BaseModel]) -> list[Mistake]:
    """The mistakes behind a ValidationError of `model`, made from the values of `tree`."""
    found: dict[tuple[int, str], Mistake] = {}
    for details in error.errors(include_url=False):
        mistake = _Spot(details, tree, Shape.of(model)).mistake(name)
        key = mistake.line, mistake.place
        found[key] = _either(found[key], mistake) if key in found else mistake
    return list(found.values())


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`. Did you mean 'interval'?`, or nothing where no known word is near."""
    close = get_close_matches(word, known, n=1)
    return f". Did you mean '{close[0]}'?" if close else ""


def in_its_unit(limit: float, shape: Shape | None) -> str:
    """A bound as people write it where values of a shape are written."""
    units: Sequence[tuple[int, str]] = ()
    if shape is not None:
        units = _DURATIONS if shape.is_duration else _SIZES if shape.is_size else ()
    for size, unit in units:
        if limit >= size and limit % size == 0:
            return f"{limit // size:g}{unit}"
    return f"{limit:g}" if isinstance(limit, float) and limit.is_integer() else str(limit)


class _Spot:
    """One error of pydantic's, walked to its value in the file and to what the model lets stand there."""

    def __init__(self, details: ErrorDetails, tree: Branch, shape: Shape | None) -> None:
        self.details = details
        self.context: dict[str, Any] = details.get("ctx", {})
        self.branch = tree
        self.parent: Shape | None = None
        self.shape = shape
        self.beyond: list[str | int] = []
        for step in details["loc"]:
            self._walk(step)

    def _walk(self, step: str | int) -> None:
        if self.shape is not None and self.shape.is_union and isinstance(step, str):
            self.shape = self.shape.variant(step)  # pydantic names the alternative that it tried
        elif step in self.branch.children:
            self.branch, self.parent = self.branch.children[step], self.shape
            self.shape = self.shape.child(step) if self.shape is not None else None
        else:
            self.beyond.append(step)

    def mistake(self, name: str) -> Mistake:
        kind = self.details["type"]
        place = self.branch.place
        if kind in ("union_tag_invalid", "union_tag_not_found"):
            place = place_of(place, self.context["discriminator"].strip("'"))
        elif kind == "missing" and self.beyond:
            place = place_of(place, self.beyond[-1])
        return Mistake(name, self._line(kind), place, self._text(kind))

    def _line(self, kind: str) -> int:
        tag = self._tag() if kind == "union_tag_invalid" else None
        return tag.line if tag else self.branch.line

    def _tag(self) -> Branch | None:
        return self.branch.children.get(self.context["discriminator"].strip("'"))

    def _text(self, kind: str) -> str:
        if kind == "missing":
            return "is missing"
        if kind in ("extra_forbidden", "invalid_key"):
            known = self.parent.options() if self.parent else []
            return "no such option" + did_you_mean(str(self.details["loc"][-1]), known)
        if kind == "union_tag_not_found":
            return "is missing"
        if kind == "union_tag_invalid":
            return self._no_such_type()
        if kind in ("value_error", "assertion_error"):
            return excerpt(str(self.context["error"]), 500)
        if kind in ("literal_error", "enum"):
            expected = self.context["expected"].replace(" or ", ", ")
            return f"must be {'one of ' if ',' in expected else ''}{expected}{self._got()}"
        if kind in BOUNDS:
            limit, words = BOUNDS[kind]
            return f"must be {words} {in_its_unit(self.context[limit], self.shape)}{self._got()}"
        return self._wrong_kind(kind) or self._wrong_length(kind) or self._in_pydantics_words()

    def _no_such_type(self) -> str:
        tag, expected = self._tag(), self.context["expected_tags"]
        if tag is None or not tag.written:
            return f"must be one of {expected}"
        nouns = re.findall(r"[^\W\d][\w-]*", self.branch.place)
        noun = nouns[-1].removesuffix("s") if nouns else "type"
        hint = did_you_mean(tag.written, re.findall(r"'([^']*)'", expected)) or f", only {expected}"
        return f"no such {noun} '{excerpt(tag.written)}'{hint}"

    def _wrong_kind(self, kind: str) -> str | None:
        noun = _KINDS.get(re.sub(r"_(attributes_type|type|parsing|parsing_size|from_float)$", "", kind))
        if noun is None:
            return None
        if "[key]" in self.beyond:
            return f"must have {noun} for its name"
        quotes = kind == "string_type" and self.branch.written and not self._is_hidden()
        return f"must be {noun}{self._got('; put quotes around it' if quotes else '')}"

    def _wrong_length(self, kind: str) -> str | None:
        match kind:
            case "string_too_short" if self.context["min_length"] == 1:
                return "must not be empty"
            case "string_too_short" | "too_short":
                return f"must have at least {self._count(kind, self.context['min_length'])}"
            case "string_too_long" | "too_long":
                return f"must have at most {self._count(kind, self.context['max_length'])}"
            case "string_pattern_mismatch":
                return f"must match {self.context['pattern']}{self._got()}"
        return None

    def _count(self, kind: str, things: int) -> str:
        if kind.startswith("string") or (self.shape is not None and self.shape.is_secret):
            return f"{things} character{'s' * (things != 1)}"
        return f"{things} entr{'y' if things == 1 else 'ies'}"

    def _in_pydantics_words(self) -> str:
        message = re.sub(r"^(Input|String|Value|URL) (should be|is not) ", "must be ", self.details["msg"])
        return message[:1].lower() + message[1:] + self._got()

    def _is_hidden(self) -> bool:
        """Whether the value is a secret, or might be: what no model describes is not shown."""
        return self.shape is None or self.shape.is_secret

    def _got(self, hint: str = "") -> str:
        if self._is_hidden():
            return ""
        if self.branch.written is None:
            return f" (got {'a list' if isinstance(self.branch.value, list) else 'a block'}{hint})"
        return f" (got {excerpt(self.branch.written) or 'nothing'}{hint})"


def _either(first: Mistake, second: Mistake) -> Mistake:
    """One mistake for a value that none of several alternatives takes."""
    must = "must be "
    if second.text == first.text or not (first.text.startswith(must) and second.text.startswith(must)):
        return first
    opening, got, rest = first.text.partition(" (got ")
    other = second.text.removeprefix(must).partition(" (got ")[0]
    return Mistake(first.file, first.line, first.place, f"{opening} or {other}{got}{rest}")
