"""Takes stock of an embedded store: what it holds, and what makes its series so many."""

import asyncio
from dataclasses import replace

import numpy as np

from netmon_collector.store.base import ABSENT_BITS
from netmon_collector.store.blocks import Blocks
from netmon_collector.store.catalog import Catalog
from netmon_collector.store.chunkfile import Tier
from netmon_collector.store.inventory import (
    TOP,
    Cardinality,
    Inventory,
    LabelFigures,
    MetricFigures,
    TierFigures,
    cardinality,
)
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.log import Log
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.retention import DAY_MS
from netmon_collector.store.shelf import Shelf


class Stock:
    """What takes long is counted in a thread, of a store that is whole."""

    def __init__(
        self, index: LabelIndex, blocks: Blocks, shelf: Shelf, log: Log, catalog: Catalog, settings: StoreSettings
    ) -> None:
        self._index = index
        self._blocks = blocks
        self._shelf = shelf
        self._log = log
        self._catalog = catalog
        self._settings = settings

    def span_ms(self) -> tuple[int, int] | None:
        """Oldest and newest time of all samples; None where there is none."""
        logged = [(segment.oldest_ms, segment.newest_ms) for segment in self._log.segments]
        spans = [self._shelf.directory.spans_ms[Tier.RAW], *logged]
        oldest_ms, newest_ms = min(oldest for oldest, _ in spans), max(newest for _, newest in spans)
        return (oldest_ms, newest_ms) if oldest_ms <= newest_ms else None

    def days(self) -> list[int]:
        """The starts of the days of which there are samples, ascending; maybe of some more."""
        rows = [rows for number in list(self._blocks.all) for rows in self._blocks.rows(number)]  # before the files
        numbers: set[int] = set()
        for times in (one.times for one in rows):
            numbers.update((times // DAY_MS).tolist())
        for file in self._shelf.files(Tier.RAW):
            firsts, lasts = file.entries["oldest_ms"] // DAY_MS, file.entries["newest_ms"] // DAY_MS
            for first, last in set(zip(firsts.tolist(), lasts.tolist(), strict=True)):
                numbers.update(range(first, last + 1))
        return [number * DAY_MS for number in sorted(numbers)]

    def begins_ms(self) -> int | None:
        """The oldest time of which there are samples, or rollups, which stay longer; None where nothing is stored."""
        spans = [self.span_ms(), *self._shelf.directory.spans_ms.values()]
        return min((span[0] for span in spans if span is not None and span[0] <= span[1]), default=None)

    async def inventory(self) -> Inventory:
        files, log = self._figures()
        metrics, labels = await asyncio.to_thread(self._index.counts, TOP)
        return replace(
            log,
            series=self._index.present(),
            tiers=files,
            log_samples=await asyncio.to_thread(self._samples_in_memory),
            metrics=[MetricFigures(*one) for one in metrics],
            labels=[LabelFigures(*one) for one in labels],
        )

    async def cardinality(self, top: int) -> Cardinality:
        chunks = sum(len(file.entries) for file in self._shelf.files(Tier.RAW))
        return await asyncio.to_thread(cardinality, self._index.tallies(), self._index.present(), chunks, top)

    def _figures(self) -> tuple[list[TierFigures], Inventory]:
        """What there is of each tier; and what there is beside these, of which the samples are not counted."""
        tiers = []
        for tier in Tier:
            files = self._shelf.files(tier)
            oldest_ms, newest_ms = self._shelf.directory.spans_ms[tier]
            tiers.append(
                TierFigures(
                    tier,
                    len(files),
                    sum(file.size_bytes for file in files),
                    sum(file.samples for file in files),
                    oldest_ms if files else None,
                    newest_ms if files else None,
                    self._settings.retention.base.of(tier),
                )
            )
        cap = self._settings.max_bytes
        beside = Inventory(
            series=0,
            log_files=len(self._log.segments),
            log_bytes=self._log.size_bytes,
            catalog_bytes=sum(path.stat().st_size for path in self._catalog.paths()),
            damaged_files=self._shelf.set_aside(),
            cap_bytes=None if cap == StoreSettings().max_bytes else cap,
            rules=len(self._settings.retention.rules),
        )
        return tiers, beside

    def _samples_in_memory(self) -> int:
        parts = (rows.bits for number in list(self._blocks.all) for rows in self._blocks.rows(number))
        return sum(int(np.count_nonzero(bits != ABSENT_BITS)) for bits in parts)
