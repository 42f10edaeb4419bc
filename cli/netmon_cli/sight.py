"""What a collector sees, in a few lines: the first thing that `netmon up` shows of a machine."""

import math
from collections.abc import Callable, Sequence

from netmon_cli import output
from netmon_cli.answers import Device, SampledSeries
from netmon_cli.client import Client
from netmon_cli.failure import Failure
from netmon_cli.output import escape

_METRICS = (
    "node_load1|node_memory_MemTotal_bytes|node_memory_MemAvailable_bytes|node_filesystem_size_bytes|node_network_up"
)
_SINCE_S = 300.0
_PATIENCE_S = 10.0
"""An agent's first words may be of itself; those of its host come with the next reading."""

_NEXT = "look further with: netmon status, netmon top, netmon query node_load1"


def sight(client: Client) -> list[str]:
    """One line per device that has sent data; none while there is none, or while the collector does not answer."""
    try:
        devices = [Device.model_validate(one) for one in client.devices()["results"]]
        fresh = [device for device in devices if device.last_sample]
        if not fresh:
            return []
        now_s = client.now_s()
        series = client.readings(f'{{__name__=~"{_METRICS}"}}', now_s - _SINCE_S).results
        known = {one.labels.get("instance") for one in series}
        if any(one.instance not in known and now_s - one.first_seen.timestamp() < _PATIENCE_S for one in fresh):
            return []
        stored = client.status().store.series
    except Failure:
        return []
    return [*(_line(device, series) for device in fresh), f"{output.count(stored)} series", _NEXT]


def _line(device: Device, series: Sequence[SampledSeries]) -> str:
    mine = [one for one in series if one.labels.get("instance") == device.instance]

    def latest(name: str) -> list[float]:
        values = [one.samples[-1][1] for one in mine if one.labels.get("__name__") == name and one.samples]
        return [value for value in values if isinstance(value, float | int) and math.isfinite(value)]

    return f"{escape(device.instance)} is {device.state}{''.join(_facts(latest))}"


def _facts(latest: Callable[[str], list[float]]) -> list[str]:
    facts = [f", load {value:.2f}" for value in latest("node_load1")]
    total, free = latest("node_memory_MemTotal_bytes"), latest("node_memory_MemAvailable_bytes")
    if total and free and total[0] > 0:
        facts.append(f", {100 * (1 - free[0] / total[0]):.0f} % of {output.size(total[0])} memory in use")
    for name, thing in (("node_filesystem_size_bytes", "file system"), ("node_network_up", "network interface")):
        if count := len(latest(name)):
            facts.append(f", {count} {thing}{'s' if count > 1 else ''}")
    return facts
