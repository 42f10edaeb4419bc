"""Why a series has the score that it has, what was expected of it, and "this was fine"."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Float64
from netmon_analytics.anomaly.detector import Detector
from netmon_analytics.anomaly.state import COMPONENTS


@dataclass(frozen=True)
class Explanation:
    """One series at its last value. Times are Unix seconds, None where there was none; counters are told as rates."""

    score: float
    needed: float
    """The score at which this series alarms."""
    component: str
    """Which of COMPONENTS gave the score."""
    expected: float
    low: float
    high: float
    """Outside of this band a value alarms by itself."""
    began_s: float | None
    """When the last alarm began."""
    before_s: float | None
    """When the one before began: when it was last like this."""


@dataclass(frozen=True)
class Pardon:
    """What "this was fine" has changed; `undo` takes it back."""

    row: int
    component: int
    before: float


def bands(detector: Detector) -> tuple[Float64, Float64, Float64]:
    """Expected value, lowest and highest that do not alarm, of every series at its last value; NaN where not known."""
    state, c = detector.state, detector.constants
    basics = state.basics
    asked = detector.judge.bar_now(basics) - np.float32(np.log(c.shares[0]))
    with np.errstate(all="ignore"):
        multiple = np.exp(state.deviation.threshold(asked, c.deviation_shape, c)).astype(np.float64)
        expected = basics.expected * basics.unit + basics.origin
        reach = multiple * basics.usual * basics.unit
        return expected, expected - reach, expected + reach


def explain(detector: Detector, row: int) -> Explanation:
    basics = detector.state.basics
    expected, low, high = (float(array[row]) for array in bands(detector))
    began, before = float(basics.began_s[row]), float(basics.before_s[row])
    return Explanation(
        float(basics.score[row]),
        float(detector.judge.bar_now(basics)[row]),
        COMPONENTS[basics.part[row]],
        expected,
        low,
        high,
        None if np.isnan(began) else began,
        None if np.isnan(before) else before,
    )


def pardon(detector: Detector, row: int) -> Pardon:
    """What this series does now is fine: as much, from the same component, does not alarm for a long while."""
    basics = detector.state.basics
    component = int(basics.part[row])
    before = float(basics.fine[component, row])
    basics.fine[component, row] = max(before, float(basics.score[row]) + before)
    return Pardon(row, component, before)


def undo(detector: Detector, given: Pardon) -> None:
    detector.state.basics.fine[given.component, given.row] = given.before
