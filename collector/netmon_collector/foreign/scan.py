"""Takes many messages of the same kind apart at once, field by field in step: no Python per message but its length."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_collector.foreign.base import MOST_SERIES, BadBody, Indices, Unusual
from netmon_collector.foreign.fields import FIXED64, LENGTH, VARINT, Bytes, doubles, read_varint, varints
from netmon_collector.store.base import Times, Values

_MOST_FIELDS: Final = 2_000_000
"""A request with more fields than this in its series is not what anybody means."""
_MOST_OF_ONE: Final = 50_000
"""Nor is one series with more fields: they are read one after the other."""
_MOST_PARTS: Final = 500_000
"""Series, symbols and families of metrics together."""
_LONG: Final = 0x80
"""A tag or a length from here on takes more than a byte."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Parts of a buffer: where each begins and ends."""

    starts: Indices
    ends: Indices


@dataclass(frozen=True, slots=True)
class Found:
    """Fields found in messages, in the order of the buffer: of which message, the tag, and the value's place."""

    messages: Indices
    tags: Bytes
    starts: Indices
    ends: Indices

    def of(self, tag: int) -> "Found":
        """Those with a tag."""
        chosen = self.tags == tag
        return Found(self.messages[chosen], self.tags[chosen], self.starts[chosen], self.ends[chosen])


def split(data: bytes, end: int, tag: int) -> tuple[Spans, list[tuple[int, int, int]]]:
    """The top-level fields of a message: those of a series' tag, and the others as (tag, start, end).

    All must have a length, as in the messages that come here they do. `data` is longer than `end`. Raises BadBody,
    Unusual where that may be another order of fields.
    """
    starts: list[int] = []
    ends: list[int] = []
    others: list[tuple[int, int, int]] = []
    at = 0
    for _ in range(_MOST_PARTS):
        if at >= end:
            break
        here = data[at]
        length = data[at + 1]
        at += 2
        if length > 0x7F:  # of two bytes as a rule
            if data[at] > 0x7F:
                length, at = read_varint(data, at - 1, end)
            else:
                length, at = length & 0x7F | data[at] << 7, at + 1
        if here > 0x7F or here & 7 != LENGTH or at + length > end:
            raise Unusual("the body is not a message of the kind that it says it is")
        if here == tag:
            starts.append(at)
            at += length
            ends.append(at)
        else:
            others.append((here, at, at + length))
            at += length
    else:
        raise BadBody(f"more than {_MOST_PARTS} parts in one request")
    if len(starts) > MOST_SERIES:
        raise BadBody(f"more than {MOST_SERIES} series in one request")
    return Spans(np.array(starts, np.int64), np.array(ends, np.int64)), others


def find(data: Bytes, spans: Spans) -> Found:
    """All fields of many messages. Raises BadBody, Unusual where it may be fields of other kinds."""
    at = spans.starts.copy()
    live = np.flatnonzero(at < spans.ends)
    parts: list[tuple[Indices, Bytes, Indices, Indices]] = []
    count = 0
    for _ in range(_MOST_OF_ONE):
        if not live.size:
            break
        here = at[live]
        tags = data[here]
        starts, ends = _values(data, tags, here + 1)
        if np.any((ends > spans.ends[live]) | (ends < 0) | (tags < 8)):
            raise Unusual("a series is cut off, or not of the kind that the request says")
        parts.append((live, tags, starts, ends))
        count += live.size
        if count > _MOST_FIELDS:
            raise BadBody(f"more than {_MOST_FIELDS} labels and samples in one request")
        at[live] = ends
        live = live[ends < spans.ends[live]]
    else:
        raise BadBody(f"more than {_MOST_OF_ONE} labels and samples in one series")
    if not parts:
        nothing = np.empty(0, np.int64)
        return Found(nothing, np.empty(0, np.uint8), nothing, nothing)
    messages, tags, starts, ends = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(starts, kind="stable")
    return Found(messages[order], tags[order], starts[order], ends[order])


def _values(data: Bytes, tags: Bytes, at: Indices) -> tuple[Indices, Indices]:
    """Where the values of some fields begin and end; -1 where that cannot be told."""
    wire = tags & 7
    if np.all((wire == LENGTH) & (data[at] < _LONG)):  # as it is nearly always: labels and samples are short
        starts = at + 1
        return starts, starts + data[at]
    numbers, after = varints(data, at)
    lengths = np.minimum(numbers, np.uint64(len(data))).astype(np.int64)
    by_length = np.where(after < 0, -1, after + lengths)
    ends = np.select([wire == LENGTH, wire == VARINT, wire == FIXED64], [by_length, after, at + 8], -1)
    starts = np.where(wire == LENGTH, after, at)
    return starts, np.where(tags < _LONG, ends, -1)


def samples(data: Bytes, found: Found) -> tuple[Times, Values]:
    """Messages of a float (field 1) and a time (field 2), as Prometheus has them. Raises Unusual."""
    at = found.starts
    has_value = (data[at] == 0x09) & (at < found.ends)
    values = np.where(has_value, doubles(data, at + 1), 0.0)
    at = np.where(has_value, at + 9, at)
    has_time = (data[at] == 0x10) & (at < found.ends)
    times, after = varints(data, at + 1)
    at = np.where(has_time, after, at)
    times = np.where(has_time, times, np.uint64(0))
    has_start = (data[at] == 0x18) & (at < found.ends)  # when a counter began, which is not kept
    if has_start.any():
        at = np.where(has_start, varints(data, at + 1)[1], at)
    if np.any(at != found.ends):
        raise Unusual("a sample is not a value and a time")
    return times.view(np.int64), values
