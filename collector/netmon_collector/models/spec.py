"""What a model is told to be."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from netmon_proto.model import Labels

Kind = Literal["detector", "forecaster"]

BUILT_IN: Final = "anomalies"
"""The model that judges every gathered series; it is always there."""
INPUT: Final = "netmon_model_input"
"""The metric under which a model's own series are stored that somebody sent it."""
SCORE: Final = "netmon_model_score"
ALARM: Final = "netmon_model_alarm"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
MOST_SERIES: Final = 1000
MOST_MODELS: Final = 100
MOST_STEPS: Final = 4000
"""Values of one series that a forecaster is trained with."""
MOST_AHEAD: Final = 1000
"""Steps that a forecaster looks ahead."""
MOST_REPLAYED: Final = 200_000
"""Values of one series that a detector is trained with."""
DAY_S: Final = 86_400.0
STEPS: Final[dict[Kind, float]] = {"detector": 60.0, "forecaster": 3600.0}
HISTORIES: Final[dict[Kind, float]] = {"detector": 14 * DAY_S, "forecaster": 42 * DAY_S}
HORIZONS: Final[dict[Kind, float]] = {"detector": 0.0, "forecaster": 7 * DAY_S}
"""Seconds, where nobody says others."""
SHARE: Final = 0.8
"""The probability of a forecast's interval."""


class ModelError(Exception):
    """What cannot be done with a model, and why; for people."""


class FixedModel(ModelError):
    """A model stands in the configuration, and only there it is changed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} stands in the collector's configuration: change it there")


@dataclass(frozen=True, slots=True)
class Spec:
    """A model: of what, how fine, from how much history, trained how often; 0 for by hand alone.

    url: of a server that has it; "" for our own.
    """

    name: str
    kind: Kind
    expression: str
    step_s: float = 60.0
    history_s: float = 14 * 86_400.0
    horizon_s: float = 0.0
    every_s: float = 7 * 86_400.0
    url: str = ""

    @property
    def step_ms(self) -> int:
        return round(self.step_s * 1000)

    @property
    def steps_ahead(self) -> int:
        return round(self.horizon_s / self.step_s)

    @property
    def of(self) -> list[Any]:
        """What a version must have been of to be one of this model."""
        return [self.kind, self.expression, self.step_s]

    @property
    def told(self) -> dict[str, Any]:
        return asdict(self)


def specified(
    name: str,
    kind: Kind,
    expression: str,
    step_s: float | None,
    history_s: float | None,
    horizon_s: float | None,
    every_s: float,
    url: str,
) -> Spec:
    """A model as people say it; without an expression it is one of the series that are sent to it."""
    return Spec(
        name,
        kind,
        expression or f'{INPUT}{{model="{name}"}}',
        STEPS[kind] if step_s is None else step_s,
        HISTORIES[kind] if history_s is None else history_s,
        HORIZONS[kind] if horizon_s is None else horizon_s,
        every_s,
        url,
    )


def check(spec: Spec) -> None:
    """Raises ModelError."""
    if not NAME.fullmatch(spec.name):
        raise ModelError("name: must be 1 to 63 lower-case letters, digits, '_' and '-'")
    if spec.name == BUILT_IN:
        raise ModelError(f"name: {BUILT_IN!r} is the model that judges every series; it is always there")
    steps = spec.history_s / spec.step_s
    most = MOST_REPLAYED if spec.kind == "detector" else MOST_STEPS
    if not 10 <= steps <= most:
        raise ModelError(f"history: must be 10 to {most:,} steps of {spec.step_s:g} s (got {steps:,.0f})")
    if spec.kind == "forecaster" and not 1 <= spec.steps_ahead <= MOST_AHEAD:
        raise ModelError(f"horizon: must be 1 to {MOST_AHEAD:,} steps of {spec.step_s:g} s (got {spec.steps_ahead:,})")
    if spec.kind == "detector" and spec.horizon_s:
        raise ModelError("horizon: is for forecasters")


def renamed(labels: Labels, name: str, model: str) -> Labels:
    """The labels of what a model says of a series."""
    return tuple(sorted({**dict(labels), "__name__": name, "model": model}.items()))
