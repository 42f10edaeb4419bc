"""Which samples of each series are in the window of each step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Self, TypeVar

import numpy as np
import numpy.typing as npt

from netmon_collector.query.answer import Mask
from netmon_collector.query.masks import is_anywhere
from netmon_collector.store.base import ABSENT_BITS, Frame, Lines, Times, Values
from netmon_proto.model import STALE_BITS

Indices = npt.NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)

_DENSE: Final = 8
"""With fewer samples to a step all of them are looked at, with more it is searched among them."""
_FEW_TIMES: Final = 5000
_BLOCK_SERIES: Final = 256
_BLOCK_SAMPLES: Final = 1 << 19
"""So much of the samples fits into a processor's cache."""
_FEW_CELLS: Final = 1 << 14
_FEW_SAMPLES: Final = 1 << 17
"""So few are one block, of however many series."""


@dataclass(eq=False)
class Tracks:
    """Samples of S series, one series after the other; series that share their times share an axis.

    values: float64 (N,), of series s values[begins[s]:begins[s + 1]]; begins is int64 (S + 1,). axis: int64 (S,).
    times: int64 (M,), of axis a times[axis_begins[a]:axis_begins[a + 1]], which has as many as each of its series.
    has_nan: whether a value may be none, a stale marker for example.
    """

    values: Values
    begins: Indices
    axis: Indices
    times: Times
    axis_begins: Indices
    has_nan: bool

    @classmethod
    def of(cls, lines: Lines) -> Self:
        """Of samples as a store has them; where one is absent there is none."""
        made = cls(lines.values, lines.begins, lines.axis, lines.times, lines.axis_begins, lines.has_nan)
        return made.without(ABSENT_BITS) if lines.has_nan else made

    @classmethod
    def of_frames(cls, frames: Sequence[Frame]) -> Self:
        """Of the series of all frames, one frame after the other."""
        return cls.of_tables([(frame.times, frame.values.T) for frame in frames])

    @classmethod
    def of_tables(cls, tables: Sequence[tuple[Times, Values]]) -> Self:
        """Of tables with the times (T,) and the values (S, T) of some series each, ABSENT where there is none."""
        lengths = np.array([len(times) for times, _ in tables], np.int64)
        axis = np.repeat(np.arange(len(tables)), [len(values) for _, values in tables])
        values = np.concatenate([values.reshape(-1) for _, values in tables]) if tables else np.empty(0)
        times = np.concatenate([times for times, _ in tables]) if tables else np.empty(0, np.int64)
        begins = begins_of(lengths[axis]), axis, times, begins_of(lengths)
        return cls(values, *begins, _has_nan(values)).without(ABSENT_BITS)

    def __len__(self) -> int:
        return len(self.axis)

    @cached_property
    def falls(self) -> Mask | None:
        """Whether a sample is above the next one of its series: bool (N - 1,); None where none is."""
        falls = self.values[1:] < self.values[:-1]
        if len(self.axis_begins) == 2:
            length = len(self.times)
            falls[length - 1 :: length] = False  # from one series to the next is no fall
        else:
            between = self.begins[1:-1]
            falls[between[(between > 0) & (between < len(self.values))] - 1] = False
        return falls if is_anywhere(falls) else None

    def without(self, bits: int) -> Self:
        """The samples that are not a certain NaN."""
        if not self.has_nan:
            return self
        kept: Mask = self.values.view(np.uint64) != bits
        return self if kept.all() else self._only(kept)

    def some(self, rows: slice) -> Self:
        """Some of the series."""
        first, last = int(self.begins[rows.start]), int(self.begins[rows.stop])
        begins = self.begins[rows.start : rows.stop + 1] - first
        return type(self)(self.values[first:last], begins, self.axis[rows], self.times, self.axis_begins, self.has_nan)

    def _only(self, kept: Mask) -> Self:
        """Some of the samples; a series that loses one gets an axis of its own."""
        before = begins_of(kept)
        begins = before[self.begins]
        counts = np.diff(begins)
        changed = np.flatnonzero(counts < np.diff(self.begins))
        own = _places(self.begins[changed], np.diff(self.begins)[changed])
        times = self.times[_places(self.axis_begins[self.axis[changed]], np.diff(self.begins)[changed])][kept[own]]
        axis = self.axis.copy()
        axis[changed] = len(self.axis_begins) - 1 + np.arange(len(changed))
        further = self.axis_begins[-1] + np.cumsum(counts[changed])
        axis_begins = np.concatenate([self.axis_begins, further])
        values = self.values[kept]
        return type(self)(values, begins, axis, np.concatenate([self.times, times]), axis_begins, _has_nan(values))


