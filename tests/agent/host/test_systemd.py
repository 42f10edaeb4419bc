"""systemd's units over a real D-Bus daemon, told by a stand-in and by a real systemd."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from netmon_agent.inputs.host import HostInput
from netmon_agent.inputs.host.options import Families
from netmon_proto.model import Kind
from tests.agent.host.buses import DAEMON, FakeSystemd, bus, unit, wait_for
from tests.agent.host.exporter import PROGRAM, Exporter, kinds_of, parse
from tests.agent.host.trees import Series, keys_of, series_of, value

pytestmark = pytest.mark.skipif(DAEMON is None, reason="dbus-daemon is not installed")

SYSTEMD = next((path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if Path(path).exists()), None)
SUCCESS = "node_scrape_collector_success"

UNITS = [
    unit("ssh.service"),
    unit("cron.service", active="inactive"),
    unit("backup.service", active="failed"),
    unit("gone.service", load="not-found", active="inactive"),
    unit("daily.timer"),
    unit("data.mount"),
    unit("-.slice"),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with bus(tmp_path) as address:
        yield address


@pytest.fixture
def systemd(address: str) -> Iterator[FakeSystemd]:
    systemd = FakeSystemd(address, UNITS)
    systemd.types = {UNITS[0][6]: "notify", UNITS[1][6]: "simple"}
    yield systemd
    systemd.leave()


class Hosts(list[HostInput]):
    """Host inputs that read nothing but systemd."""

    def on(self, address: str, timeout_s: float = 5, **options: object) -> HostInput:
        families = dict.fromkeys(Families.model_fields, False) | {"systemd": True}
        systemd = {"address": address, "timeout": timeout_s, **options}
        self.append(HostInput.model_validate({"families": families, "systemd": systemd}))
        return self[-1]


@pytest.fixture
async def hosts() -> AsyncIterator[Hosts]:
    hosts = Hosts()
    yield hosts
    for host in hosts:
        await host.close()


def state(host: HostInput, name: str, state: str, kind: str) -> float | None:
    return value(host, "node_systemd_unit_state", name=name, state=state, type=kind)


def test_each_loaded_unit_is_in_one_of_five_states(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    series = series_of(hosts.on(address))
    states: dict[str, dict[str, float]] = {}
    for (name, labels), one in series.items():
        if name == "node_systemd_unit_state":
            states.setdefault(dict(labels)["name"], {})[dict(labels)["state"]] = one
    assert states.keys() == {"ssh.service", "cron.service", "backup.service", "daily.timer"}
    assert all(len(told) == 5 and sum(told.values()) == 1 for told in states.values())
    assert states["backup.service"]["failed"] == 1


def test_all_units_are_counted_and_the_system_is_running(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    host = hosts.on(address)
    assert value(host, "node_systemd_units", state="active") == 4
    assert value(host, "node_systemd_units", state="activating") == 0
    assert value(host, "node_systemd_system_running") == 1
    assert value(host, "node_systemd_version", version="252.39-1~deb12u2") == 252.39
    systemd.state = "degraded"
    assert value(host, "node_systemd_system_running") == 0


def test_services_are_asked_for_their_types_in_turn(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    host = hosts.on(address)
    assert state(host, "ssh.service", "active", "notify") == 1
    assert state(host, "backup.service", "failed", "") == 1
    systemd.asked.clear()
    systemd.types[UNITS[0][6]] = "oneshot"
    wait_for(lambda: state(host, "ssh.service", "active", "oneshot") == 1)
    assert len([name for _, name in systemd.asked if name == "Type"]) <= 3


def test_units_are_chosen_by_whole_names(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    host = hosts.on(address, unit_include=r"(ssh|cron)\.serv", unit_exclude="cron.*")
    assert not any(name == "node_systemd_unit_state" for name, _ in series_of(host))
    host = hosts.on(address, unit_include=r"(ssh|cron)\.service", unit_exclude="cron.*")
    names = {dict(labels)["name"] for name, labels in series_of(host) if name == "node_systemd_unit_state"}
    assert names == {"ssh.service"}


def test_a_systemd_that_never_answers_holds_up_one_gather(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    host = hosts.on(address, timeout_s=0.2)
    assert value(host, SUCCESS, collector="systemd") == 1
    systemd.mute = True
    started = time.monotonic()
    assert value(host, SUCCESS, collector="systemd") == 0
    assert time.monotonic() - started < 10
    systemd.mute = False
    wait_for(lambda: value(host, SUCCESS, collector="systemd") == 1)


def test_a_bus_that_accepts_and_says_nothing_does_not_hold_up_the_gather(tmp_path: Path, hosts: Hosts) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        host = hosts.on(f"unix:path={tmp_path / 'silent'}", timeout_s=0.2)
        for _ in range(2):
            started = time.monotonic()
            assert value(host, SUCCESS, collector="systemd") == 0
            assert time.monotonic() - started < 10


def test_a_bus_that_was_restarted_is_found_again(tmp_path: Path, hosts: Hosts) -> None:
    with bus(tmp_path) as address:
        systemd = FakeSystemd(address, UNITS)
        host = hosts.on(address)
        assert value(host, SUCCESS, collector="systemd") == 1
        systemd.leave()
        assert value(host, SUCCESS, collector="systemd") == 0
    assert value(host, SUCCESS, collector="systemd") == 0
    with bus(tmp_path) as address:
        systemd = FakeSystemd(address, UNITS)
        assert value(host, SUCCESS, collector="systemd") == 1
        systemd.leave()


def test_many_units_that_come_and_go_leave_nothing_behind(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    host = hosts.on(address)
    for generation in range(5):
        systemd.units = [unit(f"run-{generation}-{number}.service") for number in range(50)]
        names = {dict(labels)["name"] for name, labels in series_of(host) if name == "node_systemd_unit_state"}
        assert names == {row[0] for row in systemd.units}


TIMERS_AND_SOCKETS = ("node_systemd_timer", "node_systemd_socket")

Told = tuple[Series, dict[str, Kind]]
"""Values by name and labels, and the kind of each metric."""


def told_by_both(hosts: Hosts, address: str) -> tuple[Told, Told]:
    """What we tell of systemd, and what node_exporter tells but for timers and sockets; kinds that it does not name
    are as ours."""
    flags = ["--collector.disable-defaults", "--collector.systemd"]
    host = hosts.on(address)
    flags += [f"--collector.systemd.unit-exclude={host.systemd.unit_exclude.pattern}"]
    with Exporter(flags, {"DBUS_SYSTEM_BUS_ADDRESS": address}) as exporter:
        scraped, named = parse(exporter.scrape())
    kinds = kinds_of(keys_of(host))
    ours = {key: one for key, one in series_of(host).items() if key[0].startswith("node_systemd_")}
    theirs = {key: one for key, one in scraped.items() if key[0].startswith("node_systemd_")}
    theirs = {key: one for key, one in theirs.items() if not key[0].startswith(TIMERS_AND_SOCKETS)}
    return (ours, kinds), (theirs, {name: named.get(name, kind) for name, kind in kinds.items()})


@pytest.mark.skipif(PROGRAM is None, reason="prometheus-node-exporter is not installed")
def test_node_exporter_tells_the_same_of_the_stand_in(address: str, systemd: FakeSystemd, hosts: Hosts) -> None:
    ours, theirs = told_by_both(hosts, address)
    assert len(ours[0]) > len(UNITS)
    assert ours == theirs


@pytest.mark.root
@pytest.mark.skipif(SYSTEMD is None or shutil.which("unshare") is None, reason="systemd and unshare are not installed")
@pytest.mark.skipif(PROGRAM is None, reason="prometheus-node-exporter is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="a systemd of its own needs a mount namespace, which needs root")
def test_a_real_systemd_reads_as_node_exporter_reads_it(tmp_path: Path, hosts: Hosts) -> None:
    runtime, units = tmp_path / "runtime", tmp_path / "config/systemd/user"
    runtime.mkdir(mode=0o700)
    units.mkdir(parents=True)
    (units / "dbus.socket").write_text("[Socket]\nListenStream=%t/bus\n")
    (units / "dbus.service").write_text(
        "[Service]\nType=notify\nExecStart=/usr/bin/dbus-daemon --session --address=systemd: --nofork --nopidfile\n"
    )
    (units / "failing.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/false\n")
    (units / "default.target").write_text(
        "[Unit]\nWants=dbus.service failing.service\nRequires=dbus.socket\nAfter=dbus.service\n"
    )
    # systemd runs as a user's only where it runs as the system's: a folder says so, in a mount namespace of its own.
    script = "mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && exec " + f"{SYSTEMD} --user"
    environment = os.environ | {"XDG_RUNTIME_DIR": str(runtime), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    environment |= {"SYSTEMD_UNIT_PATH": f"{units}:", "SYSTEMD_LOG_TARGET": "null"}
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], env=environment)
    try:
        address = f"unix:path={runtime}/bus"
        host = hosts.on(address)
        wait_for(lambda: state(host, "failing.service", "failed", "oneshot") == 1, timeout_s=20)
        assert state(host, "dbus.service", "active", "notify") == 1
        ours, theirs = told_by_both(hosts, address)
        assert ours == theirs
    finally:
        process.terminate()
        process.wait(10)
