"""How evenly links carry what is meant to be spread over them, and what they would carry if one of them failed."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.cause.network import Floats, Ints


@dataclass(frozen=True)
class Balance:
    """Of each bundle, NaN where fewer than two of its links are known.

    imbalance: 0 where all links are equally full, 1 where one carries all. busiest: the part of its capacity that the
    fullest link carries. failover: the part of their capacity that the others carry when one fails, the one with the
    most capacity, if they share it evenly then.
    """

    imbalance: Floats
    busiest: Floats
    failover: Floats


def balance(bundle: Ints, load: Floats, capacity: Floats) -> Balance:
    """`bundle`: the number of each link's bundle, from 0 on. load, capacity: of each link in one unit; a link of which
    either is not known (NaN, or no capacity) does not count."""
    bundles = int(bundle.max(initial=-1)) + 1
    known = np.isfinite(load) & np.isfinite(capacity) & (capacity > 0)
    bundle, load, capacity = bundle[known], load[known], capacity[known]
    members = np.bincount(bundle, minlength=bundles)
    carried, whole = np.bincount(bundle, load, bundles), np.bincount(bundle, capacity, bundles)
    busiest, largest = np.zeros(bundles), np.zeros(bundles)
    np.maximum.at(busiest, bundle, load / capacity)
    np.maximum.at(largest, bundle, capacity)
    with np.errstate(divide="ignore", invalid="ignore"):
        even = np.where(busiest > 0, carried / whole / busiest, 1.0)
        imbalance = (1.0 - even) / (1.0 - 1.0 / members)
        failover = carried / (whole - largest)
    several = members > 1
    return Balance(*(np.where(several, column, np.nan) for column in (np.clip(imbalance, 0.0, 1.0), busiest, failover)))
