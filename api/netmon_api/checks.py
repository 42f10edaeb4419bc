"""Checks that agents make for the collector: judged as in agent.yaml; secrets go in and never come out."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netmon_agent.assigned.options import changed, check_of, kept_secrets, shown, to_json
from netmon_agent.inputs.checks.base import Check
from netmon_api.bodies import body_of
from netmon_api.check_models import CheckAnswer, CheckBody, CheckChange, CheckPollerAnswer, CheckState
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.pollers import poller_named, wrong
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.times import rfc3339
from netmon_collector.checks.book import NobodyThere, TooManyChecks
from netmon_collector.checks.records import Assigned, CheckRecord
from netmon_collector.fleet import Device
from netmon_collector.state.agents import first_free, handle_of
from netmon_collector.state.checks import CheckExists
from netmon_configs.load import ConfigError
from netmon_configs.sealing import SealBroken
from netmon_proto.model import CheckOutcome

MOST_BYTES = 256 << 10
_LONGEST_NAME = 90
_STATES: Mapping[CheckOutcome, CheckState] = {
    CheckOutcome.UNSPECIFIED: "unknown",
    CheckOutcome.UP: "up",
    CheckOutcome.DOWN: "down",
    CheckOutcome.BROKEN: "broken",
}
_WORST: tuple[CheckState, ...] = ("broken", "down", "unknown", "up")


async def list_checks(call: Call[PageQuery]) -> Listing[CheckAnswer]:
    found = call.services.checks.all()
    results = [_answer(call.services, one) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def show_check(call: Call[NoQuery]) -> CheckAnswer:
    return _answer(call.services, _check(call))


async def add_check(call: Call[NoQuery]) -> CheckAnswer:
    body, services = await body_of(call.request, CheckBody), call.services
    check = _judged(body.check)
    options = _written(check)
    agents = [] if body.pollers == "any" else _pollers(services, body.pollers)
    now_ms = services.now_ms()
    record = CheckRecord(
        name=body.name or _name_for(check, services),
        agents=tuple(dict.fromkeys(one.agent_id for one in agents)),
        added_ms=now_ms,
        is_any=body.pollers == "any",
        **_about(check, options, now_ms),
    )
    try:
        return _answer(services, await services.checks.add(record, options))
    except (CheckExists, TooManyChecks) as error:
        raise ApiError("conflict", str(error)) from None
    except (NobodyThere, SealBroken, OSError) as error:
        raise ApiError("unavailable", str(error)) from None


async def change_check(call: Call[NoQuery]) -> CheckAnswer:
    body, services = await body_of(call.request, CheckChange), call.services
    before = _check(call).record
    if body.check.get("type", before.type) != before.type:
        raise ApiError("bad_request", "check.type: cannot be another; remove the check, and add one of that type")
    try:
        known = json.loads(await services.checks.options(before.name))
        check = _judged(changed(known, body.check))
        kept = kept_secrets(check_of(known), body.check) if _asked(check) != dict(before.targets) else []
        if kept:
            raise wrong(f"check.{kept[0]}", "say it anew, because the check asks another target than before")
        options = _written(check)
        wanted = replace(before, **_about(check, options, services.now_ms()))
        if body.pollers is not None:
            agents = [] if body.pollers == "any" else _pollers(services, body.pollers)
            chosen = tuple(dict.fromkeys(one.agent_id for one in agents)) or before.agents
            wanted = replace(wanted, agents=chosen, is_any=body.pollers == "any")
        return _answer(services, await services.checks.replace(wanted, options))
    except TooManyChecks as error:
        raise ApiError("conflict", str(error)) from None
    except KeyError:  # removed meanwhile
        raise ApiError("not_found", f"there is no check {before.name!r}") from None
    except (NobodyThere, SealBroken, OSError) as error:
        raise ApiError("unavailable", str(error)) from None


async def remove_check(call: Call[NoQuery]) -> CheckAnswer:
    answer = _answer(call.services, _check(call))
    await call.services.checks.remove(answer.name)
    return answer


def _judged(options: dict[str, Any]) -> Check:
    try:
        return check_of(options)
    except ConfigError as error:
        complaints = {f"check.{one.place}" if one.place else "check": one.text for one in error.mistakes}
    text = "; ".join(f"{place}: {complaint}" for place, complaint in complaints.items())
    raise ApiError("bad_request", text, field_errors=complaints)


def _written(check: Check) -> str:
    """A check's options as they are kept. Raises ApiError."""
    options = to_json(check)
    if len(options) > MOST_BYTES:
        raise ApiError("bad_request", f"check: has more than {MOST_BYTES >> 10} KiB")
    return options


def _about(check: Check, options: str, now_ms: int) -> dict[str, Any]:
    """What a record has of a check as it is written now."""
    return {
        "type": check.type,
        "shown": shown(check),
        "targets": _asked(check),
        "interval_ms": round((check.interval_s or 0) * 1000),
        "revision": now_ms,
        "size_bytes": len(options),
    }


def _asked(check: Check) -> dict[str, str]:
    return {target: check.asked.get(target, "") for target in check.probed}


def _pollers(services: Services, names: list[str] | None) -> list[Device]:
    if names is None:
        return [poller_named(services, None, "pollers")]
    return [poller_named(services, name, "pollers") for name in names]


def _name_for(check: Check, services: Services) -> str:
    """A name like that of the first target, which no other check has."""
    known = {one.record.name for one in services.checks.all()}
    stem = f"{check.type}-{check.probed[0].partition('://')[2] or check.probed[0]}"
    return first_free(handle_of(stem)[:_LONGEST_NAME].strip(".-"), known)


def _check(call: Call[Any]) -> Assigned:
    name = call.request.match_info["check"]
    assigned = call.services.checks.one(name)
    if assigned is None:
        raise ApiError("not_found", f"there is no check {name[:100]!r}")
    return assigned


def _answer(services: Services, assigned: Assigned) -> CheckAnswer:
    record = assigned.record
    agents = {one.agent_id: one for one in services.fleet.devices() if one.job == "node"}
    pollers = [_of_poller(assigned, agent_id, agents.get(agent_id)) for agent_id in record.agents]
    return CheckAnswer(
        name=record.name,
        type=record.type,
        state=next((state for state in _WORST if any(one.state == state for one in pollers)), "unknown"),
        targets=list(record.targets),
        devices=sorted({device for found in record.devices.values() for device in found.values()}),
        any_poller=record.is_any,
        interval_s=record.interval_ms / 1000 or None,
        options=dict(record.shown),
        added=rfc3339(record.added_ms),
        pollers=pollers,
    )


def _of_poller(assigned: Assigned, agent_id: str, agent: Device | None) -> CheckPollerAnswer:
    told = assigned.told.get(agent_id)
    is_heard = agent is not None and agent.up is not False
    return CheckPollerAnswer(
        poller=agent.instance if agent is not None else agent_id,
        state=_STATES[told.report.outcome] if told is not None and is_heard else "unknown",
        trouble=told.report.trouble if told is not None else "",
        duration_s=told.report.duration_s if told is not None else None,
        reported=rfc3339(told.heard_ms) if told is not None else None,
    )
