"""What series have done: seasons, trend and changes, this week against earlier ones, and which others look alike."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated, Final, NamedTuple

import numpy as np
from pydantic import BeforeValidator, Field

from netmon_analytics.anomaly import Kind
from netmon_analytics.forecast import similar
from netmon_analytics.forecast.ahead import DAY_S, HOUR_S, buckets
from netmon_analytics.forecast.past import Past, past_of
from netmon_api.envelope import ApiError
from netmon_api.models import Answer, Labels, Query, Text, Time
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.times import rfc3339
from netmon_collector.anomaly.roster import kind_of
from netmon_collector.query.answer import Answer as Evaluated
from netmon_collector.query.answer import QueryError
from netmon_collector.query.expression import check_series
from netmon_collector.store.base import Values
from netmon_configs.options import Duration, parse_duration_s
from netmon_proto.model import Labels as Series

MOST_SERIES: Final = 1000
MOST_ALIKE: Final = 50_000
POINTS: Final = 360
LAG_POINTS: Final = 30
KNOWN: Final = 0.5
"""The part of the times at which a series must have a value to be compared."""
DAY: Final = 24

Span = Annotated[Duration, BeforeValidator(parse_duration_s)]


class TrendsQuery(Query):
    """`query` as in PromQL; `history`: how far back is looked, by hours."""

    query: Text
    history: Span = Field(default=42 * DAY_S, ge=DAY_S, le=366 * DAY_S)


class SeasonAnswer(Answer):
    """`strength`: the part of what varies that repeats itself so; `highest` and `lowest`: when it was so last."""

    period_s: float
    strength: float
    highest: Time
    lowest: Time


class TrendAnswer(Answer):
    """`slope_per_day` by Theil and Sen, null where less than eight days are known. `chance`: of as much of a trend
    where there is none (Mann and Kendall); `trend`: whether that is below 0.05. `changes`: when the mean of days
    changed."""

    labels: Labels
    seasons: list[SeasonAnswer]
    slope_per_day: float | None
    chance: float
    trend: bool
    changes: list[Time]


class TrendsAnswer(Answer):
    results: list[TrendAnswer]


class ComparisonQuery(Query):
    """The mean over the last `over` against that of `against` before, and of up to `times` as often before."""

    query: Text
    over: Span = Field(default=HOUR_S, ge=60, le=31 * DAY_S)
    against: Span = Field(default=7 * DAY_S, ge=60, le=366 * DAY_S)
    times: int = Field(default=4, ge=1, le=12)


class ComparedAnswer(Answer):
    """`before`: the mean then, null where there was none; `low` to `high`: of all earlier times that are known.

    `change`: by which part of what was before it is more, null where that was zero or nothing."""

    labels: Labels
    now: float
    before: float | None
    low: float | None
    high: float | None
    change: float | None


class ComparisonAnswer(Answer):
    """What is farthest from all that was before comes first."""

    results: list[ComparedAnswer]


class SimilarQuery(Query):
    """`query` comes to the one series that is compared; `among`: which others, counters by how they rise."""

    query: Text
    among: Text = Field(default='{__name__!=""}')
    over: Span = Field(default=6 * HOUR_S, ge=600, le=31 * DAY_S)
    limit: int = Field(default=20, ge=1, le=1000)


class LikeAnswer(Answer):
    """`correlation`: -1 to 1, at the best of all shifts by up to a twelfth of the time; `after_s`: that shift, negative
    where the series comes before."""

    labels: Labels
    correlation: float
    after_s: float


class SimilarAnswer(Answer):
    """The most alike first, by the size of the correlation; `compared`: how many series were looked at."""

    compared: int
    results: list[LikeAnswer]


class _Lines(NamedTuple):
    labels: Sequence[Series]
    values: Values


async def show_trends(call: Call[TrendsQuery]) -> TrendsAnswer:
    query, now_ms = call.query, call.services.now_ms()
    told = await _range(call.services, query.query, query.history, HOUR_S, "query")
    if len(told.labels) > MOST_SERIES:
        raise ApiError("too_many", f"query comes to {len(told.labels)} series; {MOST_SERIES} are taken")
    return await asyncio.to_thread(lambda: TrendsAnswer(results=_trends(told, now_ms)))


async def show_comparison(call: Call[ComparisonQuery]) -> ComparisonAnswer:
    query, now_ms = call.query, call.services.now_ms()
    try:
        check_series(query.query, or_number=False)
    except QueryError as error:
        raise _refused(error, "query") from None
    text = f"avg_over_time(({query.query}\n)[{round(query.over)}s:{max(1, round(query.over / 60))}s])"
    means = []
    for back in range(query.times + 1):
        answer = await _asked(call.services.engine.instant(text, now_ms - round(back * query.against * 1000)), "query")
        values = answer.values[:, 0] if len(answer.labels) else ()
        means.append(dict(zip(answer.labels, values, strict=True)))
    found = [_compared(labels, float(now), means[1:]) for labels, now in means[0].items() if np.isfinite(now)]
    return ComparisonAnswer(results=sorted(found, key=_oddity, reverse=True))


async def show_similar(call: Call[SimilarQuery]) -> SimilarAnswer:
    query, step_s = call.query, call.query.over / POINTS
    one = await asyncio.to_thread(_lines, await _range(call.services, query.query, query.over, step_s, "query"))
    if len(one.labels) != 1:
        message = f"comes to {len(one.labels)} series with enough samples; exactly one is compared"
        raise ApiError("bad_request", f"query: {message}", field_errors={"query": message})
    told = await _range(call.services, query.among, query.over, step_s, "among")
    if len(told.labels) > MOST_ALIKE:
        raise ApiError("too_many", f"among comes to {len(told.labels)} series; {MOST_ALIKE} are compared")
    return await asyncio.to_thread(_similar, one, told, step_s, query.limit)


async def _range(services: Services, text: str, back_s: float, step_s: float, field: str) -> Evaluated:
    now_ms = services.now_ms()
    step_ms = max(1, round(step_s * 1000))
    return await _asked(services.engine.range(text, now_ms - round(back_s * 1000), now_ms, step_ms), field)


async def _asked(asking: Awaitable[Evaluated], field: str) -> Evaluated:
    try:
        return await asking
    except QueryError as error:
        raise _refused(error, field) from None


def _refused(error: QueryError, field: str) -> ApiError:
    return ApiError("bad_request", f"{field}: {error.message}", field_errors={field: error.message})


def _trends(told: Evaluated, now_ms: int) -> list[TrendAnswer]:
    results = []
    for labels, values, present in zip(told.labels, told.values, told.present, strict=True):
        known = np.where(present, values, np.nan)
        hours = buckets(told.times / 1000, known, now_ms / 1000, HOUR_S)
        if len(hours) > DAY:
            results.append(_trend(labels, past_of(hours), len(hours), now_ms))
    return results


def _trend(labels: Series, past: Past, hours: int, now_ms: int) -> TrendAnswer:
    def last(phase: int, period: int) -> Time:
        back = (hours - 1 - phase) % period
        return rfc3339(now_ms - round((back + 0.5) * HOUR_S * 1000))

    return TrendAnswer(
        labels=dict(labels),
        seasons=[
            SeasonAnswer(
                period_s=one.period * HOUR_S,
                strength=round(one.strength, 3),
                highest=last(one.highest, one.period),
                lowest=last(one.lowest, one.period),
            )
            for one in past.seasons
        ],
        slope_per_day=past.slope if np.isfinite(past.slope) else None,
        chance=past.chance,
        trend=past.has_trend,
        changes=[rfc3339(now_ms - round(one * HOUR_S * 1000)) for one in past.changes],
    )


def _compared(labels: Series, now: float, means: Sequence[dict[Series, float]]) -> ComparedAnswer:
    known = [float(one[labels]) for one in means if labels in one and np.isfinite(one[labels])]
    before = float(means[0][labels]) if labels in means[0] and np.isfinite(means[0][labels]) else None
    return ComparedAnswer(
        labels=dict(labels),
        now=now,
        before=before,
        low=min(known, default=None),
        high=max(known, default=None),
        change=None if not before else (now - before) / abs(before),
    )


def _oddity(one: ComparedAnswer) -> tuple[bool, float]:
    """How far it is from all that was before, in the unit of its size; what was never before is last."""
    if one.low is None or one.high is None:
        return False, 0.0
    off = max(one.low - one.now, one.now - one.high)
    return True, off / (max(abs(one.low), abs(one.high), abs(one.now)) or 1.0)


def _similar(one: _Lines, told: Evaluated, step_s: float, limit: int) -> SimilarAnswer:
    others = _lines(told)
    found = similar(one.values[0], others.values, LAG_POINTS)
    order = [at for at in np.argsort(-np.abs(found.correlation)) if others.labels[at] != one.labels[0]]
    results = [
        LikeAnswer(
            labels=dict(others.labels[at]),
            correlation=round(float(found.correlation[at]), 4),
            after_s=round(int(found.lag[at]) * step_s, 3),
        )
        for at in order[:limit]
        if found.correlation[at]
    ]
    return SimilarAnswer(compared=len(others.labels), results=results)


def _lines(told: Evaluated) -> _Lines:
    """The series that have enough samples, without gaps; counters by how much they rose, resets left out."""
    known = np.where(told.present & np.isfinite(told.values), told.values, np.nan)
    chosen = np.flatnonzero(np.isfinite(known).mean(axis=1) >= KNOWN) if known.size else np.empty(0, np.intp)
    labels = [told.labels[at] for at in chosen.tolist()]
    values = np.empty((len(chosen), len(told.times)))
    at = np.arange(len(told.times))
    for row, line in enumerate(known[chosen]):
        there = np.isfinite(line)
        filled = np.interp(at, at[there], line[there])
        rises = kind_of(labels[row]) is Kind.COUNTER
        values[row] = np.maximum(np.diff(filled, prepend=filled[0]), 0) if rises else filled
    return _Lines(labels, values)
