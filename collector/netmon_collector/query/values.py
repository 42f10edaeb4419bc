"""What expressions come to while a query is evaluated."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from netmon_collector.query.answer import Mask
from netmon_collector.query.masks import is_everywhere, nowhere
from netmon_collector.query.record import record
from netmon_collector.query.series import SeriesSet
from netmon_collector.store.base import Times, Values
from netmon_proto.model import NAME

METADATA = (NAME, "__type__", "__unit__")
"""Labels that say what a value is; an operation that makes something else of it drops them."""


@record
class Steps:
    """The times at which something is evaluated: int64 (T,), ms, step_ms apart."""

    times: Times
    step_ms: int

    @classmethod
    def between(cls, start_ms: int, end_ms: int, step_ms: int) -> "Steps":
        return cls(np.arange(start_ms, end_ms + 1, max(step_ms, 1), dtype=np.int64), step_ms)

    @classmethod
    @lru_cache(32)
    def of_query(cls, start_ms: int, end_ms: int, step_ms: int) -> "Steps":
        """Made once for all panels of a dashboard."""
        steps = cls.between(start_ms, end_ms, step_ms)
        steps.times.flags.writeable = False
        return steps

    def __len__(self) -> int:
        return len(self.times)

    def first(self) -> "Steps":
        return Steps(self.times[:1], self.step_ms)


@record
class Scalar:
    """values: float64 (T,)."""

    values: Values


@record
class Text:
    value: str


@record
class Vector:
    """S series at T steps. values: float64 (S, T), of no meaning where `present`, bool (S, T), is False.

    unnamed: bool (S,), which series will lose their METADATA labels. ordered: whether the order of the series counts.
    """

    series: SeriesSet
    values: Values
    present: Mask
    unnamed: npt.NDArray[np.bool_]
    ordered: bool = False

    @classmethod
    def of(cls, series: SeriesSet, values: Values, present: Mask) -> "Vector":
        return cls(series, values, present, nowhere(len(series)))

    @classmethod
    def none(cls, steps: Steps) -> "Vector":
        return cls.of(SeriesSet.empty(0), np.empty((0, len(steps))), np.empty((0, len(steps)), np.bool_))

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Vector":
        return Vector(
            self.series.take(rows), self.values[rows], self.present[rows], self.unnamed[rows], ordered=self.ordered
        )

    def sorted(self) -> "Vector":
        """With the series in the order of their labels."""
        if self.series.is_sorted:
            return self
        rows = self.series.order()
        return Vector(
            self.series.sorted(), self.values[rows], self.present[rows], self.unnamed[rows], ordered=self.ordered
        )

    def compact(self) -> "Vector":
        """Without the series that have no value at any step."""
        if is_everywhere(self.present) and self.present.shape[1]:  # as mostly
            return self
        kept: Mask = np.asarray(self.present.any(axis=1))
        return self if kept.all() else self.take(kept)

    def with_values(self, values: Values, present: Mask | None = None) -> "Vector":
        """The same series with other values, in no order that counts."""
        return Vector(self.series, values, self.present if present is None else present, self.unnamed)

    def spread(self, count: int) -> "Vector":
        """The values of one step as those of `count` steps."""
        shape = (len(self.series), count)
        return replace(self, values=np.broadcast_to(self.values, shape), present=np.broadcast_to(self.present, shape))


Value = Scalar | Text | Vector
