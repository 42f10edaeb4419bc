"""Processor time, throttling, and the kernel's own counters: /proc/stat (proc_stat(5)) and sysfs' cpu folders."""

import os
from typing import Final

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, Merge, counter, gauge, text
from netmon_agent.inputs.host.files import Files, Members
from netmon_agent.inputs.host.table import Cell, Plan, Row, Table

_HOTPLUG_S = 3.0  # an idle time that falls by more belongs to a processor that was off in between
_SECONDS: Final = "node_cpu_seconds_total"
_GUEST: Final = "node_cpu_guest_seconds_total"  # counted in user and nice too
_TIMES = [(_SECONDS, mode) for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")]
_TIMES += [(_GUEST, mode) for mode in ("user", "nice")]


class ProcStat:
    """/proc/stat, which two families read: a reading serves each of them once, then it is taken anew."""

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._path = f"{procfs}/stat"
        self._served: set[str] = set()
        self._data = b""

    def read(self, reader: str) -> bytes:
        if not self._served or reader in self._served:
            self._served.clear()
            self._data = self._files.whole(self._path)
        self._served.add(reader)
        return self._data


class Cpu(Family):
    """Seconds of each processor in each mode, and how often processors were throttled.

    Some kernels let idle and iowait step back a little. A counter must not, so the highest value stands, until a
    processor was off line.
    """

    def __init__(self, stat: ProcStat, files: Files, sysfs: str) -> None:
        self._stat = stat
        self._table = Table(_plan_cpu)
        self._throttles = _Throttles(files, f"{sysfs}/devices/system/cpu")
        self._times: tuple[Key, ...] = ()
        self._idle: list[int] = []
        self._before: list[float] = []
        self._merge = Merge()

    def gather(self) -> Columns:
        times = self._table.columns(self._stat.read("cpu").partition(b"\nintr")[0])
        if not times.keys:
            raise ValueError("no processor in stat")
        seconds = list(times.values)
        if times.keys is not self._times:
            self._times = times.keys
            self._idle = [at for at, key in enumerate(times.keys) if ("mode", "idle") in key.labels]
            self._throttles.look()
        elif all(self._before[at] - seconds[at] < _HOTPLUG_S for at in self._idle):
            seconds = list(map(max, self._before, seconds))
        self._before = seconds
        return self._merge.columns(Columns(times.keys, seconds), self._throttles.columns())


def _plan_cpu(rows: list[Row]) -> Plan:
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    cells = []
    for start, words in rows:
        cpu = text(words[0]).removeprefix("cpu")
        if words[0].startswith(b"cpu") and cpu:  # "cpu" without a number is the sum of all
            for position, (name, mode) in enumerate(_TIMES[: len(words) - 1], start + 1):
                cells.append(Cell(counter(name, cpu=cpu, mode=mode), position, ticks_per_s))
    return Plan(cells, [start for start, _ in rows])


class _Throttles:
    """How often cores and packages were slowed down because of heat; virtual machines have no such counts."""

    def __init__(self, files: Files, folder: str) -> None:
        self._files = files
        self._cpus = Members(files, folder, "cpu")
        self._paths: dict[Key, str] = {}
        self._keys = Keys()

    def look(self) -> None:
        """Finds out which counts there are; they change only with the processors."""
        self._paths = {}
        try:
            self._cpus.scan()
        except OSError:
            return
        for name in self._cpus.names:
            package = self._cpus.read(name, "topology/physical_package_id")
            core = self._cpus.read(name, "topology/core_id")
            if package is None or core is None:
                continue
            counts = {
                "core": counter("node_cpu_core_throttles_total", core=text(core), package=text(package)),
                "package": counter("node_cpu_package_throttles_total", package=text(package)),
            }
            for kind, key in counts.items():
                attribute = f"thermal_throttle/{kind}_throttle_count"
                if self._cpus.read(name, attribute) is not None:
                    self._paths.setdefault(key, self._cpus.path(name, attribute))

    def columns(self) -> Columns:
        counts = zip(self._paths, self._files.smalls(self._paths.values()), strict=True)
        return self._keys.columns({key: float(count) for key, count in counts if count is not None})


class Stat(Family):
    """Boot time, context switches, interrupts, forks, and processes that run or wait for a disk."""

    def __init__(self, stat: ProcStat) -> None:
        self._stat = stat
        self._table = Table(_plan_stat)

    def gather(self) -> Columns:
        # The line of interrupts holds a word for each of hundreds of them; only the first, their sum, is wanted.
        _, _, after = self._stat.read("stat").partition(b"\nintr ")
        interrupts, _, rest = after.partition(b"\n")
        columns = self._table.columns(b"intr %b\n%b" % (interrupts.partition(b" ")[0], rest.partition(b"\nsoftirq")[0]))
        if not columns.keys:
            raise ValueError("no counters in stat")
        return columns


_STAT_KEYS = {
    b"intr": counter("node_intr_total"),
    b"ctxt": counter("node_context_switches_total"),
    b"btime": gauge("node_boot_time_seconds"),
    b"processes": counter("node_forks_total"),
    b"procs_running": gauge("node_procs_running"),
    b"procs_blocked": gauge("node_procs_blocked"),
}


def _plan_stat(rows: list[Row]) -> Plan:
    known = [(_STAT_KEYS[words[0]], start) for start, words in rows if words[0] in _STAT_KEYS and len(words) > 1]
    return Plan([Cell(key, start + 1) for key, start in known], [start for _, start in known])
