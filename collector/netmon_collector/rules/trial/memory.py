"""A store in memory that rules can be tried on: what a query and a rule need of one, and no more."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence

import numpy as np

from netmon_collector.store.base import Frame, Group, Latest, Lines, Matcher, Origin, Places, Points, Row
from netmon_collector.store.match import Matching
from netmon_proto.model import NAME, Labels


class TrialStore:
    """Series with their samples. A sample that is written again takes the place of the former one."""

    def __init__(self) -> None:
        self._labels: list[Labels] = []
        self._places: dict[Labels, int] = {}
        self._times: list[list[int]] = []
        self._values: list[list[float]] = []
        self._named: dict[str, list[int]] = {}
        self.is_whole = True

    def has(self, name: str) -> bool:
        """Whether there is a series of this name."""
        return name in self._named

    @property
    def pool(self) -> Group:
        return Group(None, self._labels)

    def enroll(self, labels: Sequence[Labels]) -> Places:
        return np.array([self._place(one) for one in labels], np.int64)

    def load(self, labels: Labels, points: Mapping[int, float]) -> None:
        """Adds samples of a series: values by time in ms."""
        place = self._place(labels)
        for time_ms, value in points.items():
            self._put(place, time_ms, value)

    def value_at(self, labels: Labels, time_ms: int) -> float | None:
        """The value that a series has at exactly this time."""
        place = self._places.get(labels)
        times = [] if place is None else self._times[place]
        at = bisect_left(times, time_ms)
        return self._values[self._places[labels]][at] if at < len(times) and times[at] == time_ms else None

    async def append(self, rows: Sequence[Row | Points], origin: Origin | None = None) -> bool:
        """Takes points of the pool."""
        for part in rows:
            assert isinstance(part, Points)
            points = zip(part.columns.tolist(), part.times.tolist(), part.values.tolist(), strict=True)
            for place, time_ms, value in points:
                self._put(place, time_ms, value)
        return True

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        return self.select_now(matchers, start_ms, end_ms)

    def select_now(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        found = []
        for place in self._fitting(matchers):
            times = self._times[place]
            first, end = bisect_left(times, start_ms), bisect_right(times, end_ms)
            if end > first:
                values = np.array(self._values[place][first:end])
                found.append(Frame([self._labels[place]], np.array(times[first:end], np.int64), values[:, None]))
        return found

    def lines_now(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Lines:
        labels: list[Labels] = []
        times: list[int] = []
        values: list[float] = []
        starts = [0]
        for place in self._fitting(matchers):
            first, end = bisect_left(self._times[place], start_ms), bisect_right(self._times[place], end_ms)
            if end > first:
                labels.append(self._labels[place])
                times += self._times[place][first:end]
                values += self._values[place][first:end]
                starts.append(len(times))
        begins, axis = np.array(starts, np.int64), np.arange(len(labels))
        return Lines(labels, np.array(values, np.float64), begins, axis, np.array(times, np.int64), begins)

    def latest_now(self, matchers: Sequence[Matcher]) -> Latest:
        fitting = [place for place in self._fitting(matchers) if self._times[place]]
        return Latest(
            [self._labels[place] for place in fitting],
            np.array([self._times[place][-1] for place in fitting], np.int64),
            np.array([self._values[place][-1] for place in fitting], np.float64),
        )

    def _fitting(self, matchers: Sequence[Matcher]) -> list[int]:
        matching = Matching(matchers)
        named = next((one.value for one in matchers if one.name == NAME and one.op == "="), None)
        places = range(len(self._labels)) if named is None else self._named.get(named, [])
        return [place for place in places if matching.accepts(self._labels[place])]

    def _place(self, labels: Labels) -> int:
        place = self._places.setdefault(labels, len(self._labels))
        if place == len(self._labels):
            self._labels.append(labels)
            self._times.append([])
            self._values.append([])
            self._named.setdefault(dict(labels).get(NAME, ""), []).append(place)
        return place

    def _put(self, place: int, time_ms: int, value: float) -> None:
        times, values = self._times[place], self._values[place]
        at = bisect_left(times, time_ms)
        if at < len(times) and times[at] == time_ms:
            values[at] = value
            return
        insort(times, time_ms)
        values.insert(at, value)
