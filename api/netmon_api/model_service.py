"""Models: what there is, how good they are, and what they say."""

import asyncio
import math
from collections.abc import Sequence
from secrets import token_hex
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from netmon_analytics.models import EnsembleForecaster, Outlook
from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.model_answers import answer_of, changes_of, version_of
from netmon_api.model_models import (
    ByWhomBody,
    ModelBody,
    NewModelAnswer,
    PredictBody,
    PredictedSeries,
    PredictionAnswer,
    RollBackBody,
    ScoredReason,
    ScoredSeries,
    ScoresAnswer,
    SentSeries,
    SeriesBody,
    ServiceModelAnswer,
    TakenAnswer,
    VersionsAnswer,
)
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Call
from netmon_collector.foreign.base import BadSeries
from netmon_collector.foreign.labels import checked
from netmon_collector.models.built_in import BuiltIn
from netmon_collector.models.detector import DetectorKeeper, judged
from netmon_collector.models.forecaster import ForecasterKeeper
from netmon_collector.models.service import Model
from netmon_collector.models.spec import INPUT, MOST_AHEAD, NAME, SHARE, FixedModel, ModelError, Spec, specified
from netmon_collector.pipeline import AHEAD_MS
from netmon_collector.query.answer import QueryError
from netmon_collector.query.expression import check_series
from netmon_collector.store.base import Points, StoreError
from netmon_configs.sealing import SealBroken
from netmon_proto.model import Labels

MOST_TIMES: Final = 2000
MOST_SENT: Final = 200_000


