"""Which agent is meant: by its name, or where nothing is said; and how busy those are that poll."""

from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Answer, Listing, PageQuery
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_collector.fleet import Device
from netmon_configs.options import is_loopback, split_address


class PollerAnswer(Answer):
    """An agent that polls. `load` is the greater of `asking`, the part of the devices that it may ask at a time, and
    `processor`, the part of one processor; `load_ahead` what it comes to within the hour. `late`: devices whose poll is
    overdue."""

    poller: str
    devices: int
    load: float
    load_ahead: float
    asking: float
    processor: float | None
    late: int


async def list_pollers(call: Call[PageQuery]) -> Listing[PollerAnswer]:
    found = [one for _, one in sorted(call.services.pollers.loads.items()) if one.devices]
    results = [
        PollerAnswer(
            poller=one.poller,
            devices=one.devices,
            load=round(one.now, 4),
            load_ahead=round(one.ahead, 4),
            asking=round(one.asking, 4),
            processor=None if one.processor is None else round(one.processor, 4),
            late=one.late,
        )
        for one in page_of(found, call.query)
    ]
    return listing(call.request.path, len(found), results, call.query)


def poller_named(services: Services, wanted: str | None, field: str = "poller") -> Device:
    """The agent that is to poll or check: the one that is named, that of this machine, or the only one."""
    agents = [one for one in services.fleet.devices() if one.job == "node"]
    if wanted is not None:
        named = next((one for one in agents if one.instance == wanted), None)
        if named is None:
            raise wrong(field, f"there is no agent {wanted[:64]!r}")
        return named
    connected = [one for one in agents if one.connected]
    candidates = [one for one in connected if _is_here(one.address)] or connected
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(one.instance for one in candidates[:5])
    raise wrong(field, f"say which agent polls, such as {names}" if names else "no agent is connected that could poll")


def _is_here(address: str | None) -> bool:
    """Whether an agent is on the collector's machine: through its socket, or through loopback."""
    return not address or "/" in address or is_loopback(split_address(address)[0])


def wrong(field: str, complaint: str) -> ApiError:
    """A field of a body that cannot be so."""
    return ApiError("bad_request", f"{field}: {complaint}", field_errors={field: complaint})
