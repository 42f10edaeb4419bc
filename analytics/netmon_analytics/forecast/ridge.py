"""Ridge regression of what comes on what was, for many horizons and orders from one matrix of products per series.

Every linear model of lags up to an order, direct or recursive, needs only blocks of the matrix of products of windows
(lags and what followed). It is made once per series, and grows by a few rows from one rolling origin to the next.
"""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


class Windows:
    """Products of all windows of `order` lags and `horizon` following values of one series."""

    def __init__(self, order: int, horizon: int) -> None:
        self.order, self.horizon = order, horizon
        self.products: Float64 = np.zeros((order + horizon, order + horizon))
        self.counted = 0

    def extend(self, z: Float64) -> None:
        """z: the series from its beginning; windows that end after those of the last call are added."""
        width = self.order + self.horizon
        windows = np.lib.stride_tricks.sliding_window_view(z, width)[self.counted :]
        fresh = np.ascontiguousarray(windows)
        self.products += fresh.T @ fresh
        self.counted += len(fresh)

    def direct(self, z: Float64, lags: int, penalty: float, prior: Float64) -> Float64:
        """One model per step ahead, shrunk towards `prior` (lags, horizon): the weights that are right without data."""
        first = self.order - lags
        own = self.products[first : self.order, first : self.order]
        cross = self.products[first : self.order, self.order :]
        weights = prior + _solve(own, penalty, cross - own @ prior)
        forecast: Float64 = z[-lags:] @ weights
        return forecast

    def recursive(self, z: Float64, lags: int, penalty: float, steps: int) -> Float64:
        """One model of the next value, applied again and again."""
        first = self.order - lags
        own = self.products[first : self.order, first : self.order]
        weights = _solve(own, penalty, self.products[first : self.order, self.order])
        path: Float64 = np.zeros(lags + steps)
        path[:lags] = z[-lags:]
        bound = 2 * max(float(np.abs(z).max()), 1e-9)
        for step in range(steps):
            path[lags + step] = np.clip(float(path[step : step + lags] @ weights), -bound, bound)
        return path[lags:]


def _solve(own: Float64, penalty: float, right: Float64) -> Float64:
    regular = own.copy()
    regular[np.diag_indices_from(regular)] += penalty
    return np.asarray(np.linalg.solve(regular, right), np.float64)


def same_time(lags: int, horizon: int, periods: tuple[int, ...]) -> Float64:
    """Weights (lags, horizon) of the mean of the last values at the same place in each of these periods."""
    weights = np.zeros((lags, horizon))
    known = [period for period in periods if period <= lags]
    for period in known:
        for step in range(horizon):
            weights[lags - period + step % period, step] += 1 / len(known)
    return weights
