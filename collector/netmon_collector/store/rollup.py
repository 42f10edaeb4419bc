"""Rollups: what is left of the samples of five minutes or of an hour. Made of raw samples, never of one another."""

from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, RollupField, quiet
from netmon_collector.store.classify import UNSURE, Decimals, count_decimals
from netmon_collector.store.merge import Table
from netmon_proto.model import STALE_BITS

FIELDS: Final = len(RollupField)
_EXACT: Final = 2.0**53
"""Below that, floats have all integers."""
_MADE_OF: Final = (RollupField.SUM, RollupField.FIRST, RollupField.LAST, RollupField.INC)


def roll(table: Table, width_ms: int) -> Table:
    """Samples [C, T] to buckets [C x FIELDS, W]; the times are the starts of buckets, of which each has a sample.

    The times of the first and last sample are in milliseconds from the start, so that they are small and much alike.
    A stale marker is no sample; a bucket that has nothing else counts none, so that it can take the place of another.
    A NaN makes a sum NaN, and is passed over by min and max.
    """
    starts = table.times // width_ms * width_ms
    edges = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    values = table.bits.view(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(values, edges, axis=1)
        if np.isfinite(sums).all() or _given(table).all():  # what is absent or stale is a NaN
            made = _fields_of_all(values, table.times, edges, starts[edges], sums)
            _round(made, values, table.decimals)
            return Table(starts[edges], made.view(np.uint64).reshape(-1, len(edges)))
        fields = _fields(values, _given(table), table.times, edges, starts[edges])
    rolled = np.stack(fields, axis=1)
    rolled[np.broadcast_to(rolled[:, :1] == 0, rolled.shape)] = 0.0
    bits = np.where(totals(table, width_ms)[:, None] > 0, rolled.view(np.uint64), np.uint64(ABSENT_BITS))
    return Table(starts[edges], np.ascontiguousarray(bits).reshape(-1, len(edges)))


def _given(table: Table) -> npt.NDArray[np.bool_]:
    """Which samples there are."""
    given: npt.NDArray[np.bool_] = (table.bits != ABSENT_BITS) & (table.bits != STALE_BITS)
    return given


def totals(table: Table, width_ms: int) -> npt.NDArray[np.int64]:
    """How many samples each series has in each bucket [C, W], stale markers too."""
    edges = np.flatnonzero(np.diff(table.times // width_ms, prepend=table.times[0] // width_ms - 1))
    counted: npt.NDArray[np.int64] = np.add.reduceat(table.bits != ABSENT_BITS, edges, axis=1, dtype=np.int64)
    return counted


def filled(buckets: Table) -> Table:
    """Buckets without those that have nothing but stale markers."""
    fields = buckets.bits.reshape(-1, FIELDS, len(buckets.times))
    empty = fields[:, RollupField.COUNT].view(np.float64) == 0
    if not empty.any():
        return buckets
    bits = np.where(empty[:, None], np.uint64(ABSENT_BITS), fields)
    return Table(buckets.times, bits.reshape(-1, len(buckets.times)))


def coarser(fine: Table, width_ms: int, decimals: Decimals | None = None) -> Table | None:
    """Buckets of which each is several of the ones that were just made; None where series have not all of these.

    `decimals`: those of the samples, as far as these are known.
    """
    fields = fine.bits.view(np.float64).reshape(-1, FIELDS, len(fine.times))
    counts = fields[:, RollupField.COUNT]
    if not bool((counts > 0).all()):  # a NaN, which stands for nothing, is not
        return None
    starts = fine.times // width_ms * width_ms
    edges = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    ends = np.append(edges[1:], len(starts)) - 1
    offsets = fine.times - starts
    made = _room(len(fields), len(edges))
    with np.errstate(invalid="ignore", over="ignore"):
        for field in (RollupField.COUNT, RollupField.SUM):
            np.add.reduceat(fields[:, field], edges, axis=1, out=made[:, field])
        np.fmin.reduceat(fields[:, RollupField.MIN], edges, axis=1, out=made[:, RollupField.MIN])
        np.fmax.reduceat(fields[:, RollupField.MAX], edges, axis=1, out=made[:, RollupField.MAX])
        made[:, RollupField.FIRST] = fields[:, RollupField.FIRST][:, edges]
        made[:, RollupField.LAST] = fields[:, RollupField.LAST][:, ends]
        made[:, RollupField.FIRST_MS] = fields[:, RollupField.FIRST_MS][:, edges] + offsets[edges]
        made[:, RollupField.LAST_MS] = fields[:, RollupField.LAST_MS][:, ends] + offsets[ends]
        between = _steps(fields[:, RollupField.LAST][:, :-1], fields[:, RollupField.FIRST][:, 1:])
        between[:, edges[1:] - 1] = 0.0
        grown = fields[:, RollupField.INC].copy()
        grown[:, 1:] += between
        np.add.reduceat(grown, edges, axis=1, out=made[:, RollupField.INC])
        # Sums alone may have fewer decimals than what they are sums of: 0.51 and 0.69 make 1.2.
        _round(made, fields[:, _MADE_OF].reshape(len(fields), -1), decimals)
    return Table(starts[edges], made.view(np.uint64).reshape(-1, len(edges)))


def _room(series: int, buckets: int) -> npt.NDArray[np.float64]:
    """Room for the fields of buckets [C, FIELDS, W]; in memory, those of one time are together."""
    return np.empty((buckets, series, FIELDS)).transpose(1, 2, 0)


def _steps(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """By how much a counter rose; after a reset, above zero."""
    grown = after - before
    return np.where(grown < 0, after, grown)


def _fields_of_all(
    values: npt.NDArray[np.float64],
    times: npt.NDArray[np.int64],
    edges: npt.NDArray[np.intp],
    starts: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """As `_fields`, where each series has a sample at each time: [C, FIELDS, W].

    What never falls has its least and most at the ends of a bucket, and rose by what is between them.
    """
    ends = np.append(edges[1:], len(times)) - 1
    made = _room(len(values), len(edges))
    made[:, RollupField.COUNT] = ends - edges + 1
    made[:, RollupField.FIRST_MS] = times[edges] - starts
    made[:, RollupField.LAST_MS] = times[ends] - starts
    made[:, RollupField.SUM] = sums
    made[:, RollupField.FIRST] = made[:, RollupField.MIN] = first = values[:, edges]
    made[:, RollupField.LAST] = made[:, RollupField.MAX] = last = values[:, ends]
    made[:, RollupField.INC] = last - first
    falls = (values[:, 1:] < values[:, :-1]).any(axis=1) | ~np.isfinite(sums).all(axis=1)
    rows = np.flatnonzero(falls)
    if len(rows):
        moving = values if len(rows) == len(values) else values[rows]
        grown = np.zeros_like(moving)
        grown[:, 1:] = _steps(moving[:, :-1], moving[:, 1:])
        grown[:, edges] = 0.0
        made[rows, RollupField.MIN] = np.fmin.reduceat(quiet(moving), edges, axis=1)
        made[rows, RollupField.MAX] = np.fmax.reduceat(quiet(moving), edges, axis=1)
        made[rows, RollupField.INC] = np.add.reduceat(grown, edges, axis=1)
    return made


def _round(made: npt.NDArray[np.float64], values: npt.NDArray[np.float64], decimals: Decimals | None = None) -> None:
    """Takes out of sums of decimals what adding floats brought in: they have no more decimals than what was added.

    `decimals`: those of the values, as far as these are known.
    """
    sums = made[:, RollupField.SUM]
    rows = np.flatnonzero((sums != np.rint(sums)).any(axis=1) & np.isfinite(sums).all(axis=1))
    found = count_decimals(values.view(np.uint64), rows, decimals)
    rows, found = rows[found != UNSURE], found[found != UNSURE]
    tens = 10.0 ** found[:, None]
    for field in (RollupField.SUM, RollupField.INC):
        numbers = made[rows, field]
        scaled = np.rint(numbers * tens)
        made[rows, field] = np.where(np.abs(scaled) < _EXACT, scaled / tens, numbers)


def _fields(
    values: npt.NDArray[np.float64],
    given: npt.NDArray[np.bool_],
    times: npt.NDArray[np.int64],
    edges: npt.NDArray[np.intp],
    starts: npt.NDArray[np.int64],
) -> list[npt.NDArray[np.float64]]:
    """In the order of RollupField, [C, W] each."""
    slots = np.arange(values.shape[1])
    last = np.maximum.reduceat(np.where(given, slots, -1), edges, axis=1)
    first = np.minimum.reduceat(np.where(given, slots, len(slots)), edges, axis=1)
    last_at, first_at = np.maximum(last, 0), np.minimum(first, len(slots) - 1)
    numbers = quiet(np.where(given, values, np.nan))
    return [
        np.add.reduceat(given.astype(np.float64), edges, axis=1),
        np.add.reduceat(np.where(given, values, 0.0), edges, axis=1),
        np.fmin.reduceat(numbers, edges, axis=1),
        np.fmax.reduceat(numbers, edges, axis=1),
        np.take_along_axis(values, first_at, axis=1),
        np.take_along_axis(values, last_at, axis=1),
        (times[first_at] - starts).astype(np.float64),
        (times[last_at] - starts).astype(np.float64),
        np.add.reduceat(_increases(values, given, edges), edges, axis=1),
    ]


def _increases(
    values: npt.NDArray[np.float64], given: npt.NDArray[np.bool_], edges: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """By how much each sample is above the one before it in its bucket; after a reset, above zero."""
    slots = np.arange(values.shape[1])
    before = np.maximum.accumulate(np.where(given, slots, -1), axis=1)
    before = np.concatenate((np.full((len(values), 1), -1), before[:, :-1]), axis=1)
    bucket = np.repeat(edges, np.diff(edges, append=len(slots)))
    earlier = np.take_along_axis(values, np.maximum(before, 0), axis=1)
    grown = np.where(values < earlier, values, values - earlier)
    return np.where(given & (before >= bucket), grown, 0.0)


def prefer_fuller(stored: Table, fresh: Table, samples: npt.NDArray[np.int64]) -> Table:
    """Fresh buckets, but stored ones where these are of more samples: then not all raw samples are there any more.

    `samples`: how many a fresh bucket was made of, with stale markers [C, W].
    """
    times = np.union1d(stored.times, fresh.times)
    old, new = _at(times, stored), _at(times, fresh)
    found = np.zeros((len(new), len(times)))
    found[:, np.searchsorted(times, fresh.times)] = samples
    fuller = _counts(old) > found
    return Table(times, np.where(fuller[:, None], old, new).reshape(-1, len(times)))


def _at(times: npt.NDArray[np.int64], table: Table) -> npt.NDArray[np.uint64]:
    """The buckets of a table at times that have all of its own: [C, FIELDS, W]."""
    bits = np.full((len(table.bits), len(times)), ABSENT_BITS, np.uint64)
    bits[:, np.searchsorted(times, table.times)] = table.bits
    return bits.reshape(-1, FIELDS, len(times))


def _counts(buckets: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    count = buckets[:, RollupField.COUNT]
    return np.where(count == ABSENT_BITS, 0.0, count.view(np.float64))
