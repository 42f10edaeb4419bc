"""Sums that are as exact as Prometheus': plain where nothing is lost, compensated term by term where terms cancel."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.store.base import Values

Indices = npt.NDArray[np.int64]

_OVERLAP: Final = 32
_HUGE: Final = 2.0**960
_EXACT: Final = 2.0**53
_CANCELLED: Final = 2.0**20
"""By how much terms may outweigh their sum before it is computed again: then at most 10 of 16 digits are lost."""


def reduced(ufunc: np.ufunc, values: Values, lo: Indices, hi: Indices) -> Values:
    """ufunc (add, fmin or fmax) over values[lo:hi] for each pair, lo <= hi; means nothing where that is empty."""
    if int((hi - lo).sum()) > _OVERLAP * (len(values) + lo.size):
        return _overlapping(ufunc, values, lo, hi)
    ends = np.empty(2 * lo.size, np.int64)
    ends[0::2], ends[1::2] = lo.reshape(-1), hi.reshape(-1)
    padded = np.append(values, 0.0)
    result: Values = ufunc.reduceat(padded, ends)[::2].reshape(lo.shape) if lo.size else np.empty(lo.shape)
    return result


def _overlapping(ufunc: np.ufunc, values: Values, lo: Indices, hi: Indices) -> Values:
    """The same where most values are in many of the ranges: each range is put together from parts that are reduced
    once, of 1, 2, 4, … of the pieces between all ends of ranges.
    """
    edges = np.unique(np.concatenate([lo.reshape(-1), hi.reshape(-1)]))
    parts = ufunc.reduceat(np.append(values, 0.0), edges)
    at, last = np.searchsorted(edges, lo), np.searchsorted(edges, hi)
    result = np.full(lo.shape, 0.0 if ufunc is np.add else np.nan)
    length = 1
    while (left := last - at).any():
        odd = (left & length) > 0
        result[odd] = ufunc(result[odd], parts[at[odd]])
        at = at + np.where(odd, length, 0)
        parts = ufunc(parts[:-length], parts[length:]) if len(parts) > length else parts
        length *= 2
    return result


def sums(values: Values, lo: Indices, hi: Indices) -> Values:
    """The sum of values[lo:hi] for each pair."""
    total = _summed(values, lo, hi)
    doubtful = _doubtful(values, lo, hi, total) | _overflowed(values, total)
    if doubtful.any():
        total[doubtful] = _compensated(values, lo[doubtful], hi[doubtful])
    return total


def means(values: Values, lo: Indices, hi: Indices) -> Values:
    """The mean of values[lo:hi] for each pair; NaN for none."""
    total = _summed(values, lo, hi)
    doubtful = _doubtful(values, lo, hi, total) | np.isinf(total) | _overflowed(values, total)
    result: Values = total / (hi - lo)
    if doubtful.any():
        result[doubtful] = _compensated_means(values, lo[doubtful], hi[doubtful])
    return result


def _summed(values: Values, lo: Indices, hi: Indices) -> Values:
    """The plain sum of values[lo:hi] for each pair; of -0 alone it is 0."""
    total: Values = np.where(hi > lo, reduced(np.add, values, lo, hi), 0.0)
    total += 0.0
    return total


def _overflowed(values: Values, total: Values) -> npt.NDArray[np.bool_]:
    """Where a sum is no finite number because of the order of its terms, perhaps."""
    odd: npt.NDArray[np.bool_] = ~np.isfinite(total)
    if not odd.any():
        return odd
    sizes = np.abs(values)
    return odd & bool(((sizes > _HUGE) & (sizes < np.inf)).any())


def _doubtful(values: Values, lo: Indices, hi: Indices, total: Values) -> npt.NDArray[np.bool_]:
    """Where terms cancel so much that a plain sum is not good enough."""
    if not len(values) or not (values.min() < 0 < values.max()):  # all of one sign, or not all numbers
        if not np.isnan(values).any():
            return np.zeros(lo.shape, np.bool_)
        if not ((values < 0).any() and (values > 0).any()):
            return np.zeros(lo.shape, np.bool_)
    weight = np.where(hi > lo, reduced(np.add, np.abs(values), lo, hi), 0.0)
    doubtful: npt.NDArray[np.bool_] = weight / _CANCELLED > np.abs(total)
    if doubtful.any() and weight[doubtful].max() < _EXACT and bool((values == np.trunc(values)).all()):
        return np.zeros(lo.shape, np.bool_)  # whole numbers
    return doubtful


def _terms(values: Values, lo: Indices, hi: Indices) -> Iterator[tuple[Values, npt.NDArray[np.bool_]]]:
    """The first terms of all sums, then the second, …; and which sums have one."""
    for position in range(int((hi - lo).max(initial=0))):
        there = lo + position < hi
        yield np.where(there, values[np.minimum(lo + position, len(values) - 1)], 0.0), there


def _add(total: Values, lost: Values, term: Values) -> tuple[Values, Values]:
    """One term more: the new sum, and what rounding has taken from it so far (Neumaier)."""
    new = total + term
    larger = np.abs(total) >= np.abs(term)
    step = np.where(larger, (total - new) + term, (term - new) + total)
    return new, np.where(np.isinf(new), 0.0, lost + step)


def _compensated(values: Values, lo: Indices, hi: Indices) -> Values:
    total = lost = np.zeros(lo.shape)
    for term, _ in _terms(values, lo, hi):
        total, lost = _add(total, lost, term)
    return np.where(np.isinf(total), total, total + lost)


def _compensated_means(values: Values, lo: Indices, hi: Indices) -> Values:
    """Sums divided at the end; where a sum overflows, means that are carried on from term to term."""
    total = lost = np.zeros(lo.shape)
    running = np.zeros(lo.shape, np.bool_)
    for count, (term, there) in enumerate(_terms(values, lo, hi), 1):
        new, new_lost = _add(total, lost, term)
        if count > 1:
            starting = there & ~running & np.isinf(new)
            total = np.where(starting, total / (count - 1), total)
            lost = np.where(starting, lost / (count - 1), lost)
            running = running | starting
        share = (count - 1) / count
        mean, mean_lost = _add(share * total, share * lost, term / count)
        total = np.where(there, np.where(running, mean, new), total)
        lost = np.where(there, np.where(running, mean_lost, new_lost), lost)
    return np.where(running, total + lost, total / (hi - lo) + lost / (hi - lo))
