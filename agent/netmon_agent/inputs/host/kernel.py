"""What the kernel tells about itself in single small files: load, open files, randomness, pressure, SELinux."""

import errno
import os
from pathlib import Path

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, NoData, counter, gauge
from netmon_agent.inputs.host.files import Files


class Loadavg(Family):
    """Mean length of the run queue over 1, 5 and 15 minutes."""

    KEYS = tuple(sorted(gauge(f"node_load{minutes}") for minutes in (1, 5, 15)))

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._path = f"{procfs}/loadavg"

    def gather(self) -> Columns:
        load1, load5, load15, *_ = self._files.small(self._path).split()
        return Columns(self.KEYS, [float(load1), float(load15), float(load5)])


class Filefd(Family):
    """Open files of the whole machine, and their limit."""

    KEYS = (gauge("node_filefd_allocated"), gauge("node_filefd_maximum"))

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._path = f"{procfs}/sys/fs/file-nr"

    def gather(self) -> Columns:
        allocated, _, maximum = self._files.small(self._path).split()
        return Columns(self.KEYS, [float(allocated), float(maximum)])


class Entropy(Family):
    """Bits in the kernel's pool of randomness."""

    KEYS = (gauge("node_entropy_available_bits"), gauge("node_entropy_pool_size_bits"))

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._paths = [f"{procfs}/sys/kernel/random/{name}" for name in ("entropy_avail", "poolsize")]

    def gather(self) -> Columns:
        return Columns(self.KEYS, [float(self._files.small(path)) for path in self._paths])


class Pressure(Family):
    """Seconds in which some or all tasks waited for processor, disk or memory (the kernel's accounting/psi.rst)."""

    KEYS = tuple(
        counter(f"node_pressure_{name}_seconds_total")
        for name in ("cpu_waiting", "io_stalled", "io_waiting", "memory_stalled", "memory_waiting")
    )

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._folder = f"{procfs}/pressure"

    def gather(self) -> Columns:
        try:
            cpu, io, memory = (self._files.small(f"{self._folder}/{name}") for name in ("cpu", "io", "memory"))
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EOPNOTSUPP}:
                raise NoData("the kernel does not account pressure") from error
            raise
        totals_us = [_total_us(cpu, b"some")]
        totals_us += [_total_us(data, line) for data in (io, memory) for line in (b"full", b"some")]
        return Columns(self.KEYS, [total_us / 1e6 for total_us in totals_us])


def _total_us(data: bytes, line: bytes) -> int:
    """Microseconds from `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`."""
    _, _, after = data.partition(line)
    return int(after.partition(b"total=")[2].partition(b"\n")[0])


_MODES = {"enforcing": 1.0, "permissive": 0.0}


class Selinux(Family):
    """Whether SELinux is on, and what it does: enforcing 1, permissive 0, disabled -1."""

    ENABLED = gauge("node_selinux_enabled")

    def __init__(self, files: Files, sysfs: str, rootfs: str) -> None:
        self._files = files
        self._enforce = f"{sysfs}/fs/selinux/enforce"
        self._config = Path(rootfs) / "etc/selinux/config"
        self._keys = Keys()

    def gather(self) -> Columns:
        if not os.access(self._enforce, os.F_OK):
            return self._keys.columns({self.ENABLED: 0.0})
        current = float(self._files.small(self._enforce))
        series: dict[Key, float] = {
            self.ENABLED: 1.0,
            gauge("node_selinux_current_mode"): current,
            gauge("node_selinux_config_mode"): self._configured(),
        }
        return self._keys.columns(series)

    def _configured(self) -> float:
        try:
            lines = self._config.read_text("utf-8", "replace").splitlines()
        except OSError:
            return -1.0
        modes = [line.partition("=")[2].strip() for line in lines if line.startswith("SELINUX=")]
        return _MODES.get(modes[-1], -1.0) if modes else -1.0
