"""The series of each device together: whether their values fit each other.

Of a device that has been learned (learning.py) the values are collected for a step, a minute or as long as it takes
until all have come, and judged by what each should be with the others as they are.
"""

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants, Explanation
from netmon_analytics.anomaly.tail import Tail
from netmon_analytics.combination import Alarms, Models
from netmon_analytics.combination.alarm import Standing
from netmon_collector.anomaly.feedback import Fine, Forgiven
from netmon_collector.anomaly.learned import Learned
from netmon_collector.anomaly.roster import NOT_JUDGED, Rows
from netmon_collector.anomaly.steps import Steps
from netmon_collector.store.base import ABSENT, Group, Row, Store, Values
from netmon_proto.model import NAME, Kind, Labels

METRIC: Final = "netmon_combination_score"
MOST_DEVICES: Final = 10_000
"""Each takes 5 KB; those beyond are judged series by series alone."""
GONE_S: Final = 7 * 86_400.0
"""Each device is learned anew every day: one that was not for so long is there no more, and its place is free."""
GROWTH: Final = 1.25
FEWEST_PLACES: Final = 16
SAME_ALARM_S: Final = 600.0
MOST_PARTS: Final = 3
TOLD_FROM: Final = 0.5
"""Of what is off most: what is off by less is not named."""
NOBODY: Final = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class Part:
    """A series that does not fit the others: its value, and what goes with theirs. Counters are told as rates."""

    labels: Labels
    value: float
    usual: float


@dataclass(frozen=True, slots=True)
class Odd:
    """A device whose values do not fit each other. distance: its mean over the last minutes."""

    instance: str
    time_s: float
    distance: float
    score: float
    highest: float
    """The highest score since it began."""
    needed: float
    limit: float
    """The distance that alarms."""
    began_s: float
    before_s: float | None
    parts: tuple[Part, ...]

    @property
    def labels(self) -> Labels:
        return ((NAME, METRIC), ("instance", self.instance))

    @property
    def explanation(self) -> Explanation:
        return Explanation(
            self.score, self.needed, "combination", math.nan, 0.0, self.limit, self.began_s, self.before_s
        )


