"""What databases do with columns, on arrays: counting pairs, looking keys up, and what hangs together."""

import numpy as np
from numpy.typing import NDArray

from netmon_collector.topology.told import Macs, Numbers

Keys = NDArray[np.uint64]

MOST_HIGH = 1 << 16
"""What `pack` takes as the upper half must be below this."""


def pack(high: Numbers, low: Numbers | Macs) -> Keys:
    """Pairs as single keys: a number below 2**16 over a number or MAC address below 2**48."""
    return (high.astype(np.uint64) << np.uint64(48)) | low.astype(np.uint64)


def pair_keys(pairs: NDArray[np.int64]) -> Keys:
    """Pairs of numbers below 2**32, an array (n, 2), as single keys."""
    return (pairs[:, 0].astype(np.uint64) << np.uint64(32)) | pairs[:, 1].astype(np.uint64)


def count_pairs(high: Numbers, low: Numbers) -> tuple[NDArray[np.int64], Numbers]:
    """The different pairs of numbers below 2**32, sorted, as an array (n, 2), and how often each is there."""
    found, counts = np.unique(pair_keys(np.stack([high, low], axis=1)), return_counts=True)
    pairs = np.stack([found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)], axis=1)
    return pairs.astype(np.int64), counts.astype(np.int64)


def lookup(keys: Keys, values: Numbers, wanted: Keys, missing: int) -> Numbers:
    """For each wanted key the value that stands with it, `missing` where it is not among the keys."""
    if not len(keys):
        return np.full(len(wanted), missing, np.int64)
    order = np.argsort(keys, kind="stable")
    known = keys[order]
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found: Numbers = np.where(known[place] == wanted, values[order][place], missing)
    return found


def first_of(ordered: NDArray[np.uint64] | Numbers) -> Numbers:
    """For each place of a sorted array the first place that holds the same."""
    if not len(ordered):
        return np.empty(0, np.int64)
    is_new = np.ones(len(ordered), bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    starts: Numbers = np.flatnonzero(is_new)[np.cumsum(is_new) - 1]
    return starts


def components(count: int, edges: NDArray[np.int64]) -> Numbers:
    """For each of `count` numbers the smallest one that it hangs together with by edges, an array (n, 2).

    Labels are hooked and shortened in turn, as in Shiloach and Vishkin (J. Algorithms 1982): about log n rounds.
    """
    label: Numbers = np.arange(count)
    one, another = edges[:, 0], edges[:, 1]
    while True:
        a, b = label[one], label[another]
        if (a == b).all():
            return label
        np.minimum.at(label, np.maximum(a, b), np.minimum(a, b))
        while (label[label] != label).any():
            label = label[label]
