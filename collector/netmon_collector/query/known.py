"""The labels of series that were asked for lately, as columns: dashboards and rules ask for the same series again."""

from collections.abc import Sequence
from typing import Final

from netmon_collector.query.series import SeriesSet
from netmon_collector.store.cache import Cache
from netmon_collector.store.labels import LabelIndex, SeriesView
from netmon_proto.model import Labels

_MOST_BYTES: Final = 32 << 20
_SERIES_BYTES: Final = 400
"""About what is kept of a series: its columns, and what was made of them."""
_ENTRY_BYTES: Final = 2000
_FEW: Final = 500
_MOST_LATELY: Final = 200


class KnownSeries:
    """Any thread may use it."""

    def __init__(self) -> None:
        self._kept = Cache(_MOST_BYTES)
        self._lately: dict[int, tuple[SeriesView, SeriesSet]] = {}
        """By the id of the numbers: for conditions that are kept a store has the very same ones again."""

    def of(self, labels: Sequence[Labels]) -> SeriesSet:
        """The series; the same set again, where it is of the same series of an index."""
        if not isinstance(labels, SeriesView):
            return SeriesSet.of_parts([labels])
        lately = self._lately.get(id(labels.numbers))
        if lately is not None and lately[0].numbers is labels.numbers and lately[0].source is labels.source:
            return lately[1]
        series = self._found(labels)
        if len(series) <= _FEW:
            if len(self._lately) >= _MOST_LATELY:
                self._lately = {}
            self._lately[id(labels.numbers)] = labels, series
        return series

    def _found(self, labels: SeriesView) -> SeriesSet:
        numbers = labels.numbers.tobytes()
        kept: tuple[LabelIndex, SeriesSet] | None = self._kept.get(numbers)
        if kept is not None and kept[0] is labels.source:
            return kept[1]
        made = SeriesSet.of_parts([labels])
        self._kept.put(numbers, (labels.source, made), len(numbers) + len(made) * _SERIES_BYTES + _ENTRY_BYTES)
        return made
