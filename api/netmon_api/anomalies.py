"""What is odd now, why, what of it was fine, and how the judging goes."""

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Answer, Labels, Listing, NoQuery, PageQuery, Text, Time, Value
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.bursts import bursts
from netmon_collector.anomaly.earlier import Earlier
from netmon_collector.anomaly.feedback import Fine
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.query.selector import parse_selector
from netmon_collector.store.match import Matching


class AnomaliesQuery(PageQuery):
    """Values of one parameter are alternatives; different parameters must all fit."""

    instance: list[Text] = Field(default=[], max_length=100)
    name: list[Text] = Field(default=[], max_length=100)


class PartAnswer(Answer):
    """A series of a combination that is odd: its value, and `usual`, which goes with the values of the others."""

    labels: Labels
    value: Value
    usual: Value


class EarlierAnswer(Answer):
    """The hour (of counters: the five minutes) in which a series last went as far, and how far."""

    time: Time
    value: Value


class AnomalyAnswer(Answer):
    """A series that alarmed within the last hour; counters are told as rates per second.

    `component` is what was odd; a value outside of `low` to `high` alarms by itself. `before` is when the alarm before
    this one began. `like`: when its value last went as far to the same side; null where it never did in a year (of
    counters: a month), or where the value is not what is odd. `group`: those of one number came at about the same time
    on devices that hang together; 0 is alone. `parts`: of a device whose series do not fit each other (component
    `combination`), which; its value is how far they are off. `words`: what it comes to, where more is known: who takes
    a host's processors or memory (component `consumer`).
    """

    group: int
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
    like: EarlierAnswer | None
    parts: list[PartAnswer]
    words: str


class ModelAnswer(Answer):
    """How series are judged: `warm` have been seen for an hour, `left_out` are too many; samples since the start.

    `devices`: those whose series are looked at together as well.
    """

    enabled: bool
    series: int = 0
    warm: int = 0
    left_out: int = 0
    judged: int = 0
    dropped: int = 0
    alarms: int = 0
    state_bytes: int = 0
    devices: int = 0
    saved: Time | None = None


class FineBody(BaseModel):
    """That the anomalies of the last hour of these series were fine; `selector` as in PromQL, of names and matchers."""

    model_config = ConfigDict(extra="forbid")

    selector: str = Field(min_length=1, max_length=16_384)
    given_by: str = Field(default="", max_length=200)


class FineAnswer(Answer):
    """That what a series did then was fine, or the series of a device together (`netmon_combination_score`): the like
    of it, by the same component, does not alarm for 60 days."""

    id: str
    labels: Labels
    component: str
    time: Time
    given_by: str


class FinesAnswer(Answer):
    """What was said now."""

    results: list[FineAnswer]


async def list_anomalies(call: Call[AnomaliesQuery]) -> Listing[AnomalyAnswer]:
    query, assessor = call.query, call.services.assessor
    odd = assessor.anomalies if assessor else ()
    together = zip(odd, bursts(odd, call.services.atlas.sheet.graph), strict=True)
    found = [(one, group) for one, group in together if _is_wanted(dict(one.labels), query)]
    page = page_of(found, query)
    call.services.likes.keep(odd)
    like = await call.services.likes.look(call.services.store, [one for one, _ in page])
    answers = [_answer(one, group, earlier) for (one, group), earlier in zip(page, like, strict=True)]
    return listing(call.request.path, len(found), answers, query)


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
        devices=now.devices,
        saved=None if now.saved_s is None else rfc3339(round(now.saved_s * 1000)),
    )


async def list_fine(call: Call[PageQuery]) -> Listing[FineAnswer]:
    """What people said was fine, the newest first."""
    assessor = call.services.assessor
    given = list(assessor.feedback)[::-1] if assessor else []
    return listing(call.request.path, len(given), [_told(one) for one in page_of(given, call.query)], call.query)


async def add_fine(call: Call[NoQuery]) -> FinesAnswer:
    body, assessor = await body_of(call.request, FineBody), _assessor(call)
    try:
        wanted = Matching(parse_selector(body.selector))
    except ValueError as error:
        raise ApiError("bad_request", f"selector: {error}") from None
    said = await asyncio.to_thread(assessor.accept, wanted.accepts, body.given_by)
    if not said:
        raise ApiError("not_found", "nothing that this selector names was odd within the last hour")
    return FinesAnswer(results=[_told(one) for one in said])


async def take_fine_back(call: Call[NoQuery]) -> FineAnswer:
    """Takes it back, with what was said of the same series since."""
    fine_id = call.request.match_info["id"]
    found = await asyncio.to_thread(_assessor(call).take_back, fine_id)
    if found is None:
        raise ApiError("not_found", f"nothing was said to be fine under {fine_id!r}")
    return _told(found)


def _assessor(call: Call[NoQuery]) -> Assessor:
    if call.services.assessor is None:
        raise ApiError("unavailable", "series are not judged: 'anomaly: enabled' is false in collector.yaml")
    return call.services.assessor


def _told(one: Fine) -> FineAnswer:
    return FineAnswer(
        id=one.id,
        labels=dict(one.labels),
        component=one.component,
        time=rfc3339(round(one.time_s * 1000)),
        given_by=one.given_by,
    )


def _is_wanted(labels: dict[str, str], query: AnomaliesQuery) -> bool:
    return (not query.instance or labels.get("instance") in query.instance) and (
        not query.name or labels.get("__name__") in query.name
    )


def _answer(one: Anomaly, group: int, like: Earlier | None) -> AnomalyAnswer:
    told = one.explanation
    return AnomalyAnswer(
        group=group,
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
        like=None if like is None else EarlierAnswer(time=rfc3339(like.time_ms), value=like.value),
        parts=[PartAnswer(labels=dict(part.labels), value=part.value, usual=part.usual) for part in one.parts],
        words=one.words,
    )
