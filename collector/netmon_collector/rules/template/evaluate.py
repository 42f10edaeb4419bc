"""Fills in a template, within bounds of steps, output and depth."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from netmon_collector.rules.template.functions import FUNCTIONS, Known, called
from netmon_collector.rules.template.nodes import (
    Action,
    Body,
    Branch,
    Chain,
    Command,
    Dot,
    Function,
    Include,
    Leave,
    Literal,
    Operand,
    Pipe,
    Template,
    TemplateError,
    Text,
    Variable,
)
from netmon_collector.rules.template.values import (
    Given,
    Moment,
    Safe,
    Sample,
    Span,
    Value,
    field_of,
    is_true,
    printed,
    type_name,
)
from netmon_collector.rules.template.weight import Scales

MOST_STEPS: Final = 20_000
MOST_CHARACTERS: Final = 32 << 10
MOST_HANDLED: Final = 4 << 20
"""Characters of all that functions take and give: texts in variables grow too."""
DEEPEST: Final = 40

Ask = Callable[[str], list[Sample]]
"""What an expression comes to; it may raise whatever the caller of `fill` wants to see."""

_NOTHING: Final = object()
_LINK_BEGINS: Final = re.compile(r"(?:href|src)\s*=\s*[\"']?$", re.IGNORECASE)
_SAFE_LINK: Final = re.compile(r"(?:https?:|mailto:|[^:/?#]*(?:[/?#]|$))", re.IGNORECASE)
UNSAFE_LINK: Final = "#unsafe"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a template is filled in: the functions that it was parsed with, what it may cost, and whether it makes
    HTML, for which what it prints is escaped."""

    functions: Mapping[str, Known] = field(default_factory=lambda: FUNCTIONS)
    most_steps: int = MOST_STEPS
    most_characters: int = MOST_CHARACTERS
    most_handled: int = MOST_HANDLED
    html: bool = False


PLAIN: Final = Manner()


