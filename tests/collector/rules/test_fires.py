"""Packs over what our own agent reads: hosts, devices and services that fall ill fire the alerts that they should.

Everybody is well for ten minutes of simulated time, then all but one of each kind have an illness each. What
fires for somebody is compared as a whole, so that an alert that should not fire is a failure too. The community's packs
and ours are evaluated together.
"""

import asyncio
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from netmon_agent.inputs.base import Input, Reading
from netmon_agent.inputs.checks.http import HttpInput
from netmon_agent.inputs.tcp import TcpInput
from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.session import Value
from netmon_collector.alerts.base import AlertState
from netmon_collector.rules.sources import shipped_files
from netmon_configs.library import open_library
from tests.support.captures import DEVICES, SHARED
from tests.support.rules import Bench
from tests.support.theatre import UPTIME, Ailment, Files, Illness, SimulatedDevice, SimulatedHost
from tests.support.web import certificates, saying, speaking

PACKS = SHARED / "rules"
STEP_S = 30
READ_OFTEN = ("slow reads", "slow writes")
"""Whose rules look at a minute."""
WELL_S = 10 * 60
ILL_S = 62 * 60
PORT = 3
"""Of the captured switch: up, a gigabit."""
UNUSED = range(8, 13)
"""Its ports that are down are shut."""
STANDING = {"SensorWarning"}
"""What the captured switch has had all along: a power supply fails."""
GIGABIT = 125_000_000.0
IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"

pytestmark = pytest.mark.skipif(not PACKS.is_dir(), reason=f"needs the community's rule packs in {PACKS}")

HOSTS: Mapping[str, tuple[Illness, set[str]]] = {
    "well": (lambda files, s: None, set()),
    "full memory": (
        lambda files, s: files.say("meminfo", "MemAvailable", 300_000),
        {"HostOutOfMemory", "HostMemoryLow"},
    ),
    "full swap": (lambda files, s: files.say("meminfo", "SwapFree", 50_000), {"HostSwapIsFillingUp"}),
    "page faults": (
        lambda files, s: files.add("vmstat", "pgmajfault", {1: 2000 * s}),
        {"HostMemoryUnderMemoryPressure"},
    ),
    "swapping": (lambda files, s: files.add("vmstat", "pswpin", {1: 2000 * s}), {"HostSwapping"}),
    "killed": (lambda files, s: files.add("vmstat", "oom_kill", {1: 1}), {"HostOomKillDetected", "HostOomKill"}),
    "much comes": (
        lambda files, s: files.add("net/dev", "sim0", {1: 0.9 * GIGABIT * s}),
        {"HostUnusualNetworkThroughputIn"},
    ),
    "much goes": (
        lambda files, s: files.add("net/dev", "sim0", {9: 0.9 * GIGABIT * s}),
        {"HostUnusualNetworkThroughputOut"},
    ),
    "broken frames come": (
        lambda files, s: files.add("net/dev", "sim0", {2: 100 * s, 3: 10 * s}),
        {"HostNetworkReceiveErrors"},
    ),
    "broken frames go": (
        lambda files, s: files.add("net/dev", "sim0", {10: 100 * s, 11: 10 * s}),
        {"HostNetworkTransmitErrors"},
    ),
    "busy disk": (
        lambda files, s: files.add("diskstats", "simdisk", {10: 950 * s}),
        {"HostUnusualDiskIo", "HostDiskIoUtilizationHigh"},
    ),
    "slow reads": (
        lambda files, s: files.add("diskstats", "simdisk", {1: s, 4: 300 * s}),
        {"HostUnusualDiskReadLatency"},
    ),
    "slow writes": (
        lambda files, s: files.add("diskstats", "simdisk", {5: s, 8: 300 * s}),
        {"HostUnusualDiskWriteLatency"},
    ),
    "busy processors": (
        lambda files, s: files.add("stat", r"cpu\d+", {1: 99 * s, 4: -99 * s}),
        {"HostHighCpuLoad", "HostCpuBusy"},
    ),
    "stolen processors": (
        lambda files, s: files.add("stat", r"cpu\d+", {8: 20 * s, 4: -20 * s}),
        {"HostCpuStealNoisyNeighbor"},
    ),
    "waiting processors": (
        lambda files, s: files.add("stat", r"cpu\d+", {5: 20 * s, 4: -20 * s}),
        {"HostCpuHighIowait"},
    ),
    "hot": (lambda files, s: _sensor(files, "temp1_input", "90000"), {"HostPhysicalComponentTooHot"}),
    "too hot": (lambda files, s: _sensor(files, "temp1_alarm", "1"), {"HostNodeOvertemperatureAlarm"}),
    "many connections": (
        lambda files, s: files.texts.update({"sys/net/netfilter/nf_conntrack_count": "900\n"}),
        {"HostConntrackLimit"},
    ),
    "started anew": (lambda files, s: files.add("stat", "btime", {1: WELL_S}), {"HostRebooted"}),
}


