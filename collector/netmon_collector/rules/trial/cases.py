"""Unit tests of rules as files have them, in promtool's format: read and checked."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from netmon_collector.rules.files import Expression, PlainText
from netmon_collector.rules.trial.notation import NativeHistogram, labels_of, points_of
from netmon_configs.options import Duration, OptionsAsWritten
from netmon_proto.model import Labels

Span = Annotated[Duration, Field(ge=0)]


def _labels(value: object) -> object:
    return labels_of(value) if isinstance(value, str) else value


def _points(value: object) -> object:
    """The values of a series; None for native histograms."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError("must be values such as 0+1x5")
    try:
        return points_of(text)
    except NativeHistogram:
        return None


def _moment_s(value: object) -> object:
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            raise ValueError("must be a time such as 2026-01-31T12:00:00Z, or Unix seconds") from None
    return value


LabelsText = Annotated[Any, BeforeValidator(_labels)]


class InputSeries(OptionsAsWritten):
    series: LabelsText
    values: Annotated[Any, BeforeValidator(_points)]


class ExpectedAlert(OptionsAsWritten):
    exp_labels: dict[str, PlainText] = Field(default_factory=dict)
    exp_annotations: dict[str, PlainText] = Field(default_factory=dict)


class AlertCase(OptionsAsWritten):
    eval_time_s: Span = Field(default=0.0, alias="eval_time")
    alertname: PlainText
    exp_alerts: list[ExpectedAlert | None] | None = None


class ExpectedSample(OptionsAsWritten):
    labels: LabelsText = ()
    value: float = 0.0
    histogram: str | None = None

    @property
    def series(self) -> Labels:
        series: Labels = self.labels
        return series


class QueryCase(OptionsAsWritten):
    expr: Expression
    eval_time_s: Span = Field(default=0.0, alias="eval_time")
    exp_samples: list[ExpectedSample] | None = None


class Scenario(OptionsAsWritten):
    """Series, and what rules and expressions come to over them."""

    name: PlainText = ""
    interval_s: Annotated[Duration, Field(gt=0)] | None = Field(default=None, alias="interval")
    start_timestamp: Annotated[float, BeforeValidator(_moment_s)] = 0.0
    input_series: list[InputSeries] = Field(default_factory=list)
    alert_rule_test: list[AlertCase] = Field(default_factory=list)
    promql_expr_test: list[QueryCase] = Field(default_factory=list)
    external_labels: dict[str, PlainText] = Field(default_factory=dict)
    external_url: str = ""


def _once(names: list[str]) -> list[str]:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ValueError(f"names the group {twice} twice")
    return names


class UnitTestFile(OptionsAsWritten):
    rule_files: list[str] = Field(default_factory=list)
    evaluation_interval_s: Annotated[Duration, Field(gt=0)] = Field(default=60.0, alias="evaluation_interval")
    group_eval_order: Annotated[list[str], AfterValidator(_once)] = Field(default_factory=list)
    fuzzy_compare: bool = False
    tests: list[Scenario] = Field(default_factory=list)
