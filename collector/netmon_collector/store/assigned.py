"""What series are assigned to, such as blocks: a number for each series."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.labels import Numbers

NONE: Final = -1


class Assigned:
    """By series, a number, or NONE. Changed on one thread; what was assigned does not change, so any may read."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = np.full(1024, NONE, np.int32)

    def __getitem__(self, series: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """The numbers of series for which there is room."""
        numbers: npt.NDArray[np.int32] = self._numbers[series]
        return numbers

    def __setitem__(self, series: npt.NDArray[Any], numbers: int | np.integer[Any] | npt.NDArray[Any]) -> None:
        self._numbers[series] = numbers

    def reserve(self, count: int) -> None:
        """Makes room for series below that."""
        if count > len(self._numbers):
            room = max(count, 2 * len(self._numbers)) - len(self._numbers)
            self._numbers = np.concatenate((self._numbers, np.full(room, NONE, np.int32)))

    def of(self, series: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """The numbers of any series."""
        numbers = self._numbers
        known = series < len(numbers)
        return numbers[series] if known.all() else np.where(known, numbers[np.where(known, series, 0)], NONE)

    def copy(self) -> npt.NDArray[np.int32]:
        """By series, its number as it is now."""
        return self._numbers.copy()

    def apart(self, series: Numbers) -> Iterator[tuple[int, Numbers]]:
        """Series (ascending) by their numbers; without those that have none."""
        numbers = self.of(series)
        given = numbers != NONE
        numbers, series = numbers[given], series[given]
        order = np.argsort(numbers, kind="stable")
        numbers, series = numbers[order], series[order]
        edges = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        for first, last in pairwise([0, *edges, len(numbers)]) if len(numbers) else ():
            yield int(numbers[first]), series[first:last]
