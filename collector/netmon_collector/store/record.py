"""What one group commit is made of: gathers as columns, and beside them the groups they use and the batches they were.

Payload: u32 length of the notes, the notes (JSON, deflated), u32 number of gathers n, then u32 group numbers [n],
u32 widths [n], i64 times [n] in Unix milliseconds, f64 values of all gathers one after the other. Little-endian.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from netmon_collector.store.base import Origin
from netmon_collector.store.framing import NOTHING
from netmon_collector.store.labels import Numbers
from netmon_proto.model import Kind, Labels

Bits = npt.NDArray[np.uint64]
"""Samples bit by bit: so no NaN is ever changed on its way."""

_COUNT: Final = struct.Struct("<I")
_DEFLATE_LEVEL: Final = 1


@dataclass(frozen=True, eq=False, slots=True)
class GatherGroup:
    """A registered group: its number is given anew at each start, `series` are numbers of the label index.

    `owner` is who registered it.
    """

    number: int
    labels: Sequence[Labels]
    kinds: Sequence[Kind]
    series: Numbers
    owner: object


class StoredRow(NamedTuple):
    """A gather as the store keeps it, with at least one sample; values bit by bit. `whole`: each series has one."""

    group: GatherGroup
    time_ms: int
    values: bytes
    whole: bool = False


@dataclass(frozen=True, slots=True)
class GroupNote:
    """A group as a record names it; the number holds within one file."""

    number: int
    kinds: Sequence[Kind]
    labels: Sequence[Labels]


@dataclass(frozen=True, slots=True)
class Notes:
    """What a record says beside its samples; `acks` is the whole state before it, in the first record of a file."""

    groups: Sequence[GroupNote] = ()
    origins: Sequence[Origin] = ()
    acks: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Gathers:
    """The gathers of a record as columns; those of gather i are values[starts[i] : starts[i] + widths[i]]."""

    groups: npt.NDArray[np.uint32]
    widths: npt.NDArray[np.uint32]
    times: npt.NDArray[np.int64]
    starts: Numbers
    values: Bits


def encode(notes: Notes, rows: Sequence[StoredRow]) -> bytes:
    """The payload of a record."""
    noted = zlib.compress(orjson.dumps(_plain(notes)), _DEFLATE_LEVEL)
    return b"".join(
        (
            _COUNT.pack(len(noted)),
            noted,
            _COUNT.pack(len(rows)),
            np.array([row.group.number for row in rows], "<u4").tobytes(),
            np.array([len(row.values) // 8 for row in rows], "<u4").tobytes(),
            np.array([row.time_ms for row in rows], "<i8").tobytes(),
            *(row.values for row in rows),
        )
    )


def span_ms(rows: Iterable[StoredRow]) -> tuple[int, int]:
    """The oldest and the newest time of some gathers."""
    times = [row.time_ms for row in rows]
    return (min(times), max(times)) if times else NOTHING


def decode_notes(payload: bytes) -> Notes:
    """What the record says beside its samples."""
    plain = orjson.loads(zlib.decompress(payload[_COUNT.size : _gathers_at(payload)]))
    return Notes(
        [
            GroupNote(number, [Kind(kind) for kind in kinds], [tuple(map(tuple, pairs)) for pairs in labels])
            for number, kinds, labels in plain["groups"]
        ],
        [Origin(*origin) for origin in plain["origins"]],
        plain["acks"],
    )


def decode_gathers(payload: bytes) -> Gathers:
    """The samples of the record."""
    at = _gathers_at(payload)
    (count,) = _COUNT.unpack_from(payload, at)
    at += _COUNT.size
    groups = np.frombuffer(payload, "<u4", count, at)
    widths = np.frombuffer(payload, "<u4", count, at + 4 * count)
    times = np.frombuffer(payload, "<i8", count, at + 8 * count)
    values = np.frombuffer(payload, "<u8", -1, at + 16 * count) if count else np.empty(0, np.uint64)
    starts = np.cumsum(widths, dtype=np.int64) - widths
    return Gathers(groups, widths, times, starts, values)


def _gathers_at(payload: bytes) -> int:
    (length,) = _COUNT.unpack_from(payload)
    return _COUNT.size + int(length)


def _plain(notes: Notes) -> dict[str, Any]:
    return {
        "groups": [(note.number, note.kinds, list(note.labels)) for note in notes.groups],
        "origins": [(origin.agent_id, origin.epoch, origin.sequence) for origin in notes.origins],
        "acks": notes.acks,
    }
