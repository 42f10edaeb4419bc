"""Rollups: what is left of the samples of five minutes or of an hour. Made of raw samples, never of one another."""

from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, RollupField
from netmon_collector.store.merge import Table
from netmon_proto.model import STALE_BITS

FIELDS: Final = len(RollupField)


def roll(table: Table, width_ms: int) -> Table:
    """Samples [C, T] to buckets [C x FIELDS, W]; the times are the starts of buckets, of which each has a sample.

    The times of the first and last sample are in milliseconds from the start, so that they are small and much alike.
    A stale marker is no sample. A NaN makes a sum NaN, and is passed over by min and max.
    """
    starts = table.times // width_ms * width_ms
    first_slots = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    given = (table.bits != ABSENT_BITS) & (table.bits != STALE_BITS)
    with np.errstate(invalid="ignore", over="ignore"):
        fields = _fields(table.bits.view(np.float64), given, table.times, first_slots, starts[first_slots])
    rolled = np.stack(fields, axis=1)
    bits = np.where((rolled[:, :1] > 0), rolled.view(np.uint64), np.uint64(ABSENT_BITS))
    return Table(starts[first_slots], np.ascontiguousarray(bits).reshape(-1, len(first_slots)))


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
    return [
        np.add.reduceat(given.astype(np.float64), edges, axis=1),
        np.add.reduceat(np.where(given, values, 0.0), edges, axis=1),
        np.fmin.reduceat(np.where(given, values, np.nan), edges, axis=1),
        np.fmax.reduceat(np.where(given, values, np.nan), edges, axis=1),
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
    if given.all():
        grown = np.diff(values, axis=1, prepend=0.0)
        grown = np.where(grown < 0, values, grown)
        grown[:, edges] = 0.0
        return grown
    before = np.maximum.accumulate(np.where(given, slots, -1), axis=1)
    before = np.concatenate((np.full((len(values), 1), -1), before[:, :-1]), axis=1)
    bucket = np.repeat(edges, np.diff(edges, append=len(slots)))
    earlier = np.take_along_axis(values, np.maximum(before, 0), axis=1)
    grown = np.where(values < earlier, values, values - earlier)
    return np.where(given & (before >= bucket), grown, 0.0)


def prefer_fuller(stored: Table, fresh: Table) -> Table:
    """Fresh buckets, but stored ones where these are of more samples: then not all raw samples are there any more."""
    times = np.union1d(stored.times, fresh.times)
    old, new = _at(times, stored), _at(times, fresh)
    fuller = _counts(old) > _counts(new)
    return Table(times, np.where(fuller[:, None], old, new).reshape(-1, len(times)))


def _at(times: npt.NDArray[np.int64], table: Table) -> npt.NDArray[np.uint64]:
    """The buckets of a table at times that have all of its own: [C, FIELDS, W]."""
    bits = np.full((len(table.bits), len(times)), ABSENT_BITS, np.uint64)
    bits[:, np.searchsorted(times, table.times)] = table.bits
    return bits.reshape(-1, FIELDS, len(times))


def _counts(buckets: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    count = buckets[:, RollupField.COUNT]
    return np.where(count == ABSENT_BITS, 0.0, count.view(np.float64))