def _has_nan(values: Values) -> bool:
    return bool(np.logical_or.reduce(np.isnan(values)))


class Axes:
    """The windows of T steps on each of A axes: of the times of all axes, lo:hi are in it; int64 (A, T).

    starts and ends, int64 (T,): a window is the time after its start, up to and with its end.
    """

    def __init__(
        self,
        times: Times,
        begins: Indices,
        starts: Times,
        ends: Times,
        found: tuple[Indices, Indices] | None = None,
    ) -> None:
        self.times = times
        self.begins = begins
        self.starts = starts
        self.ends = ends
        self.lo, self.hi = _bounds(times, begins, starts, ends) if found is None else found

    @classmethod
    def of(cls, tracks: Tracks, ends: Times, length_ms: int) -> Self:
        """Where all series share their times, as those of a host do, they are found once for all panels about it."""
        if len(tracks.axis_begins) != 2 or len(tracks.times) > _FEW_TIMES:
            return cls(tracks.times, tracks.axis_begins, ends - length_ms, ends)
        return cls._of_one(tracks.times.tobytes(), ends.tobytes(), length_ms)

    @classmethod
    @lru_cache(100)
    def _of_one(cls, times: bytes, ends: bytes, length_ms: int) -> Self:
        known, last = np.frombuffer(times, np.int64), np.frombuffer(ends, np.int64)
        return cls(known, np.array([0, len(known)]), last - length_ms, last)

    @cached_property
    def is_filled(self) -> bool:
        """Whether each window has a sample."""
        return bool((self.hi > self.lo).all())

    @cached_property
    def last(self) -> Indices:
        """The last time of each window, (A, T); of no meaning for a window without one."""
        return self.hi - 1

    @cached_property
    def reach(self) -> "Reach":
        """Found once for all series of an axis."""
        return Reach(self)


class Reach:
    """From where to where the samples of a window are, in seconds; (A, T) each, of no meaning where `there` is False.

    sampled: from the first to the last. to_start, to_end: how far a trend is carried on to the ends of the window, see
    `carried`.
    """

    def __init__(self, axes: Axes) -> None:
        gaps = axes.hi - axes.lo - 1
        self.there: Mask = gaps >= 1
        """Whether there are two samples."""
        self.is_whole = bool(self.there.all())
        first, last = np.where(self.there, axes.lo, 0), np.where(self.there, axes.hi - 1, 0)
        if len(axes.times):
            first_time, last_time = axes.times[first], axes.times[last]
        else:
            first_time = last_time = np.zeros(self.there.shape, np.int64)
        self.sampled: Values = (last_time - first_time) / 1000
        between = self.sampled / gaps
        self.to_start = carried((first_time - axes.starts) / 1000, between)
        self.to_end = carried((axes.ends - last_time) / 1000, between)
        self._length_s: Values = (axes.ends - axes.starts) / 1000

    @cached_property
    def factor(self) -> Values:
        """By how much a rise is stretched to the whole window."""
        return np.asarray((self.sampled + self.to_start + self.to_end) / self.sampled)

    @cached_property
    def factor_per_s(self) -> Values:
        """The same, of the rise in a second."""
        return np.asarray(self.factor / self._length_s)


