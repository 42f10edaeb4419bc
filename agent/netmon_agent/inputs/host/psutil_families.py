"""What psutil tells on macOS and Windows, under the names that Linux has."""

import platform
import time
from collections.abc import Callable, Iterable

import psutil

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, counter, gauge
from netmon_agent.inputs.host.filters import Filter
from netmon_agent.inputs.host.options import HostOptions

Series = Iterable[tuple[Key, float]]


class PsutilFamily(Family):
    """Series that a function reads; psutil holds no state that could be kept."""

    def __init__(self, read: Callable[[], Series]) -> None:
        self._read = read
        self._keys = Keys()

    def gather(self) -> Columns:
        return self._keys.columns(dict(self._read()))


def makers(options: HostOptions) -> dict[str, Callable[[], Family]]:
    """How each family is made, by its name."""
    disks, devices = options.diskstats.filter(), options.netdev.filter()
    mount_points = Filter(exclude=options.filesystem.mount_points_exclude)
    readers: dict[str, Callable[[], Series]] = {
        "cpu": cpu,
        "diskstats": lambda: diskstats(disks),
        "filesystem": lambda: filesystem(mount_points),
        "loadavg": loadavg,
        "meminfo": meminfo,
        "netclass": lambda: netclass(devices),
        "netdev": lambda: netdev(devices),
        "stat": stat,
        "time": clock,
        "uname": uname,
    }
    return {name: (lambda read=read: PsutilFamily(read)) for name, read in readers.items()}  # type: ignore[misc]


def cpu() -> Series:
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode, seconds in times._asdict().items():
            yield counter("node_cpu_seconds_total", cpu=str(number), mode=_CPU_MODES.get(mode, mode)), seconds


_CPU_MODES = {"interrupt": "irq", "dpc": "softirq"}  # Windows' words


def diskstats(disks: Filter) -> Series:
    for device, counts in (psutil.disk_io_counters(perdisk=True) or {}).items():
        if not disks.accepts(device):
            continue
        yield counter("node_disk_reads_completed_total", device=device), counts.read_count
        yield counter("node_disk_writes_completed_total", device=device), counts.write_count
        yield counter("node_disk_read_bytes_total", device=device), counts.read_bytes
        yield counter("node_disk_written_bytes_total", device=device), counts.write_bytes
        yield counter("node_disk_read_time_seconds_total", device=device), counts.read_time / 1000
        yield counter("node_disk_write_time_seconds_total", device=device), counts.write_time / 1000


def filesystem(mount_points: Filter) -> Series:
    for partition in psutil.disk_partitions(all=False):
        if not mount_points.accepts(partition.mountpoint):
            continue
        labels = {"device": partition.device, "fstype": partition.fstype, "mountpoint": partition.mountpoint}
        try:
            usage = psutil.disk_usage(partition.mountpoint)
        except OSError:  # an empty drive
            yield gauge("node_filesystem_device_error", **labels), 1.0
            continue
        yield gauge("node_filesystem_device_error", **labels), 0.0
        yield gauge("node_filesystem_readonly", **labels), float("ro" in partition.opts.split(","))
        yield gauge("node_filesystem_size_bytes", **labels), usage.total
        yield gauge("node_filesystem_free_bytes", **labels), usage.total - usage.used
        yield gauge("node_filesystem_avail_bytes", **labels), usage.free


def loadavg() -> Series:
    for minutes, load in zip((1, 5, 15), psutil.getloadavg(), strict=True):
        yield gauge(f"node_load{minutes}"), load


_MEMORY = {
    "total": "MemTotal",
    "available": "MemAvailable",
    "free": "MemFree",
    "active": "Active",
    "inactive": "Inactive",
}
_SWAP = {"total": "SwapTotal", "free": "SwapFree"}


def meminfo() -> Series:
    for names, told in ((_MEMORY, psutil.virtual_memory()), (_SWAP, psutil.swap_memory())):
        for field, name in names.items():
            if hasattr(told, field):
                yield gauge(f"node_memory_{name}_bytes"), getattr(told, field)


def netclass(devices: Filter) -> Series:
    for device, stats in psutil.net_if_stats().items():
        if devices.accepts(device):
            yield gauge("node_network_up", device=device), float(stats.isup)
            yield gauge("node_network_mtu_bytes", device=device), stats.mtu
            if stats.speed:
                yield gauge("node_network_speed_bytes", device=device), stats.speed * 125_000


def netdev(devices: Filter) -> Series:
    for device, counts in psutil.net_io_counters(pernic=True).items():
        if not devices.accepts(device):
            continue
        for way, octets, packets, errors, drops in (
            ("receive", counts.bytes_recv, counts.packets_recv, counts.errin, counts.dropin),
            ("transmit", counts.bytes_sent, counts.packets_sent, counts.errout, counts.dropout),
        ):
            yield counter(f"node_network_{way}_bytes_total", device=device), octets
            yield counter(f"node_network_{way}_packets_total", device=device), packets
            yield counter(f"node_network_{way}_errs_total", device=device), errors
            yield counter(f"node_network_{way}_drop_total", device=device), drops


def stat() -> Series:
    counts = psutil.cpu_stats()
    yield gauge("node_boot_time_seconds"), psutil.boot_time()
    yield counter("node_context_switches_total"), counts.ctx_switches
    yield counter("node_intr_total"), counts.interrupts


def clock() -> Series:
    yield gauge("node_time_seconds"), time.time()


def uname() -> Series:
    told = platform.uname()
    labels = {"machine": told.machine, "nodename": told.node, "release": told.release, "sysname": told.system}
    yield gauge("node_uname_info", domainname="(none)", version=told.version, **labels), 1.0
