"""What one group commit is made of: samples as columns, and beside them the groups they use and the batches they were.

Payload: u32 lengths of notes and descriptions, the notes (JSON, deflated), the descriptions of groups (see
`_describe`, deflated), zeros up to a multiple of 8; then parts, in the order in which samples win over one another,
each with PART_HEADER. The gathers of a part: u32 group numbers [n], u32 widths [n], i64 times [n] in Unix
milliseconds, f64 values of all gathers one after the other. Points: u32 series [n], zeros up to a multiple of 8,
i64 times [n], f64 values [n]. Little-endian. The number of a group holds within one file, that of a series for ever.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Origin, Times
from netmon_collector.store.framing import NOTHING
from netmon_collector.store.labels import Numbers
from netmon_proto.model import Labels

Bits = npt.NDArray[np.uint64]
"""Samples bit by bit: so no NaN is ever changed on its way."""

_LENGTHS: Final = struct.Struct("<II")
_PART_HEADER: Final = struct.Struct("<IIQ")
_DEFLATE_LEVEL: Final = 1
_SLICE_GATHERS: Final = 1000
_SLICE_POINTS: Final = 20_000


class _Kind(IntEnum):
    GATHERS = 1
    POINTS = 2


@dataclass(frozen=True, eq=False, slots=True)
class GatherGroup:
    """A registered group: its number is given anew at each start, `series` are numbers of the label index.

    `owner` is who registered it.
    """

    number: int
    labels: Sequence[Labels]
    kinds: Sequence[int]
    series: Numbers
    owner: object


@dataclass(frozen=True, eq=False, slots=True)
class Gathers:
    """Gathers as columns, each with at least one sample; those of gather i are values[starts[i]:][: widths[i]]."""

    groups: npt.NDArray[np.uint32]
    widths: npt.NDArray[np.uint32]
    times: Times
    values: Bits

    @property
    def starts(self) -> Numbers:
        """Where the values of each gather begin."""
        return np.cumsum(self.widths, dtype=np.int64) - self.widths

    @property
    def size_bytes(self) -> int:
        """What it takes in the log."""
        return 16 * len(self.groups) + self.values.nbytes


@dataclass(frozen=True, eq=False, slots=True)
class Singles:
    """Samples one by one, in any order; none is absent."""

    series: npt.NDArray[np.uint32]
    times: Times
    values: Bits

    @property
    def size_bytes(self) -> int:
        """What it takes in the log."""
        return 20 * len(self.series)


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Samples as columns, in the order in which they count: the numbers of their series, times, values bit by bit."""

    series: Numbers
    times: Times
    values: Bits


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """A sample of each of some series whose numbers follow one another, from `first` on."""

    first: int
    times: Times
    values: Bits


Part = Gathers | Singles
"""Some of the samples of a batch; of two samples at one time that of the later part wins."""


@dataclass(frozen=True, eq=False, slots=True)
class GroupNote:
    """A group as a record describes it, by the numbers of its series."""

    number: int
    kinds: Sequence[int]
    series: Numbers


@dataclass(frozen=True, slots=True)
class Notes:
    """What a record says beside its samples; `acks` is the whole state before it, in the first record of a file."""

    groups: Sequence[GroupNote] = ()
    origins: Sequence[Origin] = ()
    acks: Sequence[Any] = ()


def encode(notes: Notes, parts: Sequence[Part]) -> list[bytes | memoryview]:
    """The payload of a record, in pieces: those of samples are views."""
    plain = {"origins": [(one.agent_id, one.epoch, one.sequence) for one in notes.origins], "acks": notes.acks}
    noted = zlib.compress(orjson.dumps(plain), _DEFLATE_LEVEL)
    described = zlib.compress(_describe(notes.groups), _DEFLATE_LEVEL) if notes.groups else b""
    lengths = _LENGTHS.pack(len(noted), len(described))
    padding = bytes(-(len(lengths) + len(noted) + len(described)) % 8)
    return [lengths, noted, described, padding, *(chunk for part in parts for chunk in _chunks(part))]


def joined(parts: Iterable[Part]) -> list[Part]:
    """The same samples in the same order, neighbours of one kind in one part."""
    runs: list[list[Part]] = []
    for part in parts:
        if runs and type(runs[-1][0]) is type(part):
            runs[-1].append(part)
        else:
            runs.append([part])
    return [run[0] if len(run) == 1 else _join(run) for run in runs]


def sliced(part: Part) -> Iterator[Part]:
    """The same samples in the same order, little at a time."""
    if isinstance(part, Singles):
        for first in range(0, len(part.series), _SLICE_POINTS):
            end = first + _SLICE_POINTS
            yield Singles(part.series[first:end], part.times[first:end], part.values[first:end])
        return
    if len(part.groups) <= _SLICE_GATHERS:
        yield part
        return
    starts = np.append(part.starts, len(part.values))
    for first in range(0, len(part.groups), _SLICE_GATHERS):
        end = min(first + _SLICE_GATHERS, len(part.groups))
        values = part.values[starts[first] : starts[end]]
        yield Gathers(part.groups[first:end], part.widths[first:end], part.times[first:end], values)


