"""What is kept of some series of a block as they were read: of files in one table, of heads until another row comes."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Times
from netmon_collector.store.chunkfile import ChunkFile
from netmon_collector.store.head import Rows
from netmon_collector.store.labels import Numbers
from netmon_collector.store.merge import Table
from netmon_collector.store.record import Bits

_STRIPE_BYTES: Final = 1000
"""About what is kept of a block beside its samples."""
_TAIL_BYTES: Final = 1000
"""What is kept of a series in heads: as much as a head has."""
_MOST_PLACES: Final = 8
_NOWHERE: Final = slice(0, 0)

Chunks = Sequence[tuple[ChunkFile, int]]


class Parts(NamedTuple):
    """Samples of all of some series, in the order in which they win: times [T] and bits [C, T] of each part."""

    series: Numbers
    times: Sequence[Times]
    bits: Sequence[Bits]
    length: int

    def in_one(self) -> "Parts":
        """The same as one part, or as none."""
        if not self.times:
            return self
        times = self.times[0] if len(self.times) == 1 else np.concatenate(self.times)
        bits = np.ascontiguousarray(self.bits[0]) if len(self.bits) == 1 else np.concatenate(self.bits, axis=1)
        return self._replace(times=[times], bits=[bits])


class Stripe:
    """What some chunks have of a block's series, in one table; `is_odd` where one does not do.

    is_small: whether what heads have is kept as well, behind it; of many series it would take the place of what is on
    the disk.
    """

    __slots__ = ("_found_in", "_told", "is_odd", "is_small", "series", "signature", "table")

    def __init__(
        self,
        series: Numbers,
        signature: list[tuple[object, int]],
        table: Table | None,
        *,
        is_odd: bool,
        is_small: bool,
    ) -> None:
        self.series = series
        self.signature = signature
        self.table = table
        self.is_odd = is_odd
        self.is_small = is_small
        self._found_in: list[tuple[Numbers, slice | npt.NDArray[np.intp] | None]] = []
        self._told: tuple[Sequence[Rows], Parts | None] | None = None
        """What was told last, and of which heads: the same as long as no row comes and no sample is replaced."""

    @property
    def size_bytes(self) -> int:
        table_bytes = 0 if self.table is None else self.table.bits.nbytes + self.table.times.nbytes
        return _STRIPE_BYTES + (2 * table_bytes + len(self.series) * _TAIL_BYTES if self.is_small else table_bytes)

    def parts(self, heads: Sequence[Rows]) -> Parts | None:
        """What the shelf has and what heads have; None where not all have all of the series."""
        told = self._told
        if told is not None and told[0] is heads:
            parts = told[1]
            if parts is None or len(parts.times) < 2:
                return parts
            parts = parts.in_one()  # who asks again before a sample came will ask once more
        else:
            parts = None if self.is_odd else self._parts(heads)
        if self.keeps(heads):
            self._told = heads, parts
        return parts

    def keeps(self, heads: Sequence[Rows]) -> bool:
        """Whether it keeps what it told of these heads; told twice it is in one part."""
        return self.is_small and isinstance(heads, tuple)  # of one head, or of none: the same one while it is as it was

    def _parts(self, heads: Sequence[Rows]) -> Parts | None:
        times, bits = ([], []) if self.table is None else ([self.table.times], [self.table.bits])
        length = 0 if self.table is None else len(self.table.times)
        for rows in heads:
            columns = self._columns_in(rows.series)
            if columns is None:
                return None
            tail = rows.bits.T[columns]
            if len(tail):
                times.append(rows.times)
                bits.append(tail)
                length += len(rows.times)
        return Parts(self.series, times, bits, length)

    def _columns_in(self, series: Numbers) -> slice | npt.NDArray[np.intp] | None:
        """Where its series are among those of a head; None where some are there, but not all."""
        for known, columns in self._found_in:
            if known is series:
                return columns
        columns = _columns(series, self.series)
        self._found_in = [(series, columns), *self._found_in[: _MOST_PLACES - 1]]
        return columns


def _columns(series: Numbers, wanted: Numbers) -> slice | npt.NDArray[np.intp] | None:
    """The places of some series (ascending) among others, in any order; None where some are there, but not all."""
    order = np.argsort(series, kind="stable")
    places = order[np.minimum(np.searchsorted(series, wanted, sorter=order), len(series) - 1)]
    there = series[places] == wanted
    if not there.all():
        return None if there.any() else _NOWHERE
    if len(places) == 1 or bool((np.diff(places) == 1).all()):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def signature_of(chunks: Chunks) -> list[tuple[object, int]]:
    return [(file.key, at) for file, at in chunks]
