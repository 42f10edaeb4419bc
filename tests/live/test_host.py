"""Weeks of a host's history, then fifteen live minutes in which a disk fills, packets are lost, a processor is taken
and memory leaks: each is seen and explained, who takes the processor and the memory is named, and the disk's date is in
its interval. `make live` runs it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from netmon_cli.failure import Exit
from tests.live import faults, history
from tests.support.daemons import NETMON, Daemon, surroundings
from tests.support.namespaces import Lab, lab, needs_namespaces

HOST, PEER = "here", "10.99.0.2"
RECORD_S = float(os.environ.get("NETMON_LIVE_RECORD_S", "900"))
DAYS = int(os.environ.get("NETMON_LIVE_DAYS", "21"))
LIVE_S = 900.0
LOOK_EVERY_S = 15.0
AFTER_S = 60.0
"""An alarm so long after a fault's end is still its."""


@dataclass(frozen=True)
class Fault:
    """begin, end: seconds since the live minutes began. names: beginnings of metrics that it shows in."""

    begin: float
    end: float
    names: tuple[str, ...]


FAULTS = {
    "lost packets": Fault(200, 380, ("probe_icmp_packet_loss_ratio",)),
    "hog": Fault(420, 600, ("node_cpu_seconds_total", "node_load", "node_pressure_cpu", "namedprocess_namegroup_cpu")),
    "leak": Fault(620, 800, ("node_memory_", "namedprocess_namegroup_memory")),
    "disk": Fault(120, 800, ("node_filesystem_avail_bytes", "node_filesystem_free_bytes")),
}


@dataclass
class Seen:
    """What netmon told within the live minutes. dates: when it was asked and the interval of the disk's end, Unix."""

    odd: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    dates: list[tuple[float, float, float, float]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    unanswered: int = 0
    """Looks that the collector did not answer in time: other work may keep the machine busy."""


class NotAnswered(Exception):
    """The collector did not answer in time."""


class Netmon:
    """A collector and an agent on a host of the lab, which has the machine's processors, memory and disks."""

    def __init__(self, folder: Path, network: Lab) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._network = network
        (folder / "collector.yaml").write_text("capacity: {every: 30s}\n")
        (folder / "agent.yaml").write_text(
            f"interval: 10s\nhostname: {HOST}\n"
            f"inputs:\n  - {{type: host}}\n  - {{type: ping, targets: [{PEER}], count: 10, gap: 100ms}}\n"
        )
        self._daemons: list[Daemon] = []
        self._token = ""

    def start(self) -> None:
        self._token = self._start("collector").says(r"API token \(shown this once\): (\S+)", 60)[1]
        self._start("agent").says("collector.connected", 60)

    def _start(self, kind: str) -> Daemon:
        words = (kind, "--config", f"{self._folder}/{kind}.yaml", "--state", f"{self._folder}/{kind}")
        self._daemons.append(Daemon(self._folder, *words, under=self._network.within("host")))
        return self._daemons[-1]

    @property
    def state(self) -> str:
        return f"{self._folder}/collector"

    def says(self, *words: str) -> str:
        environment = surroundings(self._folder) | {"NETMON_TOKEN": self._token}
        command = self._network.within("host", NETMON, *words)
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        if ended.returncode == Exit.UNREACHABLE:
            raise NotAnswered(ended.stderr)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def asks(self, *words: str) -> Any:
        return json.loads(self.says(*words, "--json"))["results"]

    def close(self) -> None:
        for one in reversed(self._daemons):
            if one.process.poll() is None:
                one.stop()


@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("NETMON_LIVE"), reason="takes three quarters of an hour: make live")
@needs_namespaces
def test_a_host_with_weeks_behind_it_has_four_faults_and_each_is_seen_and_explained() -> None:
    with surrounding() as (folder, network, disk):
        with contextlib.closing(Netmon(folder / "before", network)) as netmon:
            netmon.start()
            time.sleep(RECORD_S)
        told = asyncio.run(history.recorded(Path(netmon.state) / "store", HOST))
        samples = asyncio.run(history.write(folder / "live/collector", told, round(time.time() * 1000), DAYS))
        print(f"{samples} samples of {sum(len(one.labels) for one in told)} series", flush=True)
        with contextlib.closing(Netmon(folder / "live", network)) as netmon:
            netmon.start()
            seen, full_s, began_s = live(netmon, network, folder, disk)
        report(seen, full_s, began_s)
        for name, fault in FAULTS.items():
            alarms = of_fault(seen, fault, began_s)
            assert alarms, f"{name} was not seen"
            assert all(one["component"] and one["expected"] is not None for one in alarms)
        assert any(one.startswith("hog takes ") for one in words_of(seen, FAULTS["hog"], began_s))
        leaking = [one for one in words_of(seen, FAULTS["leak"], began_s) if one.startswith("leak holds ")]
        assert any("at this pace none is left in" in one for one in leaking)
        assert full_s is not None, "the disk was not full in time"
        intervals = [(low, high) for at, low, _, high in seen.dates if at < full_s]
        held = [low <= full_s <= high for low, high in intervals]
        assert len(held) >= 4
        assert sum(held) >= 0.7 * len(held), f"the interval held {sum(held)} of {len(held)} times"
        anomalies, capacity, events = seen.printed
        assert "probe_icmp_packet_loss_ratio" in anomalies
        assert "space" in capacity
        assert "capacity.soon" in events


