"""The log of events."""

import asyncio
from urllib.parse import urlencode

from netmon_api.event_models import EventAnswer, EventsAnswer, EventsQuery, SeverityName
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.state.events import EventRecord, KeptEvents

_NAMES: dict[int, SeverityName] = {
    1: "emergency", 2: "alert", 3: "critical", 4: "error", 5: "warning", 6: "notice", 7: "info", 8: "debug",
}  # fmt: skip


async def list_events(call: Call[EventsQuery]) -> EventsAnswer:
    return await asyncio.to_thread(_page, call.services.events, call.query, call.request.path)


def _page(kept: KeptEvents, query: EventsQuery, path: str) -> EventsAnswer:
    wanted = query.wanted(query.since, query.until)
    last_id = kept.newest_id()
    if query.after is not None:
        found = kept.after(wanted, query.page_size + 1, query.after)
    else:
        found = kept.page(wanted, query.page_size + 1, query.cursor)
    shown, is_more = found[: query.page_size], len(found) > query.page_size
    return EventsAnswer(
        count=kept.count(wanted),
        next=_next(path, query, shown[-1]) if is_more else None,
        previous=None,
        results=[answer_of(one) for one in shown],
        filters_applied=query.filters(),
        last_id=last_id,
    )


def _next(path: str, query: EventsQuery, last: EventRecord) -> str:
    place = {"after": last.id} if query.after is not None else {"cursor": f"{last.time_ms}-{last.id}"}
    return f"{path}?{urlencode({**query.filters(), **place, 'page_size': query.page_size}, doseq=True)}"


def answer_of(one: EventRecord) -> EventAnswer:
    """An event as the API tells it."""
    return EventAnswer(
        id=one.id,
        time=rfc3339(one.time_ms),
        received=rfc3339(one.received_ms),
        device=one.device,
        source=one.source,
        kind=one.kind,
        severity=_NAMES.get(one.severity, "info"),
        count=one.count,
        text=one.text,
        address=one.address,
        fields=dict(one.fields),
    )
