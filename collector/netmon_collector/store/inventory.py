"""What a store holds, told in detail: how much of it is what, and which metrics and labels make the most series."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from netmon_proto.model import NAME

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


Counts = Sequence[tuple[str, int]]
"""Names, and how much there is of each; the most first."""


@dataclass(frozen=True, slots=True)
class Cardinality:
    """What makes the series so many. `pairs`: of label and value, how many there are, all together.

    by_metric: series. by_label: values. bytes_by_label: of the values' texts, each of which is kept once. by_pair:
    series that have `label=value`. `chunks`: in files.
    """

    series: int
    pairs: int
    chunks: int
    by_metric: Counts
    by_label: Counts
    bytes_by_label: Counts
    by_pair: Counts


def cardinality(
    tallies: Iterable[tuple[str, Sequence[tuple[str, int]]]], series: int, chunks: int, top: int
) -> Cardinality:
    """Of each label, how many series have each of its values; of all counts the first `top`."""
    metrics: list[tuple[str, int]] = []
    values, sizes, pairs = [], [], []
    count = 0
    for name, found in tallies:
        if name == NAME:
            metrics = _most(found, top)
        count += len(found)
        values.append((name, len(found)))
        sizes.append((name, sum(len(value.encode(errors="replace")) for value, _ in found)))
        pairs += [(f"{name}={value}", own) for value, own in _most(found, top)]
    found_most = (_most([one for one in some if one[1]], top) for some in (values, sizes, pairs))
    return Cardinality(series, count, chunks, metrics, *found_most)


def _most(found: Sequence[tuple[str, int]], top: int) -> list[tuple[str, int]]:
    return heapq.nsmallest(top, found, key=lambda one: (-one[1], one[0]))


@runtime_checkable
class Weighable(Protocol):
    """A store that can tell what makes its series so many."""

    async def cardinality(self, top: int) -> Cardinality:
        """Of each kind the first `top`. May take a second where there are a million series, as `inventory`."""
        ...


@runtime_checkable
class Countable(Protocol):
    """A store that can tell it."""

    async def inventory(self) -> Inventory:
        """May take a second where there are a million series; the event loop is not held up."""
        ...
