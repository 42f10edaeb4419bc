"""What alarmed within the last hour: of each series the last value that did, kept over a restart as well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netmon_analytics.anomaly import Explanation
from netmon_collector.anomaly.combinations import Part
from netmon_proto.model import Labels

MOST_TOLD: Final = 1000
TOLD_FOR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A series that is or lately was odd."""

    labels: Labels
    time_s: float
    """Of the last value that alarmed."""
    value: float
    explanation: Explanation
    parts: tuple[Part, ...] = ()
    """Where a combination is odd: what of it does not fit, the most so first."""
    words: str = ""
    """What it comes to, where more is known than numbers say."""

    @property
    def since_s(self) -> float:
        return self.explanation.began_s or self.time_s


@dataclass(slots=True)
class Alarm:
    """What is remembered of a series that alarmed: the last value that did, and the highest score by component."""

    time_s: float
    value: float
    explanation: Explanation
    highest: dict[str, float]


class Recent:
    """alarms: by row of the detector."""

    def __init__(self) -> None:
        self.alarms: dict[int, Alarm] = {}

    def note(self, row: int, time_s: float, value: float, score: float, told: Explanation) -> None:
        highest = self.alarms[row].highest if row in self.alarms else {}
        highest[told.component] = max(score, highest.get(told.component, 0.0))
        self.alarms[row] = Alarm(time_s, value, told, highest)

    def forget(self, rows: Iterable[int]) -> None:
        for row in rows:
            self.alarms.pop(row, None)

    def keep(self, since_s: float, until_s: float) -> None:
        """Forgets what alarmed at other times."""
        self.alarms = {row: one for row, one in self.alarms.items() if since_s < one.time_s <= until_s}

    def newest(self) -> list[tuple[int, Alarm]]:
        return sorted(self.alarms.items(), key=lambda item: -item[1].time_s)[:MOST_TOLD]

    def anomalies(self, labels: Sequence[Labels]) -> list[Anomaly]:
        """labels: of each row."""
        return [Anomaly(labels[row], one.time_s, one.value, one.explanation) for row, one in self.newest()]
