"""Which batches are stored already: per agent and spool epoch a set of sequences, kept as runs."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from netmon_collector.store.base import Origin

Runs = list[tuple[int, int]]
"""Runs of sequences as (first, last), ascending, with a gap between any two."""


class Acks:
    """The sequences stored, of every agent and epoch.

    Batches come live first and backlog after, so that a handful of runs says it all. Belongs to one thread.
    """

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], Runs] = {}
        self._highest: dict[tuple[str, int], int] = {}

    def has(self, origin: Origin) -> bool:
        """Whether the batch is stored."""
        runs = self._runs.get((origin.agent_id, origin.epoch), [])
        at = bisect_right(runs, origin.sequence, key=_first) - 1
        return at >= 0 and origin.sequence <= runs[at][1]

    def highest(self, agent_id: str, epoch: int) -> int:
        """The highest sequence stored; 0 where there is none."""
        return self._highest.get((agent_id, epoch), 0)

    def add(self, agent_id: str, epoch: int, first: int, last: int) -> None:
        """Notes the sequences first to last as stored."""
        key = (agent_id, epoch)
        self._highest[key] = max(last, self._highest.get(key, 0))
        runs = self._runs.setdefault(key, [])
        start = bisect_left(runs, first - 1, key=_last)
        end = bisect_right(runs, last + 1, key=_first)
        if start < end:
            first, last = min(first, runs[start][0]), max(last, runs[end - 1][1])
        runs[start:end] = [(first, last)]

    def settle(self, agent_id: str, epoch: int, below: int) -> None:
        """Lets go of the sequences under `below`; `highest` stays what it is."""
        runs = self._runs.get((agent_id, epoch), [])
        runs[:] = [(max(first, below), last) for first, last in runs if last >= below]

    def dump(self) -> list[tuple[str, int, int, Runs]]:
        """All that is known, for `load`: agent, epoch, highest sequence, runs."""
        return [(*key, highest, list(self._runs[key])) for key, highest in self._highest.items()]

    def load(self, dumped: Iterable[tuple[str, int, int, Iterable[Sequence[int]]]]) -> None:
        """Replaces what is known about the agents' epochs in a dump."""
        for agent_id, epoch, highest, runs in dumped:
            self._highest[agent_id, epoch] = highest
            self._runs[agent_id, epoch] = [(first, last) for first, last in runs]


def _first(run: tuple[int, int]) -> int:
    return run[0]


def _last(run: tuple[int, int]) -> int:
    return run[1]
