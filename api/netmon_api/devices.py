"""Devices, and the agents that report them."""

from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import AgentAnswer, DeviceAnswer, DevicesQuery, Listing, NoQuery, SpoolAnswer, State
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.fleet import Device
from netmon_collector.polling import Polled


async def list_devices(call: Call[DevicesQuery]) -> Listing[DeviceAnswer]:
    query = call.query
    fitting = [device for device in call.services.fleet.devices() if _fits(device, query)]
    fitting.sort(key=lambda device: device.instance)
    results = [_answer(device) for device in page_of(fitting, query)]
    return listing(call.request.path, len(fitting), results, query)


async def show_device(call: Call[NoQuery]) -> DeviceAnswer:
    instance = call.request.match_info["instance"]
    device = call.services.fleet.device(instance)
    if device is None:
        raise ApiError("not_found", f"there is no device {instance!r}")
    return _answer(device)


def _fits(device: Device, query: DevicesQuery) -> bool:
    return (
        (not query.instance or device.instance in query.instance)
        and (not query.state or state_of(device) in query.state)
        and (not query.job or device.job in query.job)
    )


def state_of(device: Device | Polled) -> State:
    """Whether a device is up; unknown for a while after the collector's start."""
    if device.up is None:
        return "unknown"
    return "up" if device.up else "down"


def _answer(device: Device) -> DeviceAnswer:
    return DeviceAnswer(
        instance=device.instance,
        name=device.name,
        job=device.job,
        state=state_of(device),
        since=rfc3339(device.since_ms),
        first_seen=rfc3339(device.first_seen_ms),
        last_seen=rfc3339(device.last_seen_ms),
        last_sample=None if device.last_sample_ms is None else rfc3339(device.last_sample_ms),
        interval_s=device.interval_ms / 1000,
        agent=_agent(device),
    )


def _agent(device: Device) -> AgentAnswer:
    return AgentAnswer(
        id=device.agent_id,
        version=device.version,
        platform=device.platform,
        hostname=device.hostname,
        connected=device.connected,
        address=device.address,
        clock_skew_s=None if device.clock_skew_ms is None else device.clock_skew_ms / 1000,
        spool=_spool(device),
        quarantined=device.quarantined,
    )


def _spool(device: Device) -> SpoolAnswer | None:
    if device.spool_batches is None or device.spool_bytes is None:
        return None
    return SpoolAnswer(
        batches=device.spool_batches, bytes=device.spool_bytes, oldest_age_s=device.spool_oldest_age_s or 0.0
    )
