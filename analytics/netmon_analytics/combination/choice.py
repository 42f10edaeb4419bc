"""Which series of a device are looked at together: those that go with another, each thing once."""

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.combination.model import MOST_SERIES
from netmon_analytics.combination.scale import Values, between, knots_of

LEAST_TIE = 0.3
"""Series whose rank correlation with all others is less have nothing to do with these."""
SAME = 0.995
"""Two that go together so closely are one thing, such as what is used and what is free."""
FEWEST = 3
MOST_ALIKE = 0.8
"""A series that has one value for more of the time than this tells little."""


def choose(values: Values) -> NDArray[np.intp]:
    """values: (rows, series), finite. Columns to take together, in their order; none where nothing hangs together."""
    knots, scores = knots_of(values)
    lively = np.flatnonzero(np.diff(knots, axis=1).astype(bool).mean(axis=1) > 1 - MOST_ALIKE)
    if len(lively) < FEWEST:
        return lively[:0]
    normal = between(values[:, lively].astype(np.float32), knots[lively], scores[lively])
    ties = np.abs(np.corrcoef(normal.T))
    np.fill_diagonal(ties, 0)
    kept: list[int] = []
    for one in range(len(lively)):
        if not (ties[one, kept] > SAME).any():
            kept.append(one)
    strongest = ties[np.ix_(kept, kept)].max(axis=1, initial=0)
    order = np.argsort(-strongest, kind="stable")[:MOST_SERIES]
    tied = np.sort(np.array(kept, np.intp)[order[strongest[order] >= LEAST_TIE]])
    return lively[tied] if len(tied) >= FEWEST else lively[:0]
