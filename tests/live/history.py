"""Weeks of history, made of a recording of minutes: pieces of it are replayed in random order, each shifted a little.

Gauges keep their values, counters go on by what they rose by. The history ends where the recording ended, so that what
an agent measures afterwards goes on from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.store.base import Frame, Matcher, MatchOp, Row
from netmon_collector.store.embedded import EmbeddedStore
from netmon_proto.model import NAME, Kind, Labels

Values = NDArray[np.float64]

PIECE = 12
"""Gathers of the recording that are replayed together."""
SHIFTED = 0.03
"""The standard deviation of the factor by which a piece is shifted."""
AT_ONCE = 500
COUNTERS = ("_total", "_count", "_sum")


@dataclass(frozen=True)
class Recorded:
    """Series that are gathered together: times (gathers,) in milliseconds, values (gathers, series)."""

    labels: Sequence[Labels]
    times: NDArray[np.int64]
    values: Values

    @property
    def is_counter(self) -> NDArray[np.bool_]:
        return np.array([dict(one)[NAME].endswith(COUNTERS) for one in self.labels], np.bool_)


async def recorded(store_folder: Path, instance: str) -> list[Recorded]:
    """All that an agent measured, from the store of a collector that has ended."""
    store = EmbeddedStore.open(store_folder)
    try:
        frames = await store.select([Matcher("instance", MatchOp.EQUAL, instance)], 0, 1 << 60)
    finally:
        await store.close()
    long = [one for one in frames if len(one.times) > PIECE and not dict(one.labels[0])[NAME].startswith("netmon_")]
    return [_whole(one) for one in long]


def _whole(frame: Frame) -> Recorded:
    """The series that were there all the time: processes come and go."""
    there = np.flatnonzero(np.isfinite(frame.values).all(axis=0))
    return Recorded([frame.labels[at] for at in there.tolist()], frame.times, frame.values[:, there])


def replayed(told: Recorded, times: NDArray[np.int64], rng: np.random.Generator) -> Values:
    """Values at these times, (times, series)."""
    length, step_s = len(told.times), float(np.median(np.diff(told.times))) / 1000
    pieces = -(-len(times) // PIECE)
    starts = rng.integers(1, length - PIECE + 1, pieces)
    at = (starts[:, None] + np.arange(PIECE)).reshape(-1)[: len(times)]
    factor = np.repeat(1 + SHIFTED * rng.normal(size=(pieces, len(told.labels))), PIECE, axis=0)[: len(times)]
    values: Values = told.values[at] * factor
    values = np.where(told.values[at] == np.round(told.values[at]), np.round(values), values)
    counters = told.is_counter
    risen = np.maximum(np.diff(told.values[:, counters], axis=0), 0)[at - 1]
    widths_s = np.diff(times, append=times[-1] + round(step_s * 1000))[:, None] / 1000
    totals = np.cumsum(risen * factor[:, counters] * widths_s / step_s, axis=0)
    values[:, counters] = totals - totals[-1] + told.values[-1, counters]
    return values


async def write(state: Path, told: Sequence[Recorded], until_ms: int, days: int, step_ms: int = 60_000) -> int:
    """Writes the history into the state folder of a collector, and has all of it judged; how many samples it is."""
    rng = np.random.default_rng(7)
    times = until_ms - step_ms * np.arange(days * 86_400_000 // step_ms)[::-1]
    store = EmbeddedStore.open(state / "store", window_s=0.0, merge_every_s=10.0, seal_every_s=5.0)  # weeks have passed
    now = [0.0]
    assessor = Assessor(AnomalyOptions(), state / "anomaly.npz", lambda: now[0])
    written = 0
    try:
        parts = []
        for one in told:
            kinds = [Kind.COUNTER if counts else Kind.GAUGE for counts in one.is_counter]
            parts.append((store.register(one.labels, kinds), replayed(one, times, rng)))
        for begin in range(0, len(times), AT_ONCE):
            rows = [
                Row(group, int(times[at]), values[at])
                for at in range(begin, min(begin + AT_ONCE, len(times)))
                for group, values in parts
            ]
            await store.append(rows, None)
            now[0] = rows[-1].time_ms / 1000
            assessor.offer(rows)
            store.judge(assessor.judge())
            written += sum(len(row.values) for row in rows)
        assessor.save()
    finally:
        await store.close()
    return written
