"""OpenTelemetry's metrics become the series that Prometheus makes of them."""

import json
import math

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from netmon_collector.foreign import otlp
from netmon_collector.foreign.base import BadBody, Family, Written
from netmon_collector.foreign.otlp_names import Type, label_name, metric_name
from netmon_proto.model import Labels, is_stale

TIME_NS = 1_769_860_800_123_456_789
TIME_MS = 1_769_860_800_123
CUMULATIVE, DELTA = 2, 1


def series(name: str, **rest: str) -> Labels:
    return tuple(sorted({"__name__": name, **rest}.items()))


def attribute(key: str, value: object) -> KeyValue:
    return KeyValue(key=key, value=any_value(value))


def any_value(value: object) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=[attribute(*pair) for pair in value.items()]))
    return AnyValue(string_value=str(value))


def request(*metrics: Metric, **resource: str) -> ExportMetricsServiceRequest:
    made = ExportMetricsServiceRequest()
    one = made.resource_metrics.add()
    one.resource.attributes.extend(attribute(key.replace("__", "."), value) for key, value in resource.items())
    one.scope_metrics.add().metrics.extend(metrics)
    return made


def number(value: float | int, **attributes: object) -> NumberDataPoint:
    pairs = [attribute(key, one) for key, one in attributes.items()]
    if isinstance(value, int):
        return NumberDataPoint(time_unix_nano=TIME_NS, as_int=value, attributes=pairs)
    return NumberDataPoint(time_unix_nano=TIME_NS, as_double=value, attributes=pairs)


def gauge(name: str, *points: NumberDataPoint, unit: str = "") -> Metric:
    metric = Metric(name=name, unit=unit)
    metric.gauge.data_points.extend(points)
    return metric


def counter(name: str, *points: NumberDataPoint, monotonic: bool = True, temporality: int = CUMULATIVE) -> Metric:
    metric = Metric(name=name, description="Counted.")
    metric.sum.data_points.extend(points)
    metric.sum.is_monotonic = monotonic
    metric.sum.aggregation_temporality = temporality  # type: ignore[assignment]
    return metric


def read(written: Written) -> dict[Labels, float]:
    assert set(written.times.tolist()) <= {TIME_MS}
    return {
        written.spelling.read(raw): value for raw, value in zip(written.series, written.values.tolist(), strict=True)
    }


def decoded(*metrics: Metric, **resource: str) -> dict[Labels, float]:
    return read(otlp.decode(request(*metrics, **resource).SerializeToString()))


# From the table of rules in the specification, "Prometheus and OpenMetrics Compatibility", and Prometheus' guide.
@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.duration", "s", "histogram", "http_server_duration_seconds"),
        ("system.network.io", "By", "counter", "system_network_io_bytes_total"),
        ("system.cpu.utilization", "1", "gauge", "system_cpu_utilization_ratio"),
        ("requests", "1", "counter", "requests_total"),
        ("requests_total", "", "counter", "requests_total"),
        ("network.dropped", "{packets}", "gauge", "network_dropped"),
        ("network.dropped", "packets", "gauge", "network_dropped_packets"),
        ("disk.speed", "By/s", "gauge", "disk_speed_bytes_per_second"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("memory_bytes", "By", "gauge", "memory_bytes"),
        ("2xx.responses", "", "gauge", "_2xx_responses"),
        ("(lambda).calls(#)", "", "gauge", "lambda_calls"),
        ("hits", "{hits}/s", "gauge", "hits_per_second"),
        ("broken.metric", "%", "gauge", "broken_metric_percent"),
        ("___", "", "gauge", ""),
    ],
)
def test_names_get_units_and_endings(name: str, unit: str, kind: Type, expected: str) -> None:
    assert metric_name(name, unit, kind) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("http.method", "http_method"),
        ("2nd", "key_2nd"),
        ("_private", "key_private"),
        ("__kept", "__kept"),
        ("a-ö", "a__"),
    ],
)
def test_labels_get_names_that_prometheus_takes(key: str, expected: str) -> None:
    assert label_name(key) == expected


def test_numbers_become_samples_with_their_attributes() -> None:
    found = decoded(
        gauge("temp", number(21.5, room="a b"), number(7, room="c"), unit="Cel"),
        counter("hits", number(3)),
        counter("jobs", number(-2), monotonic=False),
        service__name="shop",
    )
    assert found == {
        series("temp_celsius", room="a b", job="shop"): 21.5,
        series("temp_celsius", room="c", job="shop"): 7.0,
        series("hits_total", job="shop"): 3.0,
        series("jobs", job="shop"): -2.0,
    }


def test_values_of_attributes_become_text() -> None:
    point = number(1.0, b=True, i=-3, d=0.5, whole=2.0, raw=b"\x00\x01", list=["a", 1], map={"k": [False]})
    (labels,) = decoded(gauge("x", point))
    assert dict(labels) == {
        "__name__": "x",
        "b": "true",
        "i": "-3",
        "d": "0.5",
        "whole": "2",
        "raw": "AAE=",
        "list": '["a",1]',
        "map": '{"k":[false]}',
    }


def test_attributes_whose_names_become_the_same_are_joined() -> None:
    point = NumberDataPoint(time_unix_nano=TIME_NS, as_int=1)
    point.attributes.extend([attribute("a.b", "2"), attribute("a-b", "1")])
    assert decoded(gauge("x", point)) == {series("x", a_b="1;2"): 1.0}


