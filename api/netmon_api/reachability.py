"""Whether devices can be reached, and what each witness says."""

from typing import Literal

from pydantic import Field

from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Answer, Listing, NoQuery, PageQuery, Text, Time
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.times import rfc3339
from netmon_collector.reachability.standing import Standing

Reach = Literal["up", "degraded", "down", "unreachable", "unknown", "maintenance"]


class ReachabilityQuery(PageQuery):
    """Values of one parameter are alternatives; different parameters must all fit."""

    state: list[Reach] = Field(default=[], max_length=6)
    device: list[Text] = Field(default=[], max_length=100)


class ReachabilityAnswer(Answer):
    """`downs`: how often the device went down in the outage that is paged, 0 where none is."""

    device: str
    state: Reach
    since: Time
    evidence: list[str]
    shadowed_by: list[str]
    paged_since: Time | None
    downs: int


async def list_reachability(call: Call[ReachabilityQuery]) -> Listing[ReachabilityAnswer]:
    query = call.query
    found = [
        (device, standing)
        for device, standing in sorted(call.services.reachability.standings.items())
        if (not query.state or standing.state in query.state) and (not query.device or device in query.device)
    ]
    results = [_answer(call.services, *one) for one in page_of(found, query)]
    return listing(call.request.path, len(found), results, query)


async def show_reachability(call: Call[NoQuery]) -> ReachabilityAnswer:
    device = call.request.match_info["device"]
    standing = call.services.reachability.standings.get(device)
    if standing is None:
        raise ApiError("not_found", f"there is no device {device!r} of which anybody could tell")
    return _answer(call.services, device, standing)


def _answer(services: Services, device: str, standing: Standing) -> ReachabilityAnswer:
    return ReachabilityAnswer(
        device=device,
        state=standing.state.value,
        since=rfc3339(standing.since_ms),
        evidence=list(services.reachability.evidence(device, services.now_ms())),
        shadowed_by=list(standing.shadowed_by),
        paged_since=None if standing.page is None else rfc3339(standing.page.since_ms),
        downs=standing.page.count if standing.page else 0,
    )
