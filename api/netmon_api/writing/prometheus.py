"""`/prometheus/api/v1/write`: Prometheus' remote write, 1.0 and 2.0."""

from functools import partial

from aiohttp import hdrs, web

from netmon_api.routes import Call
from netmon_api.writing.desk import LARGEST_UNPACKED_BYTES, Unfit, read_body
from netmon_api.writing.route import WriteQuery, told
from netmon_collector.foreign import remote_write, remote_write_2
from netmon_collector.foreign.base import Written
from netmon_collector.foreign.snappy import unpack

_PROTOBUF = "application/x-protobuf"
_DECODERS = {"prometheus.WriteRequest": remote_write.decode, "io.prometheus.write.v2.Request": remote_write_2.decode}
_FIRST = "prometheus.WriteRequest"
_WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


def refuse(_request: web.Request, status: int, message: str) -> web.Response:
    """Text, of which Prometheus logs the first line. The counts are what 2.0 asks for: nothing was written."""
    return web.Response(status=status, text=f"{message}\n", headers=_counts(0))


async def remote_write_samples(call: Call[WriteQuery]) -> web.Response:
    message = _message_of(call.request)
    desk = call.services.desk
    async with desk.seat():
        body = await read_body(call.request)
        taken = await desk.take(partial(_decode, message, body), len(body))
    headers = _counts(taken.samples)
    if taken.complaints:
        return web.Response(status=400, text=f"partly written: {told(taken.complaints)}\n", headers=headers)
    return web.Response(status=204, headers=headers)


def _decode(message: str, body: bytes) -> Written:
    return _DECODERS[message](unpack(body, LARGEST_UNPACKED_BYTES))


def _message_of(request: web.Request) -> str:
    """Which message the body is; what is not said is 1.0, as with Prometheus. Raises Unfit."""
    media, *parameters = (part.strip() for part in request.headers.get(hdrs.CONTENT_TYPE, _PROTOBUF).split(";"))
    if media.lower() != _PROTOBUF:
        raise Unfit(415, f"the content type must be {_PROTOBUF} (got {media[:100]!r})")
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "snappy").lower()
    if encoding != "snappy":
        raise Unfit(415, f"the content encoding must be snappy (got {encoding[:100]!r})")
    named = dict(parameter.partition("=")[::2] for parameter in parameters)
    message = named.get("proto", _FIRST).strip('"')
    if message not in _DECODERS:
        raise Unfit(415, f"the message must be {' or '.join(_DECODERS)} (got {message[:100]!r})")
    return message


def _counts(samples: int) -> dict[str, str]:
    return {
        _WRITTEN.format("Samples"): str(samples),
        _WRITTEN.format("Histograms"): "0",
        _WRITTEN.format("Exemplars"): "0",
    }
