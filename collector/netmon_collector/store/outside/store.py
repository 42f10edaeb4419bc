"""A server as a store: the way of a batch from `append` to the server, and of a query back, on one page.

append: refuse what was taken already -> leave out what the server cannot keep -> the queue on our disk -> acked.
Beside it one worker brings the queue to the server. select: what is in the queue and what the server tells, as one.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, Self, TypeVar

import numpy as np

from netmon_collector.store.base import (
    ABSENT_BITS,
    Frame,
    Group,
    Matcher,
    Origin,
    Places,
    Points,
    Row,
    StoreError,
    StoreStats,
    is_absent,
)
from netmon_collector.store.damage import log
from netmon_collector.store.groups import with_samples
from netmon_collector.store.inventory import Inventory
from netmon_collector.store.match import Matching
from netmon_collector.store.outside.base import Evaluating, Server
from netmon_collector.store.outside.columns import frames
from netmon_collector.store.outside.drain import Drain
from netmon_collector.store.outside.figures import Figures
from netmon_collector.store.outside.lines import LineWriter
from netmon_collector.store.outside.queue import Queue
from netmon_collector.store.outside.unsent import pieces, series
from netmon_collector.store.record import Gathers, Part, Singles
from netmon_collector.store.remote import Steps, Summarised, Summary
from netmon_collector.store.retention import DAY_MS
from netmon_proto.model import Kind, Labels

T = TypeVar("T")

QUEUE_BYTES: Final = 4 << 30
_READERS: Final = 4
_NEVER_MS: Final = 1 << 62


class OutsideStore:
    """Keeps samples on a server, and until it has them for sure in a folder of ours. Needs a running event loop."""

    def __init__(self, server: Server, queue: Queue) -> None:
        self._server = server
        self._queue = queue
        self._drain = Drain(queue, server, LineWriter(server.prefix, queue.labels))
        self._draining = asyncio.create_task(self._drain.run())
        self._readers = ThreadPoolExecutor(_READERS, "netmon-outside")
        self._not_held = 0
        self._before = self._saved = Figures.load(queue.folder)
        """What was counted before this start, and what is on the disk of it."""

    @classmethod
    def open(cls, server: Server, folder: Path, *, queue_bytes: int = QUEUE_BYTES, window_s: float = 0.1) -> Self:
        """Opens the queue in a folder, and looks whether the server is fit; one that is away may come later.

        The queue takes no more than `queue_bytes`; commits are `window_s` apart. Raises StoreUnavailable.
        """
        try:
            server.check()
        except StoreError as error:
            log.warning("store.server_away", error=str(error), consequence="samples wait in the queue")
        return cls(server, Queue(folder, max_bytes=queue_bytes, window_s=window_s))

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> Group:
        return self._queue.register(labels, kinds)

    def group(self, places: Places, kinds: Sequence[Kind]) -> Group:
        return self._queue.group(places, kinds)

    @property
    def pool(self) -> Group:
        return self._queue.pool

    def enroll(self, labels: Sequence[Labels]) -> Places:
        return self._queue.enroll(labels)

    async def append(self, rows: Sequence[Row | Points], origin: Origin | None) -> bool:
        held = [self._held(part) for part in self._queue.accept(rows)]
        return await self._queue.put([part for part in held if len(part.times)], origin)

    def _held(self, part: Part) -> Part:
        """What the server can keep of some samples."""
        times = np.repeat(part.times, part.widths) if isinstance(part, Gathers) else part.times
        values = part.values.view(np.float64)
        wanted = ~is_absent(values)
        present = wanted & self._server.holds(values, times)
        lost = int(np.count_nonzero(wanted)) - int(np.count_nonzero(present))
        if lost == 0:
            return part
        if not self._not_held:
            log.warning("store.cannot_hold", what="NaN, stale markers and what else docs/stores.md names")
        self._not_held += lost
        if isinstance(part, Singles):
            return Singles(part.series[present], part.times[present], part.values[present])
        bits = np.where(present, part.values, np.uint64(ABSENT_BITS))
        return with_samples(Gathers(part.groups, part.widths, part.times, bits))

    def highest_acked(self, agent_id: str, epoch: int) -> int:
        return self._queue.highest_acked(agent_id, epoch)

    def settle(self, agent_id: str, epoch: int, below: int) -> None:
        self._queue.forget_acks(agent_id, epoch, below)

    async def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Frame]:
        matching = Matching(matchers)
        if start_ms > end_ms:
            return []
        entries = self._queue.unsettled()

        def read() -> list[Frame]:
            ours = pieces(self._queue, entries, matching, start_ms, end_ms)  # first: what is settled since, is there
            told = self._server.select(matchers, start_ms, end_ms)
            return frames(chain((piece for piece in told if matching.accepts(piece.labels)), ours))

        return await self._read(read)

    async def summarise(self, what: Summary, steps: Steps) -> Summarised | None:
        """Those steps whose samples the server has for sure; only servers that can evaluate at all are asked."""
        server = self._server
        if not isinstance(server, Evaluating):
            return None
        waiting_ms = min((entry.oldest_ms for entry in self._queue.unsettled()), default=_NEVER_MS)
        return await self._read(lambda: server.summarise(what, steps, waiting_ms + what.offset_ms))

    async def series(self, matchers: Sequence[Matcher]) -> list[Labels]:
        matching = Matching(matchers)
        entries = self._queue.unsettled()

        def read() -> list[Labels]:
            ours = series(self._queue, entries, matching)
            return list(ours.union(filter(matching.accepts, self._server.series(matchers))))

        return await self._read(read)

    async def label_names(self, matchers: Sequence[Matcher]) -> list[str]:
        return await self._labels(
            matchers, self._server.label_names, lambda series: [name for name, value in series if value]
        )

    async def label_values(self, name: str, matchers: Sequence[Matcher]) -> list[str]:
        return await self._labels(
            matchers,
            partial(self._server.label_values, name),
            lambda series: [value for own, value in series if own == name and value],
        )

    async def _labels(
        self,
        matchers: Sequence[Matcher],
        ask: Callable[[Sequence[Matcher]], list[str] | None],
        texts_of: Callable[[Labels], list[str]],
    ) -> list[str]:
        """Texts of the labels of series: from the queue, and as the server tells them, or its series."""
        matching = Matching(matchers)
        entries = self._queue.unsettled()

        def read() -> list[str]:
            ours = series(self._queue, entries, matching)
            told = ask(matchers)
            if told is None:
                ours.update(filter(matching.accepts, self._server.series(matchers)))
            return sorted({text for labels in ours for text in texts_of(labels)}.union(told or ()))

        return await self._read(read)

    async def _read(self, work: Callable[[], T]) -> T:
        """In threads of our own: a server that hangs must not take those that others need."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def forget_before(self, time_ms: int) -> None:
        """Only writes down what is counted: how long samples are kept is the server's own setting."""
        self._save_figures()

    async def days(self) -> Sequence[int]:
        """The starts of the days (UTC) of which there are samples, ascending; maybe of some more. Raises StoreError."""
        entries = self._queue.unsettled()

        def read() -> list[int]:
            ours = pieces(self._queue, entries, Matching([]), -_NEVER_MS, _NEVER_MS)
            waiting = {number * DAY_MS for piece in ours for number in (piece.times // DAY_MS).tolist()}
            return sorted(waiting.union(self._server.days()))

        return await self._read(read)

    async def delivered(self) -> bool:
        """Waits until the server has, for sure, all that was appended. False: the store was closed before."""
        return await self._drain.delivered()

    def _figures(self) -> Figures:
        written = self._queue.written
        return self._before.and_then(
            Figures(self._drain.rejected, self._not_held, written.oldest_ms, written.newest_ms)
        )

    def _save_figures(self) -> None:
        figures = self._figures()
        if figures != self._saved:
            figures.save(self._queue.folder)
            self._saved = figures

    async def inventory(self) -> Inventory:
        figures = self._figures()
        return Inventory(
            series=self._queue.series_written(),
            queue_bytes=self._queue.size_bytes(),
            rejected=figures.rejected,
            left_out=figures.left_out,
        )

    def stats(self) -> StoreStats:
        """What went through our queue; `bytes` are those of the queue, not of the server."""
        written, figures = self._queue.written, self._figures()
        return StoreStats(
            series=self._queue.series_written(),
            samples_appended=written.samples,
            batches_duplicate=written.duplicates,
            bytes=self._queue.size_bytes(),
            oldest_ms=figures.oldest_ms,
            newest_ms=figures.newest_ms,
            damaged=written.damages.count,
            rejected=figures.rejected,
            left_out=figures.left_out,
        )

    async def close(self) -> None:
        self._draining.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._draining
        self._drain.end()
        with contextlib.suppress(StoreError):
            self._save_figures()
        await self._queue.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._server.close()
