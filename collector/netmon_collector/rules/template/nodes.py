"""The tree of a template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class TemplateError(Exception):
    """A template that cannot be read or filled in, and why."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number, a truth value or nil."""

    value: str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Dot:
    """The value that the template is at."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Function:
    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of something, one of the other."""

    of: "Operand"
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each of which gets the value of the one before as its last argument.

    variables: those that take the value, with the dollar sign. assigns: whether they are there already.
    """

    commands: tuple["Command", ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False


Operand = Literal | Dot | Variable | Function | Chain | Pipe
Command = tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` and `range`, by the name in `kind`."""

    kind: str
    pipe: Pipe
    body: "Body"
    otherwise: "Body"


@dataclass(frozen=True, slots=True)
class Leave:
    """`break` and `continue`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Include:
    """Another template, with the value that it is to be at."""

    name: str
    pipe: Pipe | None


Body = Sequence[Text | Action | Branch | Leave | Include]


@dataclass(frozen=True, slots=True)
class Template:
    """A template and those that are defined in it, by name. `asks`: whether it uses what differs from time to time;
    `includes`: the names of the templates that it fills in."""

    body: Body
    defined: Mapping[str, Body] = field(default_factory=dict)
    asks: bool = False
    includes: frozenset[str] = frozenset()
