"""From pieces to a tree: names of functions and variables are checked here, before anything is filled in."""

from collections.abc import Collection, Mapping
from typing import Final

from netmon_collector.query.syntax.literals import string_mistake, unquoted
from netmon_collector.rules.template.functions import FUNCTIONS, INCONSTANT, Known
from netmon_collector.rules.template.lexer import Piece, Word, split_pieces
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
from netmon_configs.wording import did_you_mean

GIVEN: Final = ("$", "$labels", "$externalLabels", "$externalURL", "$value")
"""The variables that labels and annotations begin with."""

LONGEST: Final = 64 << 10
"""Characters of a template."""
DEEPEST: Final = 50
"""Levels of blocks and of parentheses, each."""

_BLOCKS: Final = frozenset({"if", "with", "range"})
_CONSTANTS: Final = {"true": True, "false": False, "nil": None}


def parse_template(
    text: str, functions: Mapping[str, Known] = FUNCTIONS, variables: Collection[str] = GIVEN
) -> Template:
    """The tree of a template, which may use these functions and begins with these variables. Raises TemplateError that
    says what is wrong, and in which line."""
    if len(text) > LONGEST:
        raise TemplateError(f"is longer than {LONGEST} characters")
    return _Parser(split_pieces(text), functions, variables).whole()


