"""Every way in for other programs, on one page; app.py adds it to its own routes."""

from netmon_api.auth import Access
from netmon_api.routes import Route
from netmon_api.writing import influx, otlp, prometheus
from netmon_api.writing.influx import InfluxQuery
from netmon_api.writing.route import WriteQuery, WriteRoute

_PROTOBUF = "application/x-protobuf"
_LINES = "text/plain"

# fmt: off
WRITE_ROUTES: tuple[Route, ...] = (
    WriteRoute("POST", "/prometheus/api/v1/write", Access.WRITE, prometheus.remote_write_samples, WriteQuery, None,
               "Samples by Prometheus' remote write", refuse=prometheus.refuse, takes=_PROTOBUF),
    WriteRoute("POST", "/api/v1/otlp/v1/metrics", Access.WRITE, otlp.export_metrics, WriteQuery, _PROTOBUF,
               "Metrics of OpenTelemetry", refuse=otlp.refuse, takes=_PROTOBUF),
    WriteRoute("POST", "/prometheus/api/v1/otlp/v1/metrics", Access.WRITE, otlp.export_metrics_prometheus, WriteQuery,
               _PROTOBUF, "The same, where Prometheus has it", refuse=otlp.refuse, takes=_PROTOBUF),
    WriteRoute("POST", "/influx/api/v2/write", Access.WRITE, influx.write_lines, InfluxQuery, None,
               "Points in InfluxDB's line protocol", refuse=influx.refuse, takes=_LINES),
    WriteRoute("POST", "/influx/write", Access.WRITE, influx.write_lines_1, InfluxQuery, None,
               "The same, as InfluxDB 1 has it", refuse=influx.refuse, takes=_LINES),
    WriteRoute("POST", "/write", Access.WRITE, influx.write_lines_root, InfluxQuery, None,
               "The same, for clients that cannot be told a path", refuse=influx.refuse, takes=_LINES),
)
# fmt: on
