"""What goes out and what comes in, as columns."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

import numpy as np

from netmon_collector.store.base import Frame, Matcher, MatchOp, Store, Times, Values, is_absent
from netmon_collector.store.labels import Numbers
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import NAME, Labels

_MOST_TOLD: Final = 20

Tell = Callable[[float], None]
"""Is told how much of the work is done, from 0 to 1."""


class Unreadable(Exception):
    """A file cannot be taken or made at all; says why."""


@dataclass(frozen=True, eq=False, slots=True)
class Columns:
    """Samples: `places` in `labels`, times in Unix milliseconds, values; each of the same length."""

    labels: Sequence[Labels]
    places: Numbers
    times: Times
    values: Values


@dataclass(slots=True)
class Tally:
    """What was written or taken: samples, those that the format cannot hold, and the first lines that were no good."""

    samples: int = 0
    left_out: int = 0
    rejected: int = 0
    told: list[str] = field(default_factory=list)

    def reject(self, place: str, reason: str) -> None:
        self.rejected += 1
        if len(self.told) < _MOST_TOLD:
            self.told.append(f"{place}: {reason}")


@runtime_checkable
class Scanning(Protocol):
    """A store that can be read a part at a time."""

    def scan(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> AsyncIterator[Frame]: ...


async def read(
    store: Store, matchers: Sequence[Matcher], days: Sequence[int], bounds: tuple[int, int], tell: Tell
) -> AsyncIterator[Columns]:
    """All samples of some days (their starts) within bounds (both included), a day at a time.

    In memory is what some hundred series have in a day; of a server, what one metric has. Raises StoreError.
    """
    days = [day_ms for day_ms in days if bounds[0] - DAY_MS < day_ms <= bounds[1]]
    for number, day_ms in enumerate(days):
        tell(number / len(days))
        async for frame in _day(store, matchers, max(day_ms, bounds[0]), min(day_ms + DAY_MS - 1, bounds[1])):
            yield _columns(frame)
    tell(1.0)


async def _day(store: Store, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> AsyncIterator[Frame]:
    if isinstance(store, Scanning):
        async for frame in store.scan(matchers, start_ms, end_ms):
            yield frame
        return
    for name in await store.label_values(NAME, matchers):
        for frame in await store.select([*matchers, Matcher(NAME, MatchOp.EQUAL, name)], start_ms, end_ms):
            yield frame


def _columns(frame: Frame) -> Columns:
    """The samples of a frame, series by series, in the order of their times."""
    values = np.ascontiguousarray(frame.values.T)
    places, slots = np.nonzero(~is_absent(values))
    return Columns(frame.labels, places, frame.times[slots], values[places, slots])
