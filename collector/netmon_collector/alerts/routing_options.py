"""How routes and inhibitions are written in a configuration: as for Alertmanager."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, model_validator

from netmon_collector.alerts.escalation import Step
from netmon_collector.alerts.inhibition import InhibitRule
from netmon_collector.alerts.matching import Matcher, parse_matchers
from netmon_collector.alerts.routes import Route, key_of
from netmon_configs.options import Duration, OptionsAsWritten

GROUP_WAIT_S: Final = 30.0
GROUP_INTERVAL_S: Final = 300.0
REPEAT_INTERVAL_S: Final = 14400.0
ALL_LABELS: Final = "..."
DEEPEST: Final = 32


def _matchers(value: object) -> tuple[Matcher, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise ValueError("must be matchers, such as ['severity=\"critical\"']")
    matchers: list[Matcher] = []
    for text in texts:
        if isinstance(text, Matcher):
            matchers.append(text)
        elif isinstance(text, str):
            matchers += parse_matchers(text)
        else:
            raise ValueError("must be matchers, such as ['severity=\"critical\"']")
    return tuple(matchers)


def _equals(value: object) -> tuple[Matcher, ...]:
    return _of_pairs(value, "=")


def _regexes(value: object) -> tuple[Matcher, ...]:
    return _of_pairs(value, "=~")


def _of_pairs(value: object, op: Any) -> tuple[Matcher, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict):
        raise ValueError("must be labels and values, such as {severity: critical}")
    return tuple(Matcher(str(name), op, "" if text is None else str(text)) for name, text in sorted(value.items()))


Matchers = Annotated[tuple[Matcher, ...], BeforeValidator(_matchers)]
Equals = Annotated[tuple[Matcher, ...], BeforeValidator(_equals)]
Regexes = Annotated[tuple[Matcher, ...], BeforeValidator(_regexes)]
Positive = Annotated[Duration, Field(gt=0)]


class RouteOptions(OptionsAsWritten):
    """A node of the tree of routes; what is not given is as in the node above it."""

    receiver: str | None = None
    matchers: Matchers = ()
    match: Equals = ()
    match_re: Regexes = ()
    group_by: tuple[str, ...] | None = None
    goes_on: bool = Field(default=False, alias="continue")
    group_wait_s: Duration | None = Field(default=None, alias="group_wait", ge=0)
    group_interval_s: Positive | None = Field(default=None, alias="group_interval")
    repeat_interval_s: Positive | None = Field(default=None, alias="repeat_interval")
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    escalation: str | None = None
    routes: tuple["RouteOptions", ...] = ()

    def all_matchers(self) -> tuple[Matcher, ...]:
        """Sorted as Alertmanager does, because the key of a group has them."""
        matchers = (*self.match, *self.match_re, *self.matchers)
        return tuple(sorted(matchers, key=lambda one: (one.name, one.value, one.op)))

    def walk(self) -> Iterator["RouteOptions"]:
        yield self
        for route in self.routes:
            yield from route.walk()


class StepOptions(OptionsAsWritten):
    """`receiver` is told as well where nobody has taken an incident on `after` it began."""

    after_s: Positive = Field(alias="after")
    receiver: str


class EscalationOptions(OptionsAsWritten):
    """Who else is told of what nobody takes on, step by step. Routes name it by `escalation`; of groups whose route
    says nothing, it is for those in which an alert fits its matchers, where it has some."""

    name: str = Field(min_length=1, max_length=200)
    matchers: Matchers = ()
    steps: tuple[StepOptions, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _steps_are_in_order(self) -> "EscalationOptions":
        times = [one.after_s for one in self.steps]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("each step must come after the one before it: 'after' counts from the beginning")
        return self

    def chain(self) -> tuple[Step, ...]:
        return tuple(Step(round(one.after_s * 1000), one.receiver) for one in self.steps)


class InhibitOptions(OptionsAsWritten):
    """While a source fires, targets with equal labels are mute."""

    name: str = ""
    source_matchers: Matchers = ()
    source_match: Equals = ()
    source_match_re: Regexes = ()
    target_matchers: Matchers = ()
    target_match: Equals = ()
    target_match_re: Regexes = ()
    equal: tuple[str, ...] = ()

    def rule(self) -> InhibitRule:
        return InhibitRule(
            source=(*self.source_match, *self.source_match_re, *self.source_matchers),
            target=(*self.target_match, *self.target_match_re, *self.target_matchers),
            equal=self.equal,
            name=self.name,
        )


def make_tree(root: RouteOptions) -> Route:
    """The tree with everything that nodes have from those above them; the options are checked before."""
    top = Route(
        key="",
        receiver=root.receiver or "",
        matchers=(),
        group_by=frozenset(),
        goes_on=False,
        group_wait_ms=round(GROUP_WAIT_S * 1000),
        group_interval_ms=round(GROUP_INTERVAL_S * 1000),
        repeat_interval_ms=round(REPEAT_INTERVAL_S * 1000),
    )
    return _node(root, top)


def _node(options: RouteOptions, above: Route) -> Route:
    matchers = options.all_matchers()
    node = Route(
        key=key_of(above.key, matchers),
        receiver=options.receiver or above.receiver,
        matchers=matchers,
        group_by=_group_by(options, above),
        goes_on=options.goes_on,
        group_wait_ms=_ms(options.group_wait_s, above.group_wait_ms),
        group_interval_ms=_ms(options.group_interval_s, above.group_interval_ms),
        repeat_interval_ms=_ms(options.repeat_interval_s, above.repeat_interval_ms),
        mute_times=options.mute_time_intervals,
        active_times=options.active_time_intervals,
        escalation=above.escalation if options.escalation is None else options.escalation,
    )
    below = tuple(_node(route, node) for route in options.routes)
    return replace(node, routes=below)


def _group_by(options: RouteOptions, above: Route) -> frozenset[str] | None:
    if options.group_by is None:
        return above.group_by
    return None if ALL_LABELS in options.group_by else frozenset(options.group_by)


def _ms(value_s: float | None, otherwise_ms: int) -> int:
    return otherwise_ms if value_s is None else round(value_s * 1000)
