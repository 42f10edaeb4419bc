"""InfluxDB's line protocol, below `/influx` and where InfluxDB has it."""

from functools import partial
from typing import Final

import orjson
from aiohttp import web
from pydantic import Field

from netmon_api.envelope import json_response
from netmon_api.routes import Call
from netmon_api.writing.desk import Unfit, read_body
from netmon_api.writing.route import WriteQuery, told
from netmon_collector.foreign import line_protocol

KNOWN_AS: Final = {"X-Influxdb-Build": "netmon", "X-Influxdb-Version": "1.8.10"}
"""Some clients look which version it is, and write only where they find one."""
_CODES = {400: "invalid", 408: "invalid", 413: "request too large", 503: "unavailable"}


class InfluxQuery(WriteQuery):
    """Bucket and organisation are not needed: netmon has one place for samples."""

    precision: str = Field(default="ns", description="Of the times: ns, us, ms or s; for version 1 also n, u, m and h.")
    db: str = Field(
        default="",
        max_length=256,
        pattern=r"^[^\n]*$",
        description="Becomes the label `db` of series that have none. It has no line breaks.",
    )


def refuse(_request: web.Request, status: int, message: str) -> web.Response:
    """What clients of version 2 read is `message`, and those of version 1 `error`."""
    body = orjson.dumps({"code": _CODES.get(status, "invalid"), "message": message, "error": message})
    response = json_response(body, status)
    response.headers["X-Influxdb-Error"] = message.replace("\n", " ")[:200].encode("ascii", "replace").decode()
    return response


async def write_lines(call: Call[InfluxQuery]) -> web.Response:
    unit_ns = line_protocol.NS_OF.get(call.query.precision or "ns")
    if unit_ns is None:
        raise Unfit(400, f"precision {call.query.precision[:20]!r} is not known: use {', '.join(line_protocol.NS_OF)}")
    desk = call.services.desk
    async with desk.seat():
        body = await read_body(call.request)
        decode = partial(
            line_protocol.decode, body, unit_ns=unit_ns, now_ms=call.services.now_ms(), database=call.query.db
        )
        taken = await desk.take(decode, len(body))
    if taken.complaints:
        dropped = sum(complaint.samples for complaint in taken.complaints)
        return refuse(call.request, 400, f"partial write: {told(taken.complaints)} dropped={dropped}")
    return web.Response(status=204, headers=KNOWN_AS)


async def write_lines_1(call: Call[InfluxQuery]) -> web.Response:
    """The same under the path of version 1."""
    return await write_lines(call)
