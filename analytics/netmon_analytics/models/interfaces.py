"""What a detector and a forecaster are, whoever made them."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Reason:
    """Why one value alarmed: what was odd, and what was expected instead."""

    series: int
    step: int
    component: str
    expected: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Detection:
    """scores: (S, T), -ln of the probability that an hour brings something as strange, NaN where nothing is said.

    alarms: (S, T). reasons: of alarms, where there are any to tell.
    """

    scores: Float64
    alarms: Mask
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Outlook:
    """What comes next: (S, steps) each, from the step after the last value on; NaN where too little is known.

    `low` to `high` holds the value with the probability that was asked. methods: (S,), what forecast each series.
    """

    low: Float64
    middle: Float64
    high: Float64
    methods: list[str]


class DetectorModel(Protocol):
    """Judges series as their values come, and learns from them."""

    def observe(self, times_s: Float64, values: Float64) -> Detection:
        """times_s: (T,), Unix seconds, rising; values: (S, T), NaN where there is none.

        The S series are always the same ones. What is not later than what was observed before is left out.
        """
        ...


class ForecasterModel(Protocol):
    """Says what comes next of regular series; it keeps nothing between calls."""

    def forecast(self, values: Float64, step_s: float, steps: int, share: float = 0.8) -> Outlook:
        """values: (S, N), one every `step_s`, NaN where there is none. share: the probability of low to high."""
        ...
