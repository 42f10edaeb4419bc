"""When a series was last as it is now: the latest hour, of a year, in which it went as far to the same side."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Kind
from netmon_collector.anomaly.assessor import Anomaly
from netmon_collector.anomaly.roster import kind_of
from netmon_collector.store.base import Matcher, MatchOp, Rollup, RollupField, Store, TieredStore

BY_VALUE: Final = ("deviation", "novelty")
"""Components that are about the value itself: only for these can another value be alike."""
HOUR_MS: Final = 3_600_000
FIVE_MINUTES_MS: Final = 300_000
BACK_MS: Final = {HOUR_MS: 365 * 24 * HOUR_MS, FIVE_MINUTES_MS: 30 * 24 * HOUR_MS}


@dataclass(frozen=True, slots=True)
class Earlier:
    """time_ms: the beginning of the hour, or of the five minutes. value: the most extreme one in it."""

    time_ms: int
    value: float


async def last_like(store: Store, odd: Anomaly) -> Earlier | None:
    """None where it never was, or nobody can say: the store keeps no rollups, or what is odd is not the value.

    Of counters it is the mean rate over five minutes that is compared, of the last month. Raises StoreError.
    """
    told = odd.explanation
    if told.component not in BY_VALUE or math.isnan(told.expected) or not isinstance(store, TieredStore):
        return None
    is_counter = kind_of(odd.labels) == Kind.COUNTER
    width_ms = FIVE_MINUTES_MS if is_counter else HOUR_MS
    end_ms = round((told.began_s or odd.time_s) * 1000) - width_ms  # no bucket that has any of what is odd now
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in odd.labels]
    found = await store.select_rollup(matchers, end_ms - BACK_MS[width_ms], end_ms, width_ms)
    for rollup in found or ():
        if odd.labels in rollup.labels:
            return _latest(rollup, list(rollup.labels).index(odd.labels), odd.value, told.expected, is_counter)
    return None


def _latest(rollup: Rollup, series: int, value: float, expected: float, is_counter: bool) -> Earlier | None:
    own = rollup.values[series]
    reached = _rate(own) if is_counter else own[RollupField.MAX if value >= expected else RollupField.MIN]
    with np.errstate(invalid="ignore"):
        alike = np.flatnonzero(reached >= value if value >= expected else reached <= value)
    return Earlier(int(rollup.times[alike[-1]]), float(reached[alike[-1]])) if len(alike) else None


def _rate(own: NDArray[np.float64]) -> NDArray[np.float64]:
    seconds = (own[RollupField.LAST_MS] - own[RollupField.FIRST_MS]) / 1000
    with np.errstate(invalid="ignore", divide="ignore"):
        rate: NDArray[np.float64] = np.where(seconds > 0, own[RollupField.INC] / seconds, np.nan)
    return rate
