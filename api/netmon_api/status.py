"""The whole at a glance."""

from collections import Counter
from collections.abc import Collection

from netmon_api.devices import state_of
from netmon_api.models import (
    AgentCounts,
    DeviceCounts,
    IngestAnswer,
    NoQuery,
    SpoolSums,
    StatusAnswer,
    StoreAnswer,
)
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.fleet import Device
from netmon_collector.intake import IngestStats
from netmon_collector.store.base import StoreStats
from netmon_proto import __version__


async def show_status(call: Call[NoQuery]) -> StatusAnswer:
    services = call.services
    now_ms = services.now_ms()
    devices = services.fleet.devices()
    agents = {device.agent_id: device for device in devices}.values()  # an agent may report many devices
    return StatusAnswer(
        version=__version__,
        started=rfc3339(services.started_ms),
        now=rfc3339(now_ms),
        devices=_devices(devices),
        agents=AgentCounts(total=len(agents), connected=sum(agent.connected for agent in agents)),
        ingest=_ingest(services.intake.stats(now_ms)),
        store=_store(services.store.stats()),
        spool=_spool(agents),
    )


def _devices(devices: Collection[Device]) -> DeviceCounts:
    states = Counter(state_of(device) for device in devices)
    return DeviceCounts(total=len(devices), up=states["up"], down=states["down"], unknown=states["unknown"])


def _ingest(stats: IngestStats) -> IngestAnswer:
    return IngestAnswer(
        samples=stats.samples,
        batches=stats.batches,
        duplicates=stats.duplicates,
        refused=stats.refused,
        samples_per_second=stats.samples_per_second,
    )


def _store(stats: StoreStats) -> StoreAnswer:
    return StoreAnswer(
        series=stats.series,
        samples=stats.samples_appended,
        bytes=stats.bytes,
        oldest=None if stats.oldest_ms is None else rfc3339(stats.oldest_ms),
        newest=None if stats.newest_ms is None else rfc3339(stats.newest_ms),
        cache_bytes=stats.cache_bytes,
    )


def _spool(agents: Collection[Device]) -> SpoolSums:
    return SpoolSums(
        batches=sum(agent.spool_batches or 0 for agent in agents),
        bytes=sum(agent.spool_bytes or 0 for agent in agents),
        quarantined=sum(agent.quarantined or 0 for agent in agents),
    )
