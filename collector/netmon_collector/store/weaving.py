"""From what a block has in many places to few dense tables: what is of the same series becomes one, and then what has
the same times. Series of one block that do not share their times are kept apart, else most of a table would be empty.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.chunk import Chunk
from netmon_collector.store.classify import UNSURE, Decimals
from netmon_collector.store.labels import Numbers
from netmon_collector.store.merge import Piece, Table, merge

_SPARSE: Final = 0.5
"""A table with less than that of its samples is taken apart."""


@dataclass(frozen=True, eq=False, slots=True)
class Strip:
    """Samples of some series, none twice, in any order; each has `fields` columns in the table."""

    series: Numbers
    table: Table
    fields: int = 1


def strips(chunks: Iterable[Chunk], wanted: Numbers | None = None) -> Iterator[Strip]:
    """What chunks hold, of all series or of some (ascending)."""
    for chunk in chunks:
        decimals = chunk.decimals()
        if wanted is None:
            yield Strip(chunk.series, Table(chunk.times, chunk.matrix().bits, decimals), chunk.fields)
        else:
            places, columns = chunk.columns_of(wanted)
            if len(columns):
                own = None if decimals is None else decimals[columns]
                yield Strip(wanted[places], Table(chunk.times, chunk.read(columns), own), chunk.fields)


def woven(parts: Sequence[Strip]) -> Iterator[Strip]:
    """The same samples, each series in one strip (where its times allow), its series ascending.

    `parts` are in the order in which samples win over one another, the last wins.
    """
    merged = [strip for group in _related(parts) for strip in _parted(_merged(group))]
    alike: dict[bytes, list[Strip]] = {}
    for strip in merged:
        alike.setdefault(strip.table.times.tobytes(), []).append(strip)
    for same in alike.values():
        yield _joined(same)


def _related(parts: Sequence[Strip]) -> list[list[Strip]]:
    """Strips in groups: two that have a series in common are in the same one."""
    if len(parts) < 2:
        return [list(parts)] if parts else []
    if _alike(parts):
        return [list(parts)]
    spans = sorted((int(part.series.min()), int(part.series.max())) for part in parts)
    if all(one[1] < other[0] for one, other in pairwise(spans)):  # as heads of groups that share a block
        return [[part] for part in parts]
    series = np.unique(np.concatenate([part.series for part in parts]))
    owner = np.full(len(series), -1)
    members: dict[int, list[int]] = {}
    for number, part in enumerate(parts):
        places = np.searchsorted(series, part.series)
        groups = np.unique(owner[places])
        own = [number]
        for group in groups[groups >= 0].tolist():
            own += members.pop(group)
            owner[owner == group] = number
        owner[places] = number
        members[number] = own
    return [[parts[number] for number in sorted(own)] for own in members.values()]


def _merged(group: Sequence[Strip]) -> Strip:
    """Strips as one."""
    first = group[0]
    if len(group) == 1 and bool((np.diff(first.table.times) > 0).all()):
        return first
    fields = first.fields
    alike = _alike(group)
    if alike:
        series, places = first.series, [np.arange(len(first.series))] * len(group)
    else:
        series = np.unique(np.concatenate([one.series for one in group]))
        places = [np.searchsorted(series, one.series) for one in group]
    pieces = [
        Piece(one.table.times, _columns(where, fields), one.table.bits)
        for one, where in zip(group, places, strict=True)
    ]
    table = merge(pieces, len(series) * fields)
    assert table is not None, "no strip is empty"
    decimals = _agreed([one.table.decimals for one in group]) if alike else None
    return Strip(series, Table(table.times, table.bits, decimals), fields)


def _alike(parts: Sequence[Strip]) -> bool:
    """Whether all are of the same series, in the same order."""
    first = parts[0].series
    return all(len(one.series) == len(first) and bool((one.series == first).all()) for one in parts)


def _agreed(told: Sequence[Decimals | None]) -> Decimals | None:
    """How many decimals columns have of which several tables tell."""
    known = [decimals for decimals in told if decimals is not None]
    if len(known) < len(told):
        return None
    least, most = np.minimum.reduce(known), np.maximum.reduce(known)
    return np.where(least == most, most, np.uint8(UNSURE))


def _parted(strip: Strip) -> Iterator[Strip]:
    """A strip that is mostly empty as several, each of series that have the same times."""
    if strip.fields > 1 or len(strip.series) == 1 or strip.table.decimals is not None:
        yield strip
        return
    present = strip.table.bits != ABSENT_BITS
    if np.count_nonzero(present) >= _SPARSE * present.size:
        yield strip
        return
    alike: dict[bytes, list[int]] = {}
    for column, mask in enumerate(np.packbits(present, axis=1)):
        alike.setdefault(mask.tobytes(), []).append(column)
    for columns in alike.values():
        slots = np.flatnonzero(present[columns[0]])
        if len(slots):
            bits = strip.table.bits[np.array(columns)[:, None], slots]
            yield Strip(strip.series[columns], Table(strip.table.times[slots], bits))


def _joined(same: Sequence[Strip]) -> Strip:
    """Strips of the same times side by side, series ascending."""
    series = np.concatenate([one.series for one in same]) if len(same) > 1 else same[0].series
    bits = np.concatenate([one.table.bits for one in same]) if len(same) > 1 else same[0].table.bits
    told = [one.table.decimals for one in same if one.table.decimals is not None]
    decimals = np.concatenate(told) if len(told) == len(same) else None
    if not bool((np.diff(series) > 0).all()):
        order = np.argsort(series)
        columns = _columns(order, same[0].fields)
        series, bits = series[order], bits[columns]
        decimals = None if decimals is None else decimals[columns]
    return Strip(series, Table(same[0].table.times, bits, decimals), same[0].fields)


def _columns(places: npt.NDArray[np.intp], fields: int) -> npt.NDArray[np.intp]:
    return places if fields == 1 else (places[:, None] * fields + np.arange(fields)).ravel()
