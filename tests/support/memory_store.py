"""A store in memory for tests of what reads stores: it finds what it was given, in frames of either kind."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from netmon_collector.store.base import ABSENT, Frame, Matcher
from netmon_collector.store.match import Matching
from netmon_proto.model import Labels

Points = Mapping[int, float]
"""Values by time in ms."""


class MemoryStore:
    """Series with their samples. shared: series of the same name are in one frame, else each has one of its own."""

    def __init__(self, *, shared: bool = True) -> None:
        self.shared = shared
        self.samples: dict[Labels, dict[int, float]] = {}

    def add(self, labels: Mapping[str, str], points: Points) -> None:
        key = tuple(sorted((name, value) for name, value in labels.items() if value))
        self.samples.setdefault(key, {}).update(points)

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        matching = Matching(matchers)
        groups: dict[object, list[tuple[Labels, Points]]] = defaultdict(list)
        for labels, points in self.samples.items():
            inside = {time: value for time, value in points.items() if start_ms <= time <= end_ms}
            if inside and matching.accepts(labels):
                groups[dict(labels).get("__name__") if self.shared else labels].append((labels, inside))
        return [_frame(members) for members in groups.values()]


def _frame(members: Sequence[tuple[Labels, Points]]) -> Frame:
    times = sorted({time for _, points in members for time in points})
    values = np.full((len(times), len(members)), ABSENT)
    place = {time: row for row, time in enumerate(times)}
    for column, (_, points) in enumerate(members):
        values[[place[time] for time in points], column] = list(points.values())
    return Frame([labels for labels, _ in members], np.array(times, np.int64), values)
