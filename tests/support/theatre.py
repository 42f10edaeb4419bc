"""Hosts and devices that fall ill, read by our own inputs and polls, and rules over what these read, in simulated time.

A host has the files of the machine that the tests run on, and what that one may lack; a device is a capture.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.host import HostInput
from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.poll import Known, poll
from netmon_agent.snmp.session import MOST_VALUES, Value
from netmon_configs.library import Library
from tests.agent.host.trees import Machine

FAMILIES = ("conntrack", "cpu", "diskstats", "hwmon", "meminfo", "netclass", "netdev", "stat", "vmstat")
_OF_THIS_HOST = ("stat", "meminfo", "vmstat", "diskstats", "net/dev")
_DISK = "8 160 simdisk 100 0 800 100 100 0 800 100 0 100 200 0 0 0 0 0 0\n"
_CARD = "sim0: 1000 100 0 0 0 0 0 0 1000 100 0 0 0 0 0 0\n"
_MEMORY = {
    "MemTotal": 8_000_000,
    "MemFree": 2_000_000,
    "MemAvailable": 4_000_000,
    "SwapTotal": 1_000_000,
    "SwapFree": 900_000,
}
_MORE = {
    "sys/net/netfilter/nf_conntrack_count": "10\n",
    "sys/net/netfilter/nf_conntrack_max": "1000\n",
    "net/stat/nf_conntrack": (
        "found invalid ignore insert insert_failed drop early_drop search_restart\n" + 8 * "0 " + "\n"
    ),
    "sys:class/net/sim0/speed": "1000\n",
    "sys:class/net/sim0/operstate": "up\n",
    "sys:class/hwmon/hwmon9/name": "board\n",
    "sys:class/hwmon/hwmon9/temp1_input": "40000\n",
    "sys:class/hwmon/hwmon9/temp1_max": "80000\n",
    "sys:class/hwmon/hwmon9/temp1_alarm": "0\n",
}


class Files:
    """What the kernel of a host shows, by path below /proc, or behind `sys:` below /sys."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)

    @classmethod
    def of_this_host(cls) -> "Files":
        files = cls({path: Path("/proc", path).read_text() for path in _OF_THIS_HOST} | _MORE)
        files.texts["diskstats"] += _DISK
        files.texts["net/dev"] += _CARD
        for name, kib in _MEMORY.items():
            files.say("meminfo", name, kib)
        return files

    def say(self, path: str, name: str, number: int) -> None:
        """Puts a number behind a name."""
        self.add(path, name, {1: number}, anew=True)

    def add(self, path: str, name: str, amounts: Mapping[int, float], *, anew: bool = False) -> None:
        """Adds to numbers behind a name, by their places, in all lines that have it; anew: takes their place."""
        rows = [row.replace(":", ": ").split() for row in self.texts[path].splitlines()]
        for words in rows:
            found = [at for at, word in enumerate(words[:3]) if re.fullmatch(name, word.rstrip(":"))]
            for at, (place, amount) in product(found[:1], amounts.items()):
                words[at + place] = str((0 if anew else int(words[at + place])) + round(amount))
        self.texts[path] = "\n".join(map(" ".join, rows)) + "\n"


Illness = Callable[[Files, float], None]
"""Changes the files of a host that has been ill for so many seconds."""


class SimulatedHost:
    """A host whose processors are idle and whose counters stand still, until it falls ill."""

    def __init__(self, folder: Path, files: Files, illness: Illness) -> None:
        self._machine = Machine(folder)
        self._files = files
        self._illness = illness
        self._shown: dict[str, str] = {}
        self._show(files)
        self._input: HostInput = self._machine.input(*FAMILIES)

    def read(self, lived_s: float, ill_s: float) -> Iterable[Reading]:
        """What the host input gathers after so many seconds, of which the host was ill the last."""
        files = Files(self._files.texts)
        files.add("stat", r"cpu\d+", {4: 100 * lived_s})
        if ill_s > 0:
            self._illness(files, ill_s)
        self._show(files)
        for keys, values in self._input.read():
            yield from (Reading(key.name, dict(key.labels), float(one)) for key, one in zip(keys, values, strict=True))

    async def close(self) -> None:
        await self._machine.close()

    def _show(self, files: Files) -> None:
        changed = files.texts.items() - self._shown.items()
        self._shown = files.texts
        proc, sys = self._machine.proc, self._machine.sys
        self._machine.write(
            {(sys / path[4:] if path.startswith("sys:") else proc / path): text for path, text in changed}
        )


UPTIME = "1.3.6.1.2.1.1.3.0"
Ailment = Callable[[str, Value, float], Value]
"""What a device that has been ill for so many seconds says instead of a value, by its OID."""


@dataclass
class SimulatedDevice:
    """A captured device that is polled; counters of a capture stand still, and its uptime goes on.

    more: what was not asked for when it was captured.
    """

    capture: Capture
    more: Capture
    library: Library
    ailment: Ailment
    known: Known = field(default_factory=Known)
    lived_s: float = 0.0
    ill_s: float = 0.0

    async def read(self, lived_s: float, ill_s: float) -> Sequence[Reading]:
        """What a poll finds after so many seconds, of which the device was ill the last."""
        self.lived_s, self.ill_s = lived_s, ill_s
        found = await poll(self, self.library, self.known, is_whole=self.known.identity is None, now_s=lived_s)
        return found.readings

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        return {
            oid: self._said(oid, value)
            for oid, value in {**await self.capture.get(oids), **await self.more.get(oids)}.items()
        }

    async def walk(self, oid: str, rows: int = 0, most: int = MOST_VALUES) -> Mapping[str, Value]:
        found = {**await self.capture.walk(oid, rows, most), **await self.more.walk(oid, rows, most)}
        return {index: self._said(f"{oid}.{index}", value) for index, value in found.items()}

    def _said(self, oid: str, value: Value) -> Value:
        if oid == UPTIME:
            assert isinstance(value, int)
            value += round(100 * self.lived_s)
        return self.ailment(oid, value, self.ill_s) if self.ill_s > 0 else value
