"""What a store may have its server evaluate, so that results travel instead of samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from netmon_collector.store.base import Frame, Matcher


@dataclass(frozen=True, slots=True)
class Summary:
    """An aggregation over series, of a function over the samples of a window of each: after the window's start, up to
    and with its end, which is `offset_ms` before a step.

    aggregation: sum, min, max, avg, count or group. function: the name of one of PromQL's functions …_over_time.
    grouping: the labels that are kept, or, with `without`, those that are not.
    """

    aggregation: str
    grouping: tuple[str, ...]
    without: bool
    function: str
    matchers: tuple[Matcher, ...]
    range_ms: int
    offset_ms: int


@dataclass(frozen=True, slots=True)
class Steps:
    """start_ms, start_ms + step_ms, … up to and with end_ms."""

    start_ms: int
    end_ms: int
    step_ms: int


@dataclass(frozen=True, slots=True)
class Summarised:
    """The values at the steps up to and with `until_ms`; of those after it nothing is said."""

    frames: Sequence[Frame]
    until_ms: int


@runtime_checkable
class Summarising(Protocol):
    """A store that may know a summary without telling all samples."""

    async def summarise(self, what: Summary, steps: Steps) -> Summarised | None:
        """Exactly what comes of the samples that `select` tells; None where that is not sure. Raises StoreError."""
        ...
