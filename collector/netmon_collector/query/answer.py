"""What a query comes to: an answer in columns, or an error of a kind that Prometheus' users know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from netmon_collector.query.record import record
from netmon_collector.store.base import Times, Values
from netmon_proto.model import Labels

Mask = npt.NDArray[np.bool_]


class Shape(StrEnum):
    """Prometheus' result types, by the names that its API gives them."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "vector"
    MATRIX = "matrix"


class ErrorKind(StrEnum):
    """Prometheus' error types, by the names that its API gives them."""

    BAD_DATA = "bad_data"
    EXECUTION = "execution"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class QueryError(Exception):
    """A query that has no answer: what is wrong with it, or which bound it met and what to do."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Samples of S series, one series after the other: times int64 (N,) in ms and values float64 (N,).

    Those of series s are starts[s]:starts[s + 1]; starts has S + 1 entries. Times rise within a series.
    """

    times: Times
    values: Values
    starts: npt.NDArray[np.int64]

    def of(self, series: int) -> tuple[Times, Values]:
        own = slice(self.starts[series], self.starts[series + 1])
        return self.times[own], self.values[own]


@dataclass(frozen=True, slots=True)
class Stats:
    """What a query took."""

    samples_read: int = 0
    series_read: int = 0


@record
class Answer:
    """The result of a query.

    labels: S entries, none twice; in Prometheus' order (sorted for a range query and for what has no order of its own).
    times: int64 (T,), Unix milliseconds: the steps of a range query, or the one time of an instant query.
    values: float64 (S, T); means nothing where `present` is False. present: bool (S, T); each series has a value.
    Scalars have one series without labels, S = 1; an instant query gives Shape.SCALAR, a range query Shape.MATRIX.
    samples: only for an instant query of a range selector (Shape.MATRIX), which answers with samples as they were
    stored; then `values` and `present` have T = 0.
    text: only for Shape.STRING, which has S = 0.
    warnings, infos: Prometheus' annotations, worded as there, none twice.
    """

    shape: Shape
    labels: Sequence[Labels]
    times: Times
    values: Values
    present: Mask
    samples: Samples | None = None
    text: str | None = None
    warnings: Sequence[str] = ()
    infos: Sequence[str] = ()
    stats: Stats = field(default_factory=Stats)
