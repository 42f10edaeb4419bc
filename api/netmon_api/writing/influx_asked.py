"""What clients of InfluxDB ask before they write: whether it is there, which version, and that it has a database."""

import re
from typing import Final

import orjson
from aiohttp import web
from pydantic import Field

from netmon_api.envelope import json_response
from netmon_api.prometheus.route import fields_of, is_form
from netmon_api.routes import Call
from netmon_api.writing.desk import Unfit
from netmon_api.writing.influx import KNOWN_AS
from netmon_api.writing.route import WriteQuery

_DONE: Final = re.compile(r"\s*(create\s+database|(create|alter)\s+retention\s+policy)\s.*", re.IGNORECASE | re.DOTALL)
_SHOW: Final = re.compile(r"\s*show\s+databases\s*", re.IGNORECASE)
_SHOWN: Final[dict[str, object]] = {"series": [{"name": "databases", "columns": ["name"], "values": [["netmon"]]}]}
"""There has to be one, or some programs stop."""


class StatementsQuery(WriteQuery):
    q: str = Field(default="", description="Statements of InfluxQL, with semicolons between them; may come as a form.")


async def ping(_call: Call[WriteQuery]) -> web.Response:
    return web.Response(status=204, headers=KNOWN_AS)


async def say_health(call: Call[WriteQuery]) -> web.Response:
    reason = call.services.readiness()
    state = {"status": "pass", "message": "ready"} if reason is None else {"status": "fail", "message": reason}
    body = orjson.dumps({"name": "netmon", **state, "checks": [], "version": KNOWN_AS["X-Influxdb-Version"]})
    return json_response(body, 200 if reason is None else 503)


async def take_statements(call: Call[StatementsQuery]) -> web.Response:
    """Databases and retention policies are as good as made: netmon has no such things, and asks for none."""
    request, asked = call.request, call.query.q
    if request.method == "POST" and is_form(request.content_type):
        asked = dict(fields_of(await request.read())).get("q", asked)
    statements = [one for one in asked.split(";") if one.strip()]
    if not statements:
        raise Unfit(400, 'missing required parameter "q"')
    results = [{"statement_id": number, **_answered(one)} for number, one in enumerate(statements)]
    response = json_response(orjson.dumps({"results": results}))
    response.headers.update(KNOWN_AS)
    return response


def _answered(statement: str) -> dict[str, object]:
    if _DONE.fullmatch(statement):
        return {}
    if _SHOW.fullmatch(statement):
        return _SHOWN
    raise Unfit(
        400,
        "only CREATE DATABASE, CREATE and ALTER RETENTION POLICY, and SHOW DATABASES are answered: what was written can"
        f" be asked for in PromQL, at /prometheus/api/v1/query (got {statement.strip()[:100]!r})",
    )


async def refuse_flux(_call: Call[WriteQuery]) -> web.Response:
    raise Unfit(400, "Flux is not understood: what was written can be asked for in PromQL, at /prometheus/api/v1/query")
