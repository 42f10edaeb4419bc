"""Puts samples of a file into a store. To put them twice changes nothing, so a run that was stopped may be repeated."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from netmon_collector.store.base import Points, Store, StoreError
from netmon_collector.store.transfer.columns import Columns
from netmon_proto.model import Labels

READ_SAMPLES: Final = 100_000
"""So many are read at once."""
_BATCH_SAMPLES: Final = 1_000_000
"""So many are stored at once: what a file has series by series, a store keeps time by time."""
_PAUSE_S: Final = 0.5
_PATIENCE_S: Final = 600.0


def batches(found: Iterable[Columns]) -> Iterator[Columns]:
    """The same samples, more of them at a time."""
    waiting: list[Columns] = []
    for columns in found:
        waiting.append(columns)
        if sum(len(one.places) for one in waiting) >= _BATCH_SAMPLES:
            yield _together(waiting)
            waiting = []
    if waiting:
        yield _together(waiting)


def _together(parts: Sequence[Columns]) -> Columns:
    numbers: dict[Labels, int] = {}
    places = []
    for part in parts:
        own, at = np.unique(part.places, return_inverse=True)
        known = [numbers.setdefault(part.labels[place], len(numbers)) for place in own.tolist()]
        places.append(np.array(known, np.int64)[at])
    times, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("times", "values"))
    return Columns(list(numbers), np.concatenate(places), times, values)


async def put(store: Store, columns: Columns) -> None:
    """Waits for a store that cannot take more now, but not for ever. Raises StoreError."""
    if not len(columns.places):
        return
    own, at = np.unique(columns.places, return_inverse=True)
    places = store.enroll([columns.labels[place] for place in own.tolist()])[at]
    points = Points(store.pool, places, columns.times, columns.values)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _PATIENCE_S
    while True:
        try:
            await store.append([points], None)
        except StoreError:
            if loop.time() > deadline_s:
                raise
            await asyncio.sleep(_PAUSE_S)
        else:
            return