def _join(run: Sequence[Part]) -> Part:
    kind = type(run[0])
    names = kind.__dataclass_fields__
    return kind(*(np.concatenate([getattr(part, name) for part in run]) for name in names))


def span_ms(parts: Iterable[Part]) -> tuple[int, int]:
    """The oldest and the newest time of some samples."""
    times = [part.times for part in parts if len(part.times)]
    if not times:
        return NOTHING
    return min(int(one.min()) for one in times), max(int(one.max()) for one in times)


def decode_notes(payload: bytes) -> Notes:
    """What the record says beside its samples."""
    stored = decode_batches(payload)
    notes = [GroupNote(number, kinds, series) for number, kinds, series in decode_groups(payload)]
    return Notes(notes, stored.origins, stored.acks)


def decode_batches(payload: bytes) -> Notes:
    """Which batches the record says are stored; without the groups."""
    noted, _ = _LENGTHS.unpack_from(payload)
    plain = orjson.loads(zlib.decompress(payload[_LENGTHS.size : _LENGTHS.size + noted]))
    return Notes((), [Origin(*origin) for origin in plain["origins"]], plain["acks"])


def decode_groups(payload: bytes) -> Iterator[tuple[int, bytes, Numbers]]:
    """The groups that the record describes: number, kinds, series."""
    noted, described = _LENGTHS.unpack_from(payload)
    at = _LENGTHS.size + noted
    return _described(zlib.decompress(payload[at : at + described])) if described else iter(())


def decode_parts(payload: bytes) -> Iterator[Part]:
    """The samples of the record, as views of the payload."""
    noted, described = _LENGTHS.unpack_from(payload)
    at = _LENGTHS.size + noted + described
    at += -at % 8
    while at < len(payload):
        kind, count, values = _PART_HEADER.unpack_from(payload, at)
        at += _PART_HEADER.size
        first = np.frombuffer(payload, "<u4", count, at)
        if kind == _Kind.GATHERS:
            widths = np.frombuffer(payload, "<u4", count, at + 4 * count)
            at += 8 * count
        else:
            at += 4 * (count + count % 2)
        times = np.frombuffer(payload, "<i8", count, at)
        bits = np.frombuffer(payload, "<u8", values, at + 8 * count)
        at += 8 * (count + values)
        yield Gathers(first, widths, times, bits) if kind == _Kind.GATHERS else Singles(first, times, bits)


def _chunks(part: Part) -> Iterator[bytes | memoryview]:
    """The bytes of a part, in pieces."""
    if isinstance(part, Gathers):
        yield _PART_HEADER.pack(_Kind.GATHERS, len(part.groups), len(part.values))
        yield _bytes_of(part.groups, "<u4")
        yield _bytes_of(part.widths, "<u4")
    else:
        yield _PART_HEADER.pack(_Kind.POINTS, len(part.series), len(part.values))
        yield _bytes_of(part.series, "<u4")
        yield bytes(4 * (len(part.series) % 2))
    yield _bytes_of(part.times, "<i8")
    yield _bytes_of(part.values, "<u8")


def _bytes_of(numbers: npt.NDArray[Any], kind: str) -> memoryview:
    """Numbers as they stand in the file."""
    return numbers.astype(kind, copy=False).view(np.uint8).data


def _describe(groups: Sequence[GroupNote]) -> bytes:
    """u32 number of groups n, u32 numbers [n], u32 widths [n], u8 kinds of all, i32 steps from series to series.

    Series that were registered together have numbers that follow one another: their steps are easily deflated.
    """
    series = np.concatenate([group.series for group in groups])
    return b"".join(
        (
            np.array([len(groups)], "<u4").tobytes(),
            np.array([group.number for group in groups], "<u4").tobytes(),
            np.array([len(group.series) for group in groups], "<u4").tobytes(),
            b"".join(bytes(group.kinds) for group in groups),
            np.diff(series, prepend=0).astype("<i4").tobytes(),
        )
    )


def _described(data: bytes) -> Iterator[tuple[int, bytes, Numbers]]:
    (count,) = np.frombuffer(data, "<u4", 1).tolist()
    numbers = np.frombuffer(data, "<u4", count, 4).tolist()
    widths = np.frombuffer(data, "<u4", count, 4 + 4 * count).tolist()
    at, total = 4 + 8 * count, sum(widths)
    kinds = data[at : at + total]
    series = np.cumsum(np.frombuffer(data, "<i4", total, at + total), dtype=np.int64)
    start = 0
    for number, width in zip(numbers, widths, strict=True):
        end = start + width
        yield number, kinds[start:end], series[start:end]
        start = end
