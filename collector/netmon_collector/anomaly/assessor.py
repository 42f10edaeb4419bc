"""Judges samples in a thread of its own, after they were stored, and never in the way of those that come.

What was stored is offered; it waits in a bounded queue, of which the oldest is dropped and counted where judging falls
behind. Every few seconds all that waits is laid into one array over all series and judged at once.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from netmon_analytics.anomaly import Constants, Detector, Kind, State, explain_many
from netmon_analytics.models import Tally
from netmon_collector.anomaly.candidates import candidates, next_device
from netmon_collector.anomaly.clocks import Clocks
from netmon_collector.anomaly.combinations import NOBODY, SAME_ALARM_S
from netmon_collector.anomaly.feedback import Fine
from netmon_collector.anomaly.laying import lay, pieces_of
from netmon_collector.anomaly.learned import Learned
from netmon_collector.anomaly.memory import Memory, load, load_combinations, save, save_combinations
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.anomaly.rates import Rates
from netmon_collector.anomaly.recent import MOST_TOLD, TOLD_FOR_S, Anomaly, resumed
from netmon_collector.anomaly.roster import FREE, NOT_JUDGED, Roster, Rows, kind_of
from netmon_collector.store.base import Points, Row, Store, Values
from netmon_collector.store.judged import Judged, JudgedPoints, JudgingStore, Verdict
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.anomaly")

TICK_S: Final = 5.0
TELL_EVERY_TICKS: Final = 12
SAVE_EVERY_TICKS: Final = 180
PART: Final = 4096
MOST_WAITING: Final = 4_000_000
"""Samples that may wait: 32 MB, and no more than a minute's of most collectors."""
AHEAD_S: Final = 600.0
"""Samples may be so far ahead of the clock."""
GROWTH: Final = 1.25
FEWEST_ROWS: Final = 256
AT_ONCE: Final = 200
"""Gathers of which the store is told before others have their turn: some 5 ms."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the judging goes."""

    series: int
    warm: int
    left_out: int
    judged: int
    dropped: int
    alarms: int
    state_bytes: int
    saved_s: float | None
    devices: int
    """Whose series are looked at together as well."""


