"""Puts the gathers of one moment into one batch: inputs on the same interval end at nearly the same time."""

import asyncio
from collections.abc import Iterable

from netmon_agent.columns import Columnizer, Encoded
from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.spool import Spool

LINGER_S = 0.05
BATCH_SAMPLES = 20_000


class Batcher:
    """Between the schedule and the spool."""

    def __init__(self, columnizer: Columnizer, spool: Spool) -> None:
        self._columnizer = columnizer
        self._spool = spool
        self._generation = spool.generation
        self._pending: list[Encoded] = []
        self._flush: asyncio.Task[None] | None = None

    def put(
        self, title: str, job: str, now_ms: int, measurements: Iterable[Columns | Reading], device: str = ""
    ) -> int:
        """Takes what an input read, of this host or of a device; returns the number of samples.

        Raises DuplicateSeries, ValueError.
        """
        if self._generation != self._spool.generation:
            self._generation = self._spool.generation
            self._columnizer.forget()
        return self._add(self._columnizer.encode(title, job, now_ms, measurements, device))

    def put_stale(self, title: str, now_ms: int) -> None:
        """Ends the series of an input that broke."""
        self._add(self._columnizer.mark_stale(title, now_ms))

    async def close(self) -> None:
        """Spools what is pending."""
        if self._flush is not None:
            self._flush.cancel()
        await self._spool_pending()

    def _add(self, encoded: Encoded) -> int:
        if encoded.gathers or encoded.retired_layouts:
            self._pending.append(encoded)
            if self._flush is None or self._flush.done():
                self._flush = asyncio.create_task(self._linger())
        return sum(len(gather.values) for gather in encoded.gathers)

    async def _linger(self) -> None:
        await asyncio.sleep(LINGER_S)
        while self._pending:
            await self._spool_pending()

    async def _spool_pending(self) -> None:
        samples, count = 0, 0
        for encoded in self._pending:
            samples += sum(len(gather.values) for gather in encoded.gathers)
            if count and samples > BATCH_SAMPLES:
                break
            count += 1
        batch, self._pending = self._pending[:count], self._pending[count:]
        await self._spool.append(batch)
