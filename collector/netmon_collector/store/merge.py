"""From gathers of many groups and times to frames: each series in one, the later of two samples at one time wins."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import ABSENT_BITS, Frame, Times
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.record import Bits


@dataclass(slots=True)
class Found:
    """Gathers of one group, in the order of writing: `order` numbers them across all groups."""

    series: npt.NDArray[np.int64]
    times: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    values: list[Bits] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The found gathers of one group as arrays; `column` tells where a series is."""

    times: Times
    order: npt.NDArray[np.int64]
    values: Bits
    column: dict[int, int]


def merge(found: Sequence[Found], index: LabelIndex) -> list[Frame]:
    """One frame for all series that were read by exactly the same groups."""
    pieces = [_piece(one) for one in found if one.times]
    where: defaultdict[int, list[int]] = defaultdict(list)
    for at, piece in enumerate(pieces):
        for series in piece.column:
            where[series].append(at)
    together: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for series, groups in where.items():
        together[tuple(groups)].append(series)
    frames = (_frame([pieces[at] for at in groups], series, index) for groups, series in together.items())
    return [frame for frame in frames if frame is not None]


def _piece(found: Found) -> _Piece:
    return _Piece(
        np.array(found.times, np.int64),
        np.array(found.order, np.int64),
        np.stack(found.values),
        {int(series): at for at, series in enumerate(found.series)},
    )


def _frame(pieces: Sequence[_Piece], series: Sequence[int], index: LabelIndex) -> Frame | None:
    times = np.concatenate([piece.times for piece in pieces])
    values = np.concatenate([piece.values[:, [piece.column[one] for one in series]] for piece in pieces])
    order = np.concatenate([piece.order for piece in pieces])
    in_order = np.argsort(order)
    times, values = times[in_order], values[in_order]
    if not bool(np.all(times[1:] > times[:-1])):
        times, values = _last_wins(times, values)
    present = values != ABSENT_BITS
    rows, columns = present.any(axis=1), present.any(axis=0)
    if not rows.any():
        return None
    if not (rows.all() and columns.all()):
        times, values = times[rows], values[np.ix_(rows, columns)]
    labels = index.labels(one for one, kept in zip(series, columns, strict=True) if kept)
    return Frame(labels, times, values.view(np.float64))


def _last_wins(times: Times, values: Bits) -> tuple[Times, Bits]:
    """Gathers in the order of writing, any times: to increasing times, a later sample in place of an earlier."""
    distinct, slots = np.unique(times, return_inverse=True)
    merged = np.full((len(distinct), values.shape[1]), ABSENT_BITS, np.uint64)
    rows, columns = np.nonzero(values != ABSENT_BITS)
    merged[slots[rows], columns] = values[rows, columns]  # numpy: of repeated indices the last assignment stays
    return distinct, merged
