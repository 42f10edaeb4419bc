"""Silences: made, changed, ended, shown."""

from typing import Any

import orjson
from aiohttp import web

from netmon_api.alertmanager.route import Asked, Refused, SilencesAsked, json_of
from netmon_api.alertmanager.values import matchers_of, silence_of, silence_value
from netmon_api.envelope import json_response
from netmon_api.routes import Call
from netmon_collector.alerts.matching import matches_all
from netmon_collector.alerts.silences import NoSilence, Silence, SilenceState

_ORDER = {SilenceState.ACTIVE: 0, SilenceState.PENDING: 1, SilenceState.EXPIRED: 2}


async def list_silences(call: Call[SilencesAsked]) -> web.Response:
    """Active ones first, the next to end before others; then those to come, then those that are over."""
    now_ms = call.services.now_ms()
    matchers = matchers_of(call.query.filter)
    found = [
        silence
        for silence in call.services.alerting.silences.all().values()
        if matches_all(matchers, {matcher.name: matcher.value for matcher in silence.matchers})
    ]
    found.sort(key=lambda silence: _place(silence, now_ms))
    return json_response(orjson.dumps([silence_value(silence, now_ms) for silence in found]))


async def put_silence(call: Call[Asked]) -> web.Response:
    """Makes a silence, or changes the one of the id in the body."""
    wanted = silence_of(await json_of(call))
    try:
        silence = await call.services.alerting.silence(wanted)
    except NoSilence as error:
        raise Refused(404 if wanted.id and "no silence" in str(error) else 400, str(error)) from None
    return json_response(orjson.dumps({"silenceID": silence.id}))


async def show_silence(call: Call[Asked]) -> web.Response:
    """One silence."""
    silence = call.services.alerting.silences.all().get(call.request.match_info["id"])
    if silence is None:
        return json_response(b"", 404)
    return json_response(orjson.dumps(silence_value(silence, call.services.now_ms())))


async def end_silence(call: Call[Any]) -> web.Response:
    """Ends a silence now."""
    silence_id = call.request.match_info["id"]
    if silence_id not in call.services.alerting.silences.all():
        return json_response(b"", 404)
    try:
        await call.services.alerting.end_silence(silence_id)
    except NoSilence as error:
        raise Refused(500, str(error)) from None
    return json_response(b"")


def _place(silence: Silence, now_ms: int) -> tuple[int, int]:
    state = silence.state(now_ms)
    key_ms = silence.starts_at_ms if state is SilenceState.PENDING else silence.ends_at_ms
    return _ORDER[state], -key_ms if state is SilenceState.EXPIRED else key_ms
