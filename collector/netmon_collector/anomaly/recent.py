"""What alarmed within the last hour: of each series the last value that did, kept over a restart as well."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from netmon_analytics.anomaly import Explanation
from netmon_collector.anomaly.combinations import Odd, Part
from netmon_collector.anomaly.roster import NOT_JUDGED
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.anomaly")

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

    def __init__(self, alarms: Mapping[int, Alarm] | None = None) -> None:
        self.alarms: dict[int, Alarm] = dict(alarms or {})

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

    def told(self, labels: Sequence[Labels], odd: Iterable[Odd]) -> dict[str, Any]:
        """As JSON, no more than is told of at once. labels: of each row. odd: devices whose series do not fit."""
        together = sorted(odd, key=lambda one: -one.time_s)[:MOST_TOLD]
        return {
            "alone": [{"labels": labels[row], "alarm": asdict(one)} for row, one in self.newest()],
            "together": [asdict(one) for one in together],
        }


def resumed(told: dict[str, Any] | None, row_of: Callable[[Labels], int]) -> tuple[Recent, dict[str, Odd]]:
    """What `Recent.told` gave before a restart, and the devices by name; nothing where that cannot be understood."""
    if told is None:
        return Recent(), {}
    try:
        alarms = {row_of(_labels(one["labels"])): _alarm(**one["alarm"]) for one in told["alone"]}
        together = [_odd(**one) for one in told["together"]]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        log.warning("anomaly.recent_forgotten", error=str(error), consequence="what was odd before is not told")
        return Recent(), {}
    alarms.pop(NOT_JUDGED, None)
    return Recent(alarms), {one.instance: one for one in together}


def _alarm(explanation: dict[str, Any], **rest: Any) -> Alarm:
    return Alarm(explanation=Explanation(**explanation), **rest)


def _odd(parts: list[dict[str, Any]], **rest: Any) -> Odd:
    return Odd(parts=tuple(Part(**(one | {"labels": _labels(one["labels"])})) for one in parts), **rest)


def _labels(told: list[list[str]]) -> Labels:
    return tuple((str(name), str(value)) for name, value in told)
