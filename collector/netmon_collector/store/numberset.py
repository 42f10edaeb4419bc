"""A set of small numbers, such as those of groups, that is asked about many of them at once."""

from typing import Any

import numpy as np
import numpy.typing as npt


class NumberSet:
    """Numbers from 0 upwards. Belongs to one thread."""

    __slots__ = ("_has",)

    def __init__(self) -> None:
        self._has = np.zeros(64, np.bool_)

    def has_all(self, numbers: npt.NDArray[Any]) -> bool:
        """Whether all of some numbers are in it."""
        try:
            return bool(self._has[numbers].all())
        except IndexError:  # there is no room yet for one of them
            return False

    def without(self, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Those of some numbers that are not in it."""
        self._reserve(numbers)
        missing: npt.NDArray[Any] = numbers[~self._has[numbers]]
        return missing

    def add(self, numbers: npt.NDArray[Any]) -> None:
        self._reserve(numbers)
        self._has[numbers] = True

    def clear(self) -> None:
        self._has[:] = False

    def _reserve(self, numbers: npt.NDArray[Any]) -> None:
        count = int(numbers.max(initial=0)) + 1
        if count > len(self._has):
            self._has = np.append(self._has, np.zeros(2 * count - len(self._has), np.bool_))