def _sensor(files: Files, name: str, value: str) -> None:
    files.texts[f"sys:class/hwmon/hwmon9/{name}"] = f"{value}\n"


def _says(**said: float) -> Ailment:
    """Objects of the port: a number to be said, or behind `more_`, to be added each second."""
    names = {"oper": f"{IF}.8", "in_errors": f"{IF}.14", "out_errors": f"{IF}.20"}
    names |= {"in_octets": f"{IFX}.6", "out_octets": f"{IFX}.10", "in_packets": f"{IFX}.7", "out_packets": f"{IFX}.11"}
    by_oid = {f"{names[name.removeprefix('more_')]}.{PORT}": (name, one) for name, one in said.items()}

    def ailment(oid: str, value: Value, ill_s: float) -> Value:
        if oid not in by_oid:
            return value
        name, one = by_oid[oid]
        return int(value) + round(one * ill_s) if name.startswith("more_") else round(one)

    return ailment


def _restarted(oid: str, value: Value, ill_s: float) -> Value:
    return round(100 * ill_s) if oid == UPTIME else value


def _flaps(oid: str, value: Value, ill_s: float) -> Value:
    return 1 + int(ill_s) // 60 % 2 if oid == f"{IF}.8.{PORT}" else value


DEVICES_ILL: Mapping[str, tuple[Ailment, set[str]]] = {
    "well switch": (lambda oid, value, s: value, set()),
    "port down": (_says(oper=2), {"PortDown", "SnmpInterfaceDown"}),
    "port flaps": (_flaps, {"PortFlapping"}),
    "bad cable": (
        _says(more_in_errors=10, more_in_packets=100),
        {"PortErrors", "SnmpInterfaceHighInboundErrorRate"},
    ),
    "bad card": (
        _says(more_out_errors=10, more_out_packets=100),
        {"PortErrors", "SnmpInterfaceHighOutboundErrorRate"},
    ),
    "busy port": (
        _says(more_in_octets=0.95 * GIGABIT),
        {"PortBusyIn", "SnmpInterfaceHighBandwidthUsageInbound"},
    ),
    "busy port out": (
        _says(more_out_octets=0.95 * GIGABIT),
        {"PortBusyOut", "SnmpInterfaceHighBandwidthUsageOutbound"},
    ),
    "switch started anew": (_restarted, {"SnmpDeviceRestarted", "DeviceRebooted"}),
}
CHECKS: Mapping[str, set[str]] = {
    "well page": set(),
    "nobody there": {"BlackboxProbeFailed", "CheckFailed"},
    "broken page": {"BlackboxProbeFailed", "CheckFailed", "BlackboxProbeHttpFailure", "CheckHttpError"},
    "ten days left": {"BlackboxSslCertificateWillExpireSoon", "CertificateExpiresSoon"},
    "a day left": {"BlackboxSslCertificateWillExpireVerySoon", "CertificateExpiresSoon"},
    "expired": {"BlackboxSslCertificateExpired", "CertificateExpired"},
}
EXPECTED = (
    {name: alerts for name, (_, alerts) in HOSTS.items()}
    | {name: alerts | STANDING for name, (_, alerts) in DEVICES_ILL.items()}
    | dict(CHECKS)
)


