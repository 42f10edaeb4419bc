"""Learns which series of each device go together, from what the store has of the last week; one device after another.

Each is learned anew once a day. After each there is a pause of many times what it took, so that it never costs more
than a small part of a core, and never a thread that judging waits for.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from netmon_analytics.anomaly.kinds import rates
from netmon_analytics.combination import choose, fit
from netmon_collector.anomaly.learned import Learned
from netmon_collector.repeat import keep_at
from netmon_collector.store.base import Frame, Matcher, MatchOp, Store, Values, is_absent
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.anomaly")

DAY_S: Final = 86_400.0
HISTORY_S: Final = 7 * DAY_S
LOOK_EVERY_S: Final = 60.0
RESTS: Final = 20
"""Times as long as learning a device took is the pause after it."""
LONGEST_STEP_S: Final = 900.0
FEWEST_ROWS: Final = 200
LEAST_COVERAGE: Final = 0.7
"""Series that have a value in fewer steps than this part of the best one are left out."""

Candidates = Mapping[Labels, bool]
"""Series of a device, each with whether it is a counter."""


class Learner:
    """due: a device and its candidates; None while none is due. learned: takes what was learned."""

    def __init__(
        self,
        due: Callable[[], tuple[str, Candidates] | None],
        learned: Callable[[Learned], None],
        now_s: Callable[[], float],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._due = due
        self._learned = learned
        self._now_s = now_s
        self._monotonic_s = monotonic_s

    async def run(self, store: Store) -> None:
        """Until cancelled."""

        async def look() -> None:
            began_s = self._monotonic_s()
            while await self.learn_one(store):
                await asyncio.sleep(RESTS * (self._monotonic_s() - began_s))
                began_s = self._monotonic_s()

        await keep_at(
            look,
            LOOK_EVERY_S,
            failing=lambda error: log.warning("anomaly.not_learned", error=error),
            recovered=lambda: log.info("anomaly.learning_again"),
        )

    async def learn_one(self, store: Store) -> bool:
        """Whether a device was due."""
        due = await asyncio.to_thread(self._due)
        if due is None:
            return False
        instance, candidates = due
        now_s = self._now_s()
        frames = [await _history(store, labels, now_s) for labels in candidates]
        learned = await asyncio.to_thread(learn, instance, candidates, frames, now_s)
        if learned is not None:
            await asyncio.to_thread(self._learned, learned)
        return True


async def _history(store: Store, labels: Labels, now_s: float) -> Frame | None:
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in labels]
    start_ms, end_ms = round((now_s - HISTORY_S) * 1000), round(now_s * 1000)
    frames = await store.select(matchers, start_ms, end_ms)
    return next((one for one in frames if labels in one.labels), None)


def learn(instance: str, candidates: Candidates, frames: Sequence[Frame | None], now_s: float) -> Learned | None:
    """Chooses series of a device that go together, and learns how; None where none do, or there is too little."""
    known = [
        (labels, is_counter, *_samples(frame, labels, is_counter))
        for (labels, is_counter), frame in zip(candidates.items(), frames, strict=True)
        if frame is not None
    ]
    known = [one for one in known if len(one[2]) >= FEWEST_ROWS and _every_s(one[2]) <= LONGEST_STEP_S]
    if not known:
        return None
    step_s = 60.0 * math.ceil(max(_every_s(one[2]) for one in known) / 60 - 0.1)
    means = np.stack([_means(times, values, step_s, now_s) for _, _, times, values in known], axis=1)
    covered = np.isfinite(means).sum(axis=0)
    kept = np.flatnonzero(covered >= LEAST_COVERAGE * covered.max())
    rows = means[np.isfinite(means[:, kept]).all(axis=1)][:, kept]
    if len(rows) < FEWEST_ROWS:
        return None
    chosen = choose(rows)
    if not len(chosen):
        return None
    series = [known[kept[at]] for at in chosen]
    fitted = fit(rows[:, chosen])
    return Learned(instance, tuple(one[0] for one in series), tuple(one[1] for one in series), step_s, now_s, fitted)


def _samples(frame: Frame, labels: Labels, is_counter: bool) -> tuple[Values, Values]:
    """Times in seconds and values of one series; counters as rates."""
    values = frame.values[:, list(frame.labels).index(labels)]
    there = ~is_absent(values) & np.isfinite(values)
    times_s, values = frame.times[there] / 1000, values[there]
    if is_counter:
        times_s, values = times_s[1:], rates(values[:-1], values[1:], np.diff(times_s))
    return times_s, values


def _every_s(times_s: Values) -> float:
    return float(np.median(np.diff(times_s)))


def _means(times_s: Values, values: Values, step_s: float, now_s: float) -> Values:
    """Mean of each step of the history, NaN where there is none."""
    steps = round(HISTORY_S / step_s) + 1
    place = np.clip(((times_s - now_s + HISTORY_S) / step_s).astype(np.int64), 0, steps - 1)
    count = np.bincount(place, minlength=steps)
    with np.errstate(invalid="ignore"):
        means: Values = np.bincount(place, values, minlength=steps) / np.where(count, count, np.nan)
    return means
