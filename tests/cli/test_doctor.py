"""Each check with facts of the test, then the whole on this machine."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from netmon_cli.choices import Kind
from netmon_cli.doctor.base import Check, Finding, Level, ok, problem, warning
from netmon_cli.doctor.checkup import examine, plain, view
from netmon_cli.doctor.files import ConfigCheck, SecretFileCheck
from netmon_cli.doctor.icmp import MEND, IcmpCheck, may_open
from netmon_cli.doctor.limits import FilesCheck, MemoryCheck
from netmon_cli.doctor.packages import PackagesCheck
from netmon_cli.doctor.ports import Listener, PortCheck, find_listener
from netmon_cli.doctor.processes import ProcessesCheck
from netmon_cli.doctor.reach import CollectorCheck
from netmon_cli.doctor.services import ServiceCheck, UnitState
from netmon_cli.doctor.storage import Room, RoomCheck, StateCheck, measure_room
from netmon_cli.output import Paper
from tests.cli.conftest import Netmon
from tests.cli.fake_collector import NOW_S, FakeCollector

ME = os.getuid()
SOMEBODY = 4242


def only(check: Check) -> Finding:
    (finding,) = check.examine()
    return finding


def port(found: Listener | None) -> Finding:
    return only(PortCheck(7440, "API", "--http", lambda _: found))


def test_a_port_is_free_ours_or_somebody_elses() -> None:
    assert port(None) == ok("7440 (API) is free")
    ours = Listener(77, ("/opt/venv/bin/python", "/opt/venv/bin/netmon", "up"))
    assert port(ours) == ok("7440 (API) is netmon's, process 77")
    daemon = Listener(77, ("/usr/bin/python3", "-m", "netmon_cli.daemon", "collector"))
    assert port(daemon).level is Level.OK
    assert port(Listener()) == warning(
        "7440 (API) is in use by a process of another user", "sudo ss -ltnp 'sport = :7440'"
    )
    assert port(Listener(78, ("nginx", "/srv/netmon-pages"))) == problem(
        "7440 (API) is in use by process 78: nginx /srv/netmon-pages",
        "netmon up --http 127.0.0.1:17440    # or stop it: kill 78",
    )


def test_who_listens_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        found = find_listener(number)
        assert found is not None
        assert found.process == os.getpid()
        assert any("python" in argument or "pytest" in argument for argument in found.arguments)
    assert find_listener(number) is None


def test_a_state_folder_that_can_be_written_or_made(tmp_path: Path) -> None:
    assert only(StateCheck(tmp_path, ME)) == ok(f"{tmp_path} can be written")
    new = tmp_path / "a" / "b"
    assert only(StateCheck(new, ME)) == ok(f"{new} is not there yet, and can be made")


def test_a_state_folder_that_can_not_be_made(tmp_path: Path) -> None:
    new = tmp_path / "my state"
    assert only(StateCheck(new, SOMEBODY, writable=lambda _: False)) == problem(
        f"{new} is not there, and {tmp_path} can't be written by this user",
        f"sudo install -d -m 0700 -o {SOMEBODY} '{new}'",
    )


def test_a_state_folder_that_can_not_be_written(tmp_path: Path) -> None:
    assert only(StateCheck(tmp_path, ME, writable=lambda _: False)) == problem(
        f"{tmp_path} can't be written", f"chmod u+rwx {tmp_path}"
    )


def test_a_state_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.touch()
    assert only(StateCheck(file, ME)) == problem(f"{file} is no folder", f"mv {file} {file}.old")


def test_a_state_folder_of_another_user_is_left_to_that_user(tmp_path: Path) -> None:
    assert only(StateCheck(tmp_path, SOMEBODY)) == warning(
        f"{tmp_path} belongs to user {ME}, who alone can look into it",
        f"sudo -u '#{ME}' netmon doctor --state {tmp_path}",
    )


@pytest.mark.skipif(ME != 0, reason="only root gives files away")
def test_files_that_a_daemon_left_as_root(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    left = tmp_path / "log" / "wal.sqlite"
    left.touch()
    os.chown(left, SOMEBODY, SOMEBODY)
    assert only(StateCheck(tmp_path, ME)) == problem(
        f"{left} belongs to another user than its folder", f"sudo chown -R 0 {tmp_path}"
    )


@pytest.mark.parametrize(
    ("free_bytes", "inodes", "levels"),
    [
        (10 << 30, None, [Level.OK]),
        (10 << 30, 100_000, [Level.OK]),
        (1 << 30, 100_000, [Level.WARNING]),
        (1 << 20, 100_000, [Level.PROBLEM]),
        (10 << 30, 9_999, [Level.OK, Level.WARNING]),
        (10 << 30, 0, [Level.OK, Level.PROBLEM]),
    ],
)
def test_room_on_the_disk(tmp_path: Path, free_bytes: int, inodes: int | None, levels: list[Level]) -> None:
    findings = list(RoomCheck(tmp_path / "not" / "there", lambda _: Room(free_bytes, inodes)).examine())
    assert [finding.level for finding in findings] == levels
    assert all(bool(finding.command) is (finding.level is not Level.OK) for finding in findings)
    assert str(tmp_path) in findings[0].text


def test_room_is_measured(tmp_path: Path) -> None:
    assert measure_room(tmp_path).free_bytes > 0


@pytest.mark.parametrize(
    ("allowed", "groups", "finding"),
    [
        ({socket.SOCK_DGRAM, socket.SOCK_RAW}, {0}, ok("allowed without privileges")),
        ({socket.SOCK_RAW}, {0}, ok("allowed by CAP_NET_RAW")),
        (
            set(),
            {1000, 27},
            warning("not allowed: net.ipv4.ping_group_range is 1 0 and this user's groups are not in it", MEND),
        ),
        (
            set(),
            {1},
            warning("not allowed: net.ipv4.ping_group_range is 1 0 and this user's groups are not in it", MEND),
        ),
    ],
)
def test_ping_rights(tmp_path: Path, allowed: set[int], groups: set[int], finding: Finding) -> None:
    file = tmp_path / "ping_group_range"
    file.write_text("1\t0\n")
    assert only(IcmpCheck(frozenset(groups), file, lambda kind: kind in allowed)) == finding


def test_ping_rights_that_something_else_takes_away(tmp_path: Path) -> None:
    file = tmp_path / "ping_group_range"
    file.write_text("0\t2147483647\n")
    refused = only(IcmpCheck(frozenset([1000]), file, lambda _: False))
    assert "a security policy or a container forbids it" in refused.text
    assert only(IcmpCheck(frozenset([1000]), tmp_path / "none", lambda _: False)).text == "not allowed"


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_raw_socket_needs_the_capability() -> None:
    effective = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert effective is not None
    assert may_open(socket.SOCK_RAW) is bool(int(effective[1], 16) >> 13 & 1)


@pytest.mark.parametrize(
    ("soft", "hard", "level", "command"),
    [
        (1024, 1 << 20, Level.OK, ""),
        (sys.maxsize, sys.maxsize, Level.OK, ""),
        (512, 4096, Level.WARNING, "ulimit -n 4096    # under systemd: LimitNOFILE=65536"),
        (128, 128, Level.PROBLEM, "sudo prlimit --nofile=65536 --pid $$    # under systemd: LimitNOFILE=65536"),
    ],
)
def test_open_files(soft: int, hard: int, level: Level, command: str) -> None:
    finding = only(FilesCheck(lambda: (soft, hard)))
    assert (finding.level, finding.command) == (level, command)


@pytest.mark.parametrize(("left", "level"), [(1 << 30, Level.OK), (100 << 20, Level.WARNING), (1 << 20, Level.PROBLEM)])
def test_memory(left: int, level: Level) -> None:
    assert only(MemoryCheck(lambda: left)).level is level


def test_packages_that_are_not_installed_are_named() -> None:
    named = [
        "psutil>=7.0",
        "grpcio>=1.80",
        'jeepney>=0.9; sys_platform == "linux"',
        'numpy>=2.2; extra == "collector"',
        'aiohttp>=3.12; extra == "collector"',
        'pytest>=9.0; extra == "dev"',
    ]
    nothing = PackagesCheck(lambda: named, lambda _: False, "darwin")
    assert list(nothing.examine()) == [
        problem("the agent can't run here: grpcio, psutil not installed", "pip install --force-reinstall netmon"),
        warning("a collector can't run here: aiohttp, numpy not installed", "pip install 'netmon[collector]'"),
    ]
    agent_only = PackagesCheck(lambda: named, lambda name: name in ("psutil", "grpcio"), "darwin")
    assert [finding.level for finding in agent_only.examine()] == [Level.OK, Level.WARNING]
    on_linux = PackagesCheck(lambda: named, lambda name: name in ("psutil", "grpcio"), "linux")
    assert next(iter(on_linux.examine())).text == "the agent can't run here: jeepney not installed"


def test_netmon_names_its_own_packages() -> None:
    agent, collector = PackagesCheck(installed=lambda _: False).examine()
    assert "grpclib" in agent.text
    assert "numpy" in collector.text
    assert "numpy" not in agent.text


def proc(folder: Path, options: str) -> Path:
    (folder / "self").mkdir()
    (folder / "stat").write_text("cpu 1 2 3\n")
    (folder / "self" / "mounts").write_text(f"/dev/sda1 / ext4 rw 0 0\nproc /proc proc {options} 0 0\n")
    return folder


@pytest.mark.parametrize(
    ("options", "user", "level"),
    [
        ("rw,nosuid", 1000, Level.OK),
        ("rw,hidepid=0", 1000, Level.OK),
        ("rw,hidepid=off", 1000, Level.OK),
        ("rw,hidepid=2", 1000, Level.WARNING),
        ("rw,hidepid=invisible", 1000, Level.WARNING),
        ("rw,hidepid=2", 0, Level.OK),
    ],
)
def test_processes_that_are_hidden(tmp_path: Path, options: str, user: int, level: Level) -> None:
    assert only(ProcessesCheck(user, proc(tmp_path, options))).level is level


def test_a_proc_that_is_not_there(tmp_path: Path) -> None:
    assert only(ProcessesCheck(ME, tmp_path)) == problem(
        f"{tmp_path} can't be read: No such file or directory", f"sudo mount -t proc proc {tmp_path}"
    )
    assert list(ProcessesCheck(ME, tmp_path, linux=False).examine()) == []


@pytest.mark.parametrize(
    ("state", "level", "command"),
    [
        (UnitState("loaded", "active", "enabled"), Level.OK, ""),
        (UnitState("not-found", "inactive", ""), Level.OK, ""),
        (UnitState("loaded", "active", "disabled"), Level.WARNING, "sudo systemctl enable netmon-agent.service"),
        (
            UnitState("loaded", "inactive", "disabled"),
            Level.PROBLEM,
            "sudo systemctl enable --now netmon-agent.service",
        ),
        (UnitState("loaded", "failed", "enabled"), Level.PROBLEM, "journalctl -u netmon-agent.service -n 30"),
        (UnitState("bad-setting", "inactive", ""), Level.PROBLEM, "systemd-analyze verify netmon-agent.service"),
    ],
)
def test_services(tmp_path: Path, state: UnitState, level: Level, command: str) -> None:
    finding = only(ServiceCheck("netmon-agent.service", lambda _: state, tmp_path))
    assert (finding.level, finding.command) == (level, command)


def test_without_systemd_there_are_no_services(tmp_path: Path) -> None:
    assert list(ServiceCheck("netmon-agent.service", running=tmp_path / "none").examine()) == []


def test_a_systemd_that_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    def hang(_: str) -> UnitState:
        raise subprocess.TimeoutExpired("systemctl", 5)

    finding = only(ServiceCheck("netmon-agent.service", hang, tmp_path))
    assert finding.level is Level.WARNING
    assert "can't be asked for" in finding.text


def test_configuration_files(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    check = ConfigCheck(path, Kind.AGENT)
    assert list(check.examine()) == []
    path.write_text("interval: 5s\n")
    assert only(check) == ok(f"{path} is fine")
    path.write_text("intervall: 5s\ninterval: x\n")
    assert [finding.text for finding in check.examine()] == [
        f"{path}:1: intervall: no such option. Did you mean 'interval'?",
        f"{path}:2: interval: must be a duration such as 30s, 5m or 1h30m",
    ]


def test_a_file_with_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "client.yaml"
    check = SecretFileCheck(path)
    assert list(check.examine()) == []
    path.touch(0o644)
    assert only(check) == problem(f"{path} can be read by other users", f"chmod 600 {path}")
    path.chmod(0o600)
    assert only(check).level is Level.OK


def reach(now_s: float = NOW_S) -> list[Finding]:
    return list(CollectorCheck(None, None, os.environ, lambda: now_s).examine())


def test_a_collector_that_answers(collector: FakeCollector) -> None:
    assert reach() == [ok(f"netmon 0.1.0 answers at {collector.url}")]
    assert reach(NOW_S + 90)[1] == warning("this clock is 1m 30s ahead of the collector's", "timedatectl")
    assert reach(NOW_S - 90)[1].text == "this clock is 1m 30s behind the collector's"


def test_a_collector_that_does_not(collector: FakeCollector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETMON_TOKEN", "wrong")
    assert reach()[0].command == "netmon login"
    monkeypatch.setenv("NETMON_URL", "http://127.0.0.1:1")
    assert reach() == [
        problem("no collector answers at http://127.0.0.1:1 (Connection refused)", "netmon up"),
    ]
    saved = tmp_path / "config" / "netmon" / "client.yaml"
    saved.parent.mkdir(parents=True)
    saved.write_text("ulr: x\n")
    assert reach() == [problem(f"{saved}:1: ulr: no such option. Did you mean 'url'?", "netmon login")]


class Broken:
    """A check that fails."""

    matter = "luck"

    def examine(self) -> Iterable[Finding]:
        raise PermissionError("not today")


class Told:
    """A check that found what the test says."""

    matter = "disk"

    def __init__(self, *findings: Finding) -> None:
        self._findings = findings

    def examine(self) -> Iterable[Finding]:
        return self._findings


def test_a_check_that_breaks_does_not_hide_the_others() -> None:
    found = list(examine([Broken(), Told(problem("full\x1b[0m", "rm"), ok("fast"))]))
    assert view(found, Paper()) == [
        "warning  luck  could not be examined: not today",
        "problem  disk  full\\x1b[0m",
        "               mend it: rm",
        "ok       disk  fast",
        "",
        "1 problem, 1 warning",
    ]
    assert plain(found) == {
        "problems": 1,
        "warnings": 1,
        "findings": [
            {"matter": "luck", "level": "warning", "text": "could not be examined: not today", "command": None},
            {"matter": "disk", "level": "problem", "text": "full\x1b[0m", "command": "rm"},
            {"matter": "disk", "level": "ok", "text": "fast", "command": None},
        ],
    }


def test_the_whole_on_this_machine(netmon: Netmon, collector: FakeCollector, tmp_path: Path) -> None:
    told = json.loads(netmon("doctor", "--state", str(tmp_path / "state"), "--json").out)
    matters = {finding["matter"] for finding in told["findings"]}
    assert {"packages", "state", "disk", "memory", "ports", "collector"} <= matters
    assert {"level": "ok", "matter": "packages", "text": "all there for the agent", "command": None} in told["findings"]
    assert not [finding for finding in told["findings"] if "could not be examined" in finding["text"]]


def test_a_problem_gives_exit_code_1(netmon: Netmon) -> None:
    ended = netmon("doctor", "--url", "http://127.0.0.1:1")
    assert ended.code == 1
    assert "problem  collector   no collector answers at http://127.0.0.1:1 (Connection refused)\n" in ended.out
