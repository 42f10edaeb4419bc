"""Takes stock of an embedded store: what it holds, and what makes its series so many."""

import asyncio
from dataclasses import replace

from netmon_collector.store.chunkfile import Tier
from netmon_collector.store.inventory import (
    TOP,
    Cardinality,
    Inventory,
    LabelFigures,
    MetricFigures,
    cardinality,
)
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.shelf import Shelf
from netmon_collector.store.upkeep import Upkeep


class Stock:
    """Of a store that is whole. What takes long is counted in a thread."""

    def __init__(self, index: LabelIndex, shelf: Shelf, upkeep: Upkeep) -> None:
        self._index = index
        self._shelf = shelf
        self._upkeep = upkeep

    async def inventory(self) -> Inventory:
        files, log = self._upkeep.figures()
        metrics, labels = await asyncio.to_thread(self._index.counts, TOP)
        return replace(
            log,
            series=self._index.present(),
            tiers=files,
            log_samples=await asyncio.to_thread(self._upkeep.samples_in_memory),
            metrics=[MetricFigures(*one) for one in metrics],
            labels=[LabelFigures(*one) for one in labels],
        )

    async def cardinality(self, top: int) -> Cardinality:
        chunks = sum(len(file.entries) for file in self._shelf.files(Tier.RAW))
        return await asyncio.to_thread(cardinality, self._index.tallies(), self._index.present(), chunks, top)
