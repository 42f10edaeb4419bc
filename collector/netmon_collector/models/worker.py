"""The process in which models are trained: `python -m netmon_collector.models.worker`, fed through a pipe.

It has the lowest priority, uses one core for a stated part of the time, and is bounded in memory and CPU seconds. It
needs no files and no network: arrays come on standard input and go on standard output, and when its input ends, so does
it. A message is eight bytes that say how long it is, and an archive of numpy with `head`, which is JSON.
"""

import io
import json
import os
import struct
import sys
import time
from collections.abc import Iterator
from typing import IO, Any, Final, Protocol

import numpy as np

from netmon_analytics.anomaly import Constants, Detector, State
from netmon_analytics.models.ensembles import FEWEST, EnsembleForecaster
from netmon_analytics.models.interfaces import Arrays, Float64, Outlook
from netmon_analytics.models.measures import Accuracy, Tally

LENGTH: Final = struct.Struct(">Q")
LARGEST: Final = 1 << 31
SLICE: Final = 500_000
"""Values that are laid out, and worked on, before there is a rest."""
GROWTH: Final = 1.25
LONGEST_REST_S: Final = 5.0
"""Then it looks whether whoever feeds it is still there."""
TO_MEAN_ERROR: Final = 0.62
"""From half of an 80 % interval to the mean error of a normal distribution."""


class Job(Protocol):
    def take(self, arrays: Arrays) -> Iterator[None]:
        """Works on what came; yields now and then, for a rest."""
        ...

    def result(self) -> Arrays: ...


