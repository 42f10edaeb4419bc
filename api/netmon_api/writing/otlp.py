"""`/api/v1/otlp/v1/metrics`: OpenTelemetry's metrics over HTTP, in binary or JSON."""

from functools import partial

import orjson
from aiohttp import hdrs, web

from netmon_api.envelope import json_response
from netmon_api.routes import Call
from netmon_api.writing.desk import Unfit, read_body
from netmon_api.writing.route import WriteQuery, told
from netmon_collector.foreign import otlp as decoders
from netmon_proto.otlp import encode_response, encode_status

_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _UNAVAILABLE = 3, 8, 14
_CODES = {413: _RESOURCE_EXHAUSTED, 503: _UNAVAILABLE}


def refuse(request: web.Request, status: int, message: str) -> web.Response:
    """A status as gRPC has them, in the form of the request."""
    code = _CODES.get(status, _INVALID_ARGUMENT)
    if _media_of(request) == _JSON:
        return json_response(orjson.dumps({"code": code, "message": message}), status)
    return web.Response(status=status, body=encode_status(code, message), content_type=_PROTOBUF)


async def export_metrics(call: Call[WriteQuery]) -> web.Response:
    media = _media_of(call.request)
    if media not in (_PROTOBUF, _JSON):
        raise Unfit(415, f"the content type must be {_PROTOBUF} or {_JSON} (got {media[:100]!r})")
    desk = call.services.desk
    async with desk.seat():
        body = await read_body(call.request)
        decode = decoders.decode_json if media == _JSON else decoders.decode
        taken = await desk.take(partial(decode, body), len(body))
    rejected = sum(complaint.samples for complaint in taken.complaints)
    message = told(taken.complaints)
    if media == _PROTOBUF:
        return web.Response(body=encode_response(rejected, message), content_type=_PROTOBUF)
    told_json = {"partialSuccess": {"rejectedDataPoints": str(rejected), "errorMessage": message}} if rejected else {}
    return json_response(orjson.dumps(told_json))


def _media_of(request: web.Request) -> str:
    return request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()


async def export_metrics_prometheus(call: Call[WriteQuery]) -> web.Response:
    """The same under the path that Prometheus has."""
    return await export_metrics(call)
