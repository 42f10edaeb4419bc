"""The label index in memory: numbers for series, and which series have which label value."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.match import Condition, Matching
from netmon_proto.model import Labels

Numbers = npt.NDArray[np.int64]
"""Numbers of series, ascending, none twice."""

_NONE: Final[Numbers] = np.empty(0, np.int64)


class LabelIndex:
    """Gives each series a number, from 0 upwards, and finds the numbers by matchers.

    Also knows of which series there is a sample. Series are added and marked on one thread while others search; a
    search holds the lock for as long as a copy takes, never while it tries a regular expression.
    """

    def __init__(self) -> None:
        self._numbers: dict[Labels, int] = {}
        self._labels: list[Labels] = []
        self._postings: defaultdict[str, dict[str, array[int]]] = defaultdict(dict)
        self._present = np.zeros(1024, np.bool_)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, series: Sequence[Labels]) -> Numbers:
        """The numbers of the series, in their order (so here not ascending); new ones are given where needed."""
        with self._lock:
            return np.array([self._number(labels) for labels in series], np.int64)

    def _number(self, labels: Labels) -> int:
        number = self._numbers.get(labels)
        if number is None:
            number = self._numbers[labels] = len(self._labels)
            self._labels.append(labels)
            for name, value in labels:
                self._postings[name].setdefault(value, array("I")).append(number)
        return number

    def labels(self, numbers: Iterable[int]) -> list[Labels]:
        """The series of some numbers, in their order."""
        return [self._labels[number] for number in numbers]

    def mark(self, numbers: Numbers) -> None:
        """Notes that there are samples of these series."""
        if len(self._labels) > len(self._present):
            grown = np.zeros(2 * len(self._labels), np.bool_)
            grown[: len(self._present)] = self._present
            self._present = grown
        self._present[numbers] = True

    def mark_only(self, parts: Iterable[Numbers]) -> None:
        """Notes that there are samples of these series and of no other."""
        present = np.zeros(max(len(self._present), len(self._labels)), np.bool_)
        for numbers in parts:
            present[numbers] = True
        self._present = present

    def present(self) -> int:
        """Of how many series there is a sample."""
        return int(np.count_nonzero(self._present))

    def mask(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """True at the numbers; one entry more than there are series, and that is False."""
        mask = np.zeros(len(self._labels) + 1, np.bool_)
        mask[numbers] = True
        return mask

    def match(self, matching: Matching) -> Numbers:
        """The series that fulfil all conditions and of which there is a sample."""
        found: Numbers = np.flatnonzero(self._present)
        for condition in matching.conditions:
            if condition.accepts(""):
                rejected = self._having(condition, accepted=False)
                found = np.setdiff1d(found, rejected, assume_unique=True)
            else:
                found = np.intersect1d(found, self._having(condition, accepted=True), assume_unique=True)
            if not len(found):
                break
        return found

    def _having(self, condition: Condition, *, accepted: bool) -> Numbers:
        """The series that have the condition's label with a value that it accepts, or rejects."""
        with self._lock:
            values = list(self._postings.get(condition.name, ()))
        if condition.literal is not None and condition.negative != accepted:
            values = [condition.literal]
        else:
            values = [value for value in values if condition.accepts(value) == accepted]
        with self._lock:
            postings = self._postings.get(condition.name, {})
            parts = [np.array(postings[value], np.int64) for value in values if value in postings]
        return np.sort(np.concatenate(parts)) if parts else _NONE
