"""Looking for what is in networks: asked for by people or on a schedule, never by itself."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from netmon_agent.discovery.scope import Outside, Scope
from netmon_api.bodies import body_of
from netmon_api.discovery_models import FindAnswer, FindsQuery, SweepAnswer, SweepBody
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.pollers import poller_named
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.snmp import credentials_named
from netmon_api.times import rfc3339
from netmon_collector.discovery.book import Refused
from netmon_collector.discovery.records import Find, Plan, SweepRecord
from netmon_collector.discovery.vendors import vendor_of

T = TypeVar("T")


async def start_sweep(call: Call[NoQuery]) -> SweepAnswer:
    body, services = await body_of(call.request, SweepBody), call.services
    for field, networks in (("networks", body.networks), ("follow", body.follow)):
        try:
            if networks:
                Scope(networks if field == "networks" else body.networks, body.follow)
        except Outside as error:
            raise ApiError("bad_request", f"{field}: {error}", field_errors={field: str(error)}) from None
    plan = Plan(
        poller_named(services, body.poller).agent_id,
        body.networks,
        body.follow,
        body.ports,
        tuple(await credentials_named(services, body.credentials)),
        body.packets_per_s,
        round((body.every_s or 0) * 1000),
        body.accept == "new",
        round(body.interval_s * 1000),
        body.accept_if,
    )
    return _sweep(services, await _done(services.discovery.start(plan)))


async def list_sweeps(call: Call[PageQuery]) -> Listing[SweepAnswer]:
    found = call.services.discovery.sweeps()
    results = [_sweep(call.services, one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def show_sweep(call: Call[NoQuery]) -> SweepAnswer:
    number = _number(call.request.match_info["number"])
    record = call.services.discovery.sweep(number)
    if record is None:
        raise ApiError("not_found", f"there is no sweep {number}")
    return _sweep(call.services, record)


async def stop_sweep(call: Call[NoQuery]) -> SweepAnswer:
    number = _number(call.request.match_info["number"])
    record = await call.services.discovery.stop(number)
    if record is None:
        raise ApiError("not_found", f"there is no sweep {number}")
    return _sweep(call.services, record)


async def list_finds(call: Call[FindsQuery]) -> Listing[FindAnswer]:
    number = _number(call.request.match_info["number"])
    if call.services.discovery.sweep(number) is None:
        raise ApiError("not_found", f"there is no sweep {number}")
    wanted = set(call.query.answer)
    found = [one for one in call.services.discovery.finds(number) if not wanted or one.answer.value in wanted]
    results = await asyncio.to_thread(lambda: [_find(one) for one in page_of(found, call.query)])
    return listing(call.request.path, len(found), results, call.query)


async def accept_find(call: Call[NoQuery]) -> FindAnswer:
    return _find(await _done(call.services.discovery.accept(_number(call.request.match_info["number"]))))


async def reject_find(call: Call[NoQuery]) -> FindAnswer:
    return _find(await _done(call.services.discovery.reject(_number(call.request.match_info["number"]))))


async def _done(change: Awaitable[T]) -> T:
    try:
        return await change
    except LookupError as error:
        raise ApiError("not_found", str(error.args[0])) from None
    except Refused as error:
        raise ApiError("conflict", str(error)) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ApiError("not_found", f"there is no number {text[:20]!r}")
    return int(text)


def _sweep(services: Services, record: SweepRecord) -> SweepAnswer:
    plan = record.plan
    agents = (one for one in services.fleet.devices() if one.job == "node" and one.agent_id == plan.agent_id)
    return SweepAnswer(
        number=record.number,
        state=record.state.value,
        networks=list(plan.networks),
        follow=list(plan.follow),
        ports=list(plan.ports),
        credentials=list(plan.credentials),
        packets_per_s=plan.packets_per_s,
        every_s=plan.every_ms / 1000 or None,
        accept="new" if plan.accepts_new else "none",
        accept_if=list(plan.accept_if),
        poller=next((one.instance for one in agents), plan.agent_id),
        run=record.run,
        done=record.done,
        total=record.total,
        started=rfc3339(record.started_ms),
        ended=None if record.ended_ms is None else rfc3339(record.ended_ms),
        trouble=record.trouble,
    )


def _find(find: Find) -> FindAnswer:
    found = find.found
    return FindAnswer(
        number=find.number,
        sweep=find.sweep,
        address=found.address,
        answer=find.answer.value,
        device=find.device,
        reasons=list(find.reasons),
        answered=list(found.answered),
        mac=found.mac,
        vendor=vendor_of(found.mac),
        rtt_s=found.rtt_s,
        ports=list(found.ports),
        names=dict(found.names),
        credential=found.credential,
        told=dict(found.told),
        via=found.via,
        seen=rfc3339(find.seen_ms),
    )