class Combinations:
    """Not to be called from two threads at a time."""

    def __init__(self, constants: Constants, learned: Sequence[Learned] = ()) -> None:
        self.learned: list[Learned] = []
        """Of each device that has a model, by its place."""
        self.odd: dict[str, Odd] = {}
        """What alarmed last, by device."""
        self.fine: Sequence[Fine] = ()
        """What people said was fine, of single series as well."""
        self._judged: set[int] = set()
        self._places: dict[str, int] = {}
        self._models = Models.empty(0)
        self.alarms = Alarms.empty(0, constants)
        self._steps = Steps.empty(0)
        self._group: tuple[list[str], Group] | None = None
        for one in learned:
            self.take(one)

    def take(self, learned: Learned) -> bool:
        """Goes by what was learned of a device; False where there are too many."""
        place = self._places.get(learned.instance)
        if place is None:
            place = self._place_for(learned)
            if place is None:
                return False
            self._places[learned.instance] = place
        elif self.learned[place].series != learned.series:
            self.alarms.forget(place)
        self.learned[place] = learned
        self._models.put(place, learned.fitted)
        self._steps.begin(place, learned)
        return True

    def has_place(self, instance: str, now_s: float) -> bool:
        """Whether a device has a place, or there is one for it."""
        if instance in self._places or len(self.learned) < MOST_DEVICES:
            return True
        return now_s - min(one.learned_s for one in self.learned) > GONE_S

    def _place_for(self, learned: Learned) -> int | None:
        """A place for a device: one at the end, or that of a device that has been gone for long."""
        place = len(self.learned)
        if place < MOST_DEVICES:
            self.learned.append(learned)
            if place >= len(self._steps.step):
                self._grow(min(MOST_DEVICES, max(FEWEST_PLACES, round(GROWTH * place))))
            return place
        oldest = min(range(place), key=lambda at: self.learned[at].learned_s)
        if learned.learned_s - self.learned[oldest].learned_s <= GONE_S:
            return None
        del self._places[self.learned[oldest].instance]
        self.odd.pop(self.learned[oldest].instance, None)
        self.alarms.forget(oldest)
        return oldest

    def resume(self, standing: Standing, tail: Tail) -> None:
        """Goes on from where an earlier process was. Raises ValueError where that was of fewer devices."""
        devices = len(standing.hour)
        if devices < len(self.learned) or len(tail.level) != devices:
            raise ValueError(f"{len(self.learned)} devices but the standing of {devices}")
        self._grow(max(devices, len(self._steps.step)))
        self.alarms = Alarms(
            standing.grown(len(self._steps.step)), tail.grown(len(self._steps.step)), self.alarms.constants
        )

    def find(self, row_of: Callable[[Labels], int]) -> None:
        """Which rows of the detector the series have; those that have none yet are looked for again."""
        for place, one in enumerate(self.learned):
            own = self._steps.rows[: len(one.series), place]
            if (own == NOT_JUDGED).any():
                own[:] = [row_of(labels) for labels in one.series]

    def forget(self, rows: Rows) -> None:
        """These rows of the detector are of other series from now on."""
        own = self._steps.rows
        own[np.isin(own, rows)] = NOT_JUDGED

    def observe(self, times_s: Values, values: Values) -> None:
        """Values of all series by row, NaN where there is none."""
        if self.learned and len(values):
            self._steps.add(times_s, values)

    @property
    def models(self) -> Models:
        """Of the devices in `learned`."""
        return self._models.take(np.arange(len(self.learned)))

    def judge(self, now_s: float, excused: Set[str]) -> Rows:
        """Judges the devices whose step is over. Of the excused nothing is learned, and nothing is told.

        Gives the row of the series that fits least where a device alarms, once for each value of the step.
        """
        due = self._steps.over(now_s)
        if not len(due):
            return NOBODY
        rows, counts = self._steps.rows[:, due].T, self._steps.count[:, due].T.astype(np.intp)
        values = self._steps.take_means(due, now_s)
        distance, off, usual = self._models.take(due).judge(values)
        every = np.full(len(self._steps.step), np.nan, np.float32)
        every[due] = distance
        teach = np.ones(len(every), np.bool_)
        teach[[place for name, place in self._places.items() if name in excused]] = False
        self._forgive(now_s)
        alarm = self.alarms.observe(now_s, every, self._steps.step_s, teach) & teach
        odd = [NOBODY]
        for at in np.flatnonzero(alarm[due]).tolist():
            self._tell(int(due[at]), now_s, off[at], values[at], usual[at])
            worst = off[at].argmax()
            odd.append(np.repeat(rows[at, worst], counts[at, worst]))
        self._judged.update(due.tolist())
        return np.concatenate(odd)

    def _forgive(self, now_s: float) -> None:
        """What was called fine counts by half after `fine_s`, as that of single series does."""
        fine = self.alarms.fine
        fine[:] = 0
        for one in self.fine:
            place = self._places.get(dict(one.labels).get("instance", ""))
            if isinstance(one.pardon, Forgiven) and place is not None:
                left = one.pardon.score * 0.5 ** ((now_s - one.time_s) / self.alarms.constants.fine_s)
                fine[place] = max(fine[place], left)

    def _tell(self, place: int, now_s: float, off: NDArray[np.float32], values: Values, usual: Values) -> None:
        one = self.learned[place]
        worst = [at for at in np.argsort(-off).tolist()[:MOST_PARTS] if off[at] >= TOLD_FROM * off.max()]
        parts = tuple(Part(one.series[at], float(values[at]), float(usual[at])) for at in worst)
        alarms = self.alarms
        distance, score, needed, limit = (
            float(array[place])
            for array in (alarms.standing.recent, alarms.standing.score, alarms.needed(), alarms.limit())
        )
        began_s, before_s, highest = now_s, None, score
        if earlier := self.odd.get(one.instance):
            before_s = earlier.began_s
            if now_s - earlier.time_s < SAME_ALARM_S:
                began_s, before_s, highest = earlier.began_s, earlier.before_s, max(score, earlier.highest)
        self.odd[one.instance] = Odd(
            one.instance, now_s, distance, score, highest, needed, limit, began_s, before_s, parts
        )

    def rows(self, store: Store, now_ms: int) -> list[Row]:
        """The score of each device that was judged since the last call, as a metric."""
        names = [one.instance for one in self.learned]
        score = self.alarms.standing.score[: len(names)].astype(np.float64)
        judged = np.isin(np.arange(len(names)), list(self._judged)) & np.isfinite(score)
        self._judged.clear()
        if not judged.any():
            return []
        if self._group is None or self._group[0] != names:
            labels: list[Labels] = [((NAME, METRIC), ("instance", name)) for name in names]
            self._group = (names, store.register(labels, [Kind.GAUGE] * len(labels)))
        return [Row(self._group[1], now_ms, np.where(judged, score, ABSENT))]

    @property
    def nbytes(self) -> int:
        alarms = self.alarms.standing.nbytes + self.alarms.tail.nbytes
        return self._models.nbytes + self._steps.nbytes + alarms

    def _grow(self, devices: int) -> None:
        self._models, self._steps = self._models.grown(devices), self._steps.grown(devices)
        self.alarms.grow(devices)
