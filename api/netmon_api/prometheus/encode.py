"""Answers as JSON, in pieces of bounded size: a column of a thousand series costs no more Python than its labels."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress, pairwise

import numpy as np
import numpy.typing as npt
import orjson

from netmon_api.prometheus.floats import scalar_text, texts
from netmon_api.prometheus.jsontext import dumps
from netmon_api.prometheus.pairs import plain_pairs
from netmon_collector.query.answer import Answer, Mask, Samples, Shape
from netmon_collector.query.masks import is_everywhere
from netmon_collector.store.base import Times, Values
from netmon_proto.model import Labels

CELLS_AT_ONCE = 10_000
"""How many values are written by one call into C, during which nothing else runs: a millisecond or two."""

_SAMPLES_AT_ONCE = 4096
"""And so many samples, so that what is made of them stays in the processor's cache."""

_SERIES_AT_ONCE = 100
"""So few objects at a time that Python does not look for garbage among all there are."""

PIECE_BYTES = 1 << 20

_FEW_STEPS = 1500
"""As a day has minutes."""


def moment(time_ms: int) -> str:
    """Seconds, with three decimals unless they are whole."""
    seconds, ms = divmod(abs(time_ms), 1000)
    return f"{'-' if time_ms < 0 else ''}{seconds}{f'.{ms:03d}' if ms else ''}"


def _shortest(time_ms: int) -> str:
    """Seconds as they stand beside scalars and strings: with no more decimals than they need."""
    text = moment(time_ms)
    return text.rstrip("0") if "." in text else text


def result_json(answer: Answer, most: int | None = None) -> Iterator[bytes]:
    """`{"resultType": …, "result": …` of an answer, its end left open; of its series the first `most`."""
    opening = b'{"resultType":"%s","result":[' % answer.shape.encode()
    if answer.shape is Shape.SCALAR:
        value = scalar_text(float(answer.values[0, 0]))
        return iter((opening, f'{_shortest(int(answer.times[0]))},"{value}"]'.encode()))
    if answer.shape is Shape.STRING:
        return iter((opening, b"%s,%s]" % (_shortest(int(answer.times[0])).encode(), dumps(answer.text))))
    count = len(answer.labels) if most is None else min(most, len(answer.labels))
    if answer.samples is not None:
        listed = _stored(answer, answer.samples, count)
    else:
        listed = _joined(_vector(answer, count) if answer.shape is Shape.VECTOR else _matrix(answer, count))
    return chain((opening,), listed, (b"]",))


