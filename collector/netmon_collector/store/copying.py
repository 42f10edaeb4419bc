"""Moves history from one store to another: day by day, metric by metric, resumable at each such portion.

A portion that was interrupted is copied again; to store a sample twice changes nothing, so no sample is doubled.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from netmon_collector.store.base import Frame, Matcher, MatchOp, Row, Store, StoreError, StoreUnavailable, is_absent
from netmon_collector.store.durable import new_file
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import NAME, Kind, Labels

_SERIES_SAMPLES: Final = 8640
"""What a series is taken to have in a day: one sample in 10 s."""
_BATCH_SAMPLES: Final = 100_000
_PAUSE_S: Final = 0.5
_COUNTER_ENDINGS: Final = ("_total", "_count", "_sum", "_bucket")
"""Stores do not tell the kinds of series; these endings say it, by Prometheus' conventions."""

Span = tuple[int, int]
"""First and last time, both included, in Unix milliseconds."""


@dataclass(slots=True)
class Progress:
    """How far a copy is: days before `day_ms` are done, and of that day the metrics in `done`."""

    path: Path
    day_ms: int | None = None
    done: set[str] = field(default_factory=set)
    samples: int = 0

    @classmethod
    def load(cls, path: Path) -> "Progress":
        """What an earlier run has written, or the beginning; makes the folder. Raises StoreUnavailable."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            plain = json.loads(path.read_bytes())
            return cls(path, plain["day_ms"], set(plain["done"]), plain["samples"])
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreUnavailable(f"{path} cannot be read: remove it to copy all from the beginning") from error

    def save(self) -> None:
        """Raises StoreError."""
        plain = {"day_ms": self.day_ms, "done": sorted(self.done), "samples": self.samples}
        with new_file(self.path) as file:
            file.write(json.dumps(plain).encode())


@dataclass(frozen=True, slots=True)
class Standing:
    """How a copy stands: `fraction` of the days, samples so far, and what it waits for, if it does."""

    fraction: float
    day_ms: int
    samples: int
    waits_for: str = ""


class Copy:
    """One way from a store to another.

    `most_samples` bounds what is read at once, as far as series have a sample in 10 s. What the target does not take
    is tried again for `patience_s`.
    """

    def __init__(
        self,
        source: Store,
        target: Store,
        progress: Progress,
        tell: Callable[[Standing], None],
        *,
        most_samples: int = 2_000_000,
        patience_s: float = 600.0,
    ) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._tell = tell
        self._most_samples = most_samples
        self._patience_s = patience_s
        self._fraction = 0.0

    async def run(self, days: Sequence[int]) -> int:
        """Copies all samples of some days (their starts, ascending); how many these were, with those of earlier runs.

        Raises StoreError.
        """
        progress = self._progress
        counts = Counter(dict(labels).get(NAME, "") for labels in await self._source.series([]))
        for number, day_ms in enumerate(days):
            if progress.day_ms is not None and day_ms < progress.day_ms:
                continue
            if progress.day_ms != day_ms:
                progress.day_ms, progress.done = day_ms, set()
            for name in sorted(counts.keys() - progress.done):
                self._fraction = (number + len(progress.done) / len(counts)) / len(days)
                self._say()
                await self._portion(name, counts[name], (day_ms, day_ms + DAY_MS - 1))
        self._fraction = 1.0
        self._say()
        return progress.samples

    async def _portion(self, name: str, series: int, span: Span) -> None:
        """One metric of one day; it counts as done when the target has all of it."""
        copied = 0
        async for frame in self._read(name, series, span):
            group = self._target.register(frame.labels, list(map(_kind, frame.labels)))
            for first, last in _batches(frame):
                values = np.ascontiguousarray(frame.values[first:last])
                times = frame.times[first:last].tolist()
                await self._append([Row(group, time_ms, row) for time_ms, row in zip(times, values, strict=True)])
            copied += int(np.count_nonzero(~is_absent(frame.values)))
        self._progress.done.add(name)
        self._progress.samples += copied
        if copied:
            self._progress.save()

    async def _read(self, name: str, series: int, span: Span) -> AsyncIterator[Frame]:
        steps = max(1, -(-series * _SERIES_SAMPLES // self._most_samples))
        step_ms = max(1, -(-DAY_MS // steps))
        for start_ms in range(span[0], span[1] + 1, step_ms):
            end_ms = min(start_ms + step_ms - 1, span[1])
            for frame in await self._source.select([Matcher(NAME, MatchOp.EQUAL, name)], start_ms, end_ms):
                yield frame

    async def _append(self, rows: Sequence[Row]) -> None:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._patience_s
        while True:
            try:
                await self._target.append(rows, None)
            except StoreError as error:
                if loop.time() > deadline_s:
                    raise
                self._say(str(error))
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    def _say(self, waits_for: str = "") -> None:
        progress = self._progress
        self._tell(Standing(self._fraction, progress.day_ms or 0, progress.samples, waits_for))


def _batches(frame: Frame) -> Iterator[tuple[int, int]]:
    """The rows of a frame in portions of a batch: first, and one after the last."""
    rows = max(1, _BATCH_SAMPLES // len(frame.labels))
    for first in range(0, len(frame.times), rows):
        yield first, min(first + rows, len(frame.times))


def _kind(labels: Labels) -> Kind:
    return Kind.COUNTER if dict(labels).get(NAME, "").endswith(_COUNTER_ENDINGS) else Kind.UNKNOWN
