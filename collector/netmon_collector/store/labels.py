"""The label index in memory: numbers for series, and which series have which label value; 140 bytes each (8 labels)."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Final, overload

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.entries import Entries
from netmon_collector.store.match import Condition, Matching
from netmon_collector.store.numbering import Numbering
from netmon_collector.store.tried import Tried
from netmon_proto.model import NAME, Labels

Numbers = npt.NDArray[np.int64]
"""Numbers of series, ascending, none twice."""

_NONE: Final[Numbers] = np.empty(0, np.int64)
_AT_A_TIME: Final = 1000
"""So many postings become one in about a millisecond, for which others wait."""
_EXPRESSIONS: Final = (MatchOp.REGEX, MatchOp.NOT_REGEX)


class LabelIndex:
    """Gives each series a number, from 0 upwards, and finds the numbers by matchers.

    A pair of label and value has a number too; a series is the numbers of its pairs, a posting the set of the series
    that have a pair. Also knows of which series there is a sample. Series are added and marked on one thread while
    others search; a search holds the lock for as long as set operations take, never while it tries an expression.
    """

    def __init__(self) -> None:
        self._pairs: list[tuple[str, str]] = []
        self._values: dict[str, dict[str, int]] = {}
        """By label and value, the number of the pair."""
        self._postings: list[BitMap] = []
        """By the number of the pair."""
        self._flat = array("I")
        """The pairs of all series, one series after the other."""
        self._ends = array("Q")
        self._numbering = Numbering()
        self._collided: dict[bytes, int] = {}
        self._present = np.zeros(1024, np.bool_)
        self.version = 0
        """Another one whenever matchers may find other series than before."""
        self._lock = Lock()
        self._tried = Tried()

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, series: Sequence[Labels]) -> Numbers:
        """The numbers of the series, in their order (so here not ascending); new ones are given where needed."""
        with self._lock:
            return np.array([self._number(labels) for labels in series], np.int64)

    def _number(self, labels: Labels) -> int:
        pairs = array("I", [self._pair(name, value) for name, value in labels])
        key = pairs.tobytes()
        number = self._numbering.get(hash(key))
        if number is None:
            self._numbering.set(hash(key), len(self._ends))
        elif self._flat[self._start(number) : self._ends[number]] == pairs:
            return number
        elif key in self._collided:
            return self._collided[key]
        else:
            self._collided[key] = len(self._ends)
        for pair in pairs:
            self._postings[pair].add(len(self._ends))
        self._flat += pairs
        self._ends.append(len(self._flat))
        return len(self._ends) - 1

    def restore(self, parts: Sequence[Entries]) -> None:
        """Gives series the numbers that they had; to be called before any `add`. Other numbers are of no series."""
        count = 1 + max((int(part.numbers.max(initial=0)) for part in parts), default=-1)
        widths = np.zeros(count, np.int64)
        for part in parts:
            widths[part.numbers] = part.widths
        ends = np.cumsum(widths)
        flat = np.zeros(int(widths.sum()), np.uint32)
        for part in parts:
            pairs = np.array([self._pair(name, value) for name, value in part.pairs], np.uint32)
            flat[runs(ends[part.numbers] - part.widths, part.widths)] = pairs[part.references]
        with self._lock:
            self._flat, self._ends = array("I", flat.tobytes()), array("Q", ends.astype(np.uint64).tobytes())
            self._post(flat, np.repeat(np.arange(count, dtype=np.uint32), widths))
            self._renumber(flat, ends, widths)

    def _post(self, flat: npt.NDArray[np.uint32], series: npt.NDArray[np.uint32]) -> None:
        """Makes all postings."""
        order = np.argsort(flat, kind="stable")
        raw = series[order].tobytes()
        ends = (4 * np.cumsum(np.bincount(flat, minlength=len(self._pairs)))).tolist()
        self._postings = [BitMap(array("I", raw[start:end])) for start, end in zip([0, *ends], ends, strict=False)]

    def _renumber(self, flat: npt.NDArray[np.uint32], ends: Numbers, widths: Numbers) -> None:
        """Makes the way back from labels to numbers."""
        raw = flat.tobytes()
        numbers = np.flatnonzero(widths)
        bounds = zip((4 * (ends - widths)[numbers]).tolist(), (4 * ends[numbers]).tolist(), strict=True)
        keys = np.array([hash(raw[start:end]) for start, end in bounds], np.int64)
        _, first = np.unique(keys, return_index=True)
        self._numbering.restore(keys[first], numbers[first])
        for number in np.delete(numbers, first).tolist():
            self._collided[self._flat[self._start(number) : self._ends[number]].tobytes()] = number

    def _pair(self, name: str, value: str) -> int:
        values = self._values.setdefault(name, {})
        pair = values.get(value)
        if pair is None:
            pair = values[value] = len(self._pairs)
            self._pairs.append((name, value))
            self._postings.append(BitMap())
        return pair

    def _start(self, number: int) -> int:
        return self._ends[number - 1] if number else 0

    def one(self, number: int) -> Labels:
        """The series of a number."""
        return tuple([self._pairs[pair] for pair in self._flat[self._start(number) : self._ends[number]]])

    def labels(self, numbers: Iterable[int]) -> list[Labels]:
        """The series of some numbers, in their order."""
        return [self.one(number) for number in numbers]

    def pairs(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The labels of some series as numbers of pairs, one series after the other: int64 (S,), how many each has, and
        int64 (sum of these,), the pairs.
        """
        with self._lock:  # while a view of an array exists the array cannot grow
            ends = np.frombuffer(self._ends, np.uint64)
            last = ends[numbers].astype(np.int64)
            first = np.where(numbers > 0, ends[numbers - 1].astype(np.int64), 0)
            sizes = last - first
            places = np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())
            pairs = np.frombuffer(self._flat, np.uint32)[places].astype(np.int64)
            del ends
        return sizes, pairs

    def texts(self, pairs: Iterable[int]) -> list[tuple[str, str]]:
        """The label and the value of some pairs, by their numbers."""
        return [self._pairs[pair] for pair in pairs]

    def view(self, numbers: Numbers) -> "SeriesView":
        """The series of some numbers, made when they are asked for."""
        return SeriesView(self, numbers)

    def everyone(self) -> "EveryoneView":
        """All series there are, and will be."""
        return EveryoneView(self)

    def mark(self, numbers: Numbers) -> None:
        """Notes that there are samples of these series; order and repetition do not matter."""
        if len(self) > len(self._present):
            grown = np.zeros(2 * len(self), np.bool_)
            grown[: len(self._present)] = self._present
            self._present = grown
        if not self._present[numbers].all():
            self._present[numbers] = True
            self.version += 1

    def mark_only(self, parts: Iterable[Numbers]) -> None:
        """Notes that there are samples of these series and of no other."""
        present = np.zeros(max(len(self._present), len(self)), np.bool_)
        for numbers in parts:
            present[numbers[numbers < len(self)]] = True
        with self._lock:
            ends = np.array(self._ends, np.int64)
        present[np.flatnonzero(np.diff(ends, prepend=0) == 0)] = False  # nobody can say any more what they were
        self._present = present
        self.version += 1

    def present(self) -> int:
        """Of how many series there is a sample."""
        return int(np.count_nonzero(self._present))

    def effort(self, matchers: Iterable[Matcher]) -> int:
        """How many values of labels are looked at one by one to find the series that matchers accept."""
        return sum(len(self._values.get(one.name, ())) for one in matchers if one.op in _EXPRESSIONS or not one.value)

    def match(self, matching: Matching, *, gone: bool = False) -> Numbers:
        """The series that fulfil all conditions and of which there is a sample; with `gone`, or has ever been."""
        found: BitMap | None = None
        for condition in sorted(matching.conditions, key=_costs_most_last):
            if condition.accepts(""):
                found = self._all() if found is None else found
                found -= self._having(condition, accepted=False)
            else:
                having = self._having(condition, accepted=True)
                found = having if found is None else found & having
            if not found:
                return _NONE
        present = np.ones(len(self), np.bool_) if gone else self._present
        if found is None:
            return np.flatnonzero(present)
        numbers = np.array(found.to_array(), np.int64)
        numbers = numbers[: np.searchsorted(numbers, len(present))]
        return numbers[present[numbers]]

    def label_names(self, matching: Matching) -> list[str]:
        """The labels that any of the series has that `match` finds; sorted."""
        found = _bitmap(self.match(matching))
        with self._lock:
            pairs = {name: [pair for value, pair in values.items() if value] for name, values in self._values.items()}
        return sorted(name for name, own in pairs.items() if any(self._postings[pair].intersect(found) for pair in own))

    def label_values(self, name: str, matching: Matching) -> list[str]:
        """The values that a label has in the series that `match` finds; sorted."""
        found = _bitmap(self.match(matching))
        with self._lock:
            pairs = list(self._values.get(name, {}).items())
        return sorted(value for value, pair in pairs if value and self._postings[pair].intersect(found))

    def counts(self, top: int) -> tuple[list[tuple[str, int]], list[tuple[str, int, int]]]:
        """The metrics with the most series, and the labels with the most values: name, series, and values."""
        metrics: list[tuple[str, int]] = []
        labels: list[tuple[str, int, int]] = []
        for name, found in self.tallies():
            if name == NAME:
                metrics = found
            elif found:
                labels.append((name, sum(series for _, series in found), len(found)))
        metrics.sort(key=lambda one: (-one[1], one[0]))
        labels.sort(key=lambda one: (-one[2], one[0]))
        return metrics[:top], labels[:top]

    def tallies(self) -> Iterator[tuple[str, list[tuple[str, int]]]]:
        """Each label, and of each of its values how many of the series have it of which there is a sample."""
        present = _bitmap(np.flatnonzero(self._present))
        for name in list(self._values):
            with self._lock:
                values = list(self._values[name].items())
            found = [(value, self._postings[pair].intersection_cardinality(present)) for value, pair in values]
            yield name, [(value, series) for value, series in found if series]

    def _all(self) -> BitMap:
        return BitMap(range(len(self)))

    def _having(self, condition: Condition, *, accepted: bool) -> BitMap:
        """The series that have the condition's label with a value that it accepts, or rejects."""
        values: Sequence[str]
        if condition.literal is None:
            values = self._tried.values(condition, accepted, self._values.get(condition.name, {}), self._lock)
        elif condition.negative != accepted:
            values = [condition.literal]
        else:
            with self._lock:
                values = [value for value in self._values.get(condition.name, ()) if value != condition.literal]
        found, pairs = BitMap(), self._values.get(condition.name, {})
        for start in range(0, len(values), _AT_A_TIME):
            with self._lock:
                own = [pairs[value] for value in values[start : start + _AT_A_TIME] if value in pairs]
                found |= BitMap.union(BitMap(), *map(self._postings.__getitem__, own))
        return found


