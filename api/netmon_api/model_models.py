"""What is said to models, and what they answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netmon_api.models import Answer, Labels, Time
from netmon_configs.options import Duration, parse_duration_s

LabelName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=256)]
Span = Annotated[Duration, BeforeValidator(parse_duration_s), Field(ge=0, le=5 * 366 * 86_400.0)]
Number = Annotated[float, Field(allow_inf_nan=False)]
MOST_SERIES = 1000


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ModelBody(Body):
    """A model. Without an expression it is one of the series that are sent to it. `every`: 0 is by hand alone.

    url: of a server that has the model, see docs/models.md; its key is made where none is given, and shown once.
    """

    kind: Literal["detector", "forecaster"]
    expression: str = Field(default="", max_length=16_384)
    step_s: Annotated[Span, Field(ge=10, le=86_400)] | None = Field(default=None, alias="step")
    history_s: Span | None = Field(default=None, alias="history")
    horizon_s: Span | None = Field(default=None, alias="horizon")
    every_s: Span = Field(default=7 * 86_400.0, alias="every")
    url: str = Field(default="", max_length=2000, pattern=r"^(https?://[^\s@]+)?$")
    key: str | None = Field(default=None, min_length=16, max_length=200)


class ByWhomBody(Body):
    by: str = Field(default="", max_length=200)
    why: str = Field(default="", max_length=1000)


class RollBackBody(ByWhomBody):
    version: int = Field(ge=1)


class SentSeries(Body):
    """times: Unix seconds, rising. values: as many; null is none."""

    labels: dict[LabelName, str] = Field(default={}, max_length=30)
    times: list[Annotated[float, Field(ge=0, le=4e9)]] = Field(max_length=200_000)
    values: list[Number | None] = Field(max_length=200_000)


class SeriesBody(Body):
    series: list[SentSeries] = Field(min_length=1, max_length=MOST_SERIES)


class PlainSeries(Body):
    """values: one every step; null is none."""

    labels: dict[str, str] = Field(default={}, max_length=30)
    values: list[Number | None] = Field(max_length=4000)


class PredictBody(Body):
    """How far ahead. With series their future is told, from the last value on, and nothing is remembered of them."""

    horizon_s: Span = Field(alias="horizon", gt=0)
    series: list[PlainSeries] = Field(default=[], max_length=50)


class Calibration(Answer):
    """What is asked of a model, and what it does: alarms of a detector in a week of one series, or what part of the
    values is within a forecaster's interval. `over` says of how much that is; null is too little to tell."""

    asked: float
    measured: float | None
    over: str


class Drift(Answer):
    """How far a model is from what it was trained on; beyond `limit` it is trained again, a day after the last time at
    the earliest. `measure`: population stability index of a detector's scores, or a forecaster's error against the
    usual one."""

    measure: str
    value: float | None
    limit: float


class TrainedOn(Answer):
    start: Time | None
    end: Time | None


class VersionAnswer(Answer):
    number: int
    current: bool
    made: Time
    by: str
    why: str
    made_by: str
    series: int
    samples: int
    span: TrainedOn
    size_bytes: int
    sha256: str
    cpu_s: float | None
    took_s: float | None
    methods: dict[str, int]
    tested_coverage: float | None


class ChangeAnswer(Answer):
    time: Time
    version: int
    by: str
    why: str


class VersionsAnswer(Answer):
    """The newest first; `changes` are when which began to count."""

    results: list[VersionAnswer]
    changes: list[ChangeAnswer]


class ServiceModelAnswer(Answer):
    """`state`: `training` has its process at work, `waiting` is behind another. `fixed`: in the configuration."""

    name: str
    kind: str
    expression: str
    step_s: float
    history_s: float
    horizon_s: float
    every_s: float
    url: str
    fixed: bool
    state: Literal["untrained", "trained", "waiting", "training"]
    version: VersionAnswer | None
    calibration: Calibration | None
    drift: Drift | None
    next_training: Time | None
    training_since: Time | None
    training_pid: int | None
    failed: str | None
    failed_at: Time | None
    trouble: str | None
    elsewhere: str | None


class NewModelAnswer(ServiceModelAnswer):
    """key: of its server, where it was made; shown this once."""

    key: str | None


class TakenAnswer(Answer):
    samples: int
    series: int


class PredictedSeries(Answer):
    labels: Labels
    method: str
    low: list[float | None]
    middle: list[float | None]
    high: list[float | None]


class PredictionAnswer(Answer):
    """times: Unix seconds; of series that were sent, seconds after the last value. share: of what comes, how much is to
    be from low to high. version: null for series that were sent."""

    version: int | None
    share: float
    times: list[float]
    series: list[PredictedSeries]


class ScoredReason(Answer):
    time: float
    component: str
    expected: float | None
    low: float | None
    high: float | None


class ScoredSeries(Answer):
    """known: whether the model has learned this series; scores of others begin an hour after their first value."""

    labels: Labels
    known: bool
    scores: list[float | None]
    alarms: list[bool]
    reasons: list[ScoredReason]


class ScoresAnswer(Answer):
    series: list[ScoredSeries]
