"""The groups that a store knows, and what is appended to them as columns: the same labels and kinds are one group."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import groupby, pairwise
from operator import attrgetter, is_
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Group, Places, Points, Row, Times
from netmon_collector.store.judged import Judged, JudgedPoints, Verdict
from netmon_collector.store.labels import LabelIndex, Numbers
from netmon_collector.store.record import GatherGroup, Gathers, Part, Run, Samples, Singles
from netmon_proto.model import Kind, Labels

_NUMBER: Final = attrgetter("number")
_REF: Final = attrgetter("group.ref")
_TIME: Final = attrgetter("time_ms")
_VALUES: Final = attrgetter("values")
_SCATTERED: Final = -1
_FLOAT: Final = np.dtype(np.float64)
_INT: Final = np.dtype(np.int64)


class Pool:
    """What stands behind the group of all series; a place in it is the number of a series."""

    def __init__(self, owner: object) -> None:
        self.owner = owner


class Groups:
    """Gives each gather group its number, from 0 upwards. Belongs to one thread."""

    def __init__(self, index: LabelIndex) -> None:
        self._index = index
        self._known: dict[bytes, GatherGroup] = {}
        self._all: list[GatherGroup] = []
        self._widths: list[int] = []
        self._first: Numbers = np.full(1024, _SCATTERED)
        """By group, the number of its first series, if those of the others follow."""
        self.pool = Group(Pool(self), index.everyone())

    def __getitem__(self, number: int) -> GatherGroup:
        return self._all[number]

    def __iter__(self) -> Iterator[GatherGroup]:
        return iter(self._all)

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> GatherGroup:
        """The group of these series. Raises ValueError for labels that cannot be stored."""
        if len(set(labels)) != len(labels) or len(labels) != len(kinds):
            raise ValueError("a gather group needs one kind for each series, and no series twice")
        return self.of_series(self.enroll(labels), kinds)

    def enroll(self, labels: Sequence[Labels]) -> Numbers:
        """The numbers of series, given where needed. Raises ValueError for labels that cannot be stored."""
        _check_text(labels)
        return self._index.add(labels)

    def at(self, places: Places, kinds: Sequence[Kind]) -> GatherGroup:
        """The group of series that were enrolled. Raises ValueError for some that are there twice."""
        if len(np.unique(places)) != len(places) or len(places) != len(kinds):
            raise ValueError("a gather group needs one kind for each series, and no series twice")
        return self.of_series(places, kinds)

    def of_series(self, series: Numbers, kinds: Sequence[int]) -> GatherGroup:
        """The group of some numbered series, none twice."""
        key = blake2b(series.tobytes() + bytes(kinds), digest_size=16).digest()
        group = self._known.get(key)
        if group is None:
            group = GatherGroup(len(self._all), self._index.view(series), bytes(kinds), series, self)
            self._known[key] = group
            self._all.append(group)
            self._widths.append(len(series))
            if group.number >= len(self._first):
                self._first = np.append(self._first, np.full(len(self._first), _SCATTERED))
            if len(series) and bool((np.diff(series) == 1).all()):
                self._first[group.number] = series[0]
        return group

    def accept(self, rows: Sequence[Row | Points]) -> list[Part]:
        """Checks what is appended and takes a copy of it. Raises ValueError."""
        if set(map(type, rows)) == {Row}:  # as nearly always
            gathers = self._gathers(rows)
            return [gathers] if len(gathers.groups) else []
        parts: list[Part] = []
        for kind, run in groupby(rows, type):
            if kind is Row:
                gathers = self._gathers(list(run))
                parts += [gathers] if len(gathers.groups) else []
            else:
                parts += [part for one in run if isinstance(one, Points) and len((part := self._singles(one)).series)]
        return parts

    def _gathers(self, rows: Sequence[Row | Points]) -> Gathers:
        """What rows have."""
        groups = list(map(_REF, rows))
        values = list(map(_VALUES, rows))
        try:
            numbers = list(map(_NUMBER, groups))
            flat = np.concatenate(values, dtype=np.float64, casting="no")
            widths = list(map(len, values))
            if flat.ndim != 1 or not all(map(is_, groups, map(self._all.__getitem__, numbers))):
                raise ValueError
        except (AttributeError, IndexError, TypeError, ValueError):
            raise _misfit(self, rows) from None
        if widths != list(map(self._widths.__getitem__, numbers)):
            raise _misfit(self, rows)
        times = np.array(list(map(_TIME, rows)), np.int64)
        bits = flat.view(np.uint64)
        return with_samples(Gathers(np.array(numbers, np.uint32), np.array(widths, np.uint32), times, bits))

    def _singles(self, points: Points) -> Singles:
        columns, times, values = points.columns, points.times, points.values
        if not columns.shape == times.shape == values.shape == (len(columns),):
            raise ValueError("points need one column, one time and one value each")
        if columns.dtype != _INT or times.dtype != _INT or values.dtype != _FLOAT:
            raise ValueError("points need columns and times of int64 and values of float64")
        series = self.places_of(points.group, columns)
        bits = values.view(np.uint64) if values.flags.contiguous else values.copy().view(np.uint64)
        given = bits != ABSENT_BITS
        if given.all():
            return Singles(series, times.copy(), bits.copy())
        return Singles(series[given], times[given], bits[given])

    def check_judged(self, judged: Judged | JudgedPoints) -> None:
        """Raises ValueError for verdicts that do not fit their group."""
        times, verdicts = judged.times, judged.verdicts
        if verdicts.dtype != np.uint8 or times.dtype != _INT or bool((verdicts > max(Verdict)).any()):
            raise ValueError("verdicts need uint8 of 0 to 2, and times of int64")
        if isinstance(judged, JudgedPoints):
            shapes = {judged.columns.shape, times.shape, verdicts.shape}
            if shapes != {(len(times),)} or judged.columns.dtype != _INT:
                raise ValueError("verdicts on points need one column of int64, one time and one verdict each")
            self.places_of(judged.group, judged.columns)
        elif verdicts.shape != (len(times), len(self.series_of(judged.group))):
            raise ValueError("verdicts on gathers need one for each time and column of their group")

    def series_of(self, group: Group) -> Numbers:
        """The numbers of the series of a registered group. Raises ValueError."""
        own = group.ref
        if not isinstance(own, GatherGroup) or own.owner is not self:
            raise ValueError("this group is not registered with this store, or is not for rows")
        return own.series

    def places_of(self, group: Group, columns: Places) -> npt.NDArray[np.uint32]:
        """The numbers of the series in some places of a group, or of the pool. Raises ValueError."""
        own = group.ref
        if not isinstance(own, GatherGroup | Pool) or own.owner is not self:
            raise ValueError("this group is not registered with this store")
        width = len(group.labels)
        if len(columns) and not 0 <= int(columns.min()) <= int(columns.max()) < width:
            raise ValueError(f"a column of points is not among the {width} of its group")
        return (own.series[columns] if isinstance(own, GatherGroup) else columns).astype(np.uint32)

    def runs(self, gathers: Gathers) -> Iterator[Run] | None:
        """Gathers as runs of series with numbers that follow one another; None where some do not, or lack a sample.

        So it is where groups were registered one after the other, and of each series there is something.
        """
        first = self._first[gathers.groups]
        if (first == _SCATTERED).any() or (gathers.values == ABSENT_BITS).any():
            return None
        ends = first + gathers.widths
        edges = (np.flatnonzero(first[1:] != ends[:-1]) + 1).tolist()
        starts = gathers.starts
        return (
            Run(
                int(first[begin]),
                _repeated(gathers.times[begin:end], gathers.widths[begin:end]),
                gathers.values[starts[begin] : starts[end - 1] + gathers.widths[end - 1]],
            )
            for begin, end in pairwise([0, *edges, len(first)])
        )

    def samples(self, part: Part) -> Samples:
        """All samples of a part, in their order."""
        if isinstance(part, Singles):
            return Samples(part.series.astype(np.int64), part.times, part.values)
        series = np.concatenate([self._all[number].series for number in part.groups.tolist()])
        times = np.repeat(part.times, part.widths)
        given = part.values != ABSENT_BITS
        return (
            Samples(series, times, part.values)
            if given.all()
            else Samples(series[given], times[given], part.values[given])
        )


def _repeated(times: Times, widths: npt.NDArray[np.uint32]) -> Times:
    """Each time so often; where all are the same, as nearly always, it is in memory once."""
    if bool((times == times[0]).all()):
        return np.broadcast_to(times[0], int(widths.sum()))
    return np.repeat(times, widths)


def _misfit(groups: Groups, rows: Sequence[Row | Points]) -> ValueError:
    """What is wrong with rows."""
    for row in rows:
        own = row.group.ref
        if type(own) is not GatherGroup or own.owner is not groups:
            return ValueError("this group is not registered with this store, or is not for rows")
        if row.values.shape != own.series.shape or row.values.dtype != _FLOAT:
            return ValueError(f"a row needs {len(own.series)} values of float64, one per column of its group")
    return ValueError("rows must be of groups of this store, with values of float64")


def with_samples(gathers: Gathers) -> Gathers:
    """Those of some gathers that have a sample."""
    given = gathers.values != ABSENT_BITS
    if len(gathers.groups) and given.all() and gathers.widths.all():
        return gathers
    counted = np.concatenate(([0], np.cumsum(given)))
    starts = gathers.starts
    kept = counted[starts + gathers.widths] > counted[starts]
    return Gathers(
        gathers.groups[kept], gathers.widths[kept], gathers.times[kept], gathers.values[np.repeat(kept, gathers.widths)]
    )


def _check_text(series: Sequence[Labels]) -> None:
    """Lone surrogates would only show when a series is first written, and fail all that is written with it."""
    try:
        "".join([text for labels in series for pair in labels for text in pair]).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"labels must be valid Unicode: {error.object[error.start]!r} is not") from error
