"""What a query may take at most, and how it is evaluated where users may differ."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one query; each error names the bound that it is about.

    samples: read from the store, subqueries' inner results included. series: read by one selector. cells: of a result,
    series x steps. memory_bytes: of all that is held at a time. steps: of a range query, as Prometheus has it.
    """

    timeout_s: float = 120.0
    samples: int = 50_000_000
    series: int = 500_000
    steps: int = 11_000
    cells: int = 50_000_000
    memory_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """lookback_ms: how long a sample counts. subquery_step_ms: of subqueries that name none.

    cache_bytes: of answers to range queries that are kept for when they are asked for again.
    at_hand_cells: series x steps; so many are evaluated on the event loop at most, if their samples are in memory.
    kept_cells: series that are read x steps; answers that take fewer are not kept: they are as fast evaluated as put
    together.
    raw_samples: of one selector at most, where rollups would do.
    trees: so many parsed expressions are kept, because the same are asked again.
    experimental: whether functions and aggregations that Prometheus calls experimental are allowed.
    delayed_name_removal: whether a name that a function drops can still be seen by `by (__name__)` and label_replace.
    """

    limits: Limits = Limits()
    lookback_ms: int = 300_000
    subquery_step_ms: int = 60_000
    experimental: bool = False
    delayed_name_removal: bool = True
    concurrency: int = 2
    cache_bytes: int = 64 << 20
    at_hand_cells: int = 8000
    kept_cells: int = 4000
    raw_samples: int = 10_000_000
    trees: int = 256