def test_a_resource_becomes_job_instance_and_target_info() -> None:
    about = {"service__namespace": "eu", "service__name": "shop", "service__instance__id": "7"}
    assert decoded(gauge("x", number(1)), host__name="web1", **about) == {
        series("x", job="eu/shop", instance="7"): 1.0,
        series("target_info", job="eu/shop", instance="7", host_name="web1"): 1.0,
    }
    assert decoded(gauge("x", number(1)), host__name="web1") == {series("x"): 1.0}
    assert decoded(gauge("x", number(1)), service__name="shop") == {series("x", job="shop"): 1.0}


def test_a_histogram_becomes_cumulative_buckets() -> None:
    metric = Metric(name="took", unit="s")
    metric.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]
    metric.histogram.data_points.append(
        HistogramDataPoint(
            time_unix_nano=TIME_NS, count=6, sum=7.5, bucket_counts=[1, 2, 3], explicit_bounds=[0.5, 1e21],
            attributes=[attribute("path", "/")],
        )
    )  # fmt: skip
    assert decoded(metric) == {
        series("took_seconds_sum", path="/"): 7.5,
        series("took_seconds_count", path="/"): 6.0,
        series("took_seconds_bucket", path="/", le="0.5"): 1.0,
        series("took_seconds_bucket", path="/", le="1000000000000000000000"): 3.0,
        series("took_seconds_bucket", path="/", le="+Inf"): 6.0,
    }


def test_the_last_bound_may_be_told_and_is_the_same_bucket() -> None:
    metric = Metric(name="took")
    metric.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]
    point = HistogramDataPoint(time_unix_nano=TIME_NS, count=3, bucket_counts=[1, 2], explicit_bounds=[1, math.inf])
    metric.histogram.data_points.append(point)
    assert decoded(metric) == {
        series("took_count"): 3.0,
        series("took_bucket", le="1"): 1.0,
        series("took_bucket", le="+Inf"): 3.0,
    }


def test_a_summary_becomes_quantiles() -> None:
    metric = Metric(name="took")
    point = SummaryDataPoint(time_unix_nano=TIME_NS, count=2, sum=3.0)
    point.quantile_values.add(quantile=0.99, value=2.5)
    metric.summary.data_points.append(point)
    assert decoded(metric) == {
        series("took_sum"): 3.0,
        series("took_count"): 2.0,
        series("took", quantile="0.99"): 2.5,
    }


def test_a_point_without_a_value_ends_its_series() -> None:
    (value,) = decoded(gauge("x", NumberDataPoint(time_unix_nano=TIME_NS, flags=1))).values()
    assert is_stale(value)


def test_what_cannot_be_stored_is_left_out_and_told() -> None:
    exponential = Metric(name="exp")
    exponential.exponential_histogram.data_points.append(ExponentialHistogramDataPoint(count=1))
    written = otlp.decode(
        request(
            counter("changes", number(1), number(2), temporality=DELTA), counter("vague", number(1), temporality=0),
            counter("odd", number(1), temporality=7), exponential, Metric(name="empty"),
            gauge("///", number(1)), gauge("good", number(math.inf)),
        ).SerializeToString()
    )  # fmt: skip
    assert read(written) == {series("good"): math.inf}
    assert [(one.message, one.samples) for one in written.complaints] == [
        ("metric 'changes' is left out: its temporality is delta; only cumulative is stored", 2),
        ("metric 'vague' is left out: its temporality is unspecified; only cumulative is stored", 1),
        ("metric 'odd' is left out: its temporality is unknown; only cumulative is stored", 1),
        ("metric 'exp' is left out: exponential histograms are not stored; send explicit buckets", 1),
        ("metric 'empty' is left out: it has no data", 0),
        ("metric '///' is left out: its name has no letter or digit", 1),
    ]


def test_what_is_told_of_a_metric_is_kept() -> None:
    metric = counter("hits", number(1))
    metric.unit = "By/s"
    written = otlp.decode(request(metric).SerializeToString())
    assert written.families == {"hits_bytes_per_second_total": Family("counter", "Counted.", "bytes_per_second")}


def test_json_says_the_same() -> None:
    point = {"timeUnixNano": str(TIME_NS), "asInt": "7", "attributes": [{"key": "a", "value": {"stringValue": "b"}}]}
    metric = {"name": "hits", "sum": {"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": True}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}], "new": 1}]}
    assert read(otlp.decode_json(json.dumps(body).encode())) == {series("hits_total", a="b"): 7.0}


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"resourceMetrics": 1}', b"\xff", b'{"resourceMetrics":' * 5000])
def test_json_that_is_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="not an ExportMetricsServiceRequest in JSON"):
        otlp.decode_json(body)


def test_bytes_that_are_something_else_are_refused() -> None:
    with pytest.raises(BadBody, match="not an ExportMetricsServiceRequest"):
        otlp.decode(b"{}{}{}")


def test_an_attribute_that_is_nested_without_end_spoils_its_own_series_only() -> None:
    deep: object = "x"
    for _ in range(40):
        deep = [deep]
    written = otlp.decode(request(gauge("x", number(1, a=deep)), gauge("y", number(2))).SerializeToString())
    with pytest.raises(Exception, match="nested too deeply"):
        written.spelling.read(written.series[0])
    assert written.spelling.read(written.series[1]) == series("y")
