"""OpenTelemetry's messages: the only place beside wire.py and forms.py that sees Protocol Buffers."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from netmon_proto.generated import otlp_pb2

ResourceMetrics = otlp_pb2.ResourceMetrics
Metric = otlp_pb2.Metric
HistogramDataPoint = otlp_pb2.HistogramDataPoint
NumberDataPoint = otlp_pb2.NumberDataPoint
SummaryDataPoint = otlp_pb2.SummaryDataPoint

_MOST_DEPTH = 20


class NotOtlp(Exception):
    """Bytes that are no export request."""


def decode_request(body: bytes) -> Iterable[otlp_pb2.ResourceMetrics]:
    """An export request. Raises NotOtlp."""
    try:
        return otlp_pb2.ExportRequest.FromString(body).resource_metrics
    except DecodeError as error:
        raise NotOtlp(f"the body is not an ExportMetricsServiceRequest: {error}") from None


def encode_json(body: bytes) -> bytes:
    """A request in JSON as the same in binary. Raises NotOtlp."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    try:
        request = json_format.Parse(body, ExportMetricsServiceRequest(), ignore_unknown_fields=True)
        return bytes(request.SerializeToString())
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise NotOtlp(f"the body is not an ExportMetricsServiceRequest in JSON: {error}") from None


def resource_attributes(resource: otlp_pb2.Resource) -> dict[str, str]:
    """The attributes of a resource as texts."""
    return {pair.key: _text(pair.value) for pair in resource.attributes}


def decode_attribute(raw: bytes) -> tuple[str, str]:
    """An attribute of a data point as texts. Raises NotOtlp."""
    try:
        pair = otlp_pb2.KeyValue.FromString(raw)
    except DecodeError as error:
        raise NotOtlp(f"an attribute cannot be read: {error}") from None
    return pair.key, _text(pair.value)


def encode_response(rejected: int, message: str) -> bytes:
    """The answer to a request that was taken, perhaps without some of its points."""
    response = otlp_pb2.ExportResponse()
    if rejected or message:
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = message
    return response.SerializeToString()


def encode_status(code: int, message: str) -> bytes:
    """Why a request was refused."""
    return otlp_pb2.Status(code=code, message=message).SerializeToString()


def _text(value: otlp_pb2.AnyValue) -> str:
    """A value as the label that Prometheus makes of it: lists and maps as JSON."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    plain = _plain(value, 0)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: otlp_pb2.AnyValue, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        raise NotOtlp("an attribute is nested too deeply")
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_plain(one, depth + 1) for one in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _plain(pair.value, depth + 1) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "double_value":
            number = value.double_value
            return int(number) if number.is_integer() and abs(number) < 1e15 else number
        case kind:
            return getattr(value, kind)
