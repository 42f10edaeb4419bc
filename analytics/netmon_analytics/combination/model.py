"""What each series of a device should be by the others: regressions on their normal scores, squares and products.

How far all are off, each against what it is usually off at most, is the distance of a combination. The models of many
devices are evaluated at once. An isolation forest finds next to none of what this finds (tests/bench/combination.py):
it cuts along one series at a time, and along each of them alone nothing is odd.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.combination.scale import KNOTS, Floats, Values, between, knots_of

MOST_SERIES = 8
LEFT, RIGHT = np.triu_indices(MOST_SERIES)
TERMS = 1 + MOST_SERIES + len(LEFT)
RIDGE = 0.004
"""Of a row, for each term: what holds back terms that explain little."""
RARE = 0.995
LEAST_OFF = 0.05
POWER = 4
"""Between the mean and the largest: one series far off counts as much as some that are a little."""


@dataclass(frozen=True)
class Fitted:
    """Of one device: up to MOST_SERIES series, S. knots, scores (S, KNOTS); coefficients (S, TERMS); off (S,): what a
    score is off at most in all but half a percent of cases.
    """

    knots: Floats
    scores: Floats
    coefficients: Floats
    off: Floats


def fit(values: Values) -> Fitted:
    """values: (rows, series), finite, one row for each moment; a few hundred at least, two series at least."""
    series = values.shape[-1]
    if not 2 <= series <= MOST_SERIES:
        raise ValueError(f"{series} series: 2 to {MOST_SERIES} are taken together")
    knots, scores = knots_of(values)
    normal = between(values.astype(np.float32), knots, scores).astype(np.float64)
    terms = _terms(_padded(normal))
    squares = terms.T @ terms + RIDGE * len(values) * np.eye(TERMS)
    coefficients = np.zeros((series, TERMS))
    for one in range(series):
        used = np.flatnonzero(_uses(series, one))
        wanted = terms[:, used].T @ normal[:, one]
        coefficients[one, used] = np.linalg.solve(squares[np.ix_(used, used)], wanted)
    off = np.quantile(np.abs(normal - terms @ coefficients.T), RARE, axis=0) + LEAST_OFF
    return Fitted(knots, scores, coefficients.astype(np.float32), off.astype(np.float32))


def _uses(series: int, target: int) -> NDArray[np.bool_]:
    """Which terms the regression for one series has: none with itself, none with series that are not there."""
    others = np.arange(MOST_SERIES) < series
    others[target] = False
    return np.concatenate([[True], others, others[LEFT] & others[RIGHT]])


def _padded(normal: Values) -> Values:
    return np.pad(normal, ((0, 0), (0, MOST_SERIES - normal.shape[1])))


def _terms(normal: Values) -> Values:
    return np.concatenate([np.ones((len(normal), 1)), normal, normal[:, LEFT] * normal[:, RIGHT]], axis=1)


@dataclass
class Models:
    """Those of M devices in arrays: knots, scores (M, MOST_SERIES, KNOTS), coefficients (M, MOST_SERIES, TERMS), off
    (M, MOST_SERIES), infinite where a device has no such series.
    """

    knots: Floats
    scores: Floats
    coefficients: Floats
    off: Floats

    @classmethod
    def empty(cls, devices: int) -> Self:
        shape = (devices, MOST_SERIES)
        knots, scores, coefficients = (np.zeros((*shape, width), np.float32) for width in (KNOTS, KNOTS, TERMS))
        return cls(knots, scores, coefficients, np.full(shape, np.inf, np.float32))

    @classmethod
    def of(cls, fitted: Sequence[Fitted]) -> Self:
        made = cls.empty(len(fitted))
        for device, one in enumerate(fitted):
            made.put(device, one)
        return made

    def put(self, device: int, fitted: Fitted) -> None:
        """The model of a device instead of the one before."""
        series = len(fitted.off)
        for array, own, rest in zip(self.arrays(), fitted.__dict__.values(), (0, 0, 0, np.inf), strict=True):
            array[device, :series], array[device, series:] = own, rest

    def arrays(self) -> tuple[Floats, ...]:
        return self.knots, self.scores, self.coefficients, self.off

    def take(self, devices: NDArray[np.intp]) -> Self:
        return type(self)(*(array[devices] for array in self.arrays()))

    def grown(self, devices: int) -> Self:
        made = type(self).empty(devices)
        for array, own in zip(made.arrays(), self.arrays(), strict=True):
            array[: len(own)] = own
        return made

    def judge(self, values: Values) -> tuple[Floats, Floats, Values]:
        """values: (M, MOST_SERIES), anything where a device has no such series.

        Gives the distance (M,), near 0.5 most of the time and above 1 seldom, NaN where a value is missing; how far
        each is off its limit (M, MOST_SERIES); and what each should be by the others, in its own unit.
        """
        there = np.isfinite(self.off)
        normal = between(np.where(there, values, 0).astype(np.float32), self.knots, self.scores)
        should = np.einsum("mt,mst->ms", _terms(normal.astype(np.float64)), self.coefficients)
        off = np.abs(normal - should) / self.off
        mean = (off**POWER).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        whole = (np.isfinite(values) | ~there).all(axis=1) & there.any(axis=1)
        distance = np.where(whole, mean ** (1 / POWER), np.nan).astype(np.float32)
        expected = between(should.astype(np.float32), self.scores, self.knots)
        return distance, off.astype(np.float32), expected.astype(np.float64)

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays())
