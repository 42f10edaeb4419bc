"""For how long nothing has come of each series: so long that there is none any more, and its place is for another one.

What counts are hours in which there was judging. A collector that was off, or whose clock was set, misses nobody.
"""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly.columns import Array
from netmon_collector.store.base import Values

HOUR_S: Final = 3600.0
GONE_H: Final = 15 * 24
"""A weekly job that is left out once, or a fortnight's holiday, is no more than two weeks without a value."""
LONGEST_H: Final = np.iinfo(np.uint16).max


class Absence:
    """hours: of each row. looked_s: when the last of them was over, None before any."""

    def __init__(self, hours: NDArray[np.uint16], looked_s: float | None = None) -> None:
        self.hours = hours
        self.looked_s = looked_s

    @classmethod
    def of(cls, rows: int) -> Self:
        return cls(np.zeros(rows, np.uint16))

    def grow(self, rows: int) -> None:
        self.hours = np.concatenate([self.hours, np.zeros(rows - len(self.hours), np.uint16)])

    def end(self, values: Values) -> None:
        """Of those that have a value here; NaN is none."""
        self.hours[np.isfinite(values)] = 0

    def look(self, now_s: float) -> bool:
        """Counts one hour if one is over, or more: whether it did."""
        if self.looked_s is not None and 0 <= now_s - self.looked_s < HOUR_S:
            return False
        is_over = self.looked_s is not None and now_s > self.looked_s
        self.looked_s = now_s
        self.hours += np.uint16(is_over) * (self.hours < LONGEST_H)
        return is_over

    @property
    def gone(self) -> NDArray[np.bool_]:
        """Which rows are of series that are there no more."""
        found: NDArray[np.bool_] = self.hours >= GONE_H
        return found

    def arrays(self) -> dict[str, Array]:
        return {"absent_h": self.hours, "looked_s": np.array([] if self.looked_s is None else [self.looked_s])}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], rows: int) -> Self:
        """Counts from the beginning where that was not kept."""
        hours, looked = arrays.get("absent_h", np.zeros(0)), arrays.get("looked_s", np.zeros(0))
        if hours.shape != (rows,) or hours.dtype != np.uint16:
            return cls.of(rows)
        return cls(np.array(hours), float(looked[0]) if len(looked) else None)