class DetectorJob:
    """Replays history through a fresh detector. A block: times0 (T,), rows0, kinds0, ahead0 (S,), values0 (T, S) ….

    Seconds; places of series in the state, their kinds, how far their clocks are ahead of UTC; values; and teach0
    (T, S) where there are values of which nothing is learned. Then those of the next gather group.
    """

    def __init__(self, head: dict[str, Any]) -> None:
        self._detector = Detector(State.empty(0), Constants(weeks_per_alarm=head["weeks_per_alarm"]))
        self._tick_s, self._counted_from_s = float(head["tick_s"]), float(head["counted_from_s"])
        self._series = 0
        self._alarmed = np.zeros(0, np.bool_)
        self._tally, self._samples = Tally(), 0

    def take(self, arrays: Arrays) -> Iterator[None]:
        frames = [
            (arrays[f"times{at}"], arrays[f"rows{at}"], arrays[f"values{at}"], arrays.get(f"teach{at}"))
            for at in range(sum(name.startswith("times") for name in arrays))
        ]
        for at, (_, rows, values, _) in enumerate(frames):
            self._make_room(rows)
            basics = self._detector.state.basics
            basics.kind[rows], basics.ahead_s[rows] = arrays[f"kinds{at}"], arrays[f"ahead{at}"]
            self._samples += int(np.isfinite(values).sum())
        ticks = [np.floor(times / self._tick_s) if self._tick_s else times for times, _, _, _ in frames]
        every = np.unique(np.concatenate(ticks)) if ticks else np.empty(0)
        length = max(1, SLICE // max(1, self._detector.state.series))
        for start in range(0, len(every), length):
            self._observe(every[start : start + length], frames, ticks)
            yield

    def _observe(self, every: Float64, frames: list[tuple[Any, Any, Any, Any]], ticks: list[Any]) -> None:
        shape = len(every), self._detector.state.series
        values, times, teach = np.full(shape, np.nan), np.zeros(shape), np.ones(shape, np.bool_)
        for (own, rows, given, taught), tick in zip(frames, ticks, strict=True):
            part = slice(np.searchsorted(tick, every[0]), np.searchsorted(tick, every[-1], side="right"))
            at = np.searchsorted(every, tick[part])
            values[at[:, None], rows] = given[part]
            times[at[:, None], rows] = own[part, None]
            if taught is not None:
                teach[at[:, None], rows] = taught[part]
        for now, row, learns in zip(times, values, teach, strict=True):
            before = self._detector.state.basics.last_s.copy()
            found = self._detector.observe(now, row, None, None if learns.all() else learns)
            judged = np.isfinite(found.score)
            counted = np.where(now >= self._counted_from_s, found.score, np.nan)
            began = found.alarm & ~self._alarmed & (now >= self._counted_from_s)
            self._tally.add(counted.astype(np.float64), began, np.where(judged, now - before, 0.0))
            self._alarmed[judged] = found.alarm[judged]

    def _make_room(self, rows: Any) -> None:
        self._series = max(self._series, int(rows.max(initial=-1)) + 1)
        if self._series > self._detector.state.series:
            self._detector.grow(round(self._series * GROWTH) + 1)
            self._alarmed = np.pad(self._alarmed, (0, self._detector.state.series - len(self._alarmed)))

    def result(self) -> Arrays:
        state = self._detector.state.view(slice(0, self._series)).arrays()
        return {"samples": np.array(self._samples), **self._tally.arrays(), **state}


class ForecasterJob:
    """Forecasts, and holds a forecast from earlier against what came. A block: values (S, N) of some of the series."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._step_s, self._steps, self._share = head["step_s"], head["steps"], head["share"]
        self._parts: list[tuple[Outlook, Float64]] = []
        self._accuracy, self._samples = Accuracy(), 0

    def take(self, arrays: Arrays) -> Iterator[None]:
        for row in arrays["values"]:
            self._samples += int(np.isfinite(row).sum())
            self._learn(row[None])
            yield

    def _learn(self, values: Float64) -> None:
        own = EnsembleForecaster()
        held = held_back(values.shape[1], self._steps)
        told = own.forecast(values, self._step_s, self._steps, self._share)
        usual = np.full(1, np.nan)
        if held:
            before = own.forecast(values[:, :-held], self._step_s, held, self._share)
            usual = test_before(values, before, held, self._accuracy)
        self._parts.append((told, usual_error(told, usual)))

    def result(self) -> Arrays:
        outlooks = [one for one, _ in self._parts]
        paths = {name: np.concatenate([getattr(one, name) for one in outlooks]) for name in ("low", "middle", "high")}
        methods = json.dumps([one.methods[0] for one in outlooks]).encode()
        return {
            **paths,
            "usual": np.concatenate([usual for _, usual in self._parts]),
            "methods": np.frombuffer(methods, np.uint8),
            "test": np.array([self._accuracy.values, self._accuracy.within], np.int64),
            "samples": np.array(self._samples),
        }


def held_back(values: int, steps: int) -> int:
    """How many of the last values a forecast from earlier is held against; 0 where there are too few."""
    held = min(steps, values // 4)
    return held if values - held >= FEWEST else 0


def test_before(values: Float64, before: Outlook, held: int, accuracy: Accuracy) -> Float64:
    """Holds a forecast from `held` steps ago against what came: the mean error of each series, (S,)."""
    actual = values[:, -held:]
    error = np.abs(actual - before.middle)
    there = np.isfinite(error)
    usual = np.where(there, error, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    accuracy.add(actual, before, np.ones(len(values)), slice(0, held))
    return np.where(there.any(axis=1), usual, np.nan)


def usual_error(told: Outlook, usual: Float64) -> Float64:
    """The mean error to be expected, from a test or, where there was none, from the interval."""
    reach = (told.high - told.low).mean(axis=1) / 2 * TO_MEAN_ERROR
    found: Float64 = np.where(np.isfinite(usual), usual, reach)
    return found


class Pace:
    """Rests so long that the process uses no more than a part of one core."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._began_s, self._used_s = time.monotonic(), time.process_time()
        self._parent = os.getppid()

    def rest(self) -> None:
        while (missing_s := self._missing_s()) > 0 and os.getppid() == self._parent:
            time.sleep(min(missing_s, LONGEST_REST_S))

    def _missing_s(self) -> float:
        used_s = time.process_time() - self._used_s
        return used_s / self._share - (time.monotonic() - self._began_s)


def bound(memory_bytes: int, cpu_s: int, niceness: int) -> None:
    """Bounds this process, as far as its system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def encoded(head: dict[str, Any], arrays: Arrays) -> bytes:
    """A message without its length."""
    file = io.BytesIO()
    np.savez(file, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def decoded(content: bytes) -> tuple[dict[str, Any], Arrays]:
    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    return json.loads(arrays.pop("head").tobytes()), arrays


def _read(pipe: IO[bytes]) -> tuple[dict[str, Any], Arrays] | None:
    """None where whoever feeds this process is gone."""
    length = pipe.read(LENGTH.size)
    content = pipe.read(LENGTH.unpack(length)[0]) if len(length) == LENGTH.size else b""
    return decoded(content) if content else None


def _write(pipe: IO[bytes], head: dict[str, Any], arrays: Arrays) -> None:
    content = encoded({**head, "cpu_s": time.process_time()}, arrays)
    pipe.write(LENGTH.pack(len(content)) + content)
    pipe.flush()


def main() -> None:
    given, told = sys.stdin.buffer, sys.stdout.buffer
    first = _read(given)
    if first is None:
        return
    head, _ = first
    bound(head["memory_bytes"], head["cpu_s"], head["niceness"])
    job: Job = DetectorJob(head) if head["job"] == "detector" else ForecasterJob(head)
    pace = Pace(head["cpu_share"])
    while (message := _read(given)) is not None:
        head, arrays = message
        if head.get("end"):
            _write(told, {}, job.result())
            return
        for _ in job.take(arrays):
            pace.rest()
        _write(told, {}, {})


if __name__ == "__main__":
    main()