class Assessor:
    """now_s: the clock. path: where the state is kept between starts. excused: those of some devices of which nothing
    is learned at a time, Unix milliseconds, because they are in maintenance. site_of: where a device is, by its name.
    """

    def __init__(
        self,
        options: AnomalyOptions,
        path: Path,
        now_s: Callable[[], float],
        excused: Callable[[Set[str], int], Set[str]] = lambda _, __: frozenset(),
        site_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._constants = Constants(weeks_per_alarm=options.weeks_per_alarm)
        self._path = path
        self._now_s = now_s
        self._excused = excused
        self._clocks = Clocks(options.zone, options.zones, site_of)
        known = load(path)
        self._feedback, self._absence, self._saved_s = known.feedback, known.absence, known.saved_s
        self._combinations_path = path.with_name("combinations.npz")
        self.combinations = load_combinations(self._combinations_path, self._constants)
        self.combinations.fine = self._feedback.given
        self._looked_s = {one.instance: one.learned_s for one in self.combinations.learned}
        self._turn = Lock()
        self._roster = Roster(options.max_series, known.labels)
        self._most_rows = max(options.max_series, len(known.labels))
        self._detector = Detector(known.state, self._constants)
        self._queue: deque[Row | Points] = deque()
        self._waiting = 0
        self._dropped = self._judged = self._alarms = 0
        self._behind = self._told_too_many = False
        self._recent, self.combinations.odd = resumed(known.recent, self._roster.row_of)
        self._is_unsaved = False
        self.consumers: Sequence[Anomaly] = ()
        """Who takes what others need, as somebody else found out; told with the rest."""
        self.anomalies: Sequence[Anomaly] = ()
        """What alarmed within the last hour, the newest first; a new sequence each time."""
        self.rates = Rates(self._roster)
        self.tally = Tally()
        """What was said since the start, or since another state was taken up."""
        self._tell()

    def offer(self, rows: Sequence[Row | Points]) -> None:
        """What was stored."""
        for row in rows:
            self._queue.append(row)
            self._waiting += len(row.values)
        while self._waiting > MOST_WAITING:
            gone = len(self._queue.popleft().values)
            self._waiting -= gone
            self._dropped += gone
            if not self._behind:
                log.warning("anomaly.behind", consequence="some samples are not judged; they are stored")
            self._behind = True

    async def run(self, store: Store, append: Callable[[Sequence[Row]], Awaitable[None]]) -> None:
        """Until cancelled; every minute the rates of anomalies are appended."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            devices = self._roster.families["instance"].values
            self._clocks.look(devices, self._now_s())
            excused = self._excused(set(devices), round(self._now_s() * 1000))
            verdicts = await asyncio.to_thread(self.judge, excused)
            if isinstance(store, JudgingStore):
                for start in range(0, len(verdicts), AT_ONCE):
                    store.judge(verdicts[start : start + AT_ONCE])
                    await asyncio.sleep(0)
            ticks += 1
            if ticks % TELL_EVERY_TICKS == 0:
                now_ms = round(self._now_s() * 1000)
                with self._turn:
                    rows = [*self.rates.rows(store, now_ms), *self.combinations.rows(store, now_ms)]
                await append(rows)
            if ticks % SAVE_EVERY_TICKS == 0 or self._is_unsaved:
                await asyncio.to_thread(self.save)

    def judge(self, excused: Set[str] = frozenset()) -> list[Judged | JudgedPoints]:
        """Judges all that waits: the verdicts, which are for the store to keep beside the samples. Of the devices that
        are excused nothing is learned.
        """
        with self._turn:
            return self._judge(excused)

    def _judge(self, excused: Set[str]) -> list[Judged | JudgedPoints]:
        taken = [self._queue.popleft() for _ in range(len(self._queue))]
        self._waiting = max(0, self._waiting - sum(len(row.values) for row in taken))
        if self._behind and self._waiting < MOST_WAITING // 2:
            self._behind = False
            log.info("anomaly.caught_up", dropped=self._dropped)
        told: list[Judged | JudgedPoints] = []
        pieces, left_out = pieces_of(taken, self._roster)
        self._dropped += left_out
        self._make_room()
        self._set_clocks()
        self._come_back()
        for sheet in lay(pieces, self._detector.state.series):
            values = sheet.values
            teach = self._teaching(excused, len(values))
            verdicts = np.full(len(values), Verdict.UNKNOWN, np.uint8)
            for start in range(0, len(values), PART):
                part = slice(start, min(start + PART, len(values)))
                if np.isfinite(values[part]).any():
                    self._observe(sheet.times_s, values, part, verdicts[part], teach)
            self.combinations.observe(sheet.times_s, values)
            self._absence.end(values)
            told += [judged for piece in sheet.pieces if (judged := piece.judged(verdicts)) is not None]
        self._count_together(self.combinations.judge(self._now_s(), excused))
        if self._absence.look(self._now_s()) and self._roster.is_nearly_full:
            self._take_away()
        self._tell()
        return told

    def _teaching(self, excused: Set[str], series: int) -> NDArray[np.bool_] | None:
        """Of which series something is learned; None for all."""
        if not excused:
            return None
        teach = np.ones(series, np.bool_)
        ours = ~self._roster.families["instance"].are_in(excused)
        teach[: len(ours)] = ours
        return teach

    def _observe(
        self,
        times: Values,
        values: Values,
        part: slice,
        verdicts: NDArray[np.uint8],
        teach: NDArray[np.bool_] | None,
    ) -> None:
        basics = self._detector.state.basics
        apart_s = times[part] - basics.last_s[part]
        found = self._detector.observe(times[part], values[part], part, None if teach is None else teach[part])
        began = found.alarm & (basics.began_s[part] == times[part])
        self.tally.add(found.score.astype(np.float64), began if teach is None else began & teach[part], apart_s)
        verdicts[np.isfinite(found.score)] = Verdict.NORMAL
        verdicts[found.alarm] = Verdict.ANOMALOUS
        judged, alarmed = np.flatnonzero(np.isfinite(found.score)), np.flatnonzero(found.alarm)
        self._judged += len(judged)
        self._alarms += len(alarmed)
        self.rates.count(judged + part.start, alarmed + part.start)
        if len(alarmed):  # told as it is now: the next value may be usual again
            rows, now = (alarmed + part.start).tolist(), explain_many(self._detector, part, alarmed)
            for row, score, one in zip(rows, basics.score[rows].tolist(), now, strict=True):
                told = self._told_value(row, float(values[row]))
                self._recent.note(row, float(times[row]), told, score, one)

    def _count_together(self, rows: Rows) -> None:
        """Values that do not fit the others count as odd as well, unless their series alarms by itself."""
        alone = self._detector.state.basics.alarm_s[rows] > self._now_s() - SAME_ALARM_S
        self.rates.count(NOBODY, rows[~alone])

    def _told_value(self, row: int, value: float) -> float:
        """Counters are told as rates."""
        state = self._detector.state
        basics = state.basics
        if basics.kind[row] != Kind.COUNTER:
            return value
        return float(state.stretch.value[row] * basics.unit[row] + basics.origin[row])

    def _make_room(self) -> None:
        series, known = len(self._roster.labels), self._detector.state.series
        if self._roster.left_out and not self._told_too_many:
            self._told_too_many = True
            log.warning(
                "anomaly.too_many_series",
                judged=self._roster.series,
                consequence="those that came later are stored and not judged; 'anomaly: max_series' says how many are",
            )
        given = np.array(self._roster.given(), np.intp)
        if not len(given):
            return
        if series > known:
            self._detector.grow(min(self._most_rows, max(FEWEST_ROWS, round(series * GROWTH))))
            self._absence.grow(self._detector.state.series)
        state = self._detector.state
        kinds = np.array([kind_of(self._roster.labels[row]) for row in given.tolist()], np.uint8)
        state.forget(given[state.basics.kind[given] != kinds])  # what was learned of them as others says nothing
        state.basics.kind[given] = kinds
        self.combinations.find(self._roster.row_of)

    def _take_away(self) -> None:
        """Series of which nothing came for long make place for others, unless somebody said lately what was fine."""
        roster = self._roster
        is_gone = self._absence.gone[: len(roster.labels)]
        is_gone[self._feedback.rows(self._now_s() - self._constants.fine_s)] = False
        rows = np.array([row for row in np.flatnonzero(is_gone).tolist() if roster.labels[row] != FREE], np.intp)
        if not len(rows):
            return
        self.rates.renumber(roster.take_away(rows))
        self._detector.state.forget(rows)
        self._absence.hours[rows] = 0
        self.combinations.forget(rows)
        self._recent.forget(rows.tolist())
        self._feedback.forget(set(rows.tolist()))
        self.combinations.fine = self._feedback.given
        devices = set(roster.families["instance"].values)
        self._looked_s = {name: looked_s for name, looked_s in self._looked_s.items() if name in devices}
        self._told_too_many &= roster.is_nearly_full
        log.info("anomaly.made_room", series=len(rows), consequence="nothing came of them for long; others are judged")

    def _set_clocks(self) -> None:
        """Devices that came since the clocks were looked at have theirs with the next tick."""
        numbers, ahead_s = self._roster.families["instance"].numbers, self._clocks.ahead_s
        known = np.flatnonzero(numbers < len(ahead_s))
        self._detector.state.basics.ahead_s[known] = ahead_s[numbers[known]]

    def _come_back(self) -> None:
        """What seems to have come long from now on came by a clock that was set back since: it must not keep later
        values from being looked at."""
        now_s, basics = self._now_s(), self._detector.state.basics
        if (basics.last_s > now_s + AHEAD_S).any():
            for known in (basics.first_s, basics.last_s, basics.alarm_s, basics.began_s, basics.before_s):
                np.copyto(known, now_s, where=known > now_s + AHEAD_S)
            self._recent.keep(-math.inf, now_s + AHEAD_S)

    def _tell(self) -> None:
        """What alarmed lately; the oldest are forgotten."""
        now_s = self._now_s()
        self._recent.keep(now_s - TOLD_FOR_S, math.inf)
        alone = self._recent.anomalies(self._roster.labels)
        together = [
            Anomaly(odd.labels, odd.time_s, odd.distance, odd.explanation, odd.parts)
            for odd in self.combinations.odd.values()
            if odd.time_s > now_s - TOLD_FOR_S
        ]
        self.anomalies = sorted([*alone, *together, *self.consumers], key=lambda one: -one.time_s)[:MOST_TOLD]

    def next_to_learn(self) -> tuple[str, dict[Labels, bool]] | None:
        """A device whose series are to be looked at together, and those that are worth it; None while none is due."""
        with self._turn:
            basics, now_s = self._detector.state.basics, self._now_s()
            roster, combinations = self._roster, self.combinations
            device = next_device(
                roster, basics, self._looked_s, now_s, lambda name: combinations.has_place(name, now_s)
            )
            if device is None:
                return None
            self._looked_s[device] = now_s
            return device, candidates(roster, basics, device, now_s)

    def take(self, learned: Learned) -> None:
        """Goes by what was learned of a device."""
        with self._turn:
            self.combinations.take(learned)
            self.combinations.find(self._roster.row_of)

    def accept(self, is_meant: Callable[[Labels], bool], given_by: str) -> list[Fine]:
        """What these of the anomalies of the last hour did was fine: the like of it does not alarm for 60 days."""
        with self._turn:
            now_s = self._now_s()
            labels = self._roster.labels
            rows = [
                (row, labels[row], one.highest) for row, one in self._recent.alarms.items() if is_meant(labels[row])
            ]
            together = [
                (odd.labels, odd.highest)
                for odd in self.combinations.odd.values()
                if odd.time_s > now_s - TOLD_FOR_S and is_meant(odd.labels)
            ]
            said = self._feedback.accept(self._detector, rows, together, now_s, given_by)
            self.combinations.fine = self._feedback.given
            self._is_unsaved = True
            return said

    def take_back(self, fine_id: str) -> Fine | None:
        """Takes back that something was fine, and what was said of the same series since; None where it is unknown."""
        with self._turn:
            found = self._feedback.take_back(self._detector, fine_id)
            self.combinations.fine = self._feedback.given
            self._is_unsaved = True
            return found

    @property
    def feedback(self) -> Sequence[Fine]:
        """What was fine, the oldest first."""
        return self._feedback.given

    def snapshot(self, wanted: Sequence[Labels] | None = None) -> tuple[State, list[Labels]]:
        """A copy of what is known of all series, or of some of them, and which series these are."""
        with self._turn:
            labels = self._roster.labels
            rows = self._roster.known(labels if wanted is None else wanted)
            return self._detector.state.take(np.array(rows, np.intp)), [labels[row] for row in rows]

    def adopt(self, state: State, labels: Sequence[Labels]) -> None:
        """Goes on from another state of these series; what people said was fine stays said, and others as they are."""
        with self._turn:
            known = [(self._roster.row_of(one), place) for place, one in enumerate(labels)]
            pairs = np.array([pair for pair in known if pair[0] != NOT_JUDGED], np.intp).reshape(-1, 2)
            taken, own = state.take(pairs[:, 1]), self._detector.state
            seen = np.isfinite(taken.basics.first_s) & (taken.basics.kind == own.basics.kind[pairs[:, 0]])
            taken.basics.fine[:] = own.basics.fine[:, pairs[:, 0]]
            own.put(pairs[seen, 0], taken.take(np.flatnonzero(seen)))
            self.tally = Tally()

    def save(self) -> None:
        """Writes the state down; a disk that does not take it is told, and the next time may be better."""
        try:
            with self._turn:
                self._is_unsaved = False
                now_s, labels = self._now_s(), self._roster.labels
                recent = self._recent.told(labels, self.combinations.odd.values())
                known = Memory(self._detector.state, labels, self._feedback, self._absence, recent, now_s)
                save(self._path, known)
                save_combinations(self._combinations_path, self.combinations)
        except OSError as error:
            log.warning("anomaly.not_saved", error=str(error), path=self._path)
            return
        self._saved_s = now_s

    def standing(self) -> Standing:
        state = self._detector.state
        return Standing(
            self._roster.series,
            int(np.count_nonzero(state.basics.warm)),
            self._roster.left_out,
            self._judged,
            self._dropped,
            self._alarms,
            state.nbytes + self.combinations.nbytes,
            self._saved_s,
            len(self.combinations.learned),
        )
