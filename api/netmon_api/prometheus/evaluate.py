"""Expressions: their values at a time and over a range, and how they are written."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from aiohttp import web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.encode import result_json
from netmon_api.prometheus.forms import EvaluationForm, ExemplarsForm, ExpressionForm, InstantForm, RangeForm
from netmon_api.prometheus.jsontext import dumps
from netmon_api.prometheus.problem import Problem
from netmon_api.prometheus.sending import framed, send, success
from netmon_api.prometheus.tree import tree
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_collector.query.answer import Answer, ErrorKind, QueryError
from netmon_collector.query.engine import Question
from netmon_collector.query.options import Limits
from netmon_collector.query.syntax.nodes import Node
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import pretty

MOST_STEPS = 11_000
_MOST_NOTES = 10
_SMALL = 8_000
"""So many values are JSON in about a millisecond."""
_UNTOLD = dict.fromkeys(("resultSortTime", "queryPreparationTime", "innerEvalTime", "execQueueTime"), 0.0)
"""Parts of the time, which clients want to see."""


async def query(call: Call[InstantForm]) -> web.StreamResponse:
    limit = parameters.limit(call.query.limit)
    return await _evaluated(call, _instant(call.services, call.query), limit)


def query_at_once(services: Services, form: InstantForm) -> bytes | None:
    """The answer to what is small and in memory."""
    return _evaluated_at_once(services, form, _instant(services, form))


async def query_range(call: Call[RangeForm]) -> web.StreamResponse:
    limit = parameters.limit(call.query.limit)
    return await _evaluated(call, _range(call.services, call.query), limit)


def query_range_at_once(services: Services, form: RangeForm) -> bytes | None:
    """The answer to what is small and in memory."""
    return _evaluated_at_once(services, form, _range(services, form))


async def _evaluated(
    call: Call[InstantForm] | Call[RangeForm], question: Question, limit: int | None
) -> web.StreamResponse:
    started = time.perf_counter()
    try:
        answer = await call.services.engine.answer(question)
    except QueryError as error:
        raise _told(error) from error
    whole = _whole(call.query, answer, limit, time.perf_counter() - started)
    return await send(call.request, whole, is_small=_is_small(answer))


def _evaluated_at_once(services: Services, form: EvaluationForm, question: Question) -> bytes | None:
    limit = parameters.limit(form.limit) if form.limit else None
    started = time.perf_counter()
    answer = services.engine.answer_at_hand(question)
    if answer is None or not _is_small(answer):
        return None
    return b"".join(_whole(form, answer, limit, time.perf_counter() - started))


def _is_small(answer: Answer) -> bool:
    return (answer.values.size if answer.samples is None else len(answer.samples.times)) <= _SMALL


def _instant(services: Services, form: InstantForm) -> Question:
    time_ms = parameters.time_ms(form.time, "time", services.now_ms())
    return _question(services, form, time_ms, time_ms)


async def query_exemplars(call: Call[ExemplarsForm]) -> web.Response:
    """There are none: netmon keeps no exemplars."""
    start_ms = parameters.time_ms(call.query.start, "start", parameters.EARLIEST_MS)
    if parameters.time_ms(call.query.end, "end", parameters.LATEST_MS) < start_ms:
        raise Problem("bad_data", "end timestamp must not be before start timestamp")
    try:
        parse(call.query.query)
    except QueryError as error:
        raise Problem(error.kind, error.message) from error
    return success([])


async def format_query(call: Call[ExpressionForm]) -> web.Response:
    return success(pretty(_parsed(call.query.query)))


async def parse_query(call: Call[ExpressionForm]) -> web.Response:
    return success(tree(_parsed(call.query.query)))


def _range(services: Services, form: RangeForm) -> Question:
    start_ms = parameters.time_ms(form.start, "start")
    end_ms = parameters.time_ms(form.end, "end")
    if end_ms < start_ms:
        raise Problem.of("end", "end timestamp must not be before start time")
    try:
        step_ms = int(parameters.duration_ms(form.step))
    except ValueError as error:
        raise Problem.of("step", str(error)) from error
    if step_ms <= 0:
        complaint = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise Problem.of("step", complaint)
    if (end_ms - start_ms) // step_ms > MOST_STEPS:
        raise Problem(
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution"
            " (?step=XX)",
        )
    return _question(services, form, start_ms, end_ms, step_ms, may_be_kept=not form.nocache)


def _question(
    services: Services,
    form: EvaluationForm,
    start_ms: int,
    end_ms: int,
    step_ms: int = 0,
    *,
    may_be_kept: bool = True,
) -> Question:
    limits = _limits(services, form) if form.timeout else None
    lookback_ms = _lookback_ms(form) if form.lookback_delta else None
    return Question(form.query, start_ms, end_ms, step_ms, limits, lookback_ms, may_be_kept)


def _limits(services: Services, form: EvaluationForm) -> Limits:
    """The bounds of a query whose client asks for tighter ones."""
    try:
        timeout_s = parameters.duration_ms(form.timeout) / 1000
    except ValueError as error:
        raise Problem.of("timeout", str(error)) from error
    if timeout_s <= 0:
        raise Problem("timeout", "query timed out in query execution")
    limits = services.engine.bounds
    return replace(limits, timeout_s=min(limits.timeout_s, timeout_s))


def _lookback_ms(form: EvaluationForm) -> int | None:
    """How long a sample counts, as the client says; what is not above zero says nothing."""
    try:
        lookback_ms = int(parameters.duration_ms(form.lookback_delta))
    except ValueError as error:
        raise Problem("bad_data", f"error parsing lookback delta duration: {error}") from error
    return lookback_ms if lookback_ms > 0 else None


def _told(error: QueryError) -> Problem:
    """What is wrong with an expression, said of the parameter that it came in."""
    if error.kind is ErrorKind.BAD_DATA:
        return Problem.of("query", error.message)
    return Problem(error.kind, error.message)


def _whole(form: EvaluationForm, answer: Answer, limit: int | None, took_s: float) -> Iterator[bytes]:
    is_cut = limit is not None and len(answer.labels) > limit
    warnings = [parameters.TRUNCATED, *answer.warnings] if is_cut else answer.warnings
    end = _stats(answer, took_s) + b"}" if form.stats else b"}"
    data = chain(result_json(answer, limit), (end,))
    return framed(data, _few(warnings, "warning"), _few(answer.infos, "info"))


def _few(notes: Sequence[str], kind: str) -> Sequence[str]:
    """The first notes, and how many more there are."""
    left = len(notes) - _MOST_NOTES
    return notes if left <= 0 else [*notes[:_MOST_NOTES], f"{left} more {kind} annotations omitted"]


def _stats(answer: Answer, took_s: float) -> bytes:
    read = answer.stats.samples_read
    told = {
        "timings": {"evalTotalTime": took_s, **_UNTOLD, "execTotalTime": took_s},
        "samples": {"totalQueryableSamples": read, "peakSamples": read},
    }
    return b',"stats":' + dumps(told)


def _parsed(text: str) -> Node:
    try:
        return parse(text)
    except QueryError as error:
        raise _told(error) from error
