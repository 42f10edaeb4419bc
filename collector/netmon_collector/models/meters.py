"""What models tell of themselves on the collector's page of metrics."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from netmon_collector.models.service import Model


class Meters(Collector):
    def __init__(self, registry: CollectorRegistry) -> None:
        self._trainings = Counter(
            "netmon_model_trainings", "Trainings that ended.", ["model", "result"], registry=registry
        )
        self._cpu = Counter(
            "netmon_model_training_cpu_seconds",
            "CPU seconds of trainings that made a version.",
            ["model"],
            registry=registry,
        )
        self._requests = Counter(
            "netmon_model_requests", "Requests to models on other servers.", ["model", "result"], registry=registry
        )
        self._models: Callable[[], Iterable[Model]] = tuple
        registry.register(self)

    def watch(self, models: "Callable[[], Iterable[Model]]") -> None:
        self._models = models

    def trained(self, model: str, cpu_s: float) -> None:
        self._trainings.labels(model, "ok").inc()
        self._cpu.labels(model).inc(cpu_s)

    def failed(self, model: str) -> None:
        self._trainings.labels(model, "failed").inc()

    def asked(self, model: str, result: str) -> None:
        self._requests.labels(model, result).inc()

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauges = {
            name: GaugeMetricFamily(f"netmon_model_{name}", text, labels=["model"])
            for name, text in (
                ("version", "The version that counts."),
                ("trained_timestamp_seconds", "When that was made."),
                ("drift", "How far the model has drifted since, by its own measure."),
                (
                    "asked",
                    "Alarms in a week of a series, or the part of values within intervals, as asked.",
                ),
                ("measured", "The same as it was measured since the version counts."),
            )
        }
        for model in self._models():
            version, standing, name = model.trained, model.standing(), [model.spec.name]
            if version is not None:
                gauges["version"].add_metric(name, version.number)
                gauges["trained_timestamp_seconds"].add_metric(name, version.made_ms / 1000)
            if standing is not None:
                gauges["asked"].add_metric(name, standing.asked)
                if standing.measured is not None:
                    gauges["measured"].add_metric(name, standing.measured)
                if standing.drift is not None:
                    gauges["drift"].add_metric(name, standing.drift)
        yield from gauges.values()
