"""What comes in, counted: for /metrics, and for people."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter

from netmon_collector.store.base import Points, Row
from netmon_proto.model import Reason

_WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class IngestStats:
    """What came in since the collector started; the rate is that of the last minute."""

    samples: int
    batches: int
    duplicates: int
    refused: int
    samples_per_second: float


class Intake:
    """Counts batches and samples."""

    def __init__(self, registry: CollectorRegistry, started_ms: int) -> None:
        self._samples = Counter("netmon_ingest_samples", "Samples stored.", registry=registry)
        self._batches = Counter("netmon_ingest_batches", "Batches stored.", registry=registry)
        self._duplicates = Counter(
            "netmon_ingest_duplicate_batches", "Batches that were stored already.", registry=registry
        )
        self._refused = Counter(
            "netmon_ingest_refused_batches", "Batches that will never be stored.", ["reason"], registry=registry
        )
        self._left_out = Counter(
            "netmon_ingest_left_out_samples", "Samples of other programs that will never be stored.", registry=registry
        )
        self._failures = Counter(
            "netmon_ingest_store_failures", "Times that the store could not write.", registry=registry
        )
        self._totals = {"samples": 0, "batches": 0, "duplicates": 0, "refused": 0}
        self._started_ms = started_ms
        self._seconds: deque[tuple[int, int]] = deque()  # (second, samples) of the last minute

    def stored(self, rows: Sequence[Row | Points], now_ms: int) -> None:
        """A batch was stored."""
        samples = sum(row.values.size for row in rows)
        self._samples.inc(samples)
        self._batches.inc()
        self._totals["samples"] += samples
        self._totals["batches"] += 1
        second = now_ms // 1000
        if self._seconds and self._seconds[-1][0] == second:
            samples += self._seconds.pop()[1]
        self._seconds.append((second, samples))
        while self._seconds[0][0] <= second - _WINDOW_S:
            self._seconds.popleft()

    def duplicate(self) -> None:
        """A batch came that was stored already."""
        self._duplicates.inc()
        self._totals["duplicates"] += 1

    def refused(self, reason: Reason) -> None:
        """A batch was refused for good."""
        self._refused.labels(reason.name.lower()).inc()
        self._totals["refused"] += 1

    def left_out(self, samples: int) -> None:
        """Some samples of another program's request were left out."""
        self._left_out.inc(samples)

    def store_failed(self) -> None:
        """The store could not write."""
        self._failures.inc()

    def stats(self, now_ms: int) -> IngestStats:
        """The totals since the start, and the rate over the last minute."""
        horizon = now_ms // 1000 - _WINDOW_S
        recent = sum(samples for second, samples in self._seconds if second > horizon)
        seconds = min(_WINDOW_S, max(1.0, (now_ms - self._started_ms) / 1000))
        return IngestStats(**self._totals, samples_per_second=recent / seconds)