def carried(gap: Values, between: Values) -> Values:
    """How far a trend is carried on into a gap, as in Prometheus: through it, or if it is longer than the time between
    two samples by a tenth and more, through half of that time.
    """
    return np.where(gap >= between * 1.1, between / 2, gap)


class Windows:
    """The samples of S series, as tracks have them, and the windows of T steps.

    check: to be called by whoever takes long; may raise.
    """

    def __init__(self, tracks: Tracks, axes: Axes, check: Callable[[], None] = lambda: None) -> None:
        self.tracks = tracks
        self.values, self.begins, self.axis = tracks.values, tracks.begins, tracks.axis
        self.axes = axes
        self.starts, self.ends = axes.starts, axes.ends
        self.has_nan = tracks.has_nan
        self.check = check
        self.table = self.values.reshape(len(self.axis), -1) if len(axes.begins) == 2 and len(self.axis) else None
        """The samples of series that all have the same times, (S, times); None of others."""

    @cached_property
    def lo(self) -> Indices:
        """int64 (S, T): the window of a series at a step has the samples lo:hi."""
        return self._placed(self.axes.lo)

    @cached_property
    def hi(self) -> Indices:
        return self._placed(self.axes.hi)

    def _placed(self, places: Indices) -> Indices:
        """Places among the times of the axes, (A, T), as places among the samples, (S, T)."""
        if self.begins is self.axes.begins:  # an axis for each series
            return places
        return (places if len(places) == 1 else places[self.axis]) + self._moved

    @cached_property
    def _moved(self) -> Indices:
        """How much further on the samples of each series begin than its times: (S, 1)."""
        return (self.begins[:-1] - self.axes.begins[self.axis])[:, None]

    def at(self, places: Indices) -> Values:
        """The samples at the places of some times of the axes, (A, T); (S, T)."""
        table = self.table
        return self.values[self._placed(places)] if table is None else table.take(places[0], axis=1)

    @property
    def counts(self) -> Indices:
        return self.hi - self.lo

    @cached_property
    def times(self) -> Times:
        """Of all samples: int64 (N,)."""
        return self.spread(self.axes.times)

    def spread(self, of_times: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """What there is for each time of the axes, for all samples: (N,)."""
        if len(self.begins) == 2:
            first = int(self.axes.begins[self.axis[0]])
            return of_times[first : first + int(self.begins[1])]
        return of_times[_places(self.axes.begins[self.axis], np.diff(self.begins))]


def newest(times: Times, values: Values, after_ms: int, until_ms: int) -> Windows:
    """The windows of one step, of which only the newest sample of each series is known."""
    each = np.arange(len(times) + 1, dtype=np.int64)
    found = each[:-1, None], each[1:, None]
    axes = Axes(times, each, np.array([after_ms]), np.array([until_ms]), found)
    return Windows(Tracks(values, each, each[:-1], times, each, has_nan=True), axes)


Kernel = Callable[[Windows], tuple[Values, Mask]]
"""From windows to a value for each series and step, and whether there is one; both (S, T)."""


def over_windows(
    tracks: Tracks, ends: Times, length_ms: int, kernel: Kernel, *, stale: bool, check: Callable[[], None]
) -> tuple[Values, Mask]:
    """Applies a kernel to the windows of all series, block by block; (S, T) each.

    stale: whether stale markers are among the samples. check: called before each block, may raise.
    """
    tracks = tracks if stale or not tracks.has_nan else tracks.without(STALE_BITS)
    axes = Axes.of(tracks, ends, length_ms)
    if _is_one_block(tracks, len(ends)):
        check()
        return kernel(Windows(tracks, axes, check))
    values, present = np.empty((len(tracks), len(ends))), np.empty((len(tracks), len(ends)), np.bool_)
    for rows in _blocks(tracks):
        check()
        values[rows], present[rows] = kernel(Windows(tracks.some(rows), axes, check))
    return values, present


def windows_of(tracks: Tracks, ends: Times, length_ms: int, *, stale: bool) -> Windows:
    """The windows of all series at once."""
    tracks = tracks if stale else tracks.without(STALE_BITS)
    return Windows(tracks, Axes.of(tracks, ends, length_ms))


def begins_of(lengths: npt.NDArray[np.int64] | Mask) -> Indices:
    """Where parts of these lengths begin that follow each other, and where the last ends."""
    begins = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins


def _is_one_block(tracks: Tracks, steps: int) -> bool:
    """Whether all series together are of a size that is good to work on."""
    series, samples = len(tracks.axis), len(tracks.values)
    if series <= _BLOCK_SERIES:
        return samples <= _BLOCK_SAMPLES
    return series * steps <= _FEW_CELLS and samples <= _FEW_SAMPLES


def _blocks(tracks: Tracks) -> Iterator[slice]:
    """The series in parts of a size that is good to work on."""
    count, begins = len(tracks), tracks.begins
    first = 0
    while first < count or not first:
        last = min(first + _BLOCK_SERIES, count)
        if begins[last] - begins[first] > _BLOCK_SAMPLES:
            last = max(first + 1, int(np.searchsorted(begins, begins[first] + _BLOCK_SAMPLES, "right")) - 1)
        yield slice(first, last)
        if last == count:
            return
        first = last


def _places(begins: Indices, lengths: Indices) -> Indices:
    """begins[0], begins[0] + 1, … for as many as lengths[0], and so on."""
    ends = np.cumsum(lengths)
    places = np.repeat(begins - (ends - lengths), lengths)
    places += np.arange(len(places))
    return places


def _bounds(times: Times, begins: Indices, starts: Times, ends: Times) -> tuple[Indices, Indices]:
    """Which of the times of each axis are in each window, as first and behind the last: (A, T) each.

    All axes are searched at once: each is moved to a range of numbers of its own.
    """
    count = len(begins) - 1
    if not len(times):
        empty = np.zeros((count, len(ends)), np.int64)
        return empty, empty
    shift = _shift(starts, ends)
    bounds = np.concatenate([starts[:shift], ends])
    if count == 1:
        found = times.searchsorted(bounds, "right")[None]
        return found[:, : len(ends)], found[:, shift:]
    if shift < len(ends) and len(times) < _DENSE * count * len(bounds):
        return _on_a_grid(times, begins, bounds, shift)
    least, most = int(times.min()), int(times.max())
    moves = np.arange(count, dtype=np.int64) * (most - least + 2)
    keys = times - least + moves.repeat(begins[1:] - begins[:-1])
    needles = np.minimum(np.maximum(bounds, least - 1), most) - least
    found = keys.searchsorted((moves[:, None] + needles).reshape(-1), "right").reshape(count, -1)
    return found[:, : len(ends)], found[:, shift:]


def _on_a_grid(times: Times, begins: Indices, bounds: Times, shift: int) -> tuple[Indices, Indices]:
    """The same where bounds are a step apart, by counting the times between them: faster where there are few."""
    count, width = len(begins) - 1, len(bounds) + 1
    step = int(bounds[1] - bounds[0])
    places = (times - (int(bounds[0]) - step + 1)) // step  # the first bound that is not before a time
    np.clip(places, 0, width - 1, out=places)
    places += np.arange(0, count * width, width).repeat(begins[1:] - begins[:-1])
    between = np.bincount(places, minlength=count * width).reshape(count, width)[:, :-1]
    found = between.cumsum(axis=1) + begins[:-1, None]
    return found[:, : width - 1 - shift], found[:, shift:]


def _shift(starts: Times, ends: Times) -> int:
    """So many steps after a window begins another one ends; the number of all steps where that is not so."""
    count = len(ends)
    if count < 2:
        return count
    step, length = int(ends[1] - ends[0]), int(ends[0] - starts[0])
    return length // step if step > 0 and length % step == 0 and length // step < count else count
