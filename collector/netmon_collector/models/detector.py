"""A detector of an expression: what it says of each step becomes series of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import numpy as np

from netmon_analytics.anomaly import Constants, State
from netmon_analytics.models import Detection, EnsembleDetector, Tally, stability
from netmon_analytics.models.interfaces import Arrays, Float64
from netmon_collector.anomaly.roster import kind_of
from netmon_collector.models.base import Made, Standing
from netmon_collector.models.elsewhere import Elsewhere, NotAnswered
from netmon_collector.models.history import Steps, read, read_parts
from netmon_collector.models.shelf import Version, text, untext
from netmon_collector.models.spec import ALARM, MOST_SERIES, SCORE, ModelError, Spec, renamed
from netmon_collector.models.workshop import TrainingFailed, Workshop
from netmon_collector.query.engine import Engine
from netmon_collector.rules.writing import Ledger
from netmon_proto.model import Labels

STEPS_AT_ONCE: Final = 200
"""Looked at in one go; more wait for the next."""
RECENT_STEPS: Final = 10
"""Servers elsewhere are asked about these alone: not again about what was before a restart."""


class DetectorKeeper:
    """See `Keeper`. Without a version nothing is judged."""

    def __init__(self, spec: Spec, engine: Engine, ledger: Ledger, elsewhere: Elsewhere | None) -> None:
        self._spec = spec
        self._engine = engine
        self._ledger = ledger
        self._elsewhere = elsewhere
        self._constants = Constants()
        self._detector: EnsembleDetector | None = None
        self._rows: dict[Labels, int] = {}
        self._reference, self._tally = Tally(), Tally()
        self._alarmed: set[Labels] = set()
        self._followed_ms = 0

    async def train(self, workshop: Workshop, now_ms: int) -> Made:
        start_ms = now_ms - round(self._spec.history_s * 1000)
        rows: dict[Labels, int] = {}
        head = {
            "job": "detector",
            "weeks_per_alarm": self._constants.weeks_per_alarm,
            "tick_s": 0.0,
            "counted_from_s": (start_ms + now_ms) / 2000,
        }
        end_ms = 0
        async with workshop.at_work(head) as work:
            async for part in read_parts(self._engine, self._spec, start_ms, now_ms):
                if not part.labels:
                    continue
                await work.give(block(part, rows))
                end_ms = int(part.times[-1])
            if not rows:
                raise TrainingFailed(f"{self._spec.expression} came to nothing in that time")
            arrays = await work.finish()
            cpu_s = work.cpu_s
        about = {"series": len(rows), "samples": int(arrays.pop("samples")), "from_ms": start_ms, "to_ms": end_ms}
        arrays["labels"] = text([dict(one) for one in rows])
        return Made(arrays, about | {"made_by": "netmon"}, cpu_s)

    def take_up(self, version: Version, arrays: Arrays) -> None:
        try:
            state, labels, reference = understood(arrays)
        except (ValueError, LookupError, TypeError) as error:
            raise ModelError(f"version {version.number} is of another version of netmon: {error}") from None
        self._detector = EnsembleDetector(state, self._constants)
        self._rows = {one: row for row, one in enumerate(labels)}
        self._reference, self._tally, self._alarmed = reference, Tally(), set()
        self._followed_ms = int(version.about["to_ms"])

    async def follow(self, now_ms: int) -> None:
        step_ms = self._spec.step_ms
        until_ms = min(now_ms, self._followed_ms + STEPS_AT_ONCE * step_ms)
        if self._detector is None or until_ms < self._followed_ms + step_ms:
            return
        part = await read(self._engine, self._spec, self._followed_ms + 1, until_ms)
        self._followed_ms = until_ms // step_ms * step_ms
        if not part.labels:
            return
        found = await asyncio.to_thread(self._observe, self._detector, part)
        if self._elsewhere is not None and part.times[-1] > now_ms - RECENT_STEPS * step_ms:
            with suppress(NotAnswered):  # which is told; our own verdict stands
                found = await self._elsewhere.observe(part.labels, part.times / 1000, part.values)
        self._tell(part, found)
        await self._ledger.flush()

    def _observe(self, detector: EnsembleDetector, part: Steps) -> Detection:
        for labels in part.labels:
            self._rows.setdefault(labels, len(self._rows))
        if len(self._rows) > MOST_SERIES:
            raise ModelError(f"it has met {len(self._rows):,} series; {MOST_SERIES:,} are the most: train it anew")
        rows = np.array([self._rows[labels] for labels in part.labels])
        if len(self._rows) > detector.detector.state.series:
            detector.detector.grow(len(self._rows))
        detector.detector.state.basics.kind[rows] = [kind_of(labels) for labels in part.labels]
        values = np.full((detector.detector.state.series, len(part.times)), np.nan)
        values[rows] = part.values
        found = detector.observe(part.times / 1000, values)
        return Detection(found.scores[rows], found.alarms[rows])

    def _tell(self, part: Steps, found: Detection) -> None:
        """Counts what was said, and notes it for the store."""
        names = [(renamed(one, SCORE, self._spec.name), renamed(one, ALARM, self._spec.name)) for one in part.labels]
        for step, time_ms in enumerate(part.times.tolist()):
            scores, alarms = found.scores[:, step], found.alarms[:, step]
            began = alarms & ~np.array([one in self._alarmed for one in part.labels])
            self._tally.add(scores, began, self._spec.step_s)
            self._alarmed = {one for one, alarm in zip(part.labels, alarms, strict=True) if alarm}
            said: dict[Labels, float] = {}
            for (score, alarm), value, is_alarm in zip(names, scores.tolist(), alarms.tolist(), strict=True):
                if np.isfinite(value):
                    said[score], said[alarm] = round(value, 3), float(is_alarm)
            self._ledger.note(f"model {self._spec.name}", said, time_ms)

    def standing(self) -> Standing | None:
        if self._detector is None:
            return None
        return standing_of(self._reference, self._tally, self._constants.weeks_per_alarm)

    def copy_of(self, labels: Sequence[Labels]) -> tuple[State, Constants, list[bool]]:
        """What is known of some series, to be asked; and of which of them anything is. Raises ModelError."""
        if self._detector is None:
            raise ModelError("it was never trained")
        return (*copied(self._detector.detector.state, self._rows, labels, self._constants),)


def copied(
    state: State, rows: Mapping[Labels, int], labels: Sequence[Labels], constants: Constants
) -> tuple[State, Constants, list[bool]]:
    made = State.empty(len(labels))
    known = [one in rows for one in labels]
    here = np.flatnonzero(known)
    if len(here):
        made.put(here, state.take(np.array([rows[labels[at]] for at in here.tolist()])))
    return made, constants, known


def block(part: Steps, rows: dict[Labels, int]) -> Arrays:
    """A part of the history as the worker takes it; series that are new get rows."""
    for labels in part.labels:
        rows.setdefault(labels, len(rows))
    return {
        "times0": part.times / 1000,
        "rows0": np.array([rows[labels] for labels in part.labels], np.int64),
        "kinds0": np.array([kind_of(labels) for labels in part.labels], np.uint8),
        "ahead0": np.zeros(len(part.labels), np.int32),
        "values0": np.ascontiguousarray(part.values.T),
    }


def understood(arrays: Arrays) -> tuple[State, list[Labels], Tally]:
    """What is in a version. Raises ValueError, LookupError, TypeError."""
    rest = dict(arrays)
    labels = [tuple(sorted((str(key), str(value)) for key, value in one.items())) for one in untext(rest.pop("labels"))]
    tally = Tally.from_arrays({name: rest.pop(name) for name in ("counts", "alarmed")})
    state = State.from_arrays(rest)
    if state.series != len(labels):
        raise ValueError(f"{len(labels)} series but state of {state.series}")
    return state, labels, tally


def standing_of(reference: Tally, now: Tally, weeks_per_alarm: float) -> Standing:
    measured = now.alarms / now.weeks if now.weeks >= weeks_per_alarm else None
    over = f"{now.weeks:.1f} weeks of series"
    return Standing(1 / weeks_per_alarm, measured, over, "stability index", stability(reference, now))


def judged(copy: tuple[State, Constants], times_s: Float64, values: Float64) -> Detection:
    """What a copy of a model says; it learns, and is thrown away."""
    return EnsembleDetector(*copy).observe(times_s, values)
