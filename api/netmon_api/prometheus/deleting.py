"""Samples are deleted for good, by who may."""

import asyncio

from aiohttp import web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.forms import DeleteForm
from netmon_api.prometheus.problem import Problem
from netmon_api.routes import Call
from netmon_collector.store.base import TieredStore
from netmon_configs.logs import EventLog

log = EventLog("netmon.api")


async def delete_series(call: Call[DeleteForm]) -> web.Response:
    """What was begun is finished even if the client goes: files would be rewritten in part."""
    form, store = call.query, call.services.store
    if not form.match:
        raise Problem("bad_data", "no match[] parameter provided")
    start_ms = parameters.time_ms(form.start, "start", parameters.EARLIEST_MS)
    end_ms = parameters.time_ms(form.end, "end", parameters.LATEST_MS)
    if end_ms < start_ms:
        raise Problem.of("end", "end timestamp must not be before start timestamp")
    chosen = parameters.selectors(form.match)
    if not isinstance(store, TieredStore):
        raise Problem("execution", "samples are on a server of their own: delete them there")
    for matchers in chosen:
        await asyncio.shield(store.delete(matchers, start_ms, end_ms))
    log.info("series.deleted", match=form.match, start=form.start or None, end=form.end or None)
    return web.Response(status=204)
