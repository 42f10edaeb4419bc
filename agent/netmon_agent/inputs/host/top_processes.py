"""Which processes take most processor time and memory, by name: /proc/PID/stat (proc_pid_stat(5)).

Names, labels and units are those of process-exporter, which groups by name too.
"""

import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Final

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, counter, gauge, text
from netmon_agent.inputs.host.processes import Process, ProcessTable

_KERNEL_THREAD: Final = 0x0020_0000  # PF_KTHREAD of the kernel's flags
_SMOOTHED_S: Final = 60.0
_LEAST_SHARE: Final = 0.01
"""Of a processor, smoothed: what takes less is not worth a series."""
_TOLD_FOR_S: Final = 3600.0
"""So long a name is told after it was among the first, so that its counters can be seen to rise."""
_MOST_KEPT: Final = 4
"""Names that are told at most, for each of those that may be first."""


class _Group:
    """All processes of a name. seconds: what they took in user and in system mode since we look. share: of a processor,
    smoothed. told_s: when it was last among the first."""

    __slots__ = ("keys", "number", "resident_bytes", "seconds", "share", "ticks", "told_s")

    def __init__(self, name: str) -> None:
        self.keys: tuple[Key, ...] = (
            counter("namedprocess_namegroup_cpu_seconds_total", groupname=name, mode="user"),
            counter("namedprocess_namegroup_cpu_seconds_total", groupname=name, mode="system"),
            gauge("namedprocess_namegroup_memory_bytes", groupname=name, memtype="resident"),
            gauge("namedprocess_namegroup_num_procs", groupname=name),
        )
        self.seconds = [0.0, 0.0]
        self.share = 0.0
        self.told_s = -math.inf
        self.clear()

    def clear(self) -> None:
        """Before each reading."""
        self.number = self.resident_bytes = self.ticks = 0

    def values(self) -> Iterable[tuple[Key, float]]:
        return zip(self.keys, (*self.seconds, float(self.resident_bytes), float(self.number)), strict=True)


class TopProcesses(Family):
    """Processor time, memory and number of the processes of some names: of those that took most of a processor lately,
    and of those that hold most memory. `most`: how many of each."""

    def __init__(self, table: ProcessTable, most: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._most = most
        self._clock_s = clock_s
        self._tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._groups: dict[str, _Group] = {}
        self._ticks: dict[tuple[str, int], tuple[int, int]] = {}
        self._read_s: float | None = None
        self._keys = Keys()

    def gather(self) -> Columns:
        now_s = self._clock_s()
        self._count(self._table.read("top_processes"))
        self._smooth(now_s)
        series: dict[Key, float] = {}
        for group in self._told(now_s):
            series.update(group.values())
        return self._keys.columns(series)

    def close(self) -> None:
        self._table.close()

    def _count(self, processes: Iterable[Process]) -> None:
        """What all took since the last reading; at the first nothing, as it is not known when they took it."""
        for group in self._groups.values():
            group.clear()
        ticks: dict[tuple[str, int], tuple[int, int]] = {}
        for process in processes:
            identity, taken = (process.stat, process.started_ticks), (process.user_ticks, process.system_ticks)
            before = self._ticks.get(identity, taken if self._read_s is None else (0, 0))
            ticks[identity] = taken
            group = self._group(process)
            group.number += 1
            group.resident_bytes += process.resident_pages * self._page_bytes
            for mode in (0, 1):
                risen = max(0, taken[mode] - before[mode])
                group.ticks += risen
                group.seconds[mode] += risen * self._tick_s
        self._ticks = ticks

    def _group(self, process: Process) -> _Group:
        name = text(process.name)
        if process.flags & _KERNEL_THREAD:  # kworker/1:2-events: whose it is, and where it runs
            name = name.partition("/")[0].partition(":")[0]
        if name not in self._groups:
            self._groups[name] = _Group(name)
        return self._groups[name]

    def _smooth(self, now_s: float) -> None:
        if self._read_s is not None and now_s > self._read_s:
            passed_s = now_s - self._read_s
            kept = math.exp(-passed_s / _SMOOTHED_S)
            for group in self._groups.values():
                group.share = kept * group.share + (1.0 - kept) * group.ticks * self._tick_s / passed_s
        self._read_s = now_s

    def _told(self, now_s: float) -> list[_Group]:
        """Those that are among the first now or were lately; names without a process are forgotten then."""
        there = [one for one in self._groups.values() if one.number]
        busy = sorted((one for one in there if one.share >= _LEAST_SHARE), key=lambda one: -one.share)
        large = sorted((one for one in there if one.resident_bytes), key=lambda one: -one.resident_bytes)
        for group in (*busy[: self._most], *large[: self._most]):
            group.told_s = now_s
        told = {name: one for name, one in self._groups.items() if now_s - one.told_s < _TOLD_FOR_S}
        self._groups = {name: one for name, one in self._groups.items() if one.number or name in told}
        last = sorted(told, key=lambda name: -told[name].told_s)[: _MOST_KEPT * self._most]
        return [told[name] for name in sorted(last)]