def metrics_json(series: Sequence[Labels]) -> Iterator[bytes]:
    """A list of series, each an object of its labels."""
    yield b"["
    parts = (series[first : first + _SERIES_AT_ONCE] for first in range(0, len(series), _SERIES_AT_ONCE))
    yield from _joined(dumps(list(map(dict, part)))[1:-1] for part in parts)
    yield b"]"


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts with commas between them, some at a time."""
    waiting: list[bytes] = []
    size, comma = 0, b""
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= PIECE_BYTES:
            yield comma + b",".join(waiting)
            waiting, size, comma = [], 0, b","
    if waiting:
        yield comma + b",".join(waiting)


def _vector(answer: Answer, count: int) -> Iterator[bytes]:
    stamp = moment(int(answer.times[0])).encode()
    for start in range(0, count, _SERIES_AT_ONCE):
        piece = slice(start, min(start + _SERIES_AT_ONCE, count))
        listed = zip(answer.labels[piece], texts(answer.values[piece, 0]), strict=True)
        yield b",".join(
            [b'{"metric":%s,"value":[%s,"%s"]}' % (dumps(dict(labels)), stamp, value) for labels, value in listed]
        )


def _matrix(answer: Answer, count: int) -> Iterator[bytes]:
    heads = _kept_heads(answer.times.tobytes()) if len(answer.times) <= _FEW_STEPS else _heads(answer.times)
    width = len(heads)
    at_once = max(1, CELLS_AT_ONCE // max(width, 1))
    for start in range(0, count, at_once):
        piece = slice(start, min(start + at_once, count))
        values, present = answer.values[piece], answer.present[piece]
        labels = answer.labels[piece]
        if width and is_everywhere(present):
            yield _whole(labels, heads, texts(values.reshape(-1)))
        else:
            yield from _gappy(labels, heads, values, present)


def _whole(labels: Sequence[Labels], heads: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """Series with a value at each time."""
    width, first = len(heads), heads[0][3:]
    pairs = [b""] * (2 * len(values))
    pairs[0::2] = list(heads) * len(labels)
    pairs[1::2] = values
    end = b""
    for row, own in enumerate(labels):
        pairs[2 * width * row] = b'%s{"metric":%s,"values":[%s' % (end, dumps(dict(own)), first)
        end = b'"]]},'
    pairs.append(b'"]]}')
    return b"".join(pairs)


def _gappy(labels: Sequence[Labels], heads: Sequence[bytes], values: Values, present: Mask) -> Iterator[bytes]:
    """Series without some of the values."""
    written = texts(values[present])
    whole = np.logical_and.reduce(present, axis=1).tolist()
    counts = np.count_nonzero(present, axis=1).tolist()
    first = 0
    for row, own in enumerate(labels):
        there = heads if whole[row] else list(compress(heads, present[row].tolist()))
        yield _points(own, there, written[first : first + counts[row]])
        first += counts[row]


def _stored(answer: Answer, samples: Samples, count: int) -> Iterator[bytes]:
    """The first series, with commas between them; of a long one a part at a time."""
    starts = samples.starts[: count + 1]
    first, end = 0, b""
    while first < count:
        last = max(first + 1, int(starts.searchsorted(starts[first] + _SAMPLES_AT_ONCE, "right")) - 1)
        for labels, parts in zip(answer.labels[first:last], _listed(samples, starts[first : last + 1]), strict=True):
            yield b'%s{"metric":%s,"values":[' % (end, dumps(dict(labels)))
            yield from parts
            end = b"]},"
        first = last
    yield end[:-1]


def _listed(samples: Samples, starts: npt.NDArray[np.int64]) -> Iterator[Iterable[bytes]]:
    """The samples of each of some series, each in brackets, in parts: of few series together, or of one."""
    if len(starts) == 2:
        yield _long(samples, *starts.tolist())
        return
    listed = plain_pairs(samples.times[starts[0] : starts[-1]], samples.values[starts[0] : starts[-1]])
    if listed is None:
        yield from (_long(samples, first, last) for first, last in pairwise(starts.tolist()))
        return
    ends = np.append(0, listed.sizes.cumsum())[starts - starts[0]]
    yield from ([listed.text[begin : end - 1]] for begin, end in pairwise(ends.tolist()))


def _long(samples: Samples, first: int, last: int) -> Iterator[bytes]:
    for begin in range(first, last, _SAMPLES_AT_ONCE):
        end = min(begin + _SAMPLES_AT_ONCE, last)
        times, values = samples.times[begin:end], samples.values[begin:end]
        listed = plain_pairs(times, values)
        text = _pairs(_heads(times), texts(values)) + b"," if listed is None else listed.text
        yield text if end < last else text[:-1]


@lru_cache(32)
def _kept_heads(times: bytes) -> Sequence[bytes]:
    """The panels of a dashboard have the same times."""
    return _heads(np.frombuffer(times, np.int64))


def _heads(times: Times) -> list[bytes]:
    """What stands before each value: the end of the pair before it, and its time."""
    seconds, ms = np.divmod(times, 1000)
    if not ms.any() and (times >= 0).all():
        listed = orjson.dumps(seconds, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        return (b'"],[' + listed.replace(b",", b',"\0"],[') + b',"').split(b"\0") if listed else []
    return [f'"],[{moment(time_ms)},"'.encode() for time_ms in times.tolist()]


def _points(labels: Labels, heads: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    return b'{"metric":%s,"values":[%s]}' % (dumps(dict(labels)), _pairs(heads, values))


def _pairs(heads: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    pairs: list[bytes] = [b""] * (2 * len(values))
    pairs[0::2] = heads
    pairs[1::2] = values
    return b"".join(pairs)[3:] + b'"]' if pairs else b""
