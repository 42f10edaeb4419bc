"""The collector's own metrics, as its /metrics page shows them."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector


def make_registry() -> CollectorRegistry:
    """A registry with what every Python process tells of itself."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
