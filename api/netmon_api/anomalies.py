"""What is odd now, why, and how the judging goes."""

from pydantic import Field

from netmon_api.envelope import listing, page_of
from netmon_api.models import Answer, Labels, Listing, NoQuery, PageQuery, Text, Time, Value
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.anomaly.assessor import Anomaly


class AnomaliesQuery(PageQuery):
    """Values of one parameter are alternatives; different parameters must all fit."""

    instance: list[Text] = Field(default=[], max_length=100)
    name: list[Text] = Field(default=[], max_length=100)


class AnomalyAnswer(Answer):
    """A series that alarmed within the last hour; counters are told as rates per second.

    `component` is what was odd; a value outside of `low` to `high` alarms by itself. `before` is when it was last so.
    """

    labels: Labels
    time: Time
    value: Value
    component: str
    score: float
    needed: float
    expected: Value
    low: Value
    high: Value
    before: Time | None


class ModelAnswer(Answer):
    """How series are judged: `warm` have been seen for an hour, `left_out` are too many; samples since the start."""

    enabled: bool
    series: int = 0
    warm: int = 0
    left_out: int = 0
    judged: int = 0
    dropped: int = 0
    alarms: int = 0
    state_bytes: int = 0
    saved: Time | None = None


async def list_anomalies(call: Call[AnomaliesQuery]) -> Listing[AnomalyAnswer]:
    query, assessor = call.query, call.services.assessor
    found = [one for one in (assessor.anomalies if assessor else ()) if _is_wanted(dict(one.labels), query)]
    return listing(call.request.path, len(found), [_answer(one) for one in page_of(found, query)], query)


async def show_model(call: Call[NoQuery]) -> ModelAnswer:
    assessor = call.services.assessor
    if assessor is None:
        return ModelAnswer(enabled=False)
    now = assessor.standing()
    return ModelAnswer(
        enabled=True,
        series=now.series,
        warm=now.warm,
        left_out=now.left_out,
        judged=now.judged,
        dropped=now.dropped,
        alarms=now.alarms,
        state_bytes=now.state_bytes,
        saved=None if now.saved_s is None else rfc3339(round(now.saved_s * 1000)),
    )


def _is_wanted(labels: dict[str, str], query: AnomaliesQuery) -> bool:
    return (not query.instance or labels.get("instance") in query.instance) and (
        not query.name or labels.get("__name__") in query.name
    )


def _answer(one: Anomaly) -> AnomalyAnswer:
    told = one.explanation
    return AnomalyAnswer(
        labels=dict(one.labels),
        time=rfc3339(round(one.time_s * 1000)),
        value=one.value,
        component=told.component,
        score=round(told.score, 2),
        needed=round(told.needed, 2),
        expected=told.expected,
        low=told.low,
        high=told.high,
        before=None if told.before_s is None else rfc3339(round(told.before_s * 1000)),
    )
