"""Prometheus' remote write 1.0: a message of series, each with labels and samples.

The numbers of the fields are those of the published specification; series stay encoded until one is seen that is new.
"""

from typing import Final

import numpy as np

from netmon_collector.foreign import scan
from netmon_collector.foreign.base import MOST_SAMPLES, BadBody, BadSeries, Complaint, Family, Indices, Unusual, Written
from netmon_collector.foreign.fields import LENGTH, PAD, VARINT, read_fields, read_varint
from netmon_collector.foreign.labels import checked
from netmon_collector.foreign.unusual import in_any_order
from netmon_proto.model import Labels
from netmon_proto.remote_write import in_order

_SERIES: Final = 0x0A
_METADATA: Final = 0x1A
_LABEL: Final = 0x0A
_SAMPLE: Final = 0x12
_HISTOGRAM: Final = 0x22
_TYPES: Final = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
_MOST_FAMILIES: Final = 20_000


class LabelMessages:
    """A series spelled as the encoded labels of its message."""

    def read(self, raw: bytes) -> Labels:
        return checked([_pair(raw, start, end) for _, _, start, end in read_fields(raw, 0, len(raw))])


def decode(body: bytes) -> Written:
    """Takes an uncompressed body apart. Raises BadBody."""
    return in_any_order(_decode, in_order, body)


def _decode(body: bytes) -> Written:
    padded = body + PAD
    spans, others = scan.split(padded, len(body), _SERIES)
    data = np.frombuffer(padded, np.uint8)
    found = scan.find(data, spans)
    pieces = found.of(_SAMPLE)
    if len(pieces.starts) > MOST_SAMPLES:
        raise BadBody(f"more than {MOST_SAMPLES} samples in one request")
    times, values = scan.samples(data, pieces)
    ends = _ends_of_labels(found, spans)
    series = [padded[start:end] for start, end in zip(spans.starts.tolist(), ends.tolist(), strict=True)]
    return Written(
        LabelMessages(),
        series,
        pieces.messages,
        times,
        values,
        families=_families(padded, [(start, end) for tag, start, end in others if tag == _METADATA]),
        complaints=histograms_left_out(int(np.count_nonzero(found.tags == _HISTOGRAM))),
    )


def histograms_left_out(count: int) -> list[Complaint]:
    """What a writer of native histograms is told."""
    if not count:
        return []
    message = "native histograms are not stored; send classic ones (send_native_histograms: false)"
    return [Complaint(message, count)]


def _ends_of_labels(found: scan.Found, spans: scan.Spans) -> Indices:
    """Where the labels of each series end. Raises Unusual where something stands before or between them."""
    labels = found.of(_LABEL)
    ends = spans.starts.copy()
    ends[labels.messages] = labels.ends  # of several the last stands
    firsts = np.full(len(ends), np.iinfo(np.int64).max)
    others = found.tags != _LABEL
    np.minimum.at(firsts, found.messages[others], found.starts[others])
    if np.any(ends > firsts):
        raise Unusual("a series has its samples before its labels")
    return ends


def _pair(data: bytes, start: int, end: int) -> tuple[str, str]:
    """A label: name and value."""
    name = value = b""
    try:
        for number, wire, at, after in read_fields(data, start, end):
            if number == 1 and wire == LENGTH:
                name = data[at:after]
            elif number == 2 and wire == LENGTH:
                value = data[at:after]
        return name.decode(), value.decode()
    except (BadBody, UnicodeDecodeError) as error:
        raise BadSeries(f"a series has a label that cannot be read: {error}") from None


def _families(data: bytes, places: list[tuple[int, int]]) -> dict[str, Family]:
    families = {}
    for start, end in places[:_MOST_FAMILIES]:
        kind, texts = 0, {2: "", 4: "", 5: ""}
        for number, wire, at, after in read_fields(data, start, end):
            if number == 1 and wire == VARINT:
                kind, _ = read_varint(data, at, after)
            elif number in texts and wire == LENGTH:
                texts[number] = data[at:after].decode(errors="replace")
        if texts[2]:
            families[texts[2]] = Family(type_name(kind), texts[4], texts[5])
    return families


def type_name(number: int) -> str:
    """A type of metrics by its number."""
    return _TYPES[number] if number < len(_TYPES) else _TYPES[0]
