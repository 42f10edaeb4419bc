"""Sends what is stored on to one server: never in the way of ingest, and from a queue on disk.

offer: a place in memory, bounded -> the series that are wanted -> the queue on our disk -> one worker -> the server.
What cannot be sent is dropped at the step that cannot take it, counted with the reason.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from netmon_collector.forward.messages import beginning, compose, fits
from netmon_collector.store.base import Group, Matcher, Places, Points, Row, StoreError, is_absent
from netmon_collector.store.health import Health
from netmon_collector.store.match import Matching
from netmon_collector.store.outside.drain import Drain, Receiver
from netmon_collector.store.outside.lines import LineWriter
from netmon_collector.store.outside.queue import Queue
from netmon_proto.model import Labels

MOST_WAITING: Final = 1_000_000
"""So many samples wait in memory for the queue's disk."""
_REQUEST_SAMPLES: Final = 10_000
_GIVEN_UP_TOGETHER: Final = 500
_AT_ONCE: Final = 100_000
_MOST_GROUPS: Final = 20_000
_UNKNOWN, _UNWANTED = -2, -1


class Forwarder:
    """One server. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        target: Receiver,
        folder: Path,
        *,
        wanted: Sequence[Sequence[Matcher]],
        labels: Labels = (),
        queue_bytes: int,
        window_s: float = 0.25,
    ) -> None:
        """`wanted`: selectors of which a series must fit one; none: all are sent. `labels` are added to every series.

        Raises StoreUnavailable.
        """
        self.name = name
        self.dropped: Counter[str] = Counter()
        """Samples that were dropped, by reason."""
        self._wanted = [Matching(matchers) for matchers in wanted]
        self._labels = labels
        self._queue = Queue(folder, max_bytes=queue_bytes, window_s=window_s)
        writer = LineWriter(beginning, self._queue.labels, compose, _REQUEST_SAMPLES)
        self._drain = Drain(self._queue, target, writer, finest=_GIVEN_UP_TOGETHER, name="forward")
        self._health = Health("forward.queue_fails", "forward.queue_recovered")
        self._waiting: deque[Row | Points] = deque()
        self._waiting_samples = 0
        self._news = asyncio.Event()
        self._places: dict[int, tuple[Group, Places]] = {}
        """By the group's id: the place of each of its columns in the queue; grows with the group."""

    def offer(self, rows: Sequence[Row | Points]) -> None:
        """Takes what was stored; returns at once."""
        for row in rows:
            if self._waiting_samples + row.values.size > MOST_WAITING:
                self.dropped["disk too slow"] += row.values.size
                continue
            self._waiting.append(row)
            self._waiting_samples += row.values.size
        self._news.set()

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fill())
            tasks.create_task(self._drain.run())

    @property
    def sent(self) -> int:
        """Samples that the server has taken."""
        return self._drain.sent

    @property
    def rejected(self) -> int:
        """Samples that the server refused for good."""
        return self._drain.rejected

    @property
    def queue_bytes(self) -> int:
        """What waits on disk, as a multiple of a file's size."""
        return self._queue.size_bytes()

    async def delivered(self) -> bool:
        """Waits until all that was offered is at the server; for tests and for the end."""
        while self._waiting_samples:  # noqa: ASYNC110 - the worker has no event for an empty memory
            await asyncio.sleep(0.01)
        return await self._drain.delivered()

    async def close(self) -> None:
        """Puts what waits on disk and lets go of the files; `run` has ended before."""
        while self._waiting:
            with contextlib.suppress(StoreError):
                await self._put()
        self._drain.end()
        await self._queue.close()

    async def _fill(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                try:
                    await self._put()
                    self._health.tell(None)
                except StoreError as error:
                    self._health.tell(error)

    async def _put(self) -> None:
        """Brings some of what waits to the disk. Raises StoreError: then it is dropped."""
        points: list[Points] = []
        taken = count = 0
        while self._waiting and taken < _AT_ONCE:
            row = self._waiting.popleft()
            taken += row.values.size
            chosen = self._chosen(row)
            count += chosen.values.size
            points.append(chosen)
        try:
            if count:
                await self._queue.put(self._queue.accept(points), None)
        except StoreError as error:
            self.dropped["queue full" if "queue is full" in str(error) else "disk fails"] += count
            raise
        finally:
            self._waiting_samples -= taken

    def _chosen(self, row: Row | Points) -> Points:
        """Of some samples those that are wanted, by their places in the queue."""
        if isinstance(row, Points):
            columns, times = row.columns, row.times
        else:
            columns = np.arange(len(row.values))
            times = np.full(len(row.values), row.time_ms)
        places = self._places_of(row.group, columns)
        keep = (places >= 0) & ~is_absent(row.values) & fits(times)
        return Points(self._queue.pool, places[keep], times[keep], row.values[keep])

    def _places_of(self, group: Group, columns: Places) -> Places:
        known = self._places.get(id(group))
        if known is None or known[0] is not group:
            if len(self._places) >= _MOST_GROUPS:
                self._places.clear()
            known = (group, np.zeros(0, np.int64))
        places = known[1]
        if len(places) < len(group.labels):
            room = np.full(len(group.labels) - len(places) + len(places) // 2, _UNKNOWN)
            places = np.concatenate((places, room))
        self._places[id(group)] = (group, places)
        fresh = np.unique(columns[places[columns] == _UNKNOWN])
        if fresh.size:
            places[fresh] = self._enrolled([group.labels[column] for column in fresh.tolist()])
        return places[columns]

    def _enrolled(self, series: Sequence[Labels]) -> Places:
        wanted = self._which(series)
        places = np.full(len(series), _UNWANTED)
        if wanted.any():
            places[wanted] = self._queue.enroll([self._named(series[at]) for at in np.flatnonzero(wanted).tolist()])
        return places

    def _which(self, series: Iterable[Labels]) -> npt.NDArray[np.bool_]:
        accepted = [not self._wanted or any(one.accepts(labels) for one in self._wanted) for labels in series]
        return np.array(accepted, np.bool_)

    def _named(self, labels: Labels) -> Labels:
        """A series with the labels that are added; its own go before them."""
        return tuple(sorted((dict(self._labels) | dict(labels)).items())) if self._labels else labels
