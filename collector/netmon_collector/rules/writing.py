"""What rules write into the store: values, and a stale marker for each series that is not written any more."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from netmon_collector.store.base import Group, Places, Points
from netmon_proto.model import STALE, Labels

Append = Callable[[Sequence[Points]], Awaitable[None]]


class Pool(Protocol):
    """What of a store is needed here, see `Store`."""

    @property
    def pool(self) -> Group: ...

    def enroll(self, labels: Sequence[Labels]) -> Places: ...


class Ledger:
    """What each rule wrote last, so that what vanishes is ended. `append` takes what is to be stored."""

    def __init__(self, store: Pool, append: Append) -> None:
        self._store = store
        self._append = append
        self._places: dict[Labels, int] = {}
        self._written: dict[str, frozenset[Labels]] = {}
        self._pending: list[tuple[Labels, int, float]] = []

    def note(self, rule: str, series: Mapping[Labels, float], time_ms: int) -> None:
        """Takes what a rule came to. rule: its key."""
        before = self._written.get(rule, frozenset())
        self._pending.extend((labels, time_ms, value) for labels, value in series.items())
        self._pending.extend((labels, time_ms, STALE) for labels in before if labels not in series)
        self._written[rule] = frozenset(series)

    def end(self, rules: Iterable[str], time_ms: int) -> None:
        """Ends all series of rules that are no more."""
        for rule in rules:
            self.note(rule, {}, time_ms)
            del self._written[rule]

    def resume(self, rule: str, series: Iterable[Labels]) -> None:
        """Takes note of what a rule wrote before a restart."""
        self._written.setdefault(rule, frozenset(series))

    async def flush(self) -> int:
        """Has all that was noted stored, and gives how many samples that were."""
        pending, self._pending = self._pending, []
        if not pending:
            return 0
        self._forget()
        fresh = [labels for labels, _, _ in pending if labels not in self._places]
        if fresh:
            self._places.update(zip(fresh, self._store.enroll(fresh).tolist(), strict=True))
        places = np.array([self._places[labels] for labels, _, _ in pending], np.int64)
        times = np.array([time_ms for _, time_ms, _ in pending], np.int64)
        values = np.array([value for _, _, value in pending])
        await self._append([Points(self._store.pool, places, times, values)])
        return len(pending)

    def _forget(self) -> None:
        """Places of series that nobody writes any more, when these are most."""
        live = set().union(*self._written.values()) if len(self._places) > 100_000 else None
        if live is not None and len(live) * 2 < len(self._places):
            self._places = {labels: place for labels, place in self._places.items() if labels in live}
