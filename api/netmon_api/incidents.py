"""Incidents: seen, taken on, put off, commented on."""

from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy.exc import SQLAlchemyError

from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.incident_models import (
    CommentBody,
    EntryAnswer,
    HoldBody,
    IncidentAnswer,
    IncidentDetail,
    IncidentsQuery,
    MemberAnswer,
    ReleaseBody,
    ShadowAnswer,
)
from netmon_api.models import Listing, NoQuery
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.alerts.incident import Entry, Incident, Kind, NotOpen, acknowledge, note, release, snooze
from netmon_collector.alerts.kinship import explanation

MOST_DIGITS = 9
MOST_SHOWN = 100


async def list_incidents(call: Call[IncidentsQuery]) -> Listing[IncidentAnswer]:
    """The newest first."""
    now_ms, wanted = call.services.now_ms(), call.query.open
    found = [
        one
        for _, one in sorted(call.services.alerting.incidents.all().items(), reverse=True)
        if wanted is None or (one.closed_ms is None) == wanted
    ]
    results = [IncidentAnswer(**_told(one, now_ms)) for one in page_of(found, call.query)]
    return listing(call.request.path, len(found), results, call.query)


async def show_incident(call: Call[NoQuery]) -> IncidentDetail:
    found = call.services.alerting.incidents.all().get(number_of(call))
    if found is None:
        raise ApiError("not_found", "there is no such incident")
    return _detail(found, call.services.now_ms())


async def acknowledge_incident(call: Call[NoQuery]) -> IncidentDetail:
    """Until then it is not told again without news, by anybody."""
    body, now_ms = await body_of(call.request, HoldBody), call.services.now_ms()
    until_ms = now_ms + round(body.for_s * 1000)
    return await _change(call, lambda one: acknowledge(one, body.by, until_ms, body.comment, now_ms))


async def snooze_incident(call: Call[NoQuery]) -> IncidentDetail:
    """Until then nothing of it is told but its end."""
    body, now_ms = await body_of(call.request, HoldBody), call.services.now_ms()
    until_ms = now_ms + round(body.for_s * 1000)
    return await _change(call, lambda one: snooze(one, body.by, until_ms, body.comment, now_ms))


async def release_incident(call: Call[NoQuery]) -> IncidentDetail:
    """Nobody cares for it any more: it is repeated and escalated again."""
    body, now_ms = await body_of(call.request, ReleaseBody), call.services.now_ms()
    return await _change(call, lambda one: release(one, body.by, body.comment, now_ms))


async def comment_on_incident(call: Call[NoQuery]) -> IncidentDetail:
    body, now_ms = await body_of(call.request, CommentBody), call.services.now_ms()
    return await _change(call, lambda one: note(one, Entry(now_ms, Kind.COMMENT, body.text, body.by)))


async def _change(call: Call[NoQuery], change: Callable[[Incident], Incident]) -> IncidentDetail:
    try:
        changed = await call.services.alerting.change_incident(number_of(call), change)
    except KeyError:
        raise ApiError("not_found", "there is no such incident") from None
    except NotOpen as error:
        raise ApiError("conflict", str(error)) from None
    except SQLAlchemyError as error:
        raise ApiError("unavailable", "the database cannot be written now; try again") from error
    return _detail(changed, call.services.now_ms())


def number_of(call: Call[Any]) -> int:
    """0, which no incident has, where it is no number."""
    text = call.request.match_info["number"]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else 0


def _detail(incident: Incident, now_ms: int) -> IncidentDetail:
    members = [
        MemberAnswer(
            group_key=one.key,
            title=one.title,
            severity=one.severity,
            since=rfc3339(one.since_ms),
            over=None if one.over_ms is None else rfc3339(one.over_ms),
            why=one.why,
            devices=list(one.devices),
        )
        for one in incident.ranked()
    ]
    timeline = [
        EntryAnswer(time=rfc3339(one.at_ms), kind=one.kind.value, text=one.text, by=one.by) for one in incident.timeline
    ]
    shadows = [
        ShadowAnswer(device=cause, count=len(devices), first=list(devices[:MOST_SHOWN]))
        for cause, devices in sorted(incident.shadows.items())
    ]
    return IncidentDetail(
        **_told(incident, now_ms),
        explanation=explanation(incident),
        shadows=shadows,
        merged_into=incident.merged_into or None,
        members=members,
        timeline=timeline,
    )


def _told(incident: Incident, now_ms: int) -> dict[str, Any]:
    """The fields of an IncidentAnswer."""
    acknowledged, snoozed = incident.is_acknowledged(now_ms), incident.is_snoozed(now_ms)
    return {
        "number": incident.number,
        "title": incident.title,
        "severity": incident.severity,
        "state": _state(incident, acknowledged, snoozed),
        "opened": rfc3339(incident.opened_ms),
        "closed": None if incident.closed_ms is None else rfc3339(incident.closed_ms),
        "owner": incident.owner if acknowledged else "",
        "acknowledged_until": rfc3339(incident.acknowledged_until_ms) if acknowledged else None,
        "snoozed_until": rfc3339(incident.snoozed_until_ms) if snoozed else None,
        "firing": sum(one.over_ms is None for one in incident.members),
        "groups": len(incident.members),
        "probable_cause": incident.probable_cause,
    }


def _state(
    incident: Incident, acknowledged: bool, snoozed: bool
) -> Literal["open", "acknowledged", "snoozed", "closed"]:
    if incident.closed_ms is not None:
        return "closed"
    return "snoozed" if snoozed else "acknowledged" if acknowledged else "open"
