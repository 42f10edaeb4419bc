"""Series and their samples."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from netmon_api.envelope import ApiError, json_response, listing, listing_around, page_of
from netmon_api.models import Listing, SamplesQuery, SeriesAnswer, SeriesQuery
from netmon_api.ordering import in_order
from netmon_api.render import count_samples, samples_json, series_key
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.store.base import Frame

_DEFAULT_SPAN_MS = 5 * 60 * 1000


async def list_series(call: Call[SeriesQuery]) -> Listing[SeriesAnswer]:
    selector = call.query.selector
    found = await call.services.store.series(call.services.engine.widened(selector.matchers) if selector else [])
    shown = page_of(await asyncio.to_thread(in_order, found, series_key), call.query)
    results = [SeriesAnswer(labels=dict(labels)) for labels in shown]
    return listing(call.request.path, len(found), results, call.query)


async def list_samples(call: Call[SamplesQuery]) -> web.Response:
    query = call.query
    end_ms = call.services.now_ms() if query.end is None else query.end
    start_ms = end_ms - _DEFAULT_SPAN_MS if query.start is None else query.start
    if start_ms > end_ms:
        complaint = f"must not be after the end, {rfc3339(end_ms)}"
        raise ApiError("bad_request", f"start: {complaint}", field_errors={"start": complaint})
    frames = await call.services.store.select(call.services.engine.widened(query.selector.matchers), start_ms, end_ms)
    filters: dict[str, str | int] = {
        "selector": query.selector.text,
        "start": rfc3339(start_ms),
        "end": rfc3339(end_ms),
        "limit": query.limit,
    }
    return json_response(await asyncio.to_thread(_samples, frames, query.limit, filters))


def _samples(frames: Sequence[Frame], limit: int, filters: dict[str, str | int]) -> bytes:
    samples = count_samples(frames)
    if samples > limit:
        message = (
            f"the answer would have {samples} samples, more than the limit of {limit}:"
            " ask for a shorter time or fewer series, or raise the limit (at most 1000000)"
        )
        raise ApiError("too_many", message, details={"samples": samples, "limit": limit})
    return listing_around(samples_json(frames), sum(len(frame.labels) for frame in frames), filters)
