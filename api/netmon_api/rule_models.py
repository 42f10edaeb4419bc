"""What the API takes and tells of rules and alerts."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netmon_api.models import Answer, Labels, PageQuery, Text, Time, Value
from netmon_configs.options import Duration, parse_duration_s

RuleState = Literal["inactive", "pending", "firing"]
Health = Literal["unknown", "ok", "err"]


class RulesQuery(PageQuery):
    """Values of one parameter are alternatives; different parameters must all fit."""

    name: list[Text] = Field(default=[], max_length=100)
    group: list[Text] = Field(default=[], max_length=100)
    file: list[Text] = Field(default=[], max_length=100)
    kind: list[Literal["alert", "record"]] = Field(default=[], max_length=2)
    state: list[RuleState] = Field(default=[], max_length=3)
    health: list[Health] = Field(default=[], max_length=3)


class AlertsQuery(PageQuery):
    state: list[Literal["pending", "firing"]] = Field(default=[], max_length=2)
    name: list[Text] = Field(default=[], max_length=100)


class AlertAnswer(Answer):
    """An alert that is pending or firing."""

    fingerprint: str
    labels: Labels
    annotations: Labels
    state: Literal["pending", "firing"]
    active_at: Time
    fired_at: Time | None
    value: Value
    rule: str


class EvaluationAnswer(Answer):
    time: Time
    duration_s: float
    query: str
    results: int
    error: str | None


class RuleAnswer(Answer):
    """`id` is the same as long as file, group and name are; `line` is where the rule stands in its file."""

    id: str
    name: str
    kind: Literal["alert", "record"]
    group: str
    file: str
    line: int
    expr: str
    labels: Labels
    annotations: Labels
    for_s: float
    keep_firing_for_s: float
    interval_s: float
    state: RuleState | None
    alerts: int
    health: Health
    last_error: str | None
    last_evaluation: Time | None
    missed: int


class RuleDetail(RuleAnswer):
    evaluations: list[EvaluationAnswer]
    active: list[AlertAnswer]


class MistakeAnswer(Answer):
    """`line` is None where none is to blame."""

    file: str
    line: int | None
    place: str
    text: str


class RuleFileAnswer(Answer):
    name: str
    changed: Time
    groups: int
    rules: int
    text: str


class RuleFilesAnswer(Answer):
    """Files that were saved, and what is wrong with any rule file, also of the folder."""

    files: list[RuleFileAnswer]
    mistakes: list[MistakeAnswer]


class RuleFileBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(max_length=900_000)


class CheckAnswer(Answer):
    fine: bool
    groups: int
    rules: int
    mistakes: list[MistakeAnswer]
    warnings: list[MistakeAnswer]


Span = Annotated[Duration, BeforeValidator(parse_duration_s)]


class BacktestBody(BaseModel):
    """A rule by its id, or a rule file with one alert, or the name of the one that is meant; and how far back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = Field(default=None, max_length=64)
    text: str | None = Field(default=None, max_length=900_000)
    name: str | None = Field(default=None, max_length=1000)
    since: Span = Field(default=86_400.0, gt=0, le=5 * 31_536_000)
    step: Span | None = Field(default=None, ge=1)


class EpisodeAnswer(Answer):
    """`value` is what the expression came to when the alert fired; `resolved_at` None: it still fires."""

    labels: Labels
    active_at: Time
    fired_at: Time
    resolved_at: Time | None
    value: Value


class BacktestAnswer(Answer):
    """`fired` counts episodes, also those that are not listed (the first 1,000 are)."""

    name: str
    start: Time
    end: Time
    step_s: float
    fired: int
    alerts: int
    fired_s: float
    longest_s: float
    pended: int
    is_cut: bool
    episodes: list[EpisodeAnswer]
