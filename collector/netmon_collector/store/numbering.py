"""Numbers for things of which there are millions: 12 bytes for each, where a dict of Python objects takes 100."""

from typing import Final

import numpy as np
import numpy.typing as npt

_RECENT: Final = 1 << 12


class Numbering:
    """From a 64-bit key to a number. What came last is in a dict; now and then that moves into sorted arrays."""

    def __init__(self) -> None:
        self._recent: dict[int, int] = {}
        self._keys: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._numbers: npt.NDArray[np.uint32] = np.empty(0, np.uint32)

    def get(self, key: int) -> int | None:
        """The number of a key (a signed 64-bit integer)."""
        number = self._recent.get(key)
        if number is None and len(self._keys):
            at = int(self._keys.searchsorted(key))
            if at < len(self._keys) and self._keys[at] == key:
                return int(self._numbers[at])
        return number

    def set(self, key: int, number: int) -> None:
        """Gives a key, which has none yet, its number."""
        self._recent[key] = number
        if len(self._recent) >= _RECENT + len(self._keys) // 32:
            self._settle()

    def restore(self, keys: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]) -> None:
        """Gives keys (ascending, none twice) their numbers, where there are none yet."""
        self._keys, self._numbers = keys, numbers.astype(np.uint32)

    def _settle(self) -> None:
        """Puts what came last in between: a sort of all would keep the event loop waiting."""
        keys = np.fromiter(self._recent, np.int64)
        numbers = np.fromiter(self._recent.values(), np.uint32)
        order = np.argsort(keys)
        places = self._keys.searchsorted(keys[order])
        self._numbers = np.insert(self._numbers, places, numbers[order])
        self._keys = np.insert(self._keys, places, keys[order])
        self._recent = {}
