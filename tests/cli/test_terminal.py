"""The real program: on a terminal, in a pipe, interrupted."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_collector import FakeCollector, device, series

NETMON = Path(sys.executable).with_name("netmon")


class Terminal:
    """A program on a terminal of 80 by 24, and all that it wrote there."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.seen = ""
        self._process = subprocess.Popen(
            [NETMON, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "80", "LINES": "24"} | environment,
        )
        os.close(slave)

    def wait_for(self, text: str, times: int = 1, timeout_s: float = 20.0) -> None:
        until = time.monotonic() + timeout_s
        while self.seen.count(text) < times:
            assert time.monotonic() < until, f"{text!r} was not seen in {self.seen!r}"
            self._read(0.1)

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self, timeout_s: float = 20.0) -> int:
        until = time.monotonic() + timeout_s
        while self._process.poll() is None:
            assert time.monotonic() < until, f"still running after {self.seen!r}"
            self._read(0.05)
        self._read(0.05)
        return self._process.returncode

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self, seconds: float) -> None:
        while select.select([self._master], [], [], seconds)[0]:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # Linux says so when the last program left the terminal
                return
            self.seen += piece.decode()
            seconds = 0.0


@contextlib.contextmanager
def terminal(*arguments: str, **environment: str) -> Iterator[Terminal]:
    one = Terminal(*arguments, **environment)
    try:
        yield one
    finally:
        one.close()


def piped(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NETMON, *arguments], capture_output=True, text=True, timeout=30, env=os.environ | environment, check=False
    )


@pytest.fixture
def trouble(collector: FakeCollector) -> FakeCollector:
    collector.devices = [device("web1"), device("[red]web2[/red]", "down")]
    collector.samples = [series("node_load1", [(34.0, 0.0), (24.0, 1.0), (14.0, 2.0), (4.0, 7.0)])]
    return collector


def test_a_terminal_gets_colours(trouble: FakeCollector) -> None:
    with terminal("devices") as shown:
        assert shown.end() == 0
    assert "\x1b[31mdown\x1b[0m" in shown.seen
    assert "[red]web2[/red]" in shown.seen


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_none(trouble: FakeCollector, environment: dict[str, str]) -> None:
    with terminal("devices", **environment) as shown:
        assert shown.end() == 0
    assert "down" in shown.seen
    assert "\x1b" not in shown.seen


def test_a_terminal_gets_a_plot_where_it_can_show_one(trouble: FakeCollector) -> None:
    with terminal("query", "node_load1", "--since", "5m") as shown:
        shown.end()
    assert "▁▂▃█" in shown.seen
    assert re.search("[\u2801-\u28ff]", shown.seen)
    lines = re.sub(r"\x1b\[\d*m", "", shown.seen).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("└──────" in line for line in lines)
    for environment in ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"NO_COLOR": "1"}):
        with terminal("query", "node_load1", "--since", "5m", **environment) as plain:
            plain.end()
        assert not re.search("[\u2801-\u28ff]", plain.seen)
        assert ("TREND" in plain.seen) == ("NO_COLOR" in environment)
        assert "node_load1" in plain.seen


def test_of_many_series_the_highest_are_drawn(trouble: FakeCollector) -> None:
    trouble.samples = [series("load", [(250.0, peak), (4.0, peak)], instance=f"web{peak}") for peak in range(1, 13)]
    with terminal("query", "load", "--since", "5m") as shown:
        shown.end()
    coloured = re.findall(r"\x1b\[3\dm[▁-█]+\x1b\[0m +load\{instance=\"web(\d+)", shown.seen)
    assert coloured == [str(peak) for peak in range(6, 13)]
    assert shown.seen.count("load{") == 12


def test_a_pipe_gets_neither_colours_nor_cuts(trouble: FakeCollector) -> None:
    trouble.samples[0]["labels"]["long"] = "x" * 300
    for ended in (piped("status"), piped("devices"), piped("query", "node_load1"), piped("top", "--once")):
        assert "\x1b" not in ended.stdout + ended.stderr
    assert "x" * 300 in piped("query", "node_load1").stdout