async def list_models(call: Call[PageQuery]) -> Listing[ServiceModelAnswer]:
    models = call.services.models
    found = models.all()
    results = [answer_of(models, one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def describe_model(call: Call[NoQuery]) -> ServiceModelAnswer:
    return answer_of(call.services.models, _model(call))


async def put_model(call: Call[NoQuery]) -> NewModelAnswer:
    """A model, or another one of its name, which is trained as soon as it can be."""
    body, name = await body_of(call.request, ModelBody), call.request.match_info["model"]
    spec = _spec(name, body)
    if body.key is not None and not body.url:
        raise ApiError("bad_request", "key: is for a server that url names")
    kept = call.services.models.key_of(name, body.url)
    key = body.key or kept or (token_hex(32) if body.url else "")
    try:
        check_series(spec.expression)
        await call.services.engine.instant(spec.expression, call.services.now_ms())
        model = await call.services.models.put(spec, key)
    except QueryError as error:
        raise ApiError("bad_request", f"expression: {error.message}") from None
    except FixedModel as error:
        raise ApiError("conflict", str(error)) from None
    except ModelError as error:
        raise ApiError("bad_request", str(error)) from None
    except SQLAlchemyError:
        raise _not_kept() from None
    except (SealBroken, OSError) as error:
        raise ApiError("unavailable", str(error)) from None
    told = answer_of(call.services.models, model)
    return NewModelAnswer(**told.model_dump(), key=key if key and not (body.key or kept) else None)


async def remove_model(call: Call[NoQuery]) -> ServiceModelAnswer:
    told = answer_of(call.services.models, _model(call))
    try:
        await call.services.models.remove(told.name)
    except ModelError as error:
        raise ApiError("conflict", str(error)) from None
    except SQLAlchemyError:
        raise _not_kept() from None
    return told


async def train_model(call: Call[NoQuery]) -> ServiceModelAnswer:
    """Has it trained, in a process of its own; how that goes is in its state."""
    model = _model(call)
    body = await body_of(call.request, ByWhomBody) if call.request.can_read_body else ByWhomBody()
    try:
        call.services.models.want(model.spec.name, body.by, body.why or "by hand")
    except ModelError as error:
        raise ApiError("conflict", str(error)) from None
    return answer_of(call.services.models, model)


async def list_versions(call: Call[NoQuery]) -> VersionsAnswer:
    shelf = _model(call).shelf
    found = [version_of(one, shelf.current) for one in reversed(shelf.versions)]
    return VersionsAnswer(results=found, changes=changes_of(shelf))


async def roll_back(call: Call[NoQuery]) -> ServiceModelAnswer:
    body, model = await body_of(call.request, RollBackBody), _model(call)
    try:
        await call.services.models.roll_back(model.spec.name, body.version, body.by, body.why or "rolled back")
    except ModelError as error:
        raise ApiError("conflict", str(error)) from None
    except OSError as error:
        raise ApiError("unavailable", f"the list of versions cannot be written: {error.strerror}") from None
    return answer_of(call.services.models, model)


async def take_series(call: Call[NoQuery]) -> TakenAnswer:
    """Stores samples for a model, as series of the metric netmon_model_input."""
    model, body = _model(call), await body_of(call.request, SeriesBody)
    name, store = model.spec.name, call.services.store
    if INPUT not in model.spec.expression:
        raise ApiError("conflict", f"{name} is a model of {model.spec.expression or 'all series'}, not of what is sent")
    labels = _inputs(name, body.series)
    latest_s = (call.services.now_ms() + AHEAD_MS) / 1000
    for at, one in enumerate(body.series):
        _check_times(at, one, latest_s)
    columns = np.repeat(np.arange(len(labels)), [len(one.times) for one in body.series])
    times = np.array([round(time * 1000) for one in body.series for time in one.times], np.int64)
    values = _row([value for one in body.series for value in one.values])
    there = np.isfinite(values)
    try:
        places = store.enroll(labels)
        await store.append([Points(store.pool, places[columns[there]], times[there], values[there])], None)
    except ValueError as error:
        raise ApiError("bad_request", f"series: {error}") from None
    except StoreError as error:
        raise ApiError("unavailable", f"the store cannot take samples now: {error}") from None
    return TakenAnswer(samples=int(there.sum()), series=len(labels))


async def predict(call: Call[NoQuery]) -> PredictionAnswer:
    """What the version that counts said of what comes; or what comes of series that are sent."""
    model, body = _model(call), await body_of(call.request, PredictBody)
    keeper = model.keeper
    if not isinstance(keeper, ForecasterKeeper):
        raise ApiError("conflict", f"{model.spec.name} is a detector: it scores, and predicts nothing")
    if body.series:
        return await _predicted(model.spec, body)
    try:
        said = keeper.ahead(call.services.now_ms(), body.horizon_s)
    except ModelError as error:
        raise ApiError("conflict", str(error)) from None
    series = _paths([dict(one) for one in said.labels], said.outlook)
    return PredictionAnswer(version=model.shelf.current, share=SHARE, times=(said.times / 1000).tolist(), series=series)


async def _predicted(spec: Spec, body: PredictBody) -> PredictionAnswer:
    steps = round(body.horizon_s / spec.step_s)
    if not 1 <= steps <= MOST_AHEAD:
        raise ApiError("bad_request", f"horizon: must be 1 to {MOST_AHEAD:,} steps of {spec.step_s:g} s")
    length = max(len(one.values) for one in body.series)
    values = np.full((len(body.series), length), np.nan)
    for row, one in enumerate(body.series):
        values[row, length - len(one.values) :] = _row(one.values)
    told = await asyncio.to_thread(EnsembleForecaster().forecast, values, spec.step_s, steps, SHARE)
    times = [spec.step_s * step for step in range(1, steps + 1)]
    series = _paths([one.labels for one in body.series], told)
    return PredictionAnswer(version=None, share=SHARE, times=times, series=series)


async def score(call: Call[NoQuery]) -> ScoresAnswer:
    """How odd values are to the model as it is now; it learns nothing from being asked."""
    model, body = _model(call), await body_of(call.request, SeriesBody)
    keeper = model.keeper
    if not isinstance(keeper, DetectorKeeper | BuiltIn):
        raise ApiError("conflict", f"{model.spec.name} is a forecaster: it predicts, and scores nothing")
    for at, one in enumerate(body.series):
        _check_times(at, one)
    times = np.unique(np.array([time for one in body.series for time in one.times]))
    if not 1 <= len(times) <= MOST_TIMES:
        raise ApiError("bad_request", f"series: must have 1 to {MOST_TIMES:,} different times (got {len(times):,})")
    values = np.full((len(body.series), len(times)), np.nan)
    places = [np.searchsorted(times, one.times) for one in body.series]
    for row, one in enumerate(body.series):
        values[row, places[row]] = _row(one.values)
    labels = [_known_as(model, one) for one in body.series]
    try:
        state, constants, known = await asyncio.to_thread(keeper.copy_of, labels)
    except ModelError as error:
        raise ApiError("conflict", str(error)) from None
    found = await asyncio.to_thread(judged, (state, constants), times, values)
    results = [
        ScoredSeries(
            labels=one.labels,
            known=known[row],
            scores=_plain(found.scores[row, places[row]]),
            alarms=found.alarms[row, places[row]].tolist(),
            reasons=[],
        )
        for row, one in enumerate(body.series)
    ]
    for reason in found.reasons:
        told = ScoredReason(
            time=float(times[reason.step]),
            component=reason.component,
            expected=_finite(reason.expected),
            low=_finite(reason.low),
            high=_finite(reason.high),
        )
        results[reason.series].reasons.append(told)
    return ScoresAnswer(series=results)


def _model(call: Call[NoQuery]) -> Model:
    name = call.request.match_info["model"]
    try:
        return call.services.models.one(name)
    except KeyError:
        raise ApiError("not_found", f"there is no model {name!r}") from None


def _spec(name: str, body: ModelBody) -> Spec:
    if not NAME.fullmatch(name):
        raise ApiError("bad_request", "a model's name has 1 to 63 lower-case letters, digits, '_' and '-'")
    return specified(
        name, body.kind, body.expression, body.step_s, body.history_s, body.horizon_s, body.every_s, body.url
    )


def _input(model: str, one: SentSeries) -> Labels:
    return tuple(sorted({**one.labels, "__name__": INPUT, "model": model}.items()))


def _known_as(model: Model, one: SentSeries) -> Labels:
    """The labels under which a model knows a series that somebody names."""
    if f'{INPUT}{{model="{model.spec.name}"}}' == model.spec.expression:
        return _input(model.spec.name, one)
    return tuple(sorted(one.labels.items()))


def _inputs(model: str, sent: Sequence[SentSeries]) -> list[Labels]:
    """The series of what is sent, each another one. Raises ApiError."""
    places: dict[Labels, int] = {}
    for at, one in enumerate(sent):
        try:
            first = places.setdefault(checked(_input(model, one)), at)
        except BadSeries as error:
            raise ApiError("bad_request", f"series.{at}: {error}") from None
        if first != at:
            raise ApiError("bad_request", f"series.{at}: is the same as series.{first}")
    return list(places)


def _check_times(at: int, one: SentSeries, latest_s: float = math.inf) -> None:
    if len(one.times) != len(one.values):
        raise ApiError("bad_request", f"series.{at}: has {len(one.times)} times and {len(one.values)} values")
    if any(later <= earlier for earlier, later in zip(one.times, one.times[1:], strict=False)):
        raise ApiError("bad_request", f"series.{at}.times: must rise")
    if one.times and one.times[-1] > latest_s:
        raise ApiError("bad_request", f"series.{at}.times: must be at most {AHEAD_MS // 1000} s ahead of the clock")


def _paths(labels: list[dict[str, str]], told: Outlook) -> list[PredictedSeries]:
    return [
        PredictedSeries(
            labels=one,
            method=told.methods[row],
            low=_plain(told.low[row]),
            middle=_plain(told.middle[row]),
            high=_plain(told.high[row]),
        )
        for row, one in enumerate(labels)
    ]


def _row(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [_finite(value) for value in values.tolist()]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _not_kept() -> ApiError:
    return ApiError("unavailable", "the database cannot be written now; try again")
