"""Opens servers as stores, with a queue that lets go at once of what was sent."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from netmon_collector.store.outside.http import Access
from netmon_collector.store.outside.influxdb import InfluxDb
from netmon_collector.store.outside.store import OutsideStore
from netmon_collector.store.outside.victoriametrics import VictoriaMetrics


@contextlib.asynccontextmanager
async def opened(
    url: str, folder: Path, hold_s: float = 0.0, queue_bytes: int = 1 << 24
) -> AsyncIterator[OutsideStore]:
    address = url.partition(":")[2].partition("?")[0]
    server = (
        InfluxDb(address, Access(), database="netmon")
        if url.startswith("influxdb")
        else VictoriaMetrics(address, address, address, Access(), hold_s=hold_s)
    )
    store = OutsideStore.open(server, folder / "queue", queue_bytes=queue_bytes, window_s=0.01)
    try:
        yield store
    finally:
        await store.close()
