"""Processes and threads by state: /proc/PID/stat (proc_pid_stat(5))."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, gauge
from netmon_agent.inputs.host.files import Files

_STATES = "DIRSTZt"
"""Always told, as 0 where nothing is in them; the kernel's rarer states are told while they occur."""

_FLAGS, _USER, _SYSTEM, _THREADS, _STARTED, _RESIDENT = 6, 11, 12, 17, 19, 21
"""Fields of stat, counted from the state, which is the first one after the name."""

_MAX_PROCESSES = gauge("node_processes_max_processes")
_MAX_THREADS = gauge("node_processes_max_threads")
_PIDS = gauge("node_processes_pids")
_ALL_THREADS = gauge("node_processes_threads")
_BY_STATE = {state: gauge("node_processes_state", state=state) for state in _STATES}
_THREADS_BY_STATE = {state: gauge("node_processes_threads_state", thread_state=state) for state in _STATES}


class Process:
    """A process. Most say the same at each reading, and then there is nothing to work out.

    user_ticks, system_ticks: processor time since it started, in ticks of the kernel (sysconf's SC_CLK_TCK).
    """

    __slots__ = (
        "_folder",
        "_said",
        "flags",
        "name",
        "resident_pages",
        "started_ticks",
        "stat",
        "state",
        "system_ticks",
        "threads",
        "user_ticks",
    )

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._said = b""
        self.stat = f"{folder}/stat"
        self.name = b""
        self.state = ""
        self.flags = self.threads = self.user_ticks = self.system_ticks = self.started_ticks = self.resident_pages = 0

    def listen(self, said: bytes) -> None:
        """Takes in what the process' stat says."""
        if said == self._said:
            return
        fields = _after_name(said).split(None, _RESIDENT + 1)
        self.name, self.state = _name(said), chr(fields[0][0])
        self.flags, self.threads, self.started_ticks = int(fields[_FLAGS]), int(fields[_THREADS]), int(fields[_STARTED])
        self.user_ticks, self.system_ticks = int(fields[_USER]), int(fields[_SYSTEM])
        self.resident_pages = int(fields[_RESIDENT])
        self._said = said

    def states_of_threads(self, files: Files) -> Iterator[str]:
        if self.threads == 1:
            yield self.state
            return
        with suppress(FileNotFoundError, ProcessLookupError):  # ended since it was listed
            for thread in os.listdir(f"{self._folder}/task"):  # noqa: PTH208 - a Path for each is slow
                with suppress(FileNotFoundError, ProcessLookupError):
                    yield chr(_after_name(files.small(f"{self._folder}/task/{thread}/stat")).lstrip()[0])


class ProcessTable:
    """All processes, which two families read: a reading serves each of them once, then it is taken anew."""

    def __init__(self, procfs: str) -> None:
        self._procfs = procfs
        self._stats = Files()
        self._known: dict[str, Process] = {}
        self._served: set[str] = set()
        self._read: list[Process] = []

    def read(self, reader: str) -> list[Process]:
        """All processes, but those that end while we read, and those that are hidden from us (proc(5), hidepid)."""
        if not self._served or reader in self._served:
            self._served.clear()
            self._read = self._anew()
        self._served.add(reader)
        return self._read

    def close(self) -> None:
        self._stats.close()

    def _anew(self) -> list[Process]:
        listed = self._listed()
        processes = []
        for process, said in zip(listed, self._stats.smalls(one.stat for one in listed), strict=True):
            if said is not None:
                process.listen(said)
                processes.append(process)
        return processes

    def _listed(self) -> Collection[Process]:
        pids = {name for name in os.listdir(self._procfs) if name.isdecimal()}  # noqa: PTH208 - a Path for each is slow
        for pid in self._known.keys() - pids:
            self._stats.forget(self._known.pop(pid).stat)
        for pid in pids - self._known.keys():
            self._known[pid] = Process(f"{self._procfs}/{pid}")
        return self._known.values()


class Processes(Family):
    """How many processes and threads there are, in which states, and how many there may be."""

    def __init__(self, table: ProcessTable, files: Files, procfs: str, thread_states: bool) -> None:
        """`thread_states` tells states of threads too, which costs a file for each of them."""
        self._table = table
        self._files = files
        self._procfs = procfs
        self._thread_states = thread_states
        self._unkept = Files(keep=0)
        self._keys = Keys()

    def gather(self) -> Columns:
        processes = self._table.read("processes")
        series: dict[Key, float] = {
            _MAX_PROCESSES: float(self._files.small(f"{self._procfs}/sys/kernel/pid_max")),
            _MAX_THREADS: float(self._files.small(f"{self._procfs}/sys/kernel/threads-max")),
            _PIDS: len(processes),
            _ALL_THREADS: float(sum(process.threads for process in processes)),
        }
        states = (process.state for process in processes)
        series |= _counts(states, _BY_STATE, "node_processes_state", "state")
        if self._thread_states:
            states = (state for process in processes for state in process.states_of_threads(self._unkept))
            series |= _counts(states, _THREADS_BY_STATE, "node_processes_threads_state", "thread_state")
        return self._keys.columns(series)

    def close(self) -> None:
        self._table.close()


def _counts(states: Iterable[str], usual: Mapping[str, Key], name: str, label: str) -> dict[Key, float]:
    counts: dict[Key, float] = dict.fromkeys(usual.values(), 0)
    for state, count in Counter(states).items():
        counts[usual.get(state) or gauge(name, **{label: state})] = count
    return counts


def _after_name(stat: bytes) -> bytes:
    """What follows the name in `7 (name) S 1 …`; a name may hold anything, brackets and spaces too."""
    return stat[stat.rindex(b")") + 1 :]


def _name(stat: bytes) -> bytes:
    return stat[stat.index(b"(") + 1 : stat.rindex(b")")]