def test_a_reader_that_goes_away_is_no_error(trouble: FakeCollector) -> None:
    trouble.devices = [device(f"web{number:05}") for number in range(2000)]
    program = subprocess.Popen([NETMON, "devices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stderr is not None
    assert program.stdout.readline().startswith("DEVICE")
    program.stdout.close()
    assert program.stderr.read() == ""
    program.stderr.close()
    program.wait(30)


def test_characters_that_the_output_lacks_are_escaped(trouble: FakeCollector) -> None:
    trouble.devices = [device("tromsø")]
    ended = piped("devices", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    assert "troms\\xf8" in ended.stdout


def test_top_draws_until_q(trouble: FakeCollector) -> None:
    with terminal("top", "--every", "1s") as shown:
        shown.wait_for("[red]web2[/red]")
        shown.press("x")
        shown.wait_for("[red]web2[/red]", times=2)
        shown.press("q")
        assert shown.end() == 0
    leaves_the_screen_as_it_was = "\x1b[?1049l"
    assert leaves_the_screen_as_it_was in shown.seen


def test_top_ends_on_an_interrupt_as_on_q(trouble: FakeCollector) -> None:
    with terminal("top") as shown:
        shown.wait_for("q quits")
        shown.interrupt()
        assert shown.end() == 0
    assert "Traceback" not in shown.seen


def test_top_tells_of_a_collector_that_goes_away_and_goes_on(trouble: FakeCollector) -> None:
    with terminal("top", "--every", "1s") as shown:
        shown.wait_for("[red]web2[/red]")
        trouble.replaced["/api/v1/status"] = (200, {"Content-Length": "5"}, b"")
        shown.wait_for("no collector answers at")
        shown.press("q")
        assert shown.end() == 0


def test_an_interrupt_is_exit_code_130() -> None:
    with terminal("login", "--url", "http://127.0.0.1:1") as shown:
        shown.wait_for("Token for http://127.0.0.1:1: ")
        shown.interrupt()
        assert shown.end() == 130
    assert "Traceback" not in shown.seen


def test_a_typed_token_is_not_shown(collector: FakeCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETMON_TOKEN")
    with terminal("login") as shown:
        shown.wait_for("Token for")
        shown.press("nmt_right\n")
        assert shown.end() == 0
    assert "accepts the token" in shown.seen
    assert "nmt_right" not in shown.seen


def test_a_token_comes_through_a_pipe(collector: FakeCollector) -> None:
    ended = subprocess.run(
        [NETMON, "login"], input="nmt_right\n", capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_completions_are_offered() -> None:
    ended = piped(_NETMON_COMPLETE="complete_bash", COMP_WORDS="netmon st", COMP_CWORD="1")
    assert ended.stdout.split() == ["status", "store"]


def test_help_names_every_command_and_exit_code() -> None:
    shown = piped("--help").stdout
    named = re.findall(r"^  (\w+)  ", shown, re.MULTILINE)
    assert named[:6] == ["up", "agent", "collector", "login", "status", "devices"]
    assert sorted(named) == sorted(set(named))
    assert {
        *("query", "top", "doctor", "events", "alerts", "map", "where", "reachability", "backup", "restore", "version"),
        *("config", "token", "store", "profile", "mib", "dashboards", "device", "credential", "rules", "silence"),
        *("maintenance", "proposals", "identity", "links", "path"),
    } <= set(named)
    assert "130 interrupted" in shown


def test_the_version_is_told_by_option_and_by_command() -> None:
    told = piped("--version").stdout
    assert re.match(r"netmon \d+\.\d+\.\d+ \(Python ", told)
    assert piped("version").stdout == told


def test_the_command_tree_loads_none_of_the_parts() -> None:
    code = "import sys, netmon_cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"aiohttp", "grpc", "numpy", "psutil", "pydantic", "rich", "sqlalchemy", "yaml"}
    assert heavy.isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith(("netmon_agent", "netmon_api", "netmon_collector"))]


@pytest.mark.parametrize(
    "arguments", [["status"], ["devices"], ["query", "up"], ["top", "--once"], ["doctor", "--json"]]
)
def test_commands_work_where_only_the_agent_is_installed(trouble: FakeCollector, arguments: list[str]) -> None:
    extras = ["aiohttp", "alembic", "numpy", "orjson", "prometheus_client", "promql_parser", "re2", "sqlalchemy"]
    code = f"import sys; sys.modules.update(dict.fromkeys({extras})); from netmon_cli.main import main; main()"
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (ended.returncode in (0, 1), ended.stderr) == (True, "")
    assert ended.stdout


def test_bytes_that_are_no_text_are_a_mistake_of_the_command_line(collector: FakeCollector) -> None:
    ended = piped("query", os.fsdecode(b'up{a="\xe9"}'))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "netmon: 'up{a=\"\\udce9\"}' is not UTF-8 text\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_output_that_finds_no_room_is_told(trouble: FakeCollector) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [NETMON, "status"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "netmon: the output cannot be written: No space left on device\n")