@contextlib.contextmanager
def surrounding() -> Iterator[tuple[Path, Lab, Path]]:
    """A folder, two hosts with a cable between them, and a small disk."""
    folder = Path(tempfile.mkdtemp(prefix="netmon-live-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        network = stack.enter_context(lab("host", "peer"))
        network.cable("host", "peer")
        network.address("host", "to-peer", "10.99.0.1/24")
        network.address("peer", "to-host", f"{PEER}/24")
        yield folder, network, stack.enter_context(faults.disk(folder / "disk", folder / "image"))


def live(netmon: Netmon, network: Lab, folder: Path, disk: Path) -> tuple[Seen, float | None, float]:
    """Makes the faults, each at its time, and asks all the while."""
    seen, began_s, filling = Seen(), time.time(), None
    running: dict[str, ExitStack] = {}
    while (now := time.time() - began_s) < LIVE_S:
        for name, fault in FAULTS.items():
            if name != "disk" and fault.begin <= now < fault.end and name not in running:
                running[name] = ExitStack()
                running[name].enter_context(make(name, network, folder))
            elif now >= fault.end and name in running:
                running[name].close()
        if filling is None and now >= FAULTS["disk"].begin:
            filling = faults.Filling(disk, FAULTS["disk"].end - FAULTS["disk"].begin)
        try:
            look(netmon, seen, disk)
        except NotAnswered:
            seen.unanswered += 1
        time.sleep(LOOK_EVERY_S)
    for one in running.values():
        one.close()
    assert filling is not None
    filling.stop()
    seen.printed += [netmon.says("anomalies"), netmon.says("capacity"), netmon.says("events")]
    return seen, filling.full_s, began_s


def make(name: str, network: Lab, folder: Path) -> contextlib.AbstractContextManager[None]:
    if name == "lost packets":
        return faults.lost_packets(network, "peer", 0.3)
    fault = FAULTS[name]
    return faults.hog(folder) if name == "hog" else faults.leak(folder, fault.end - fault.begin)


def look(netmon: Netmon, seen: Seen, disk: Path) -> None:
    for one in netmon.asks("anomalies"):
        seen.odd.setdefault((json.dumps(one["labels"], sort_keys=True), one["time"]), one)
    for one in netmon.asks("capacity", "--what", "space"):
        if one["labels"].get("mountpoint") == str(disk) and one["high"]:
            low, middle, high = (datetime.fromisoformat(one[end]).timestamp() for end in ("low", "exhausted", "high"))
            seen.dates.append((time.time(), low, middle, high))


def of_fault(seen: Seen, fault: Fault, began_s: float) -> list[dict[str, Any]]:
    """The alarms of a fault's metrics in its time, of series that were not odd for a minute before it."""

    def between(begin: float, end: float) -> list[tuple[str, dict[str, Any]]]:
        return [
            (series, one)
            for (series, time), one in seen.odd.items()
            if begin <= datetime.fromisoformat(time).timestamp() - began_s < end
            and one["labels"]["__name__"].startswith(fault.names)
        ]

    before = {series for series, _ in between(fault.begin - AFTER_S, fault.begin)}
    return [one for series, one in between(fault.begin, fault.end + AFTER_S) if series not in before]


def words_of(seen: Seen, fault: Fault, began_s: float) -> list[str]:
    """What was said of who takes what in a fault's time, the first first."""
    found = sorted(of_fault(seen, fault, began_s), key=lambda one: one["time"])
    return [one["words"] for one in found if one["words"]]


def before_faults(seen: Seen, began_s: float) -> set[str]:
    """The series that alarmed in the first two minutes, in which nothing was done."""
    quiet_s = began_s + min(one.begin for one in FAULTS.values())
    return {
        json.dumps(one["labels"], sort_keys=True)
        for one in seen.odd.values()
        if datetime.fromisoformat(one["time"]).timestamp() < quiet_s
    }


def report(seen: Seen, full_s: float | None, began_s: float) -> None:
    for name, fault in FAULTS.items():
        found = sorted(of_fault(seen, fault, began_s), key=lambda one: one["time"])
        print(name, "seen by", len({json.dumps(one["labels"], sort_keys=True) for one in found}), "series")
        for one in found[:3]:
            after_s = datetime.fromisoformat(one["time"]).timestamp() - began_s - fault.begin
            band = f"{one['value']:.4g} instead of {one['low']:.4g} to {one['high']:.4g}"
            print(f"    after {after_s:.0f} s: {one['labels']} {one['component']} {band}")
        said = words_of(seen, fault, began_s)
        for words in dict.fromkeys((*said[:1], *said[-1:])):
            print(f"    {words}")
    print("looks that were not answered in time:", seen.unanswered)
    print("odd before any fault:", len(before_faults(seen, began_s)), "series")
    if full_s is not None:
        for at, low, middle, high in seen.dates:
            print(
                f"    {at - began_s:.0f} s: full in {middle - at:.0f} s ({low - at:.0f} to {high - at:.0f}),", end=" "
            )
            print(f"was {full_s - at:.0f}: {low <= full_s <= high}")
    print("\n".join(seen.printed), flush=True)
