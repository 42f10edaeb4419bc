"""Why a series has the score that it has, what was expected of it, and "this was fine"."""

from dataclasses import dataclass

import numpy as np

from netmon_analytics.anomaly.columns import Float64
from netmon_analytics.anomaly.detector import Detector
from netmon_analytics.anomaly.judge import HIGHEST_SCORE
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


def bands(detector: Detector, rows: slice | None = None) -> tuple[Float64, Float64, Float64]:
    """Expected value, lowest and highest that do not alarm, of every series (or some rows) at its last value; NaN where
    not known."""
    state, c = detector.state if rows is None else detector.state.view(rows), detector.constants
    basics = state.basics
    asked = detector.judge.bar_now(basics) - np.float32(np.log(c.shares[0]))
    with np.errstate(all="ignore"):
        multiple = np.exp(state.deviation.threshold(asked, c.deviation_shape, c)).astype(np.float64)
        expected = basics.expected * basics.unit + basics.origin
        reach = multiple * basics.usual * basics.unit
        return expected, expected - reach, expected + reach


def explain(detector: Detector, row: int) -> Explanation:
    """As long as its last value is what is asked about: where that alarmed, at once."""
    own = slice(row, row + 1)
    basics = detector.state.basics.view(own)
    expected, low, high = (float(array[0]) for array in bands(detector, own))
    began, before = float(basics.began_s[0]), float(basics.before_s[0])
    return Explanation(
        min(float(basics.score[0]), float(HIGHEST_SCORE)),
        float(detector.judge.bar_now(basics)[0]),
        COMPONENTS[basics.part[0]],
        expected,
        low,
        high,
        None if np.isnan(began) else began,
        None if np.isnan(before) else before,
    )


def pardon(detector: Detector, row: int, component: str | None = None, score: float | None = None) -> Pardon:
    """What this series does now, or did with this score of this component, is fine: as much does not alarm for long."""
    basics = detector.state.basics
    part = int(basics.part[row]) if component is None else COMPONENTS.index(component)
    before = float(basics.fine[part, row])
    basics.fine[part, row] = max(before, float(basics.score[row] if score is None else score) + before)
    return Pardon(row, part, before)


def undo(detector: Detector, given: Pardon) -> None:
    detector.state.basics.fine[given.component, given.row] = given.before
