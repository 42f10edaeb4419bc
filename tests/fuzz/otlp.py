"""Random requests of OpenTelemetry's exporters: each is taken or refused with a reason, in bounded time and memory.

python tests/fuzz/otlp.py [SECONDS [SEED]]
"""

import json
import random
from collections.abc import Callable

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from netmon_collector.foreign import otlp
from tests.support.fuzzing import damaged, decodes, main

TEXTS = ["", "a.b", "http.server.duration", "service.name", "service.instance.id", "le", "é", "___", "x" * 300, "By/s"]
PIECES = [b"\xff" * 11, b"\x0a", b"\x12\x00", b"\x3a", b"\x4a", b"\x31" + bytes(8), b"\x08", b"\x80\x80", b"\x0a\x7f"]
JSON_PIECES = [b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"1e999", b'"NaN"', b'"asDouble":', b"-1", b"\xff"]


def attributes(rng: random.Random) -> list[KeyValue]:
    def value(depth: int) -> AnyValue:
        match rng.randrange(6 if depth else 4):
            case 0:
                return AnyValue(string_value=rng.choice(TEXTS))
            case 1:
                return AnyValue(double_value=rng.choice([0.5, 1e300, float("nan"), float("inf")]))
            case 2:
                return AnyValue(int_value=rng.choice([0, -1, 1 << 62]))
            case 3:
                return AnyValue(bytes_value=rng.randbytes(3))
            case 4:
                found = AnyValue()
                found.array_value.values.extend(value(depth - 1) for _ in range(rng.randrange(3)))
                return found
        found = AnyValue()
        found.kvlist_value.values.append(KeyValue(key=rng.choice(TEXTS), value=value(depth - 1)))
        return found

    return [KeyValue(key=rng.choice(TEXTS), value=value(rng.choice([0, 3, 40]))) for _ in range(rng.randrange(4))]


def request(rng: random.Random) -> ExportMetricsServiceRequest:
    made = ExportMetricsServiceRequest()
    for _ in range(rng.randrange(3)):
        resource = made.resource_metrics.add()
        resource.resource.attributes.extend(attributes(rng))
        for _ in range(rng.randrange(4)):
            metric = resource.scope_metrics.add().metrics.add(name=rng.choice(TEXTS), unit=rng.choice(TEXTS))
            kind = rng.choice(["gauge", "sum", "histogram", "exponential_histogram", "summary"])
            point = getattr(metric, kind).data_points.add(time_unix_nano=rng.choice([0, 1, 1 << 60, (1 << 64) - 1]))
            point.attributes.extend(attributes(rng))
            if kind == "histogram":
                point.explicit_bounds.extend(rng.choice([0.1, -1.0, float("nan"), 1e308]) for _ in range(3))
                point.bucket_counts.extend(rng.randrange(1 << 64) for _ in range(rng.randrange(6)))
            if kind in ("sum", "histogram"):
                getattr(metric, kind).aggregation_temporality = rng.randrange(3)
    return made


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    body = request(rng).SerializeToString()
    if rng.random() < 0.2:
        text = json.dumps(
            {
                "resourceMetrics": [
                    {"scopeMetrics": [{"metrics": [{"name": "x", "gauge": {"dataPoints": [{"asInt": "1"}]}}]}]}
                ]
            }
        ).encode()
        if rng.random() < 0.1:
            return rng.choice(JSON_PIECES) * rng.choice([100, 50_000]), decodes(otlp.decode_json)
        return damaged(text, rng, JSON_PIECES), decodes(otlp.decode_json)
    return (body if rng.random() < 0.1 else damaged(body, rng, PIECES)), decodes(otlp.decode)


if __name__ == "__main__":
    main("otlp", make)
