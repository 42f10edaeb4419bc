"""The way of a verdict: to the head or lane that has the sample; else it waits, to be written beside a copy of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Times
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.groups import Groups
from netmon_collector.store.head import Rows
from netmon_collector.store.judged import Judged, JudgedPoints, Verdict, Verdicts
from netmon_collector.store.labels import Numbers
from netmon_collector.store.lanes import LaneHead
from netmon_collector.store.merge import Piece, merge
from netmon_collector.store.verdicts import Marks


class Judging:
    """Takes verdicts. Belongs to the event loop."""

    def __init__(self, groups: Groups, blocks: Blocks) -> None:
        self._groups = groups
        self._blocks = blocks

    def take(self, judged: Sequence[Judged | JudgedPoints]) -> None:
        """Raises ValueError; then nothing was taken."""
        for one in judged:
            self._groups.check_judged(one)
        for one in judged:
            if isinstance(one, Judged):
                self._take_gathers(one)
            else:
                series = self._groups.places_of(one.group, one.columns)
                self._take_points(series.astype(np.int64), one.times, one.verdicts)

    def _take_gathers(self, judged: Judged) -> None:
        series = self._groups.series_of(judged.group)
        strands = self._blocks.strands_of(series)
        if len(strands) and strands[0] >= 0 and bool((strands == strands[0]).all()):  # as nearly always
            self._take_rows(int(strands[0]), series, judged.times, judged.verdicts)
            return
        for number in np.unique(strands).tolist():
            own = strands == number
            verdicts = judged.verdicts if own.all() else judged.verdicts[:, own]
            told = series if own.all() else series[own]
            if number >= 0:
                self._take_rows(number, told, judged.times, verdicts)
            else:
                times = np.repeat(judged.times, len(told))
                self._take_points(np.tile(told, len(judged.times)), times, verdicts.ravel())

    def _take_rows(self, number: int, series: Numbers, times: Times, verdicts: Verdicts) -> None:
        strand = self._blocks.strand(number)
        for time_ms, row in zip(times.tolist(), verdicts, strict=True):
            left = strand.judge(series, time_ms, row)
            late, home = self._blocks.late, strand.block.number
            if late.of(home):
                late.forget(home, series[left != row], np.array([time_ms]))
            if left.any():
                late.add(home, Marks(series, np.array([time_ms]), left[:, None].copy()))

    def _take_points(self, series: Numbers, times: Times, verdicts: Verdicts) -> None:
        """Verdicts one by one: those on series in strands row by row, others lane by lane."""
        told = verdicts != Verdict.UNKNOWN
        series, times, verdicts = series[told], times[told], verdicts[told]
        strands = self._blocks.strands_of(series)
        for number in np.unique(strands[strands >= 0]).tolist():
            own = strands == number
            marks = Marks.of_points(series[own], times[own], verdicts[own])
            self._take_rows(number, marks.series, marks.times, marks.verdicts.T)
        rest = strands < 0
        if rest.any():
            self._take_lanes(series[rest], times[rest], verdicts[rest])

    def _take_lanes(self, series: Numbers, times: Times, verdicts: Verdicts) -> None:
        homes = self._blocks.homes.of(series)
        housed = homes >= 0
        series, times, verdicts, homes = series[housed], times[housed], verdicts[housed], homes[housed]
        left = ~self._blocks.lanes.judge(series, times, verdicts)
        if left.any() or self._blocks.late.all():
            for number in np.unique(homes).tolist():
                own = homes == number
                self._take_frozen(number, series[own], times[own], verdicts[own], left[own])

    def _take_frozen(
        self, number: int, series: Numbers, times: Times, verdicts: Verdicts, left: npt.NDArray[np.bool_]
    ) -> None:
        """Verdicts on series of a block: what is `left`, as no lane has it, is for heads to be sealed, or waits."""
        for head in reversed(self._blocks.all[number].sealing):
            if isinstance(head, LaneHead) and left.any():
                left[left] = ~head.judge(series[left], times[left], verdicts[left])
        late = self._blocks.late
        for time_ms in np.unique(times[~left]).tolist() if late.of(number) else ():
            late.forget(number, series[~left & (times == time_ms)], np.array([time_ms]))
        if left.any():
            late.add(number, Marks.of_points(series[left], times[left], verdicts[left]))


def again(
    late: Mapping[int, Sequence[Marks]],
    sealing: Mapping[int, Sequence[Rows]],
    stored: Callable[[int, Numbers, int, int], list[Piece]],
) -> Iterator[tuple[int, Rows]]:
    """The samples that verdicts are on which are not being sealed, by block: they are to be written once more.

    `stored` gives what files have of a block's series (ascending) from a time to another.
    """
    for block, all_ in late.items():
        for marks in all_:
            left: Marks | None = marks.ascending()
            for rows in sealing.get(block, ()):
                left = _without_samples(left, rows) if left is not None else None
            if left is not None:
                found = _samples(left, lambda *asked, block=block: stored(block, *asked))
                if found is not None:
                    yield block, found


def _without_samples(marks: Marks, rows: Rows) -> Marks | None:
    """Less those on samples that are in rows, where series of the same block may have none at the same time."""
    slots = np.flatnonzero(np.isin(rows.times, marks.times))
    return marks.without_those_on(rows.series, rows.times[slots], (rows.bits[slots] != ABSENT_BITS).T)


def _samples(marks: Marks, stored: Callable[[Numbers, int, int], list[Piece]]) -> Rows | None:
    """The samples in files that marks (ascending) are on."""
    series = marks.series
    table = merge(stored(series, int(marks.times[0]), int(marks.times[-1])), len(series))
    if table is None:
        return None
    slots = np.flatnonzero(np.isin(table.times, marks.times))
    told = marks.verdicts[:, np.searchsorted(marks.times, table.times[slots])]
    bits = np.where(told != Verdict.UNKNOWN, table.bits[:, slots], np.uint64(ABSENT_BITS))
    return Rows(table.times[slots], series, np.ascontiguousarray(bits.T)) if len(slots) else None