class _Parser:
    def __init__(self, pieces: list[Piece], functions: Mapping[str, Known], variables: Collection[str]) -> None:
        self._pieces = pieces
        self._functions = functions
        self._at = 0
        self._defined: dict[str, Body] = {}
        self._variables: list[str] = list(variables)
        self._includes: set[str] = set()
        self._asks = False
        self._depth = 0
        self._loops = 0

    def whole(self) -> Template:
        body, end = self._body()
        if end is not None:
            raise self._error(f"unexpected {{{{{end[0].text}}}}}")
        return Template(body, self._defined, self._asks, frozenset(self._includes))

    def _error(self, text: str) -> TemplateError:
        piece = self._pieces[min(self._at, len(self._pieces)) - 1] if self._pieces else Piece(1)
        return TemplateError(f"line {piece.line}: {text}")

    def _body(self) -> tuple[Body, tuple[Word, ...] | None]:
        """What comes up to an `end` or `else`, and the words of that; None at the end of the text."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error("blocks are nested too deeply")
        before = len(self._variables)
        body: list[Text | Action | Branch | Leave | Include] = []
        end = None
        while self._at < len(self._pieces) and end is None:
            piece = self._pieces[self._at]
            self._at += 1
            if piece.words is None:
                body.append(Text(piece.text))
            elif piece.words and piece.words[0].text in ("end", "else"):
                end = piece.words
            elif (node := self._node(piece.words)) is not None:
                body.append(node)
        del self._variables[before:]
        self._depth -= 1
        return body, end

    def _node(self, words: tuple[Word, ...]) -> Action | Branch | Leave | Include | None:
        if not words:
            raise self._error("missing value for command")
        first = words[0].text if words[0].kind == "name" else ""
        if first in _BLOCKS:
            return self._branch(first, words[1:])
        if first in ("break", "continue") and len(words) == 1:
            if not self._loops:
                raise self._error(f"{{{{{first}}}}} outside {{{{range}}}}")
            return Leave(first)
        if first in ("define", "block"):
            return self._define(first, words[1:])
        if first == "template":
            name, rest = self._name(words[1:], "template")
            self._includes.add(name)
            return Include(name, self._pipe(rest) if rest else None)
        return Action(self._pipe(words))

    def _branch(self, kind: str, words: tuple[Word, ...]) -> Branch:
        before = len(self._variables)
        pipe = self._pipe(words, ranges=kind == "range")
        self._loops += kind == "range"
        body, end = self._body()
        self._loops -= kind == "range"
        otherwise: Body = ()
        if end is not None and end[0].text == "else":
            if len(end) > 1:
                if end[1].text != kind or kind == "range":
                    raise self._error(f"unexpected {end[1].text} after else")
                otherwise = (self._branch(kind, end[2:]),)
                end = (Word("name", "end", spaced=True),)
            else:
                otherwise, end = self._body()
        if end is None or end[0].text != "end":
            raise self._error(f"{{{{{kind}}}}} has no {{{{end}}}}")
        del self._variables[before:]
        return Branch(kind, pipe, body, otherwise)

    def _define(self, kind: str, words: tuple[Word, ...]) -> Include | None:
        name, rest = self._name(words, kind)
        pipe = self._pipe(rest) if kind == "block" and rest else None
        outer, self._variables = self._variables, ["$"]
        body, end = self._body()
        self._variables = outer
        if end is None or end[0].text != "end":
            raise self._error(f"{{{{{kind}}}}} has no {{{{end}}}}")
        self._defined[name] = body
        return Include(name, pipe) if kind == "block" else None

    def _name(self, words: tuple[Word, ...], what: str) -> tuple[str, tuple[Word, ...]]:
        if not words or words[0].kind not in ("string", "raw"):
            raise self._error(f"{what} needs a name in quotation marks")
        return str(_constant(words[0])), words[1:]

    def _pipe(self, words: tuple[Word, ...], *, ranges: bool = False) -> Pipe:
        variables, assigns, rest = self._declared(words, ranges)
        cursor = _Cursor(rest)
        commands = self._commands(cursor, "")
        if not assigns:
            self._variables += variables
        if len(self._variables) > 1000:
            raise self._error("has too many variables")
        return Pipe(commands, tuple(variables), assigns)

    def _declared(self, words: tuple[Word, ...], ranges: bool) -> tuple[list[str], bool, tuple[Word, ...]]:
        """The variables before `:=` or `=`, whether they must be there already, and what follows."""
        signs = [at for at, word in enumerate(words[:4]) if word.kind == "sign" and word.text in (":=", "=")]
        if not signs:
            return [], False, words
        names = [word.text for word in words[: signs[0]] if word.kind == "variable"]
        commas = [word for word in words[: signs[0]] if word.text == ","]
        if len(names) + len(commas) != signs[0] or len(names) not in ((1, 2) if ranges else (1,)):
            raise self._error("a variable must stand before := and =")
        assigns = words[signs[0]].text == "="
        if assigns:
            for name in names:
                self._check_variable(name)
        return names, assigns, words[signs[0] + 1 :]

    def _commands(self, cursor: "_Cursor", end: str) -> tuple[Command, ...]:
        commands: list[Command] = []
        while True:
            operands: list[Operand] = []
            while not cursor.is_at("|", end):
                operands.append(self._operand(cursor))
            if not operands:
                raise self._error("missing value for command")
            if commands and not isinstance(operands[0], Function | Chain | Variable | Dot):
                raise self._error("only a function may follow a |")
            commands.append(tuple(operands))
            if not cursor.takes("|"):
                return tuple(commands)

    def _operand(self, cursor: "_Cursor") -> Operand:
        word = cursor.next()
        if word is None:
            raise self._error("unclosed left paren")
        operand = self._term(word, cursor)
        fields = []
        while cursor.continues_with_field():
            follower = cursor.next()
            assert follower is not None
            fields.append(follower.text[1:])
        if isinstance(operand, Chain) and fields:
            return Chain(operand.of, (*operand.fields, *fields))
        if fields and isinstance(operand, Literal | Function):
            raise self._error(f"unexpected . after {word.text}")
        return Chain(operand, tuple(fields)) if fields else operand

    def _term(self, word: Word, cursor: "_Cursor") -> Operand:
        match word.kind:
            case "string" | "raw" | "char" | "number":
                try:
                    return Literal(_constant(word))
                except ValueError:
                    raise self._error(f"bad constant: {word.text}") from None
            case "field":
                return Chain(Dot(), (word.text[1:],))
            case "variable":
                self._check_variable(word.text)
                return Variable(word.text)
            case "name" if word.text in _CONSTANTS:
                return Literal(_CONSTANTS[word.text])
            case "name":
                return self._function(word.text)
        if word.text == ".":
            return Dot()
        if word.text == "(":
            self._depth += 1
            if self._depth > DEEPEST:
                raise self._error("parentheses are nested too deeply")
            commands = self._commands(cursor, ")")
            if not cursor.takes(")"):
                raise self._error("unclosed left paren")
            self._depth -= 1
            return Pipe(commands)
        raise self._error(f"unexpected {word.text!r}")

    def _function(self, name: str) -> Function:
        if name not in self._functions:
            raise self._error(f"function {name!r} not defined{did_you_mean(name, list(self._functions))}")
        self._asks = self._asks or name in INCONSTANT
        return Function(name)

    def _check_variable(self, name: str) -> None:
        if name not in self._variables:
            raise self._error(f"undefined variable {name!r}{_meant(name, self._variables)}")


def _meant(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, list(known))


class _Cursor:
    """Goes along the words of an action."""

    def __init__(self, words: tuple[Word, ...]) -> None:
        self._words = words
        self._at = 0

    def next(self) -> Word | None:
        if self._at >= len(self._words):
            return None
        self._at += 1
        return self._words[self._at - 1]

    def is_at(self, *signs: str) -> bool:
        """Whether one of these signs comes next; "" is the end."""
        if self._at >= len(self._words):
            return True
        word = self._words[self._at]
        return word.kind == "sign" and word.text in signs

    def takes(self, sign: str) -> bool:
        if self._at < len(self._words) and self._words[self._at].text == sign and self._words[self._at].kind == "sign":
            self._at += 1
            return True
        return False

    def continues_with_field(self) -> bool:
        word = self._words[self._at] if self._at < len(self._words) else None
        return word is not None and word.kind == "field" and not word.spaced


def _unquoted(text: str) -> str:
    if mistake := string_mistake(text, 0):
        raise ValueError(mistake)
    return unquoted(text)


def _constant(word: Word) -> str | float | int:
    match word.kind:
        case "raw":
            return word.text[1:-1].replace("\r", "")
        case "string":
            return _unquoted(word.text)
        case "char":
            text = _unquoted(word.text)
            if len(text) != 1:
                raise ValueError(word.text)
            return ord(text)
    plain = word.text.replace("_", "")
    if len(plain) > 400:
        raise ValueError(plain[:20])
    if plain.lstrip("+-")[:2].lower() in ("0x", "0o", "0b"):
        return int(plain, 0)
    return float(plain) if any(sign in plain for sign in ".eE") else int(plain)
