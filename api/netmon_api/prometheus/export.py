"""Samples as they were stored, a series to a line, in the form in which VictoriaMetrics exports and imports them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
import orjson
from aiohttp import web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.encode import CELLS_AT_ONCE
from netmon_api.prometheus.forms import ExportForm
from netmon_api.prometheus.jsontext import dumps
from netmon_api.prometheus.problem import Problem
from netmon_api.prometheus.sending import send
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_collector.query.answer import Answer
from netmon_collector.query.engine import Question
from netmon_collector.query.syntax.parser import parse
from netmon_collector.query.syntax.pretty import one_line
from netmon_collector.store.base import Times, Values
from netmon_proto.model import Labels

LINES = "application/stream+json"
_SMALL = 20_000
"""So many samples are JSON in about a millisecond."""
_INFINITIES = {float("inf"): "Infinity", float("-inf"): "-Infinity"}


async def export(call: Call[ExportForm]) -> web.StreamResponse:
    answers = [await call.services.engine.answer(question) for question in _questions(call.services, call.query)]
    return await send(call.request, _lines(answers), media=LINES)


def export_at_once(services: Services, form: ExportForm) -> bytes | None:
    """The answer to what is small and in memory."""
    answers = []
    for question in _questions(services, form):
        answer = services.engine.answer_at_hand(question)
        if answer is None or _samples_in(answer) > _SMALL:
            return None
        answers.append(answer)
    return b"".join(_lines(answers))


def _questions(services: Services, form: ExportForm) -> list[Question]:
    """What is asked by each selector: all samples from the start to the end, both included."""
    if not form.match:
        raise Problem("bad_data", "no match[] parameter provided")
    selectors = [_one_line(text) for text in form.match]
    start_ms = parameters.time_ms(form.start, "start", 0)
    end_ms = parameters.time_ms(form.end, "end", services.now_ms())
    if end_ms < start_ms:
        raise Problem("bad_data", "end timestamp must not be before start timestamp")
    length_ms = min(end_ms - start_ms + 1, parameters.LONGEST_MS)
    return [Question(f"{selector}[{length_ms}ms]", end_ms, end_ms) for selector in selectors]


@lru_cache(256)
def _one_line(selector: str) -> str:
    """A selector, known to be one, as it can stand before a length of time: without a comment behind it."""
    parameters.selectors([selector])
    return one_line(parse(selector))


def _samples_in(answer: Answer) -> int:
    return 0 if answer.samples is None else len(answer.samples.times)


def _lines(answers: Sequence[Answer]) -> Iterator[bytes]:
    """Each series once."""
    told: set[Labels] = set()
    for answer in answers:
        for place, labels in enumerate(answer.labels):
            if labels not in told and answer.samples is not None:
                yield from _line(labels, *answer.samples.of(place))
        if len(answers) > 1:
            told.update(answer.labels)


def _line(labels: Labels, times: Times, values: Values) -> Iterator[bytes]:
    parts = [slice(first, first + CELLS_AT_ONCE) for first in range(0, len(times), CELLS_AT_ONCE)]
    yield b'{"metric":%s,"values":[' % dumps(dict(labels))
    yield from _joined(_listed(values[part]) for part in parts)
    yield b'],"timestamps":['
    yield from _joined(_listed(times[part]) for part in parts)
    yield b"]}\n"


def _joined(parts: Iterator[bytes]) -> Iterator[bytes]:
    yield next(parts)
    yield from chain.from_iterable((b",", part) for part in parts)


def _listed(numbers: Times | Values) -> bytes:
    """Numbers with commas between them. NaN is null, as JSON does not have it; infinities are words."""
    listed = orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)
    if b"n" in listed and np.isinf(numbers).any():
        listed = orjson.dumps([_INFINITIES.get(number, number) for number in numbers.tolist()])
    return listed[1:-1]
