"""Ridge regression of the next value on those before it, applied again and again for those after.

The matrix of products of windows is made once per series, and grows by a few rows from one rolling origin to the next.
"""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

LARGEST_STEP = 2.0
"""How far a path may leave the range of the past, in the unit of the series."""


class Regression:
    """Of each value of one series on the `order` values before it."""

    def __init__(self, order: int) -> None:
        self._order = order
        self._products: Float64 = np.zeros((order + 1, order + 1))
        self._counted = 0

    def extend(self, series: Float64) -> None:
        """series: from its beginning; windows that end after those of the last call are added."""
        windows = np.lib.stride_tricks.sliding_window_view(series, self._order + 1)[self._counted :]
        fresh = np.ascontiguousarray(windows)
        self._products += fresh.T @ fresh
        self._counted += len(fresh)

    def path(self, series: Float64, penalty: float, steps: int) -> Float64:
        """The next values; penalty is the ridge, for series of spread 1."""
        own = self._products[:-1, :-1] + penalty * np.eye(self._order)
        weights = np.linalg.solve(own, self._products[:-1, -1])
        low, high = series.min() - LARGEST_STEP, series.max() + LARGEST_STEP
        path = np.empty(self._order + steps)
        path[: self._order] = series[-self._order :]
        for step in range(steps):
            path[self._order + step] = min(max(path[step : step + self._order] @ weights, low), high)
        return path[self._order :]
