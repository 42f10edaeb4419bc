"""Every way in for other programs, on one page; app.py adds it to its own routes."""

from dataclasses import replace

from aiohttp import web

from netmon_api.auth import Access
from netmon_api.models import Query
from netmon_api.routes import LARGEST_BODY_BYTES, Call, Handler, Route
from netmon_api.writing import influx, influx_asked, otlp, prometheus
from netmon_api.writing.influx import InfluxQuery
from netmon_api.writing.influx_asked import StatementsQuery
from netmon_api.writing.route import WriteQuery, WriteRoute

_PROTOBUF = "application/x-protobuf"
_LINES = "text/plain"
_JSON = "application/json"


def _influx(
    method: str,
    path: str,
    access: Access,
    handler: Handler,
    query: type[Query],
    answer: str | None,
    summary: str,
    takes: str | None = None,
) -> tuple[WriteRoute, WriteRoute]:
    """A path below `/influx`, and the same one for clients that cannot be told where to look."""

    async def at_root(call: Call[Query]) -> web.StreamResponse:
        answered = await handler(call)
        assert isinstance(answered, web.StreamResponse)
        return answered

    at_root.__name__ = f"{handler.__name__}_at_root"

    below = WriteRoute(
        method, f"/influx{path}", access, handler, query, answer, summary, refuse=influx.refuse, takes=takes
    )
    if takes != _LINES:
        below = replace(below, most_body_bytes=LARGEST_BODY_BYTES)
    return below, replace(below, path=path, handler=at_root)


# fmt: off
WRITE_ROUTES: tuple[Route, ...] = (
    WriteRoute("POST", "/prometheus/api/v1/write", Access.WRITE, prometheus.remote_write_samples, WriteQuery, None,
               "Samples by Prometheus' remote write", refuse=prometheus.refuse, takes=_PROTOBUF),
    WriteRoute("POST", "/api/v1/otlp/v1/metrics", Access.WRITE, otlp.export_metrics, WriteQuery, _PROTOBUF,
               "Metrics of OpenTelemetry", refuse=otlp.refuse, takes=_PROTOBUF),
    WriteRoute("POST", "/prometheus/api/v1/otlp/v1/metrics", Access.WRITE, otlp.export_metrics_prometheus, WriteQuery,
               _PROTOBUF, "The same, where Prometheus has it", refuse=otlp.refuse, takes=_PROTOBUF),
    *_influx("POST", "/api/v2/write", Access.WRITE, influx.write_lines, InfluxQuery, None,
             "Points in InfluxDB's line protocol", _LINES),
    *_influx("POST", "/write", Access.WRITE, influx.write_lines_1, InfluxQuery, None,
             "The same, as InfluxDB 1 has it", _LINES),
    *_influx("GET", "/ping", Access.PUBLIC, influx_asked.ping, WriteQuery, None, "That there is somebody"),
    *_influx("GET", "/health", Access.PUBLIC, influx_asked.say_health, WriteQuery, _JSON, "Whether all is well"),
    *_influx("GET", "/query", Access.WRITE, influx_asked.take_statements, StatementsQuery, _JSON,
             "Statements that make databases, which need not be made"),
    *_influx("POST", "/query", Access.WRITE, influx_asked.take_statements, StatementsQuery, _JSON,
             "Statements that make databases, which need not be made"),
    *_influx("POST", "/api/v2/query", Access.WRITE, influx_asked.refuse_flux, WriteQuery, _JSON,
             "Flux, which is not understood"),
)
# fmt: on
