"""Prometheus' rule files: read, checked, all mistakes told at once with their lines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.nodes import ValueType
from netmon_collector.query.syntax.parser import parse as parse_query
from netmon_collector.rules.model import Group, Rule
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.parser import parse_template
from netmon_configs.load import parse
from netmon_configs.mistakes import Mistake
from netmon_configs.options import Duration, OptionsAsWritten
from netmon_configs.text import excerpt
from netmon_configs.tree import Branch, read_tree
from netmon_proto.model import Labels
from netmon_proto.names import is_name, label_name

MOST_RULES: Final = 20_000
"""Of one file."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The groups of a file, and what is odd about it without being wrong."""

    groups: Sequence[Group]
    warnings: Sequence[Mistake] = ()


def parse_rules(text: str, name: str) -> RuleFile:
    """The rules in the text of a file; `name` stands for it. Raises ConfigError that names every mistake."""
    options = parse(text, name, _File)
    tree, _ = read_tree(text, name)
    lines = tree.children.get("groups", tree)
    groups = [_group(one, name, _lines(lines.children.get(at))) for at, one in enumerate(options.groups)]
    return RuleFile(groups, [warning for group in groups for warning in _twice(group)])


def _lines(group: Branch | None) -> list[int]:
    rules = group.children.get("rules") if group is not None else None
    return [one.line for one in rules.children.values()] if rules is not None else []


def _group(options: "_Group", file: str, lines: Sequence[int]) -> Group:
    rules = tuple(one.rule(options.labels, line) for one, line in zip(options.rules or [], lines, strict=True))
    return Group(
        file,
        options.name,
        rules,
        _ms(options.interval_s),
        _ms(options.query_offset_s),
        options.limit,
        _sorted(options.labels),
    )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _sorted(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _twice(group: Group) -> list[Mistake]:
    counts = Counter((rule.name, rule.labels, rule.is_alert) for rule in group.rules)
    return [
        Mistake(group.file, rule.line, f"group {group.name}", f"{excerpt(rule.name)} is there {count} times")
        for rule in group.rules
        if (count := counts.pop((rule.name, rule.labels, rule.is_alert), 0)) > 1
    ]


def _text(value: object) -> object:
    """Text, of numbers and truth values too, and of nothing: as in Prometheus."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _expression(value: object) -> object:
    text = _text(value)
    if not isinstance(text, str):
        return text
    if not text.strip():
        raise ValueError("must be an expression, such as up == 0")
    try:
        node = parse_query(text)
    except QueryError as error:
        raise ValueError(error.message) from None
    if node.type not in (ValueType.SCALAR, ValueType.VECTOR):
        raise ValueError(f"must come to an instant vector or a scalar, and comes to a {node.type}")
    return text


def _template(value: object) -> object:
    text = _text(value)
    if isinstance(text, str):
        try:
            parse_template(text)
        except TemplateError as error:
            raise ValueError(f"template: {error}") from None
    return text


LabelName = Annotated[str, AfterValidator(label_name)]
Template = Annotated[str, BeforeValidator(_template)]
PlainText = Annotated[str, BeforeValidator(_text)]
Expression = Annotated[str, BeforeValidator(_expression)]
Span = Annotated[Duration, Field(ge=0)]


def _interval_s(value: float) -> float | None:
    """0 stands for what is usual."""
    if 0 < value < 1:
        raise ValueError("must be at least 1s")
    return value or None


class _Rule(OptionsAsWritten):
    record: PlainText | None = None
    alert: PlainText | None = None
    expr: Expression
    for_s: Span = Field(default=0.0, alias="for")
    keep_firing_for_s: Span = Field(default=0.0, alias="keep_firing_for")
    labels: dict[LabelName, Template] = Field(default_factory=dict, max_length=64)
    annotations: dict[LabelName, Template] = Field(default_factory=dict, max_length=64)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.record is None) == (self.alert is None):
            raise ValueError("must have either 'record' or 'alert', one of both")
        if not (self.record or self.alert):
            raise ValueError("must have a name")
        if self.record is not None:
            odd = [name for name in ("for_s", "keep_firing_for_s", "annotations") if getattr(self, name)]
            if odd:
                raise ValueError(f"'{odd[0].removesuffix('_s')}' is for alerts alone, and this rule records")
            if not is_name(self.record) or "{" in self.record or "}" in self.record:
                raise ValueError(f"'record' must be the name of a metric (got {excerpt(self.record)})")
        return self

    def rule(self, group_labels: dict[str, str], line: int) -> Rule:
        labels = _sorted(group_labels | self.labels)
        return Rule(
            self.alert or self.record or "",
            self.expr,
            self.alert is not None,
            labels,
            _sorted(self.annotations),
            round(self.for_s * 1000),
            round(self.keep_firing_for_s * 1000),
            line,
        )


class _Group(OptionsAsWritten):
    name: Annotated[PlainText, Field(min_length=1, max_length=500)]
    interval_s: Annotated[Duration, AfterValidator(_interval_s)] | None = Field(default=None, alias="interval")
    query_offset_s: Span | None = Field(default=None, alias="query_offset")
    limit: int = Field(default=0, ge=0)
    labels: dict[LabelName, Template] = Field(default_factory=dict, max_length=64)
    rules: list[_Rule] | None = None


class _File(OptionsAsWritten):
    groups: list[_Group] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        twice = [name for name, count in Counter(group.name for group in self.groups).items() if count > 1]
        if twice:
            raise ValueError(f"group {excerpt(twice[0])} is there more than once: give each a name of its own")
        count = sum(len(group.rules or []) for group in self.groups)
        if count > MOST_RULES:
            raise ValueError(f"has {count} rules, and a file may have {MOST_RULES}")
        return self