async def checked(stack: AsyncExitStack, folder: Path) -> dict[str, list[Reading]]:
    """What real checks of real servers find, by what is the matter with the server."""
    well = await stack.enter_async_context(speaking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")))
    broken = await stack.enter_async_context(speaking(saying(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")))
    inputs: dict[str, Input] = {
        "well page": HttpInput(type="http", url=f"http://127.0.0.1:{well}/"),
        "broken page": HttpInput(type="http", url=f"http://127.0.0.1:{broken}/"),
        "nobody there": TcpInput(type="tcp", host="127.0.0.1", port=1),
    }
    for name, days in (("ten days left", 10), ("a day left", 1), ("expired", -1)):
        made = certificates(folder / name, days=days)
        port = await stack.enter_async_context(speaking(saying(asked=b""), made.context))
        tls = {"verify": False}
        inputs[name] = TcpInput.model_validate({"type": "tcp", "host": "127.0.0.1", "port": port, "tls": tls})
    return {name: [one for one in await check.gather(0) if isinstance(one, Reading)] for name, check in inputs.items()}


class Stage:
    """All hosts, devices and services, and the rules."""

    def __init__(self, folder: Path) -> None:
        (folder / "rules").mkdir()
        for path in PACKS.glob("*.yml"):
            shutil.copy(path, folder / "rules")
        self.bench = Bench(folder / "rules", "groups: []")
        for name, text in shipped_files():
            self.bench.write(text, f"ours-{name}")
        files, library = Files.of_this_host(), open_library()
        self.hosts = {name: SimulatedHost(folder / name, files, illness) for name, (illness, _) in HOSTS.items()}
        capture = Capture.of(DEVICES / "moxa-etherdevice_edsg512e.snmprec")
        more = Capture({f"{IF}.5.{PORT}": 8 * round(GIGABIT)} | {f"{IF}.7.{unused}": 2 for unused in UNUSED})
        self.devices = {
            name: SimulatedDevice(capture, more, library, ailment) for name, (ailment, _) in DEVICES_ILL.items()
        }
        self._start_s = int(time.time())

    async def play(self, found: Mapping[str, list[Reading]]) -> None:
        await self.bench.book.start()
        for lived_s in range(0, WELL_S + ILL_S, STEP_S):
            ill_s, now_s = max(0, lived_s - WELL_S), self._start_s + lived_s
            for name, host in self.hosts.items():
                if lived_s % 60 and name not in READ_OFTEN:
                    continue
                self._have(name, "node", now_s, host.read(lived_s, ill_s))
            if lived_s % 60:
                continue
            for name, device in self.devices.items():
                self._have(name, "snmp", now_s, await device.read(lived_s, ill_s))
            for name in CHECKS:
                self._have(name, "probe", now_s, found[name if ill_s else "well page"])
            await self.bench.evaluate(now_s)

    def _have(self, instance: str, job: str, now_s: int, readings: Iterable[Reading]) -> None:
        own = {"instance": instance, "job": job}
        for one in [*readings, Reading("up", {}, 1.0)]:
            labels = {"__name__": one.name, **one.labels, **own}
            self.bench.store.load(tuple(sorted(labels.items())), {now_s * 1000: one.value})

    def fired(self, *, ill: bool) -> dict[str, set[str]]:
        """By instance, the alerts that were handed on as firing."""
        found: dict[str, set[str]] = {}
        for now_ms, alerts in self.bench.told.calls:
            if (now_ms > (self._start_s + WELL_S) * 1000) == ill:
                for alert in alerts:
                    if alert.state is AlertState.FIRING:
                        found.setdefault(dict(alert.labels).get("instance", ""), set()).add(alert.name)
        return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")

    async def played() -> Stage:
        stage = Stage(folder)
        async with AsyncExitStack() as stack:
            await stage.play(await checked(stack, folder / "certificates"))
        stage.bench.engine.close()
        for host in stage.hosts.values():
            await host.close()
        return stage

    return asyncio.run(played())


@pytest.mark.parametrize("name", EXPECTED)
def test_who_falls_ill_fires_what_it_should_and_nothing_else(stage: Stage, name: str) -> None:
    assert stage.fired(ill=False).get(name, set()) <= EXPECTED[name] & STANDING
    assert stage.fired(ill=True).get(name, set()) == EXPECTED[name]


def test_many_alerts_have_a_scenario() -> None:
    community = {path.stem: path.read_text() for path in PACKS.glob("*.yml")}
    told = {alert for alerts in EXPECTED.values() for alert in alerts}
    assert len([alert for alert in told if any(f"alert: {alert}\n" in text for text in community.values())]) >= 25
    assert len(told) >= 40
