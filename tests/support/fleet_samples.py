"""Samples as the agents and pollers of many hosts send them, for benchmarks: from seeds, so the same each time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netmon_proto.model import NAME, Labels

Values = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

_MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
_MEMORY = ("MemTotal", "MemAvailable", "MemFree", "Cached", "Buffers", "SwapFree")
_INTERFACES = 12
SERIES_PER_HOST = 100


@dataclass(frozen=True)
class Family:
    """Series of one name: what tells them apart, and what their values are like."""

    name: str
    tags: Sequence[dict[str, str]]
    kind: str


def families() -> list[Family]:
    """A hundred series: a host with four processors, and the twelve ports of a switch beside it."""
    disks = [{"device": device} for device in ("sda", "sdb")]
    cards = [{"device": device} for device in ("eth0", "eth1", "lo")]
    mounts = [{"device": f"/dev/{at}", "fstype": "ext4", "mountpoint": path} for at, path in
              (("sda1", "/"), ("sda2", "/var"), ("sdb1", "/srv"))]  # fmt: skip
    ports = [{"ifIndex": str(n), "ifName": f"Gi0/{n}"} for n in range(1, _INTERFACES + 1)]
    return [
        Family("node_cpu_seconds_total", [{"cpu": str(n), "mode": mode} for n in range(4) for mode in _MODES], "slow"),
        *(Family(f"node_memory_{part}_bytes", [{}], "bytes") for part in _MEMORY),
        *(Family(f"node_filesystem_{part}_bytes", mounts, "bytes") for part in ("size", "avail")),
        *(Family(f"node_network_{way}_{unit}_total", cards, "errors" if unit == "errs" else "counter")
          for way in ("receive", "transmit") for unit in ("bytes", "packets", "errs")),
        *(Family(f"node_disk_{what}_total", disks, "counter")
          for what in ("read_bytes", "written_bytes", "io_time_seconds")),
        *(Family(f"node_load{minutes}", [{}], "gauge") for minutes in (1, 5, 15)),
        Family("node_boot_time_seconds", [{}], "constant"),
        Family("up", [{}], "up"),
        Family("probe_success", [{}], "up"),
        Family("probe_duration_seconds", [{}], "gauge"),
        Family("node_context_switches_total", [{}], "counter"),
        *(Family(name, ports, "counter") for name in ("ifHCInOctets", "ifHCOutOctets")),
    ]  # fmt: skip


@dataclass(frozen=True)
class Host:
    """What one host sent: a gather at each of its times, values [T, SERIES_PER_HOST]."""

    labels: Sequence[Labels]
    times: Times
    values: Values


def hosts(count: int, slots: int, *, start_ms: int, interval_ms: int) -> Iterator[Host]:
    """Every host gathers at a moment of its own, as hosts do."""
    for number in range(count):
        dice = np.random.default_rng(number)
        phase_ms = int(dice.integers(0, interval_ms // 1000)) * 1000 + 137
        times = start_ms + phase_ms + np.arange(slots, dtype=np.int64) * interval_ms
        own = {"instance": f"host{number:04}", "job": "node", "site": f"site{number % 10}"}
        labels = [
            tuple(sorted({NAME: one.name, **own, **tags}.items())) for one in families() for tags in one.tags
        ]  # fmt: skip
        values = np.concatenate([_values(one.kind, slots, len(one.tags), dice) for one in families()], axis=1)
        yield Host(labels, times, values)


def _values(kind: str, slots: int, width: int, dice: np.random.Generator) -> Values:
    shape = (slots, width)
    chance: Values = dice.random(shape)
    scale: Values = dice.random(width)
    made: Values
    match kind:
        case "slow":
            made = np.cumsum(15 * chance * scale, axis=0).round(2)
        case "counter":
            made = np.floor(1e9 * scale) + np.cumsum(np.floor((0.5 + chance) * 10 ** (1 + 6 * scale)), axis=0)
        case "errors":
            made = np.cumsum(np.where(chance < 0.01, np.ceil(2000 * chance), 0.0), axis=0)
        case "bytes":
            made = np.abs(np.floor(6e10 * scale) + np.cumsum(np.floor(129 * chance) - 64, axis=0) * 4096)
        case "constant":
            made = np.repeat(np.floor(1.6e9 + 1e8 * scale)[None], slots, axis=0)
        case "up":
            made = (chance > 0.001).astype(np.float64)
        case _:
            made = np.abs(4 * scale + np.cumsum(chance - 0.5, axis=0) * 0.1).round(2)
    return made
