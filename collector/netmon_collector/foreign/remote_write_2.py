"""Prometheus' remote write 2.0: series refer to their texts by number, in a table that each request has of its own.

The numbers of the fields are those of the published specification.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from netmon_collector.foreign import scan
from netmon_collector.foreign.base import MOST_SAMPLES, BadBody, BadSeries, Family, Indices, Unusual, Written
from netmon_collector.foreign.fields import PAD, VARINT, Bytes, read_fields, read_varint
from netmon_collector.foreign.labels import checked
from netmon_collector.foreign.remote_write import histograms_left_out, type_name
from netmon_collector.foreign.unusual import in_any_order
from netmon_collector.session import MOST_LABELS
from netmon_proto.model import NAME, Labels
from netmon_proto.remote_write import in_order_2

_SYMBOL: Final = 0x22
_SERIES: Final = 0x2A
_REFERENCES: Final = 0x0A
_REFERENCE: Final = 0x08
"""One by itself, not packed with the others."""
_SAMPLE: Final = 0x12
_HISTOGRAM: Final = 0x1A
_METADATA: Final = 0x2A
_NAME: Final = NAME.encode()
_BETWEEN: Final = b"\xff"
"""Stands in no valid text."""


class JoinedLabels:
    """A series spelled as names and values in turn, with a byte between them that none has."""

    def read(self, raw: bytes) -> Labels:
        texts = raw.decode("utf-8", "surrogateescape").split("\udcff")
        if len(texts) % 2:
            raise BadSeries("a series has a label without a value")
        return checked(zip(texts[::2], texts[1::2], strict=True))


def decode(body: bytes) -> Written:
    """Takes an uncompressed body apart. Raises BadBody."""
    return in_any_order(_decode, in_order_2, body)


def _decode(body: bytes) -> Written:
    padded = body + PAD
    spans, others = scan.split(padded, len(body), _SERIES)
    symbols = _symbols([padded[start:end] for tag, start, end in others if tag == _SYMBOL])
    data = np.frombuffer(padded, np.uint8)
    found = scan.find(data, spans)
    pieces = found.of(_SAMPLE)
    if len(pieces.starts) > MOST_SAMPLES:
        raise BadBody(f"more than {MOST_SAMPLES} samples in one request")
    times, values = scan.samples(data, pieces)
    texts, bounds = _texts(data, found, len(spans.starts), symbols)
    series = [_BETWEEN.join(texts[start:end]) for start, end in pairwise(bounds)]
    return Written(
        JoinedLabels(),
        series,
        pieces.messages,
        times,
        values,
        families=_families(padded, found.of(_METADATA), texts, bounds, symbols),
        complaints=histograms_left_out(int(np.count_nonzero(found.tags == _HISTOGRAM))),
    )


def _symbols(symbols: list[bytes]) -> list[bytes]:
    try:
        b"\n".join(symbols).decode()
    except UnicodeDecodeError as error:
        raise BadBody(f"a symbol is not UTF-8: {error.reason}") from None
    if symbols and symbols[0]:
        raise BadBody("the first symbol must be the empty text")
    return symbols


def _texts(data: Bytes, found: scan.Found, count: int, symbols: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """The texts that the series refer to, one series after the other, and where the texts of each begin."""
    lists = found.of(_REFERENCES)
    if not _is_once(lists) or np.any(found.tags == _REFERENCE):
        raise Unusual("a series has its labels in parts")
    sizes = lists.ends - lists.starts
    if np.any(sizes > 10 * MOST_LABELS):
        raise BadBody(f"a series has more than {MOST_LABELS} labels")
    offsets = np.cumsum(sizes) - sizes
    places = np.arange(int(sizes.sum())) - np.repeat(offsets - lists.starts, sizes)
    references, which = _references(data[places], np.repeat(lists.messages, sizes), lists.ends - 1, data)
    if np.any(references >= len(symbols)):
        raise BadBody(f"a series refers to symbol {int(references.max())} of {len(symbols)}")
    texts = list(map(symbols.__getitem__, references.tolist()))
    return texts, np.searchsorted(which, np.arange(count + 1)).tolist()


def _is_once(found: scan.Found) -> bool:
    """Whether no message has two of these fields."""
    return len(np.unique(found.messages)) == len(found.messages)


def _references(packed: Bytes, messages: Indices, lasts: Indices, data: Bytes) -> tuple[Indices, Indices]:
    """The numbers packed one after the other, and the message of each."""
    if np.any(data[lasts[lasts >= 0]] >= 0x80):
        raise BadBody("a list of labels is cut off")
    closing = np.flatnonzero(packed < 0x80)
    starts = np.concatenate((np.zeros(1, np.int64), closing[:-1] + 1)) if len(closing) else closing
    lengths = closing - starts + 1
    if np.any(lengths > 5):
        raise BadBody("a reference to a symbol is no number of 32 bits")
    references = np.zeros(len(closing), np.int64)
    for place in range(int(lengths.max(initial=0))):
        there = lengths > place
        references[there] |= (packed[starts[there] + place] & 0x7F).astype(np.int64) << 7 * place
    return references, messages[closing]


def _families(
    data: bytes, found: scan.Found, texts: Sequence[bytes], bounds: Sequence[int], symbols: Sequence[bytes]
) -> dict[str, Family]:
    """What is told of metrics, each once however many series it has."""
    if not _is_once(found):
        raise Unusual("a series has its metadata in parts")
    told: dict[tuple[bytes, bytes], None] = {}
    for row, start, end in zip(found.messages.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True):
        name = _name(texts, bounds[row], bounds[row + 1])
        if name is not None:
            told[name, data[start:end]] = None
    families = {}
    for name, raw in told:
        numbers = {1: 0, 3: 0, 4: 0}
        for number, wire, at, after in read_fields(raw, 0, len(raw)):
            if number in numbers and wire == VARINT:
                numbers[number], _ = read_varint(raw, at, after)
        if max(numbers[3], numbers[4]) >= len(symbols):
            raise BadBody("the metadata of a series refers to a symbol that is not there")
        kind = type_name(numbers[1])
        family = Family(kind, symbols[numbers[3]].decode(), symbols[numbers[4]].decode()) if symbols else Family(kind)
        families[_family_name(name.decode(), kind)] = family
    return families


def _name(texts: Sequence[bytes], start: int, end: int) -> bytes | None:
    """A series' name, which is its first label unless another one begins with a capital letter."""
    return next((texts[at + 1] for at in range(start, end - 1, 2) if texts[at] == _NAME), None)


def _family_name(name: str, kind: str) -> str:
    """The family of a series: without the endings of a histogram's or a summary's parts."""
    if kind in ("histogram", "gaugehistogram", "summary"):
        for ending in ("_bucket", "_count", "_sum"):
            name = name.removesuffix(ending)
    return name
