"""How busy hosts are, from their samples: rates between readings, shares of what there is, the busiest disk."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netmon_cli.answers import Device, SampledSeries

SELECTORS = (
    "node_load1",
    'node_cpu_seconds_total{mode=~"idle|iowait"}',
    '{__name__=~"node_memory_Mem(Total|Available)_bytes"}',
    "node_disk_io_time_seconds_total",
    '{__name__=~"node_network_(receive|transmit)_bytes_total",device!~"lo|veth.*|docker.*|br-.*|virbr.*|cali.*|cni.*"}',
)
"""All that is asked for; interfaces that only carry the traffic of others once more are left out."""

Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Load:
    """One device at one time; None where there is no reading. Percentages are of all processors, of all memory, and
    of the time of the busiest disk; network rates are bytes per second."""

    instance: str
    up: bool
    age_s: float | None = None
    load1: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    disk_percent: float | None = None
    received_bytes: float | None = None
    sent_bytes: float | None = None


def loads(devices: Iterable[Device], series: Iterable[SampledSeries], now_s: float) -> list[Load]:
    """The load of each device, in the order of `devices`."""
    by_instance: dict[str, list[SampledSeries]] = {}
    for one in series:
        by_instance.setdefault(one.labels.get("instance", ""), []).append(one)
    return [_load(device, by_instance.get(device.instance, []), now_s) for device in devices]


def rate(points: Points) -> float | None:
    """A counter's growth per second; one that falls has begun again at zero. None without two readings."""
    known = [(time_s, value) for time_s, value in points if value is not None and value == value]
    if len(known) < 2 or known[-1][0] <= known[0][0]:
        return None
    grown = sum(later - earlier if later >= earlier else later for (_, earlier), (_, later) in pairwise(known))
    return grown / (known[-1][0] - known[0][0])


def _load(device: Device, series: Sequence[SampledSeries], now_s: float) -> Load:
    live = [one for one in series if one.samples and one.samples[-1][1] is not None]

    def named(name: str) -> list[SampledSeries]:
        return [one for one in live if one.labels.get("__name__") == name]

    disks = _rates(named("node_disk_io_time_seconds_total"))
    received = _rates(named("node_network_receive_bytes_total"))
    sent = _rates(named("node_network_transmit_bytes_total"))
    return Load(
        instance=device.instance,
        up=device.state == "up",
        age_s=now_s - device.last_sample.timestamp() if device.last_sample else None,
        load1=_latest(named("node_load1")),
        cpu_percent=_cpu(named("node_cpu_seconds_total")),
        memory_percent=_memory(named),
        disk_percent=min(100.0, 100 * max(disks)) if disks else None,
        received_bytes=sum(received) if received else None,
        sent_bytes=sum(sent) if sent else None,
    )


def _rates(series: Iterable[SampledSeries]) -> list[float]:
    return [found for one in series if (found := rate(one.samples)) is not None]


def _latest(series: Sequence[SampledSeries]) -> float | None:
    return series[0].samples[-1][1] if series else None


def _cpu(series: Sequence[SampledSeries]) -> float | None:
    """Waiting for a disk is idling: the processor could do something else."""
    idle: dict[str, float] = {}
    for one in series:
        found = rate(one.samples)
        if found is not None:
            cpu = one.labels.get("cpu", "")
            idle[cpu] = idle.get(cpu, 0.0) + found
    if not idle:
        return None
    return min(100.0, max(0.0, 100 * (1 - sum(idle.values()) / len(idle))))


def _memory(named: Callable[[str], list[SampledSeries]]) -> float | None:
    total, available = _latest(named("node_memory_MemTotal_bytes")), _latest(named("node_memory_MemAvailable_bytes"))
    return 100 * (1 - available / total) if total and available is not None else None
