"""What goes wrong at a start is told in a line or two: what, where, and what to do."""

import re
import socket
from pathlib import Path

import pytest

from tests.support.daemons import Daemon, daemon, netmon
from tests.support.mounts import fill, needs_root, small_disk
from tests.support.ports import free_port

MERE_OWNER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Runs a command as root without root's right to pass over file modes."""


def addresses() -> tuple[str, ...]:
    return ("--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("agent", "intervall: 10s\n", r"agent.yaml:1: intervall: no such option. Did you mean 'interval'\?"),
        ("agent", "inputs:\n  - type: hots\n", r"agent.yaml:2: inputs\[0\].type: .*'hots'.*Did you mean 'host'\?"),
        ("agent", "inputs:\n  - {type: tcp, host: a, port: 99999}\n", r"inputs\[0\].port: must be at most 65535"),
        ("agent", "interval: 10 parsecs\n", "agent.yaml:1: interval: must be a duration such as 30s, 5m or 1h30m"),
        ("agent", "collector: {address: monitor.example:7441}\n", "agent.yaml:1: collector: needs 'tls'"),
        ("collector", "http: {listen: '0.0.0.0:7440'}\n", "collector.yaml:1: http: needs 'tls'"),
        ("collector", "grpc: {listen: nonsense}\n", "collector.yaml:1: grpc.listen: must be an address such as"),
        ("collector", "store: {retention: 1m}\n", "collector.yaml:1: store.retention: must be at least 1h"),
    ],
)
def test_a_mistake_in_a_configuration_keeps_the_daemon_from_starting(
    tmp_path: Path, kind: str, text: str, told: str
) -> None:
    path = tmp_path / f"{kind}.yaml"
    path.write_text(text)
    done = netmon(tmp_path, kind, "--config", str(path), "--state", str(tmp_path / "state"))
    assert done.returncode == 2
    assert re.search(told, done.stderr), done.stderr
    assert not (tmp_path / "state").exists()


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("intervall: 1s\nspool:\n  max_size: 1\n  max_agee: 1d\n")
    done = netmon(tmp_path, "up", "--agent-config", str(path), "--state", str(tmp_path / "state"), *addresses())
    assert done.returncode == 2
    assert re.findall(r"agent.yaml:(\d+)", done.stderr) == ["1", "3", "4"]


@pytest.mark.parametrize(("option", "what"), [("--grpc", "agents"), ("--http", "HTTP")])
def test_a_taken_port_is_told(tmp_path: Path, option: str, what: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        words = dict(zip(addresses()[::2], addresses()[1::2], strict=True)) | {option: taken}
        done = netmon(
            tmp_path, "up", "--state", str(tmp_path / "state"), *[word for pair in words.items() for word in pair]
        )
    assert done.returncode == 1
    assert f"cannot listen for {what} on {taken}" in done.stderr
    assert f"To listen elsewhere: {option}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_instance_on_the_same_state_is_told(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with daemon(tmp_path, "up", "--state", str(state), *addresses()) as first:
        first.says("netmon .* is up")
        done = netmon(tmp_path, "up", "--state", str(state), *addresses())
        assert done.returncode == 1
        assert f"{state} is in use by another netmon up (process {first.process.pid})" in done.stderr
        assert "--state" in done.stderr
        for kind in ("agent", "collector"):
            done = netmon(tmp_path, kind, "--state", str(state / kind))
            assert done.returncode == 1
            assert f"{state / kind} is in use by another netmon {kind}" in done.stderr


def test_a_state_that_is_a_file_is_told(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("")
    done = netmon(tmp_path, "agent", "--state", str(state))
    assert done.returncode == 1
    assert f"the state folder {state} cannot be used: " in done.stderr


@needs_root
def test_a_store_folder_that_is_not_writable_is_told(tmp_path: Path) -> None:
    state, closed = tmp_path / "state", tmp_path / "closed"
    (state / "store").mkdir(mode=0o500, parents=True)
    closed.mkdir(mode=0o500)
    for folder, told in ((state, "store"), (closed, "is not writable for user root")):
        collector = Daemon(tmp_path, "collector", "--state", str(folder), *addresses(), under=MERE_OWNER)
        assert collector.ends() == 1
        assert str(folder) in collector.written
        assert told in collector.written
        assert "Traceback" not in collector.written


@needs_root
def test_a_full_disk_of_the_spool_is_told_and_survived(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text("interval: 1s\n")
    with small_disk(tmp_path / "small", 4096) as disk:
        words = ("--config", str(config), "--state", str(disk / "agent"), "--collector", f"127.0.0.1:{free_port()}")
        with daemon(tmp_path, "agent", *words) as agent:
            agent.says("agent.started")
            filler = fill(disk)
            agent.says(r"spool.disk_refuses error=\"database or disk is full\" waiting=\"in memory\"", timeout_s=60)
            filler.unlink()
            agent.says("spool.disk_recovered")
            assert agent.stop() == 0


@needs_root
def test_a_full_disk_of_the_store_is_told_and_survived(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text("interval: 1s\n")
    with small_disk(tmp_path / "small", 4096) as disk:
        words = ("--state", str(disk / "state"), "--agent-config", str(config), *addresses(), "--verbose")
        with daemon(tmp_path, "up", *words) as up:
            up.says("first data after")
            filler = fill(disk)
            up.says('store.fails error=.*consequence="agents keep their batches"', timeout_s=60)
            filler.unlink()
            assert up.says("store.recovered", timeout_s=60)