class _Left(Exception):
    """Ends a round of a loop, or the loop."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def fill(template: Template, given: Value, ask: Ask, now_ms: int, manner: Manner = PLAIN) -> str:
    """The text of a template about what is given. Raises TemplateError."""
    return _Filler(template, given, ask, now_ms, manner).text()


class _Filler:
    def __init__(self, template: Template, given: Value, ask: Ask, now_ms: int, manner: Manner) -> None:
        self._template = template
        self._manner = manner
        self._given = given
        self._ask = ask
        self._now_ms = now_ms
        self._steps = 0
        self._written = 0
        self._depth = 0
        self._scales = Scales(manner.most_handled)
        self._scopes: list[tuple[str, Value]] = [("$", given)]
        if isinstance(given, Given):
            self._scopes += [
                ("$labels", given.labels),
                ("$externalLabels", given.external_labels),
                ("$externalURL", given.external_url),
                ("$value", given.value),
            ]

    def text(self) -> str:
        out: list[str] = []
        self._body(self._template.body, self._given, out)
        return "".join(out)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > self._manner.most_steps:
            raise TemplateError(f"takes more than {self._manner.most_steps} steps")

    def _write(self, text: str, out: list[str]) -> None:
        self._written += len(text)
        if self._written > self._manner.most_characters:
            raise TemplateError(f"makes more than {self._manner.most_characters} characters")
        if text:
            out.append(text)

    def _shown(self, value: Value, before: list[str]) -> str:
        """A value as it stands in the text. In HTML it neither begins an element nor is a link that runs a script."""
        text = printed(value)
        if not self._manner.html or isinstance(value, Safe):
            return text
        if before and _LINK_BEGINS.search(before[-1]) and not _SAFE_LINK.match(text):
            return UNSAFE_LINK
        return escape(text)

    def _body(self, body: Body, dot: Value, out: list[str]) -> None:
        before = len(self._scopes)
        try:
            for node in body:
                self._step()
                match node:
                    case Text():
                        self._write(node.text, out)
                    case Action():
                        value = self._pipe(node.pipe, dot)
                        if not node.pipe.variables:
                            self._write(self._shown(value, out), out)
                    case Branch():
                        self._branch(node, dot, out)
                    case Leave():
                        raise _Left(node.kind)
                    case Include():
                        at = None if node.pipe is None else self._pipe(node.pipe, dot)
                        self._include(node.name, at, out)
        finally:
            del self._scopes[before:]

    def _branch(self, node: Branch, dot: Value, out: list[str]) -> None:
        before = len(self._scopes)
        value = self._pipe(node.pipe, dot, declares=node.kind != "range")
        if node.kind == "range":
            if not self._loop(node, value, out):
                self._body(node.otherwise, dot, out)
        elif is_true(value):
            self._body(node.body, value if node.kind == "with" else dot, out)
        else:
            self._body(node.otherwise, dot, out)
        del self._scopes[before:]

    def _loop(self, node: Branch, value: Value, out: list[str]) -> bool:
        """Whether there was anything to go along."""
        any_round = False
        for key, entry in _entries(value):
            any_round = True
            self._step()  # its body may be empty
            before = len(self._scopes)
            names = node.pipe.variables
            for name, part in zip(names, (key, entry) if len(names) == 2 else (entry,), strict=True) if names else ():
                self._set(name, part, assigns=node.pipe.assigns)
            try:
                self._body(node.body, entry, out)
            except _Left as left:
                if left.kind == "break":
                    return True
            finally:
                del self._scopes[before:]
        return any_round

    def _include(self, name: str, dot: Value, out: list[str]) -> None:
        body = self._template.defined.get(name)
        if body is None:
            raise TemplateError(f"template {name!r} not defined")
        self._depth += 1
        if self._depth > DEEPEST:
            raise TemplateError("templates include each other too deeply")
        outer, self._scopes = self._scopes, [("$", dot)]
        self._body(body, dot, out)
        self._scopes = outer
        self._depth -= 1

    def _set(self, name: str, value: Value, *, assigns: bool) -> None:
        if not assigns:
            self._scopes.append((name, value))
            return
        for place in range(len(self._scopes) - 1, -1, -1):
            if self._scopes[place][0] == name:
                self._scopes[place] = (name, value)
                return

    def _pipe(self, pipe: Pipe, dot: Value, *, declares: bool = True) -> Value:
        value: Value = _NOTHING
        for command in pipe.commands:
            value = self._command(command, dot, value)
        for name in pipe.variables if declares else ():
            self._set(name, value, assigns=pipe.assigns)
        return value

    def _command(self, command: Command, dot: Value, final: Value) -> Value:
        self._step()
        first, rest = command[0], command[1:]
        if isinstance(first, Function):
            if first.name in ("and", "or"):
                return self._either(first.name, rest, dot, final)
            return self._call(first.name, self._arguments(rest, dot, final))
        if isinstance(first, Chain):
            return self._chained(first, self._arguments(rest, dot, final), dot)
        if rest or final is not _NOTHING:
            raise TemplateError(f"can't give argument to non-function {_shown(first)}")
        return self._operand(first, dot)

    def _arguments(self, operands: Command, dot: Value, final: Value) -> list[Value]:
        values = [self._operand(one, dot) for one in operands]
        return values if final is _NOTHING else [*values, final]

    def _either(self, name: str, operands: Command, dot: Value, final: Value) -> Value:
        """The first that decides; what comes after it is not looked at."""
        value: Value = _NOTHING
        for operand in operands:
            value = self._operand(operand, dot)
            if is_true(value) == (name == "or"):
                return value
        value = value if final is _NOTHING else final
        if value is _NOTHING:
            raise TemplateError(f"wrong number of args for {name}: want at least 1 got 0")
        return value

    def _operand(self, operand: Operand, dot: Value) -> Value:
        match operand:
            case Literal():
                return operand.value
            case Dot():
                return dot
            case Variable():
                return next(value for name, value in reversed(self._scopes) if name == operand.name)
            case Pipe():
                return self._pipe(operand, dot)
            case Function():
                return self._call(operand.name, [])
            case Chain():
                return self._chained(operand, [], dot)

    def _chained(self, chain: Chain, arguments: list[Value], dot: Value) -> Value:
        value = self._operand(chain.of, dot)
        for name in chain.fields[:-1]:
            value = field_of(value, name, [])
        return field_of(value, chain.fields[-1], arguments)

    def _call(self, name: str, arguments: list[Value]) -> Value:
        for argument in arguments:
            self._scales.put(argument)
        result = self._result(name, arguments)
        self._scales.put(result)
        return result

    def _result(self, name: str, arguments: list[Value]) -> Value:
        plain = called(name, self._manner.functions[name], arguments)
        match name:
            case "query":
                return self._ask(arguments[0])
            case "now":
                return self._now_ms / 1000
            case "since":
                return Span(self._now_ms / 1000 - plain.seconds) if isinstance(plain, Moment) else plain
            case "externalURL":
                return self._given.external_url
            case "tmpl":
                out: list[str] = []
                self._include(arguments[0], arguments[1], out)
                return "".join(out)
        return plain


def _entries(value: Value) -> Iterator[tuple[Value, Value]]:
    match value:
        case dict():
            yield from sorted(value.items())
        case list():
            yield from enumerate(value)
        case int() if not isinstance(value, bool):
            yield from ((number, number) for number in range(value))
        case None:
            return
        case _:
            raise TemplateError(f"range can't iterate over {printed(value)} of type {type_name(value)}")


def _shown(operand: Operand) -> str:
    match operand:
        case Literal():
            return printed(operand.value)
        case Variable():
            return operand.name
    return "."
