"""YAML text as a tree that knows the line and the place of every value.

Scalars follow the core schema of YAML 1.2 (chapter 10.3.2): `site: no` and `at: 10:30` are text, as they look, and
`mode: 010` is ten. Models still take "yes" and "off" where they want a truth value. Keys are text as written.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.text import excerpt

DEEPEST = 50
MOST_VALUES = 250_000
"""After aliases are filled in: a few lines of aliases of aliases would otherwise fill the memory."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"


@dataclass(frozen=True, slots=True)
class Branch:
    """A value in the file: where it stands (`inputs[0].port`), as written (scalars only), and what is below it."""

    value: object
    line: int
    place: str
    written: str | None = None
    children: Mapping[str | int, "Branch"] = field(default_factory=dict)


def place_of(parent: str, key: str | int) -> str:
    """`inputs` and 0 give `inputs[0]`, `inputs[0]` and "port" give `inputs[0].port`."""
    if isinstance(key, int):
        return f"{parent}[{key}]"
    if not re.fullmatch(r"[\w-]+", key):
        return f"{parent}[{json.dumps(excerpt(key), ensure_ascii=False)}]"
    return f"{parent}.{key}" if parent else key


def read_tree(text: str, name: str, *, as_written: bool = False) -> tuple[Branch, list[Mistake]]:
    """The tree of the one document in `text`, and the mistakes that still leave a tree, such as a key given twice.

    as_written: whether numbers and truth values stay text, as models want it that make of them what they need. Raises
    ConfigError where there is no tree at all.
    """
    try:
        composer = _CoreSchema(text)
        root = composer.get_single_node()
    except yaml.YAMLError as error:
        line, problem = _say(error, text)
        raise ConfigError([Mistake(name, line, "", problem)]) from None
    grower = _Grower(name, as_written)
    if root is None or root.tag == _TAG + "null":
        return Branch({}, 1, ""), []
    return grower.grow(root, root.start_mark.line + 1, "", 0), grower.mistakes


def plant(value: object, place: str = "") -> Branch:
    """The tree of a value that stands in no file."""
    children: dict[str | int, Branch] = {}
    if isinstance(value, dict):
        children = {str(key): plant(one, place_of(place, str(key))) for key, one in value.items()}
    elif isinstance(value, list):
        children = {index: plant(one, place_of(place, index)) for index, one in enumerate(value)}
    return Branch(value, 0, place, None if children else str(value), children)


class _CoreSchema(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to the nodes, with YAML 1.2's scalars and bounded depth."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: object) -> Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem="is nested too deeply", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)  # type: ignore[arg-type]
        self._depth -= 1
        return node


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _CoreSchema.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), _first)


class _Grower:
    """Turns nodes into branches, following aliases and merge keys."""

    def __init__(self, name: str, as_written: bool) -> None:
        self.mistakes: list[Mistake] = []
        self._as_written = as_written
        self._name = name
        self._values = 0

    def grow(self, node: Node, line: int, place: str, depth: int) -> Branch:
        self._values += 1
        if self._values > MOST_VALUES:
            raise ConfigError([Mistake(self._name, line, "", f"holds more than {MOST_VALUES:,} values")])
        if depth > DEEPEST:  # an alias to what it stands in
            raise ConfigError([Mistake(self._name, line, "", "is nested too deeply")])
        if node.tag == _TAG + "map" and isinstance(node, MappingNode):
            children = self._keys(node, place, depth)
            return Branch({key: child.value for key, child in children.items()}, line, place, None, children)
        if node.tag == _TAG + "seq" and isinstance(node, SequenceNode):
            entries = [
                self.grow(entry, entry.start_mark.line + 1, place_of(place, index), depth + 1)
                for index, entry in enumerate(node.value)
            ]
            return Branch([entry.value for entry in entries], line, place, None, dict(enumerate(entries)))
        if not isinstance(node, ScalarNode):
            self._mistake(line, place, f"has the YAML tag {excerpt(node.tag)}, which means nothing here")
            return Branch(None, line, place)
        return Branch(self._scalar(node, line, place), line, place, node.value)

    def _keys(self, node: MappingNode, place: str, depth: int) -> dict[str | int, Branch]:
        children: dict[str | int, Branch] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                continue
            if not isinstance(key_node, ScalarNode):
                self._mistake(line, place, "has a key that is no plain text")
                continue
            key = key_node.value
            below = place_of(place, key)
            if key in children:
                self._mistake(line, below, f"is given twice, first in line {children[key].line}")
            else:
                children[key] = self.grow(value, line, below, depth + 1)
        for key_node, value in node.value:
            if key_node.tag == _MERGE:
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    self._merge(source, key_node.start_mark.line + 1, place, depth, children)
        return children

    def _merge(self, source: Node, line: int, place: str, depth: int, into: dict[str | int, Branch]) -> None:
        if not isinstance(source, MappingNode):
            self._mistake(line, place_of(place, "<<"), "must be a block of options, or a list of such")
            return
        for key, child in self.grow(source, line, place, depth + 1).children.items():
            into.setdefault(key, child)

    def _scalar(self, node: ScalarNode, line: int, place: str) -> object:
        text = node.value
        kind = node.tag.removeprefix(_TAG)
        if self._as_written and kind in ("bool", "int", "float") and not text.lower().endswith((".inf", ".nan")):
            return text
        try:
            match kind:
                case "str" | "merge":
                    return text
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text.lower()]
                case "int":
                    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
                case "float":
                    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except (KeyError, ValueError):  # an explicit tag, or more digits than Python converts
            self._mistake(line, place, f"is not the {kind} that its tag says")
            return None
        self._mistake(line, place, f"has the YAML tag {excerpt(node.tag)}, which means nothing here")
        return None

    def _mistake(self, line: int, place: str, text: str) -> None:
        self.mistakes.append(Mistake(self._name, line, place, text))


def _say(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Line and wording of what PyYAML says in its parser's terms."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return line, f"has a character that may not stand in YAML (U+{ord(text[error.position]):04X})"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 0, f"not valid YAML: {error}"
    line = error.problem_mark.line + 1
    problem = error.problem or "no reason given"
    if "'\\t'" in problem:
        return line, "is indented with a tab; YAML takes only spaces"
    if problem == "but found another document":
        return line, "holds a second document; only one is read"
    if problem == "is nested too deeply":
        return line, problem
    begun = error.context_mark
    started = f", {error.context} in line {begun.line + 1}" if begun and error.context else ""
    return line, f"not valid YAML: {excerpt(problem, 120)}{started}"
