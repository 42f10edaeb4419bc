"""What has an end, and where that is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Way(StrEnum):
    """How something comes to its limit."""

    PILES_UP = "piles up"
    """What is used stays used until somebody cleans up: by increments that are drawn again."""

    IS_BUSY = "is busy"
    """What is used comes and goes: by the trend of each day's busiest hour."""

    COUNTS_DOWN = "counts down"
    """The value itself is how many seconds are left."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A kind of thing that runs out: what it is called, what is used, and how much there is, in the same unit."""

    what: str
    expression: str
    limit: float
    way: Way


_DISKS: Final = '{fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660"}'
_PORTS: Final = "/ on (instance, ifIndex) group_left () (max by (instance, ifIndex) (ifHighSpeed) * 1e6 > 0)"
"""A port that is called otherwise since a moment ago has two series of one speed."""
_BUSY_LINK, _BUSY_PROCESSOR, _FULL_MEMORY = 0.8, 0.9, 0.95

LIMITED: Final = (
    Limited(
        "space", f"1 - node_filesystem_avail_bytes{_DISKS} / node_filesystem_size_bytes{_DISKS}", 1.0, Way.PILES_UP
    ),
    Limited("inodes", f"1 - node_filesystem_files_free{_DISKS} / node_filesystem_files{_DISKS}", 1.0, Way.PILES_UP),
    Limited(
        "storage",
        "snmp_storage_used_bytes / (snmp_storage_size_bytes > 0) or snmp_storage_used_ratio",
        1.0,
        Way.PILES_UP,
    ),
    Limited("memory", "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", _FULL_MEMORY, Way.IS_BUSY),
    Limited(
        "memory pool",
        "snmp_memory_used_bytes / (snmp_memory_size_bytes > 0) or snmp_memory_used_ratio",
        _FULL_MEMORY,
        Way.IS_BUSY,
    ),
    Limited(
        "processor",
        '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1h]))'
        " or avg by (instance) (snmp_processor_busy_ratio)",
        _BUSY_PROCESSOR,
        Way.IS_BUSY,
    ),
    Limited("link in", f"rate(ifHCInOctets[1h]) * 8 {_PORTS}", _BUSY_LINK, Way.IS_BUSY),
    Limited("link out", f"rate(ifHCOutOctets[1h]) * 8 {_PORTS}", _BUSY_LINK, Way.IS_BUSY),
    Limited("certificate", "probe_ssl_earliest_cert_expiry - time()", 0.0, Way.COUNTS_DOWN),
)
