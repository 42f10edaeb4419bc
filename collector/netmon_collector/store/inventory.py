"""What a store holds, told in detail: how much of it is what, and which metrics and labels make the most series."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

TOP: Final = 20
"""So many metrics and labels are named."""


@dataclass(frozen=True, slots=True)
class TierFigures:
    """The files of a tier. `samples`: of a rollup, buckets. Times are Unix milliseconds, None where there is nothing.

    `kept_ms`: how long it is kept where no rule says otherwise.
    """

    tier: str
    files: int
    bytes: int
    samples: int
    oldest_ms: int | None
    newest_ms: int | None
    kept_ms: int


@dataclass(frozen=True, slots=True)
class MetricFigures:
    """A metric and how many series it has."""

    name: str
    series: int


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """A label, in how many series it is, and how many values it has there."""

    name: str
    series: int
    values: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """`series`: those of which there is a sample. `log_samples`: what is in memory and in the log, not in files yet.

    `cap_bytes`: the most that log and files may take, None without a bound. `rules`: how many rules of retention there
    are. For a store on a server, only what is known without asking it: `rejected` and `left_out` count samples that the
    server refused and that it cannot hold, since the queue was made.
    """

    series: int
    tiers: Sequence[TierFigures] = ()
    log_files: int = 0
    log_bytes: int = 0
    log_samples: int = 0
    catalog_bytes: int = 0
    damaged_files: int = 0
    cap_bytes: int | None = None
    rules: int = 0
    metrics: Sequence[MetricFigures] = ()
    labels: Sequence[LabelFigures] = ()
    queue_bytes: int = 0
    rejected: int = 0
    left_out: int = 0


@runtime_checkable
class Countable(Protocol):
    """A store that can tell it."""

    async def inventory(self) -> Inventory:
        """May take a second where there are a million series; the event loop is not held up."""
        ...