class SeriesView(Sequence[Labels]):
    """The labels of some series; only their numbers take memory."""

    __slots__ = ("numbers", "source")

    def __init__(self, index: LabelIndex, numbers: Numbers) -> None:
        self.source = index
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, at: int) -> Labels: ...

    @overload
    def __getitem__(self, at: slice) -> "SeriesView": ...

    def __getitem__(self, at: int | slice) -> "Labels | SeriesView":
        if isinstance(at, slice):
            return SeriesView(self.source, self.numbers[at])
        return self.source.one(int(self.numbers[at]))

    def __iter__(self) -> Iterator[Labels]:
        return iter(self.source.labels(self.numbers.tolist()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class EveryoneView(Sequence[Labels]):
    """The labels of all series, in the order of their numbers; it grows with the index."""

    __slots__ = ("_index",)

    def __init__(self, index: LabelIndex) -> None:
        self._index = index

    def __len__(self) -> int:
        return len(self._index)

    @overload
    def __getitem__(self, at: int) -> Labels: ...

    @overload
    def __getitem__(self, at: slice) -> SeriesView: ...

    def __getitem__(self, at: int | slice) -> Labels | SeriesView:
        if isinstance(at, slice):
            return SeriesView(self._index, np.arange(*at.indices(len(self))))
        return self._index.one(range(len(self))[at])


def _costs_most_last(condition: Condition) -> tuple[bool, bool]:
    return condition.accepts(""), condition.literal is None


def _bitmap(numbers: Numbers) -> BitMap:
    return BitMap(array("I", numbers.astype(np.uint32).tobytes()))


def runs(starts: Numbers, lengths: npt.NDArray[np.uint32]) -> Numbers:
    """starts[0], starts[0] + 1, ... for as many as lengths[0], and so on."""
    ends = np.cumsum(lengths, dtype=np.int64)
    places: Numbers = np.repeat(starts - (ends - lengths), lengths)
    places += np.arange(len(places))
    return places
