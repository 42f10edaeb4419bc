"""What it costs a hypothesis to leave signs unexplained."""

import numpy as np

from netmon_analytics.cause.hypotheses import Scene
from netmon_analytics.cause.network import Bools, Floats, Ints
from netmon_analytics.cause.weights import FAINT, Weights


class Burden:
    """What signs cost that are left unexplained: each further one of a heap less than the one before."""

    def __init__(self, scene: Scene, weights: Weights) -> None:
        self._weights = weights
        is_faint = np.isin(scene.seen.sign, [int(one) for one in FAINT]) | (scene.seen.at_s < scene.since_s)
        is_faint = (is_faint | ~scene.concerned)[scene.wrong]
        heaps, heap = scene.crowds
        self._kinds: list[tuple[float, Ints, Ints]] = []
        for weight, chosen in ((1.0, ~is_faint), (weights.faint, is_faint)):
            columns = np.flatnonzero(chosen)[np.argsort(heap[chosen], kind="stable")]
            self._kinds.append((weight, columns, np.searchsorted(heap[columns], np.arange(heaps + 1))))

    def of(self, explained: Bools, among: Bools | None = None) -> Floats:
        """The cost of the signs that are wrong but for those that are explained, (hypotheses, signs); only some of the
        signs count, where that is said."""
        left = ~explained if among is None else ~explained & among
        masses = sum(weight * _number(left[:, columns], bounds) for weight, columns, bounds in self._kinds)
        weights = self._weights
        costs: Floats = weights.unexplained * weights.crowd * np.log1p(masses / weights.crowd).sum(axis=1)
        return costs


def _number(left: Bools, bounds: Ints) -> Ints:
    """How many are left between each bound and the next, (hypotheses, bounds - 1)."""
    sums = np.zeros((len(left), left.shape[1] + 1), np.intp)
    np.cumsum(left, axis=1, out=sums[:, 1:])
    return np.diff(sums[:, bounds], axis=1)
