"""How a profile names what a device holds: references to objects, and texts with references in braces.

ifName                    the column, at the row's own index
entPhysicalName@1         the column, at the first part of the row's index; @2- is all but the first
entPhysicalName[cpmCPU]   the column, at the index that the row's own cpmCPU holds
ifName=lldpLocPortId      where the column has the value of the row's own lldpLocPortId: the last number of that index
hrSystemUptime.0          one object; it is the same for every row
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, cast, get_args

from pydantic import PlainValidator, ValidationInfo

from netmon_configs.text import excerpt

Form = Literal["text", "mac", "ip", "prefix", "number", "hex", "date"]

OID = re.compile(r"[0-2](?:\.\d{1,10}){1,127}")
_REFERENCE = re.compile(r"([\w-]+(?:\.[\w.]+)?|[\d.]+)(?:@(\d+)(-(\d*))?|\[([\w.@-]+)\]|=([\w.@-]+))?")
_FIELD = re.compile(r"\{([^{}]*)\}")
INDEX = "index"


@dataclass(frozen=True, slots=True)
class Reference:
    """An object by its OID, and how a row finds its place in it; an empty `oid` is the row's index itself."""

    oid: str
    first: int = 0
    last: int | None = None
    through: "Reference | None" = None
    holding: "Reference | None" = None

    @property
    def is_scalar(self) -> bool:
        return self.oid.endswith(".0")


@dataclass(frozen=True, slots=True)
class Field:
    """A reference within a text, and the form that its value takes there."""

    reference: Reference
    form: Form = "text"


Pieces = tuple[str | Field, ...]


def _names(info: ValidationInfo) -> Mapping[str, str]:
    return cast(Mapping[str, str], (info.context or {}).get("objects", {}))


def resolve_oid(text: object, names: Mapping[str, str]) -> str:
    """The OID of a name, of a name with more numbers behind it, or of an OID. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("must be an object's name or its OID")
    written = text.removeprefix(".")
    if OID.fullmatch(written):
        return written
    name, dot, rest = written.partition(".")
    base = names.get(name)
    if base is None:
        from netmon_configs.wording import did_you_mean

        raise ValueError(f"no object is called '{excerpt(name)}'{did_you_mean(name, list(names))}")
    if dot and not re.fullmatch(r"\d+(\.\d+)*", rest):
        raise ValueError(f"'{excerpt(rest)}' must be numbers with points between them")
    return f"{base}.{rest}" if dot else base


def parse_reference(text: object, names: Mapping[str, str]) -> Reference:
    """A reference as it is written in a profile. Raises ValueError."""
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be an object such as ifName, ifName@1, entPhysicalName[cpmCPU] or 1.3.6.1.2.1.1.5.0")
    name, first, to, last, through, holding = match.groups()
    oid = "" if name == INDEX else resolve_oid(name, names)
    start = int(first or 0)
    return Reference(
        oid,
        start,
        None if to and not last else int(last) if last else start if first else None,
        parse_reference(through, names) if through else None,
        parse_reference(holding, names) if holding else None,
    )


def parse_pieces(text: object, names: Mapping[str, str]) -> Pieces:
    """A text with references in braces, as its pieces. Raises ValueError."""
    if isinstance(text, tuple):
        return text  # a default
    if not isinstance(text, str):
        raise ValueError("must be text, with objects in braces, such as 'Fan {index}'")
    pieces: list[str | Field] = []
    for place, piece in enumerate(_FIELD.split(text)):
        if place % 2 == 0:
            pieces.extend([piece] if piece else [])
            continue
        reference, colon, form = piece.partition(":")
        if colon and form not in get_args(Form):
            raise ValueError(f"'{excerpt(form)}' is no form of a value; there are {', '.join(get_args(Form))}")
        pieces.append(Field(parse_reference(reference, names), cast(Form, form) if colon else "text"))
    return tuple(pieces)


def _validated(parse: Callable[[object, Mapping[str, str]], object]) -> PlainValidator:
    return PlainValidator(lambda value, info: parse(value, _names(info)))


def _pattern(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise ValueError("must be a regular expression")
    try:
        return re.compile(value, re.DOTALL)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


def _glob(value: object) -> str:
    text = value.removeprefix(".") if isinstance(value, str) else ""
    if not re.fullmatch(r"\d+(\.\d+)*(\.\*|\*)?", text):
        raise ValueError("must be an OID such as 1.3.6.1.4.1.9.1.516, or its beginning and a star: 1.3.6.1.4.1.9.1.*")
    return text


Oid = Annotated[str, _validated(resolve_oid)]
Ref = Annotated[Reference, _validated(parse_reference)]
Text = Annotated[Pieces, _validated(parse_pieces)]
Pattern = Annotated[re.Pattern[str], PlainValidator(_pattern)]
Glob = Annotated[str, PlainValidator(_glob)]
