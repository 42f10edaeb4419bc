"""Programs that people have already, sending to us what they send to the servers that they were made for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from netmon_collector.store.base import Matcher, MatchOp
from netmon_proto.model import Labels
from tests.api.assembly import running
from tests.api.lab import Lab, labels
from tests.support.ports import free_port
from tests.support.servers import RunningServer, found

_PROMETHEUS = """
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: itself
    static_configs:
      - targets: ["127.0.0.1:{port}"]
remote_write:
  - url: {url}/prometheus/api/v1/write
    authorization:
      credentials: {token}
    queue_config:
      batch_send_deadline: 200ms
    metadata_config:
      send_interval: 1s
"""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """One that lives in the present, as clients do."""
    async with running(tmp_path, time.time_ns() // 1_000_000) as lab:
        yield lab


async def values(lab: Lab, name: str) -> dict[Labels, float]:
    """The last value of each series of a metric."""
    frames = await lab.store.select([Matcher("__name__", MatchOp.EQUAL, name)], 0, 1 << 60)
    return {one: float(frame.values[-1, column]) for frame in frames for column, one in enumerate(frame.labels)}


async def asked(lab: Lab, expression: str) -> float:
    """The value of an expression of PromQL that has one, as Grafana asks for it."""
    answer = await lab.get("/prometheus/api/v1/query", ("query", expression), ("time", f"{time.time():.3f}"))
    ((_, value),) = [one["value"] for one in answer["data"]["result"]]
    return float(value)


async def until(look: Callable[[], object], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not look():  # noqa: ASYNC110 - a real program has no event for us
            await asyncio.sleep(0.1)


@pytest.fixture
def write_token(lab: Lab) -> str:
    return lab.tokens.issue("write")


async def test_prometheus_writes_to_us_what_it_scrapes(lab: Lab, write_token: str, tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "prometheus"
    folder.mkdir()
    config = folder / "prometheus.yml"
    config.write_text(_PROMETHEUS.format(port=port, url=lab.url, token=write_token))
    command = [
        found("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    prometheus = RunningServer(folder, port, command, "/-/ready")
    await asyncio.to_thread(prometheus.start)
    try:
        await until(lambda: lab.store.stats().samples_appended > 1000)
        await until(lambda: lab.pipeline.metadata.get("prometheus_build_info"))
    finally:
        prometheus.kill()
    about = {"instance": f"127.0.0.1:{port}", "job": "itself"}
    assert (await values(lab, "up")) == {labels("up", **about): 1.0}
    assert len(await values(lab, "prometheus_http_request_duration_seconds_bucket")) > 5
    assert await asked(lab, 'count(up{job="itself"} == 1)') == 1.0
    family = lab.pipeline.metadata.get("prometheus_build_info")
    assert family is not None
    assert (family.type, "labeled by version" in family.help) == ("gauge", True)


async def test_influxdb_client_writes_points(lab: Lab, write_token: str) -> None:
    now_ns = time.time_ns()

    def write() -> None:
        with InfluxDBClient(f"{lab.url}/influx", token=write_token, org="any", enable_gzip=True) as client:
            api = client.write_api(write_options=SYNCHRONOUS)
            point = Point("weather station").tag("place", "Ö, x=1").field("temp", 21.5).field("ok", True)
            api.write("any", record=point.field("note", 'wet, "very"').field("count", 3).time(now_ns))

    await asyncio.to_thread(write)
    assert await values(lab, "weather_station_temp") == {labels("weather_station_temp", place="Ö, x=1"): 21.5}
    assert await asked(lab, 'weather_station_temp{place=~"Ö.*"} * 2') == 43.0
    assert await values(lab, "weather_station_ok") == {labels("weather_station_ok", place="Ö, x=1"): 1.0}
    assert await values(lab, "weather_station_count") == {labels("weather_station_count", place="Ö, x=1"): 3.0}


async def test_influxdb_client_is_told_which_line_is_bad(lab: Lab, write_token: str) -> None:
    def write() -> None:
        with InfluxDBClient(f"{lab.url}/influx", token=write_token, org="any") as client:
            client.write_api(write_options=SYNCHRONOUS).write("any", record=["good v=1", "bad", "good v=2i 5 6"])

    with pytest.raises(ApiException) as refused:
        await asyncio.to_thread(write)
    assert refused.value.status == 400
    assert "partial write: line 2 needs a measurement" in refused.value.message
    assert "dropped=2" in refused.value.message
    assert await values(lab, "good_v") == {labels("good_v"): 1.0}


async def test_influxdb_client_without_a_good_token_is_turned_away(lab: Lab) -> None:
    def write() -> None:
        with InfluxDBClient(f"{lab.url}/influx", token="nmw_wrong", org="any") as client:
            client.write_api(write_options=SYNCHRONOUS).write("any", record="cpu v=1")

    with pytest.raises(ApiException) as refused:
        await asyncio.to_thread(write)
    assert refused.value.status == 401


async def test_the_opentelemetry_sdk_exports_metrics(lab: Lab, write_token: str) -> None:
    def measure() -> None:
        exporter = OTLPMetricExporter(
            f"{lab.url}/api/v1/otlp/v1/metrics", headers={"Authorization": f"Bearer {write_token}"}
        )
        resource = Resource.create(
            {"service.name": "shop", "service.namespace": "eu", "service.instance.id": "shop-1", "host.name": "web9"}
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
        provider = MeterProvider([reader], resource=resource)
        meter = provider.get_meter("test")
        meter.create_counter("http.requests", unit="1").add(5, {"http.method": "GET"})
        meter.create_up_down_counter("jobs.active").add(2)
        meter.create_gauge("disk.usage", unit="By").set(7.5)
        meter.create_histogram("http.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1]).record(0.5)
        assert provider.force_flush()
        provider.shutdown()

    await asyncio.to_thread(measure)
    who = {"job": "eu/shop", "instance": "shop-1"}
    assert await values(lab, "http_requests_total") == {labels("http_requests_total", http_method="GET", **who): 5.0}
    assert await values(lab, "jobs_active") == {labels("jobs_active", **who): 2.0}
    assert await values(lab, "disk_usage_bytes") == {labels("disk_usage_bytes", **who): 7.5}
    assert await values(lab, "http_duration_seconds_bucket") == {
        labels("http_duration_seconds_bucket", le="0.1", **who): 0.0,
        labels("http_duration_seconds_bucket", le="1", **who): 1.0,
        labels("http_duration_seconds_bucket", le="+Inf", **who): 1.0,
    }
    assert await values(lab, "http_duration_seconds_sum") == {labels("http_duration_seconds_sum", **who): 0.5}
    assert await asked(lab, "histogram_quantile(1, http_duration_seconds_bucket)") == 1.0
    (target,) = await values(lab, "target_info")
    assert dict(target)["host_name"] == "web9"
