"""Values as normal scores: where a value stands among those of the past, on the scale of a normal distribution.

Beyond all that was there a value counts as the highest: that a value alone is odd is for others to say.
"""

from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Values = NDArray[np.float64]

KNOTS = 33
OUTERMOST = 0.002


@cache
def _scores() -> Values:
    shares = np.clip(np.linspace(0, 1, KNOTS), OUTERMOST, 1 - OUTERMOST)
    return np.array([NormalDist().inv_cdf(share) for share in shares])


def knots_of(values: Values) -> tuple[Floats, Floats]:
    """The scale of each column of `values` (rows, series): quantiles (series, KNOTS), and the score of each.

    A value that takes up several quantiles has the mean of their scores. Raises ValueError for other values.
    """
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError("finite values of (rows, series) are needed, one row at least")
    quantiles = np.quantile(values, np.linspace(0, 1, KNOTS), axis=0).T.astype(np.float32)
    scores = np.empty_like(quantiles)
    for row, own in enumerate(quantiles):
        _, first, count = np.unique(own, return_index=True, return_counts=True)
        scores[row] = np.repeat(np.add.reduceat(_scores(), first) / count, count)
    return quantiles, scores


def between(x: Floats, from_knots: Floats, to_knots: Floats) -> Floats:
    """What `x` (...,) on one scale is on the other; knots (..., KNOTS), not falling. Beyond the ends, the end."""
    from_knots, to_knots = (np.broadcast_to(knots, (*x.shape, KNOTS)) for knots in (from_knots, to_knots))
    below = (x[..., None] >= from_knots[..., 1:-1]).sum(axis=-1)[..., None]
    low, high = (np.take_along_axis(from_knots, below + step, -1)[..., 0] for step in (0, 1))
    to_low, to_high = (np.take_along_axis(to_knots, below + step, -1)[..., 0] for step in (0, 1))
    wide = high > low
    share = np.where(wide, (x - low) / np.where(wide, high - low, 1), 0)
    told: Floats = (to_low + np.clip(share, 0, 1) * (to_high - to_low)).astype(np.float32)
    return told
