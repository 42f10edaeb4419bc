"""Frequencies of processors: sysfs' cpufreq (the kernel's admin-guide/pm/cpufreq.rst)."""

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, gauge
from netmon_agent.inputs.host.files import Files, Members

_HERTZ_PER_KHZ = 1000.0
_FREQUENCIES = {
    "cpuinfo_cur_freq": "node_cpu_frequency_hertz",
    "cpuinfo_min_freq": "node_cpu_frequency_min_hertz",
    "cpuinfo_max_freq": "node_cpu_frequency_max_hertz",
    "scaling_cur_freq": "node_cpu_scaling_frequency_hertz",
    "scaling_min_freq": "node_cpu_scaling_frequency_min_hertz",
    "scaling_max_freq": "node_cpu_scaling_frequency_max_hertz",
}


class Cpufreq(Family):
    """Current and allowed frequencies per processor."""

    def __init__(self, files: Files, sysfs: str) -> None:
        self._cpus = Members(files, f"{sysfs}/devices/system/cpu", "cpu")
        self._keys = Keys()
        self._known: dict[str, list[tuple[str, Key]]] = {}

    def gather(self) -> Columns:
        if self._cpus.scan():
            self._known = {name: self._frequencies(name) for name in self._cpus.names if name[3:].isdecimal()}
        series: dict[Key, float] = {}
        for name, frequencies in self._known.items():
            for attribute, key in frequencies:
                value = self._cpus.read(name, attribute)
                if value and value.isdigit():  # "<unknown>" while a processor sleeps
                    series[key] = int(value) * _HERTZ_PER_KHZ
        return self._keys.columns(series)

    def _frequencies(self, name: str) -> list[tuple[str, Key]]:
        attributes = [(f"cpufreq/{file}", gauge(metric, cpu=name[3:])) for file, metric in _FREQUENCIES.items()]
        return [(attribute, key) for attribute, key in attributes if self._cpus.read(name, attribute) is not None]
