"""Samples that wait, laid into arrays with one of each series; and verdicts back to where the samples are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from netmon_collector.anomaly.roster import Roster, Rows
from netmon_collector.store.base import Places, Points, Row, Values
from netmon_collector.store.judged import Judged, JudgedPoints, Verdict, Verdicts

MOST_AT_ONCE: Final = 60
"""Samples of one series that are judged of one write: of a longer past the newest."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of different series that came together: which of the source, of which rows of the detector."""

    source: Row | Points
    chosen: Places
    rows: Rows
    first_ms: int

    def times_s(self) -> Values | float:
        source = self.source
        return source.time_ms / 1000 if isinstance(source, Row) else source.times[self.chosen] / 1000

    def values(self) -> Values:
        return self.source.values[self.chosen]

    def judged(self, verdicts: Verdicts) -> Judged | JudgedPoints | None:
        """The verdicts on these samples, of those on all rows; None where nothing was said."""
        told = np.where(np.isfinite(self.values()), verdicts[self.rows], Verdict.UNKNOWN).astype(np.uint8)
        if not told.any():
            return None
        source = self.source
        if isinstance(source, Points):
            return JudgedPoints(source.group, source.columns[self.chosen], source.times[self.chosen], told)
        said = np.full(len(source.values), Verdict.UNKNOWN, np.uint8)
        said[self.chosen] = told
        return Judged(source.group, np.array([source.time_ms]), said[None, :])


@dataclass
class Sheet:
    """Times in Unix seconds and values by row, NaN where there is none."""

    times_s: Values
    values: Values
    pieces: list[Piece] = field(default_factory=list)

    @classmethod
    def empty(cls, series: int) -> "Sheet":
        return cls(np.zeros(series), np.full(series, np.nan))

    def has_room(self, piece: Piece) -> bool:
        return not np.isfinite(self.values[piece.rows]).any()

    def add(self, piece: Piece) -> None:
        self.times_s[piece.rows] = piece.times_s()
        self.values[piece.rows] = piece.values()
        self.pieces.append(piece)


def pieces_of(taken: Sequence[Row | Points], roster: Roster) -> tuple[list[Piece], int]:
    """All that is to be judged, the oldest first, and how many samples are left out."""
    pieces, left_out = [], 0
    for source in taken:
        if isinstance(source, Row):
            rows = roster.rows(source)
            chosen = np.flatnonzero(rows >= 0)
            pieces.append(Piece(source, chosen, rows[chosen], source.time_ms))
        else:
            split, beyond = _split(source, roster)
            pieces += split
            left_out += beyond
    pieces.sort(key=lambda piece: piece.first_ms)
    return pieces, left_out


def lay(pieces: Sequence[Piece], series: int) -> Iterator[Sheet]:
    sheet = Sheet.empty(series)
    for piece in pieces:
        if not sheet.has_room(piece):
            yield sheet
            sheet = Sheet.empty(series)
        sheet.add(piece)
    yield sheet


def _split(points: Points, roster: Roster) -> tuple[list[Piece], int]:
    """The first sample of each series, the second of each, and so on."""
    rows = roster.rows_of(points)
    order = np.lexsort((points.times, rows))
    order = order[rows[order] >= 0]
    if not len(order):
        return [], 0
    ordered = rows[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(begins, len(order)))
    still = np.repeat(counts, counts) - (np.arange(len(order)) - np.repeat(begins, counts))
    longest = min(int(counts.max()), MOST_AT_ONCE)
    split = []
    for left in range(longest, 0, -1):
        chosen = order[still == left]
        split.append(Piece(points, chosen, rows[chosen], int(points.times[chosen].min())))
    return split, int(np.count_nonzero(still > longest))
