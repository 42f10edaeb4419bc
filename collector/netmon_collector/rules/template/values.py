"""What templates work on, and how Go prints it."""

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from netmon_collector.query.numbers import general
from netmon_collector.rules.template.nodes import TemplateError

Value = Any
"""str, float, int, bool, None, list, dict, Sample, Moment, Span, or Given."""

NO_VALUE: Final = "<no value>"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = "January February March April May June July August September October November December".split()
_DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class Thing:
    """A value with fields and methods of its own."""

    __slots__ = ()

    @abstractmethod
    def field(self, name: str, arguments: list[Value]) -> Value:
        """A field, or what a method gives. Raises TemplateError where there is none of the name."""


class Safe(str):
    """Text that is HTML already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A series of the answer to a query, and its value."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Given:
    """What a label or an annotation may tell of."""

    labels: dict[str, str]
    value: float
    external_labels: dict[str, str] = field(default_factory=dict)
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Moment(Thing):
    """A time, as Unix seconds, and where its clock hangs."""

    seconds: float
    zone: tzinfo = UTC

    def _when(self) -> datetime:
        try:
            return (_EPOCH + timedelta(seconds=self.seconds)).astimezone(self.zone)
        except (OverflowError, ValueError):  # NaN is no number of seconds
            raise TemplateError("a time is out of range") from None

    def text(self) -> str:
        """As Go prints a time."""
        when = self._when()
        fraction = f"{when.microsecond:06d}".rstrip("0")
        return f"{when:%Y-%m-%d %H:%M:%S}{'.' + fraction if fraction else ''} {when:%z %Z}"

    def field(self, name: str, arguments: list[Value]) -> Value:
        """One of Go's methods of a time, of those without side effects that rule packs call."""
        when = self._when()
        if name == "Format" and len(arguments) == 1 and isinstance(arguments[0], str):
            return _formatted(when, arguments[0])
        if name == "Sub" and len(arguments) == 1 and isinstance(arguments[0], Moment):
            return Span(self.seconds - arguments[0].seconds)
        if not arguments:
            match name:
                case "Unix":
                    return math.floor(self.seconds)
                case "UTC":
                    return Moment(self.seconds)
                case "String":
                    return self.text()
                case "Month":
                    return _MONTHS[when.month - 1]
                case "Weekday":
                    return _DAYS[when.weekday()]
                case "Year" | "Day" | "Hour" | "Minute" | "Second":
                    return getattr(when, name.lower())
        raise TemplateError(f"can't evaluate field {name} in type time.Time")


_LAYOUT: Final = (
    ("January", "%B"), ("Jan", "%b"), ("Monday", "%A"), ("Mon", "%a"), ("2006", "%Y"), ("Z07:00", ""),
    ("-07:00", ""), ("-0700", "%z"), ("MST", "%Z"), ("01", "%m"), ("02", "%d"), ("15", "%H"), ("03", "%I"),
    ("04", "%M"), ("05", "%S"), ("06", "%y"), ("PM", "%p"),
)  # fmt: skip


def _formatted(when: datetime, layout: str) -> str:
    """A time in a layout of Go's, of which the parts above are known."""
    out = []
    at = 0
    while at < len(layout):
        part = next(((go, ours) for go, ours in _LAYOUT if layout.startswith(go, at)), None)
        out.append((when.strftime(part[1]) or _offset(when, part[0])) if part else layout[at])
        at += len(part[0]) if part else 1
    return "".join(out)


def _offset(when: datetime, part: str) -> str:
    """How far a zone is from UTC, with a colon; its layout may ask for a Z where it is not."""
    text = f"{when:%z}"
    return "Z" if part.startswith("Z") and text == "+0000" else f"{text[:3]}:{text[3:5]}"


def field_of(value: Value, name: str, arguments: list[Value]) -> Value:
    """A field of a value, or an entry of a map; an entry of labels that is missing is the empty text."""
    if isinstance(value, Thing):
        return value.field(name, arguments)
    if arguments:
        raise TemplateError(f"{name} has arguments but cannot be invoked as function")
    match value:
        case dict():
            return value.get(name, "")
        case Sample() if name in ("Labels", "Value"):
            return value.labels if name == "Labels" else value.value
        case Given() if name in _GIVEN:
            return getattr(value, _GIVEN[name])
        case None:
            raise TemplateError(f"nil data; no entry for key {name!r}")
    raise TemplateError(f"can't evaluate field {name} in type {type_name(value)}")


_GIVEN: Final = {
    "Labels": "labels",
    "Value": "value",
    "ExternalLabels": "external_labels",
    "ExternalURL": "external_url",
}


def is_true(value: Value) -> bool:
    """Go's truth: what is empty or zero is false."""
    if isinstance(value, float):
        return value != 0
    return bool(value) if isinstance(value, str | int | bool | list | dict | type(None)) else True


def printed(value: Value) -> str:
    """As fmt.Print has it."""
    match value:
        case None:
            return NO_VALUE
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return general(value)
        case dict():
            return "map[" + " ".join(f"{key}:{inner(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(map(inner, value)) + "]"
        case Sample():
            return f"&{{{printed(value.labels)} {printed(value.value)}}}"
        case Given():
            return f"{{{printed(value.labels)} {printed(value.external_labels)} {value.external_url} {value.value}}}"
        case Moment():
            return value.text()
        case Span():
            return span_text(value.seconds)
    return str(value)


def inner(value: Value) -> str:
    """As it is printed within something else."""
    return "<nil>" if value is None else printed(value)


def span_text(seconds: float) -> str:
    """As Go prints a time.Duration: 1h2m0.5s."""
    if not seconds:
        return "0s"
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if left < size * 1000 and left < 1:
            return f"{sign}{left / size:.6g}{unit}"
    hours, rest = divmod(left, 3600)
    minutes, rest = divmod(rest, 60)
    head = f"{int(hours)}h{int(minutes)}m" if hours else f"{int(minutes)}m" if minutes else ""
    return f"{sign}{head}{round(rest, 9):g}s"


def type_name(value: Value) -> str:
    """Go's name of a value's type."""
    match value:
        case None:
            return "<nil>"
        case str():
            return "string"
        case bool():
            return "bool"
        case float():
            return "float64"
        case int():
            return "int"
        case dict():
            return "map[string]string"
        case list():
            return "template.queryResult"
        case Sample():
            return "*template.sample"
        case Moment():
            return "*time.Time"
        case Span():
            return "*time.Duration"
    return "struct"
