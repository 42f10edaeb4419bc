"""What each path of Prometheus' API may be asked; unlike in netmon's own API, what is not known is ignored."""

from pydantic import ConfigDict, Field

from netmon_api.models import Query


class Form(Query):
    """Parameters of a query string or of a form in the body; the body counts first. Every one is text at first."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class GraphForm(Form):
    """What links in alerts say, as Prometheus writes them."""

    expression: str = Field(default="", alias="g0.expr")


class ExpressionForm(Form):
    query: str = Field(default="", description="An expression in PromQL.")


class EvaluationForm(ExpressionForm):
    timeout: str = Field(default="", description="The longest that it may take: `30s`, or seconds.")
    limit: str = Field(default="", description="The most series in the answer; 0 or nothing for all.")
    stats: str = Field(default="", description="Anything, to be told what the query took.")
    lookback_delta: str = Field(default="", description="How long a sample counts, instead of five minutes.")


class InstantForm(EvaluationForm):
    time: str = Field(default="", description="RFC 3339 or Unix seconds; now, if it is not given.")


class RangeForm(EvaluationForm):
    start: str = Field(default="", description="RFC 3339 or Unix seconds.")
    end: str = Field(default="", description="RFC 3339 or Unix seconds, included.")
    step: str = Field(default="", description="A duration such as `15s`, or seconds.")
    nocache: str = Field(default="", description="Anything, for every step to be evaluated anew.")


class ExemplarsForm(ExpressionForm):
    start: str = ""
    end: str = ""


class MatchForm(Form):
    match: list[str] = Field(default=[], alias="match[]", description="Selectors, of which a series fits one.")


class BrowseForm(MatchForm):
    start: str = Field(default="", description="RFC 3339 or Unix seconds; else all time.")
    end: str = Field(default="", description="RFC 3339 or Unix seconds; else all time.")
    limit: str = Field(default="", description="The most results; 0 or nothing for all.")


class DeleteForm(MatchForm):
    start: str = Field(default="", description="RFC 3339 or Unix seconds; from the oldest sample on, if not given.")
    end: str = Field(default="", description="RFC 3339 or Unix seconds, included; up to the newest, if not given.")


class ExportForm(MatchForm):
    start: str = Field(default="", description="RFC 3339 or Unix seconds; 1970, if it is not given.")
    end: str = Field(default="", description="RFC 3339 or Unix seconds, included; now, if it is not given.")


class MetadataForm(Form):
    metric: str = Field(default="", description="One metric; else all.")
    limit: str = Field(default="", description="The most metrics.")
    limit_per_metric: str = Field(default="", description="The most entries for each metric.")


class RulesForm(MatchForm):
    type: str = Field(default="", description="`alert` or `record`; else both.")
    rule_name: list[str] = Field(default=[], alias="rule_name[]", description="Names of rules.")
    rule_group: list[str] = Field(default=[], alias="rule_group[]", description="Names of groups.")
    file: list[str] = Field(default=[], alias="file[]", description="Names of files.")
    exclude_alerts: str = Field(default="", description="`true` for rules without their alerts.")
    group_limit: str = Field(default="", description="How many groups at most; `groupNextToken` names the next one.")
    group_next_token: str = Field(default="", description="The group to go on with, as an answer named it.")


class TopForm(Form):
    limit: str = Field(default="", description="How many of each kind are named; 10, if it is not given.")


class NoForm(Form):
    """A path without parameters."""
