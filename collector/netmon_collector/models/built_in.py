"""The model that judges every series: trained from history, kept in versions, rolled back like the others."""

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final

import numpy as np

from netmon_analytics.anomaly import Constants, State
from netmon_analytics.anomaly.columns import Int32, Mask
from netmon_analytics.models import Tally
from netmon_analytics.models.interfaces import Arrays
from netmon_collector.anomaly.assessor import TICK_S, Assessor
from netmon_collector.anomaly.roster import kind_of
from netmon_collector.models.base import Made, Standing
from netmon_collector.models.detector import copied, standing_of, understood
from netmon_collector.models.shelf import Version, text
from netmon_collector.models.spec import ModelError
from netmon_collector.models.workshop import TrainingFailed, Workshop
from netmon_collector.store.base import Frame, Matcher, MatchOp, Store, StoreError, Times
from netmon_proto.model import NAME, Labels

FIRST_PART_MS: Final = 3_600_000
SHORTEST_PART_MS: Final = 60_000
MOST_VALUES, FEWEST_VALUES = 4_000_000, 500_000
"""Of a part of the history: it is made shorter or longer to have about so many."""
Spans = Mapping[str, Sequence[tuple[int, int]]]
"""Times, in Unix milliseconds, by device."""
EVERYTHING: Final = (Matcher(NAME, MatchOp.NOT_EQUAL, ""),)


class BuiltIn:
    """See `Keeper`. It learns as samples come; to train it is to replay what is stored through a fresh detector.

    excused: when some devices were in maintenance within a time: of that nothing is learned.
    """

    def __init__(
        self,
        assessor: Assessor,
        store: Store,
        history_ms: int,
        constants: Constants,
        excused: Callable[[Set[str], int, int], Spans] = lambda *_: {},
    ) -> None:
        self._assessor = assessor
        self._store = store
        self._history_ms = history_ms
        self._constants = constants
        self._excused = excused
        self._reference: Tally | None = None

    def as_it_is(self, now_ms: int) -> Made:
        """What it knows now, as a version."""
        state, labels = self._assessor.snapshot()
        arrays = {"labels": text([dict(one) for one in labels]), **Tally().arrays(), **state.arrays()}
        about = {"series": len(labels), "samples": 0, "from_ms": None, "to_ms": now_ms, "made_by": "as samples came"}
        return Made(arrays, about, 0.0)

    async def train(self, workshop: Workshop, now_ms: int) -> Made:
        state, labels = self._assessor.snapshot()
        rows = {one: row for row, one in enumerate(labels)}
        start_ms = now_ms - self._history_ms
        head = {
            "job": "detector",
            "weeks_per_alarm": self._constants.weeks_per_alarm,
            "tick_s": TICK_S,
            "counted_from_s": (start_ms + now_ms) / 2000,
        }
        if not rows:
            raise TrainingFailed("no series was gathered since the start")
        excused = self._excused({dict(one).get("instance", "") for one in labels}, start_ms, now_ms)
        async with workshop.at_work(head) as work:
            at_ms, oldest_ms = start_ms, None
            length_ms = next_length_ms(FIRST_PART_MS, FEWEST_VALUES, len(rows))
            while at_ms < now_ms:
                until_ms = min(at_ms + length_ms, now_ms)
                frames = await self._frames(at_ms, until_ms - 1)
                found = await asyncio.to_thread(blocks, frames, rows, state.basics.ahead_s, excused)
                if found:
                    await work.give(found)
                    oldest_ms = oldest_ms or min(int(frame.times[0]) for frame in frames)
                length_ms = next_length_ms(length_ms, sum(frame.values.size for frame in frames), len(rows))
                at_ms = until_ms
            arrays = await work.finish()
            cpu_s = work.cpu_s
        samples = int(arrays.pop("samples"))
        if not samples:
            raise TrainingFailed("nothing of the series that are gathered is stored")
        series = len(arrays["basics/kind"])
        arrays["labels"] = text([dict(one) for one in labels[:series]])
        about = {"series": series, "samples": samples, "from_ms": oldest_ms, "to_ms": now_ms, "made_by": "netmon"}
        return Made(arrays, about, cpu_s)

    async def _frames(self, start_ms: int, end_ms: int) -> list[Frame]:
        try:
            return await self._store.select(EVERYTHING, start_ms, end_ms)
        except StoreError as error:
            raise TrainingFailed(str(error)) from None

    def take_up(self, version: Version, arrays: Arrays) -> None:
        """The detector goes on from this version; series that it does not know stay as they are."""
        try:
            state, labels, reference = understood(arrays)
        except (ValueError, LookupError, TypeError) as error:
            raise ModelError(f"version {version.number} is of another version of netmon: {error}") from None
        self._assessor.adopt(state, labels)
        self._reference = reference

    def remember(self, arrays: Arrays) -> None:
        """After a start: the detector has its state already, and only what it is compared with is read."""
        try:
            self._reference = Tally.from_arrays(arrays)
        except (ValueError, LookupError):
            self._reference = None

    async def follow(self, now_ms: int) -> None:
        """Samples come to it as they are stored."""

    def standing(self) -> Standing:
        return standing_of(self._reference or Tally(), self._assessor.tally, self._constants.weeks_per_alarm)

    def copy_of(self, labels: Sequence[Labels]) -> tuple[State, Constants, list[bool]]:
        """What is known of some series, to be asked; and of which of them anything is."""
        state, known = self._assessor.snapshot(labels)
        return (*copied(state, {one: row for row, one in enumerate(known)}, labels, self._constants),)


def blocks(frames: Sequence[Frame], rows: dict[Labels, int], ahead_s: Int32, excused: Spans) -> Arrays:
    """The samples of series that have rows, as the worker takes them. ahead_s: of the clock of each row, now."""
    arrays: Arrays = {}
    number = 0
    for frame in frames:
        columns = [at for at, labels in enumerate(frame.labels) if labels in rows]
        if not columns:
            continue
        names = [frame.labels[at] for at in columns]
        arrays[f"times{number}"] = frame.times / 1000
        arrays[f"rows{number}"] = np.array([rows[labels] for labels in names], np.int64)
        arrays[f"ahead{number}"] = ahead_s[arrays[f"rows{number}"]]
        arrays[f"kinds{number}"] = np.array([kind_of(labels) for labels in names], np.uint8)
        arrays[f"values{number}"] = np.ascontiguousarray(frame.values[:, columns])
        teach = _teaching(frame.times, names, excused)
        if not teach.all():
            arrays[f"teach{number}"] = teach
        number += 1
    return arrays


def _teaching(times: Times, names: Sequence[Labels], excused: Spans) -> Mask:
    """(times, series): whether anything is learned of it."""
    teach = np.ones((len(times), len(names)), np.bool_)
    for column, labels in enumerate(names):
        for start_ms, end_ms in excused.get(dict(labels).get("instance", ""), ()):
            teach[(times >= start_ms) & (times < end_ms), column] = False
    return teach


def next_length_ms(length_ms: int, values: int, series: int) -> int:
    """How long the next part is, never so long that it may have many more values than fit: gaps end without notice."""
    longest_ms = max(SHORTEST_PART_MS, round(MOST_VALUES / series * TICK_S * 1000))
    wanted_ms = length_ms // 2 if values > MOST_VALUES else length_ms * 2 if values < FEWEST_VALUES else length_ms
    return min(max(wanted_ms, SHORTEST_PART_MS), longest_ms)
