"""Maintenance, and what became of what people were told."""

import asyncio
from dataclasses import replace
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from netmon_api.alerting_models import (
    NotificationAnswer,
    NotificationsQuery,
    WindowAnswer,
    WindowBody,
    WindowsQuery,
)
from netmon_api.bodies import body_of
from netmon_api.envelope import ApiError, listing, page_of
from netmon_api.models import Listing, NoQuery
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.alerts.maintenance import NoWindow, Window
from netmon_collector.alerts.matching import NoMatcher, parse_matchers
from netmon_collector.state.outbox import Receipt

MOST_RECEIPTS = 1000


async def list_windows(call: Call[WindowsQuery]) -> Listing[WindowAnswer]:
    """Those that go on first, then by the time at which they begin next."""
    now_ms = call.services.now_ms()
    windows = [_told(window, now_ms) for window in call.services.alerting.maintenance.windows.values()]
    chosen = [one for one in windows if call.query.holds is None or one.holds == call.query.holds]
    chosen.sort(key=lambda one: (not one.holds, one.next is None, one.next or "", one.name, one.id))
    return listing(call.request.path, len(chosen), page_of(chosen, call.query), call.query)


async def add_window(call: Call[NoQuery]) -> WindowAnswer:
    body = await body_of(call.request, WindowBody)
    if body.starts_at.tzinfo is not None:
        raise ApiError("bad_request", "starts_at: must be a time without an offset, because 'zone' says which it is")
    now_ms = call.services.now_ms()
    try:
        window = Window(
            id=str(uuid4()),
            name=body.name,
            matchers=tuple(matcher for text in body.matchers for matcher in parse_matchers(text)),
            starts_at=body.starts_at,
            duration_s=round(body.duration),
            zone=body.zone,
            repeats=body.repeats.upper(),
            created_by=body.created_by,
            comment=body.comment,
            created_ms=now_ms,
        )
        await call.services.alerting.maintain(window)
    except (NoMatcher, NoWindow) as error:
        raise ApiError("bad_request", str(error)) from None
    except SQLAlchemyError as error:
        raise ApiError("unavailable", "the database cannot be written now; try again") from error
    return _told(window, now_ms)


async def end_window(call: Call[NoQuery]) -> WindowAnswer:
    """Ends a window: what it kept mute is told of from now on, and it does not come again."""
    now_ms = call.services.now_ms()
    window = call.services.alerting.maintenance.windows.get(call.request.match_info["window"])
    if window is None:
        raise ApiError("not_found", "there is no such window of maintenance")
    ended = window if window.ended_at_ms is not None else replace(window, ended_at_ms=now_ms)
    try:
        await call.services.alerting.maintain(ended)
    except SQLAlchemyError as error:
        raise ApiError("unavailable", "the database cannot be written now; try again") from error
    return _told(ended, now_ms)


async def list_notifications(call: Call[NotificationsQuery]) -> Listing[NotificationAnswer]:
    query = call.query
    receipts = await asyncio.to_thread(call.services.alerting.outbox.receipts, MOST_RECEIPTS)
    chosen = [
        one
        for one in receipts
        if (not query.state or one.state in query.state) and (not query.receiver or one.receiver in query.receiver)
    ]
    results = [receipt_answer(one) for one in page_of(chosen, query)]
    return listing(call.request.path, len(chosen), results, query)


def receipt_answer(one: Receipt) -> NotificationAnswer:
    return NotificationAnswer(
        key=one.key,
        receiver=one.receiver,
        endpoint=one.endpoint,
        group_key=one.group_key,
        time=rfc3339(one.at_ms),
        state=one.state,
        attempts=one.attempts,
        settled=None if one.settled_ms is None else rfc3339(one.settled_ms),
        error=one.error,
    )


def _told(window: Window, now_ms: int) -> WindowAnswer:
    next_ms = window.next_ms(now_ms)
    return WindowAnswer(
        id=window.id,
        name=window.name,
        matchers=[str(matcher) for matcher in window.matchers],
        starts_at=window.starts_at.isoformat(timespec="minutes"),
        duration_s=window.duration_s,
        zone=window.zone,
        repeats=window.repeats,
        created_by=window.created_by,
        comment=window.comment,
        created=rfc3339(window.created_ms),
        ended_at=None if window.ended_at_ms is None else rfc3339(window.ended_at_ms),
        holds=next_ms is not None and next_ms <= now_ms,
        next=None if next_ms is None else rfc3339(next_ms),
    )
