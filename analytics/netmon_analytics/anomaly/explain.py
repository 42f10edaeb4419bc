"""Why a series has the score that it has, what was expected of it, and "this was fine"."""

from dataclasses import dataclass
from math import isnan

import numpy as np

from netmon_analytics.anomaly.columns import Float64, Rows
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
    return explain_many(detector, slice(row, row + 1), np.zeros(1, np.intp))[0]


def explain_many(detector: Detector, rows: slice, chosen: Rows) -> list[Explanation]:
    """The same of many at once. chosen: which of the rows."""
    basics = detector.state.basics.view(rows)
    columns = (
        np.minimum(basics.score, HIGHEST_SCORE),
        detector.judge.bar_now(basics),
        basics.part,
        *bands(detector, rows),
        basics.began_s,
        basics.before_s,
    )
    return [
        Explanation(
            score,
            needed,
            COMPONENTS[part],
            expected,
            low,
            high,
            None if isnan(began) else began,
            None if isnan(before) else before,
        )
        for score, needed, part, expected, low, high, began, before in zip(
            *(column[chosen].tolist() for column in columns), strict=True
        )
    ]


def pardon(detector: Detector, row: int, component: str | None = None, score: float | None = None) -> Pardon:
    """What this series does now, or did with this score of this component, is fine: as much does not alarm for long."""
    basics = detector.state.basics
    part = int(basics.part[row]) if component is None else COMPONENTS.index(component)
    before = float(basics.fine[part, row])
    basics.fine[part, row] = max(before, float(basics.score[row] if score is None else score) + before)
    return Pardon(row, part, before)


def undo(detector: Detector, given: Pardon) -> None:
    detector.state.basics.fine[given.component, given.row] = given.before
