"""Keeps a query within its bounds while it is evaluated."""

import time
from concurrent.futures import CancelledError, Future
from typing import Any, Final, NoReturn, TypeVar

from netmon_collector.query.answer import ErrorKind, QueryError
from netmon_collector.query.options import Limits

T = TypeVar("T")

_CELL_BYTES: Final = 9
_SAMPLE_BYTES: Final = 40
"""A sample as it is read, and again, with its time, while a window is computed."""


class Guard:
    """Raises QueryError, saying which bound was met and what to do, and when the query was cancelled."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._deadline = time.monotonic() + limits.timeout_s
        self._cancelled = False
        self._awaited: Future[Any] | None = None
        self.samples = 0
        self.series = 0

    def cancel(self) -> None:
        self._cancelled = True
        if (awaited := self._awaited) is not None:
            awaited.cancel()

    def check(self) -> None:
        """To be called every few milliseconds."""
        if self._cancelled:
            raise QueryError(ErrorKind.CANCELED, "query was canceled in expression evaluation")
        if time.monotonic() > self._deadline:
            raise QueryError(
                ErrorKind.TIMEOUT,
                f"query timed out in expression evaluation after {self._limits.timeout_s:g} s: "
                "ask for fewer series, a shorter time or a longer step",
            )

    def wait(self, work: Future[T]) -> T:
        """The result of work that goes on elsewhere; the work is cancelled with the query, and when time is up."""
        self._awaited = work
        try:
            if self._cancelled:
                work.cancel()
            return work.result(max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            work.cancel()
            raise QueryError(
                ErrorKind.TIMEOUT,
                f"query timed out in reading samples after {self._limits.timeout_s:g} s: "
                "ask for fewer series, a shorter time or a longer step",
            ) from None
        except CancelledError:
            raise QueryError(ErrorKind.CANCELED, "query was canceled while samples were read") from None
        finally:
            self._awaited = None

    def read(self, series: int, samples: int) -> None:
        """Notes what was read for one selector."""
        self.series += series
        if series > self._limits.series:
            self._refuse("series", self._limits.series, f"one selector finds {series}: make it narrower")
        self.hold(samples)

    def expect(self, samples: int) -> None:
        """Refuses to read about so many samples, where that is far too many."""
        if samples > 2 * self._limits.samples:
            self._refuse("samples", self._limits.samples, f"about {samples}: ask for fewer series or a shorter time")

    def hold(self, samples: int) -> None:
        """Notes more samples."""
        self.samples += samples
        if self.samples > self._limits.samples:
            self._refuse(
                "samples", self._limits.samples, f"{self.samples} and more: ask for fewer series or a shorter time"
            )
        if self.samples * _SAMPLE_BYTES > self._limits.memory_bytes:
            self._refuse("bytes of memory", self._limits.memory_bytes, "ask for fewer series or a shorter time")

    def produce(self, series: int, steps: int) -> None:
        """Notes that a result of this size will be made."""
        cells = series * steps
        if cells > self._limits.cells:
            self._refuse(
                "values", self._limits.cells, f"{series} series at {steps} steps: ask for fewer series or a longer step"
            )
        if cells * _CELL_BYTES * 3 + self.samples * _SAMPLE_BYTES > self._limits.memory_bytes:
            self._refuse("bytes of memory", self._limits.memory_bytes, "ask for fewer series or a longer step")

    @staticmethod
    def _refuse(what: str, most: int, advice: str) -> NoReturn:
        raise QueryError(ErrorKind.EXECUTION, f"query processing would take more than {most} {what}; {advice}")
