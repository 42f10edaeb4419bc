"""Reads many series of many blocks into one array: what the shelf has of a selection is kept as it was put together,
and what is in memory is put behind it, with a few operations for each block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from netmon_collector.store.assigned import NONE
from netmon_collector.store.base import Frame, Lines, Times
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.cache import Cache
from netmon_collector.store.chunkfile import Tier
from netmon_collector.store.head import Rows
from netmon_collector.store.labels import LabelIndex, Numbers, SeriesView
from netmon_collector.store.merge import merge
from netmon_collector.store.record import Bits
from netmon_collector.store.sealing import EVER
from netmon_collector.store.selection import Selector
from netmon_collector.store.shelf import Shelf
from netmon_collector.store.stripes import Chunks, Parts, Stripe, signature_of

_GRAIN_MS: Final = 300_000
_GRAINS: Final = 8
"""What is kept begins and ends at multiples of a grain, so that it serves while time goes by; a time that is asked for
has at most so many of them.
"""

_Key = tuple[int, int, bytes]
Home = tuple[int, int, Numbers]
"""A block, one of its strands where it has several, else NONE, and those of their series that are asked for."""
_FEW_BYTES: Final = 16 << 10
"""Of numbers of series, 8 each: of so many it is kept what heads have."""
_FEW_HOMES: Final = 16
"""Of so many blocks it is looked up in some ten microseconds whether they are in other files than before."""
FEW_SERIES: Final = 8
"""So many are put together whole where frames are asked for, and found so again without a look at files."""


@dataclass(eq=False)
class _Selection:
    """Some series by their blocks, and what the shelf has of them in a time. lines: of a single block, such as of one
    host, what was put together last, and of which heads: the same as long as no row comes and no sample is replaced.
    """

    homes: Sequence[Home]
    stripes: Sequence[Stripe]
    directory: object
    """The key of the directory that it was found in."""
    strand_count: int
    """How many strands there were; where there are more, series may live in one that had none."""
    is_plain: bool
    lines: tuple[Sequence[Rows], Lines] | None = None

    def told(self, heads: Sequence[Sequence[Rows]]) -> Lines | None:
        """What was put together of these very heads."""
        before = self.lines
        return before[1] if before is not None and before[0] is heads[0] else None

    def keep(self, heads: Sequence[Sequence[Rows]], lines: Lines) -> None:
        """Takes what was put together, if that takes no more memory: if it is what its stripe keeps of these heads."""
        if len(heads) == 1 and self.stripes[0].keeps(heads[0]):
            self.lines = heads[0], lines

    @cached_property
    def shape(self) -> "_Shape":
        """Of all of its series."""
        return _Shape.of([own for *_, own in self.homes])


class _Shape(NamedTuple):
    """Some series, those that share their times together: counts [B], how many do; axis [S], which times each has."""

    series: Numbers
    counts: npt.NDArray[np.int64]
    axis: npt.NDArray[np.int64]

    @classmethod
    def of(cls, series: Sequence[Numbers]) -> "_Shape":
        counts = np.array([len(own) for own in series], np.int64)
        everyone = np.concatenate(series) if series else np.empty(0, np.int64)
        return cls(everyone, counts, np.repeat(np.arange(len(series)), counts))


class Gatherer:
    """Any thread may use it. Keeps in a cache what it put together."""

    def __init__(self, index: LabelIndex, blocks: Blocks, shelf: Shelf, selector: Selector, cache: Cache) -> None:
        self._index = index
        self._blocks = blocks
        self._shelf = shelf
        self._selector = selector
        self._kept = cache

    def gather_at_hand(self, series: Numbers, start_ms: int, end_ms: int) -> Lines | None:
        """As `gather`; None where it may take the disk."""
        start_ms, end_ms = _widened(start_ms, end_ms)
        key = start_ms, end_ms, series.tobytes()
        before: _Selection | None = self._kept.get(key)
        if before is None or not before.is_plain or before.strand_count != self._blocks.strand_count:
            return None
        if before.directory is not self._shelf.directory.key:  # which is so whenever any block goes to a file
            before = self._renewed(key, before) if len(before.homes) <= _FEW_HOMES else None
        return None if before is None else self._gathered(key, before, before.homes, before.strand_count)

    def gather(self, series: Numbers, start_ms: int, end_ms: int) -> Lines:
        """See ReadableStore.lines_now; series ascend. Raises StoreError."""
        start_ms, end_ms = _widened(start_ms, end_ms)
        key = start_ms, end_ms, series.tobytes()
        before: _Selection | None = self._kept.get(key)
        strand_count = self._blocks.strand_count
        if before is not None and before.strand_count == strand_count:
            return self._gathered(key, before, before.homes, strand_count)
        homes = list(self._homes(series))
        if before is not None:
            before = self._keep(key, replace(before, strand_count=strand_count)) if _same(before.homes, homes) else None
        return self._gathered(key, before, homes, strand_count)

    def frames_at_hand(self, series: Numbers, start_ms: int, end_ms: int) -> list[Frame] | None:
        """As `frames`, of few series; None where it may take the disk."""
        lines = self.gather_at_hand(series, start_ms, end_ms)
        return None if lines is None else list(self._selector.framed(lines, start_ms, end_ms))

    def frames(self, series: Numbers, start_ms: int, end_ms: int) -> list[Frame]:
        """See Store.select; series ascend. Raises StoreError."""
        if len(series) > FEW_SERIES:
            return list(self._selector.scan(series, start_ms, end_ms))
        return list(self._selector.framed(self.gather(series, start_ms, end_ms), start_ms, end_ms))

    def _gathered(self, key: _Key, before: _Selection | None, homes: Sequence[Home], strand_count: int) -> Lines:
        """strand_count: how many strands there were when homes were looked up."""
        rows = self._blocks.rows
        heads = [rows(block, strand) for block, strand, _ in homes]  # first: a head is on the shelf before it is let go
        selection = self._selected(key, before, homes, strand_count)
        told = selection.told(heads)
        if told is not None:
            return told
        found = [stripe.parts(own) for stripe, own in zip(selection.stripes, heads, strict=True)]
        plain = [one for one in found if one is not None and one.length]
        shape = selection.shape if len(plain) == len(found) else _Shape.of([one.series for one in plain])
        lines, backward = self._joined(plain, shape)
        odd = [number for number, one in enumerate(found) if one is None] if len(plain) < len(found) else []
        if not odd and not len(backward):
            selection.keep(heads, lines)
            return lines
        strange = {plain[place].series.tobytes() for place in backward.tolist()}
        odd += [number for number, one in enumerate(found) if one is not None and one.series.tobytes() in strange]
        plain = [one for one in plain if one.series.tobytes() not in strange]
        plain += self._woven([(homes[number], heads[number]) for number in odd], key)
        return self._joined(plain, _Shape.of([one.series for one in plain]))[0]

    def _homes(self, series: Numbers) -> Iterator[Home]:
        """Series by their blocks, and by their strands, which share their times."""
        for number, own in self._blocks.homes.apart(series):
            if len(self._blocks.all[number].strands) < 2:
                yield number, NONE, own
                continue
            strands = self._blocks.strands_of(own)
            for strand in np.unique(strands).tolist():
                yield number, strand, own[strands == strand]

    def _selected(self, key: _Key, before: _Selection | None, homes: Sequence[Home], strand_count: int) -> _Selection:
        """What the shelf has, of which some may be known from before."""
        directory = self._shelf.directory
        if before is not None and before.directory is directory.key:
            return before
        found = directory.find(Tier.RAW, np.array([block for block, _, _ in homes], np.int64), *key[:2])
        if before is None and len(homes) > 1:
            self._shelf.reader.read_ahead(
                [(file, at, own) for (*_, own), chunks in zip(homes, found, strict=True) for file, at in chunks]
            )
        known: Sequence[Stripe | None] = [None] * len(homes) if before is None else before.stripes
        stripes = [
            self._stripe(stripe, own, chunks, key)
            for stripe, (_, _, own), chunks in zip(known, homes, found, strict=True)
        ]
        is_plain = not any(stripe.is_odd for stripe in stripes)
        return self._keep(key, _Selection(homes, stripes, directory.key, strand_count, is_plain))

    def _renewed(self, key: _Key, before: _Selection) -> _Selection | None:
        """The same, if the shelf has the same chunks of these blocks as before."""
        directory = self._shelf.directory
        found = directory.find(Tier.RAW, np.array([home[0] for home in before.homes], np.int64), *key[:2])
        if any(stripe.signature != signature_of(chunks) for stripe, chunks in zip(before.stripes, found, strict=True)):
            return None
        return self._keep(key, replace(before, directory=directory.key))

    def _keep(self, key: _Key, selection: _Selection) -> _Selection:
        size_bytes = sum(stripe.size_bytes for stripe in selection.stripes) + len(key[2])
        self._kept.put(key, selection, size_bytes)
        self._kept.drop(_earlier(key))  # who asks up to now asks no more for what it was a grain ago
        return selection

    def _stripe(self, known: Stripe | None, series: Numbers, chunks: Chunks, key: _Key) -> Stripe:
        signature = signature_of(chunks)
        if known is not None and known.signature == signature:
            return known
        pieces = [self._shelf.reader.piece(file, at, series, *key[:2], keeps=False) for file, at in chunks]
        there = [piece for piece in pieces if piece is not None and len(piece.times) and len(piece.columns)]
        is_odd = not all(len(piece.columns) == len(series) for piece in there)
        table = None if is_odd else merge(there, len(series))
        return Stripe(series, signature, table, is_odd=is_odd, is_small=len(key[2]) <= _FEW_BYTES)

    def _woven(self, strange: Sequence[tuple[Home, Sequence[Rows]]], key: _Key) -> list[Parts]:
        """Of blocks whose series do not all share their times, or where a head and a file have the same time."""
        blocks = np.array([home[0] for home, _ in strange], np.int64)
        parts = []
        for (home, rows), chunks in zip(strange, self._shelf.find(Tier.RAW, blocks, *key[:2]), strict=True):
            for frame in self._selector.frames_of(home[2], rows, chunks, *key[:2]):
                assert isinstance(frame.labels, SeriesView)
                table = frame.times, frame.values.T.view(np.uint64)
                parts.append(Parts(frame.labels.numbers, table[:1], table[1:], len(frame.times)))
        return parts

    def _joined(self, blocks: Sequence[Parts], shape: _Shape) -> tuple[Lines, npt.NDArray[np.int64]]:
        """All as lines; and which blocks have times that do not rise."""
        if len(blocks) == 1:
            return self._alone(blocks[0], shape)
        lengths = np.array([block.length for block in blocks], np.int64)
        times = _in_a_row([part for block in blocks for part in block.times], np.int64)
        if len(shape.series) == len(shape.counts):  # one series of each block
            bits = _in_a_row([part[0] for block in blocks for part in block.bits], np.uint64)
        elif all(len(block.bits) == 1 for block in blocks):
            bits = _in_a_row([block.bits[0].reshape(-1) for block in blocks], np.uint64)
        else:
            bits = _side_by_side(blocks, int(lengths @ shape.counts))
        axis_begins = _begins(lengths)
        begins = axis_begins if len(shape.axis) == len(lengths) else _begins(lengths[shape.axis])
        lines = Lines(self._index.view(shape.series), bits.view(np.float64), begins, shape.axis, times, axis_begins)
        return lines, _backward(times, axis_begins)

    def _alone(self, block: Parts, shape: _Shape) -> tuple[Lines, npt.NDArray[np.int64]]:
        """As `_joined`, of a single block, such as of one host."""
        times = block.times[0] if len(block.times) == 1 else np.concatenate(block.times)
        bits = block.bits[0] if len(block.bits) == 1 else np.concatenate(block.bits, axis=1)
        begins = np.arange(0, (len(block.series) + 1) * block.length, block.length)
        values = bits.reshape(-1).view(np.float64)
        lines = Lines(self._index.view(shape.series), values, begins, shape.axis, times, np.array([0, block.length]))
        backward = np.logical_or.reduce(times[1:] <= times[:-1])
        return lines, np.zeros(int(backward), np.int64)


def _same(homes: Sequence[Home], others: Sequence[Home]) -> bool:
    return len(homes) == len(others) and all(
        one[:2] == other[:2] and np.array_equal(one[2], other[2]) for one, other in zip(homes, others, strict=True)
    )


def _in_a_row(parts: Sequence[npt.NDArray[Any]], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _side_by_side(blocks: Sequence[Parts], size: int) -> Bits:
    """Of each block all parts of its first series, then all of its second, and so on."""
    bits = np.empty(size, np.uint64)
    at = 0
    for series, _, parts, length in blocks:
        end = at + length * len(series)
        np.concatenate(parts, axis=1, out=bits[at:end].reshape(-1, length))
        at = end
    return bits


def _widened(start_ms: int, end_ms: int) -> tuple[int, int]:
    """The time with its ends at multiples of a grain, which are of few lengths."""
    grain_ms = _grain_ms(end_ms - start_ms, _GRAINS)
    first_ms, last_ms = start_ms // grain_ms * grain_ms, -(-(end_ms + 1) // grain_ms) * grain_ms - 1
    return max(first_ms, EVER[0]), min(last_ms, EVER[1])


def _grain_ms(length_ms: int, most: int) -> int:
    """The shortest grain of which a time has at most so many."""
    grain_ms = _GRAIN_MS
    while grain_ms * most < length_ms:
        grain_ms *= 2
    return grain_ms


def _earlier(key: _Key) -> _Key:
    """The same series a grain earlier."""
    start_ms, end_ms, series = key
    grain_ms = _grain_ms(end_ms + 1 - start_ms, _GRAINS + 1)  # widening adds one at most
    return start_ms - grain_ms, end_ms - grain_ms, series


def _begins(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    begins = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins


def _backward(times: Times, begins: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The axes whose times do not rise."""
    falls = times[1:] <= times[:-1]
    falls[begins[1:-1] - 1] = False
    if not falls.any():
        return np.empty(0, np.int64)
    return np.unique(np.searchsorted(begins, np.flatnonzero(falls), "right") - 1)
