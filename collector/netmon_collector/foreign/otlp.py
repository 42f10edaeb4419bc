"""OpenTelemetry's metrics become series as Prometheus' own OTLP endpoint makes them.

What Prometheus has no series for is left out and told: deltas, exponential histograms.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from netmon_collector.foreign.base import MOST_SAMPLES, BadBody, BadSeries, Complaint, Family, Written
from netmon_collector.foreign.labels import checked
from netmon_collector.foreign.otlp_names import Type, label_name, metric_name, unit_words
from netmon_collector.query.numbers import plain
from netmon_proto import otlp
from netmon_proto.model import NAME, STALE, Labels

_TEMPORALITIES: Final = {0: "unspecified", 1: "delta", 2: "cumulative"}
_NO_VALUE: Final = 1
_NS_OF_MS: Final = 1_000_000
_ABOUT: Final = ("service.name", "service.namespace", "service.instance.id")
_MOST_TOLD: Final = 20
_LENGTH: Final = 4


class Parts:
    """A series spelled as texts, each after its length: names and values of labels first, then encoded attributes.

    An empty text stands between them.
    """

    def read(self, raw: bytes) -> Labels:
        try:
            own, attributes = _split(raw)
            labels: dict[str, str] = {}
            for key, value in sorted(map(otlp.decode_attribute, attributes)):
                name = label_name(key)
                labels[name] = f"{labels[name]};{value}" if name in labels else value
        except (otlp.NotOtlp, UnicodeDecodeError) as error:
            raise BadSeries(str(error)) from None
        return checked((labels | own).items())


def _split(raw: bytes) -> tuple[dict[str, str], list[bytes]]:
    parts = []
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + _LENGTH], "little")
        parts.append(raw[at + _LENGTH : at + _LENGTH + length])
        at += _LENGTH + length
    border = next(place for place in range(0, len(parts), 2) if not parts[place])
    texts = [part.decode() for part in parts[:border]]
    return dict(zip(texts[::2], texts[1::2], strict=True)), parts[border + 1 :]


def _parts(*texts: bytes) -> bytes:
    return b"".join([len(text).to_bytes(_LENGTH, "little") + text for text in texts])


_BORDER: Final = _parts(b"")


class _Request:
    """What was found in a request so far."""

    def __init__(self) -> None:
        self.series: list[bytes] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.families: dict[str, Family] = {}
        self.complaints: list[Complaint] = []

    def add(self, series: bytes, time_ns: int, value: float, flags: int = 0) -> None:
        self.series.append(series)
        self.times.append(time_ns // _NS_OF_MS)
        self.values.append(STALE if flags & _NO_VALUE else value)

    def leave_out(self, message: str, points: int) -> None:
        self.complaints.append(Complaint(message, points))


def decode(body: bytes) -> Written:
    """Takes an uncompressed request apart. Raises BadBody."""
    request = _Request()
    try:
        for resource in otlp.decode_request(body):
            _read_resource(request, resource)
    except otlp.NotOtlp as error:
        raise BadBody(str(error)) from None
    if len(request.series) > MOST_SAMPLES:
        raise BadBody(f"more than {MOST_SAMPLES} samples in one request")
    return Written(
        Parts(),
        request.series,
        np.arange(len(request.series)),
        np.array(request.times, np.int64),
        np.array(request.values, np.float64),
        families=request.families,
        complaints=_told(request.complaints),
    )


def decode_json(body: bytes) -> Written:
    """The same of a request in JSON. Raises BadBody."""
    try:
        return decode(otlp.encode_json(body))
    except otlp.NotOtlp as error:
        raise BadBody(str(error)) from None


def _told(complaints: list[Complaint]) -> list[Complaint]:
    rest = sum(complaint.samples for complaint in complaints[_MOST_TOLD:])
    return complaints[:_MOST_TOLD] + ([Complaint("and more of the kind", rest)] if rest else [])


def _read_resource(request: _Request, resource: otlp.ResourceMetrics) -> None:
    attributes = otlp.resource_attributes(resource.resource)
    about = _about(attributes)
    spelled = _parts(*(text.encode() for pair in about.items() for text in pair))
    first = len(request.times)
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            _read_metric(request, spelled, metric)
    further = {label_name(key): value for key, value in attributes.items() if key not in _ABOUT and value}
    if about and further and len(request.times) > first:
        own = {NAME: "target_info", **further, **about}
        series = _parts(*(text.encode() for pair in own.items() for text in pair if pair[0] and pair[1])) + _BORDER
        request.add(series, max(request.times[first:]) * _NS_OF_MS, 1.0)
        request.families["target_info"] = Family("gauge", "Attributes of the resource.")


def _about(attributes: dict[str, str]) -> dict[str, str]:
    """`job` and `instance` of a resource."""
    name, space, instance = (attributes.get(key, "") for key in ("service.name", "service.namespace", _ABOUT[2]))
    job = f"{space}/{name}" if space and name else name
    return {label: value for label, value in (("job", job), ("instance", instance)) if value}


def _read_metric(request: _Request, about: bytes, metric: otlp.Metric) -> None:
    kind = metric.WhichOneof("data")
    points = len(getattr(metric, kind).data_points) if kind else 0
    reason = _reason_against(metric, kind)
    if reason:
        request.leave_out(f"metric {metric.name[:100]!r} is left out: {reason}", points)
        return
    family = _type_of(metric, kind)
    ratio = kind == "gauge"  # a sum that goes up and down is a gauge, but never called a ratio
    name = metric_name(metric.name, metric.unit, family, can_be_ratio=ratio)
    if not name:
        request.leave_out(f"metric {metric.name[:100]!r} is left out: its name has no letter or digit", points)
        return
    unit = "_".join(filter(None, unit_words(metric.unit)))
    request.families[name] = Family(family, metric.description, unit)
    if family == "histogram":
        _read_histograms(request, about, name, metric.histogram.data_points)
    elif family == "summary":
        _read_summaries(request, about, name, metric.summary.data_points)
    else:
        _read_numbers(request, about, name, metric.sum.data_points if kind == "sum" else metric.gauge.data_points)


def _read_numbers(request: _Request, about: bytes, name: str, points: Iterable[otlp.NumberDataPoint]) -> None:
    head = about + _parts(NAME.encode(), name.encode()) + _BORDER
    for point in points:
        value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
        request.add(head + _parts(*point.attributes), point.time_unix_nano, value, point.flags)


def _reason_against(metric: otlp.Metric, kind: str | None) -> str:
    """Why nothing of a metric can be stored; empty where it can."""
    if kind is None:
        return "it has no data"
    if kind == "exponential_histogram":
        return "exponential histograms are not stored; send explicit buckets"
    if kind in ("sum", "histogram"):
        temporality = _TEMPORALITIES.get(getattr(metric, kind).aggregation_temporality, "unknown")
        if temporality != "cumulative":
            return f"its temporality is {temporality}; only cumulative is stored"
    return ""


def _type_of(metric: otlp.Metric, kind: str | None) -> Type:
    if kind == "sum":
        return "counter" if metric.sum.is_monotonic else "gauge"
    return "histogram" if kind == "histogram" else "summary" if kind == "summary" else "gauge"


def _read_histograms(request: _Request, about: bytes, name: str, points: Iterable[otlp.HistogramDataPoint]) -> None:
    def add(ending: str, value: float, *extra: bytes) -> None:
        spelled = about + _parts(NAME.encode(), (name + ending).encode(), *extra) + _BORDER + attributes
        request.add(spelled, point.time_unix_nano, value, point.flags)

    for point in points:
        attributes = _parts(*point.attributes)
        if point.HasField("sum"):
            add("_sum", point.sum)
        add("_count", float(point.count))
        for bound, count in _buckets(point):
            add("_bucket", count, b"le", bound)


def _buckets(point: otlp.HistogramDataPoint) -> Iterator[tuple[bytes, float]]:
    counted = 0
    for bound, count in zip(point.explicit_bounds, point.bucket_counts, strict=False):
        counted += count
        yield plain(bound).encode(), float(counted)
    yield b"+Inf", float(point.count)


def _read_summaries(request: _Request, about: bytes, name: str, points: Iterable[otlp.SummaryDataPoint]) -> None:
    def add(ending: str, value: float, *extra: bytes) -> None:
        spelled = about + _parts(NAME.encode(), (name + ending).encode(), *extra) + _BORDER + attributes
        request.add(spelled, point.time_unix_nano, value, point.flags)

    for point in points:
        attributes = _parts(*point.attributes)
        add("_sum", point.sum)
        add("_count", float(point.count))
        for one in point.quantile_values:
            add("", one.value, b"quantile", plain(one.quantile).encode())
