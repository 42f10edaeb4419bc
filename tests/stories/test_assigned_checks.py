"""Checks are added by one command, show how it is at once, and are made on whatever becomes of the collector."""

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.stories.test_first_light import addresses, children
from tests.support.daemons import Daemon, daemon, eventually, netmon, samples
from tests.support.snmpd import snmpd

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


@dataclass(frozen=True)
class Lab:
    home: Path
    up: Daemon
    web: str
    url: str
    token: str

    def values(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an expression comes to now, as the command line says."""
        result = json.loads(netmon(self.home, "query", "--json", expression).stdout)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: Any) -> None: ...


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("home")
    (home / "index.html").write_text("hello\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(home)))
    Thread(target=server.serve_forever, daemon=True).start()
    with daemon(home, "up", "--state", str(home / "state"), *addresses()) as up:
        up.says(r"first data after")
        url, token = up.says(r"API +(\S+)")[1], up.says(r"token +(nmt_\S+)")[1]
        yield Lab(home, up, f"127.0.0.1:{server.server_port}", url, token)
    server.shutdown()
    server.server_close()


def test_the_commands_of_the_page_do_what_it_says(lab: Lab) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Checks that the collector assigns")[2]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    here = {"shop.example:8080": lab.web, "db1.example:5432": lab.web, "10.0.0.1 10.0.0.2": "127.0.0.1 127.0.0.2"}
    ran = []
    for line in block.splitlines():
        for shown, real in here.items():
            line = line.replace(shown, real)
        ran.append(netmon(lab.home, *shlex.split(line)[1:]))
        assert (ran[-1].returncode, ran[-1].stderr) == (0, ""), line
    assert re.match(r"http-127\.0\.0\.1-\d+ is up from \S+, in [\d.]+ m?s\n", ran[0].stdout), ran[0].stdout
    assert re.search(r"^core +up +127\.0\.0\.1 and 1 more +1m ", ran[3].stdout, re.MULTILINE), ran[3].stdout
    assert re.search(r"^core is up from \S+, in .*\nmade every 30s", ran[4].stdout), ran[4].stdout
    assert re.search(r"^ *1 +probe_success\{.*127\.0\.0\.2", ran[5].stdout, re.MULTILINE), ran[5].stdout


def test_a_check_that_is_not_well_says_why(lab: Lab) -> None:
    added = netmon(lab.home, "check", "add", "http", f"http://{lab.web}/nothing", "--name", "gone")
    assert added.returncode == 1
    assert re.match(r"gone is down from \S+, in [\d.]+ m?s: the status is 404\n", added.stdout), added.stdout
    wrong = netmon(lab.home, "check", "add", "http", f"http://{lab.web}/", "--set", "expect_bdy=x")
    assert wrong.returncode != 0
    assert "check.expect_bdy: no such option. Did you mean 'expect_body'?" in wrong.stderr
    assert netmon(lab.home, "check", "remove", "gone").returncode == 0
    eventually(lambda: not lab.values('probe_success{check="gone"}'))


def test_secrets_are_read_here_and_are_nowhere_in_the_clear(lab: Lab) -> None:
    (lab.home / "pw.txt").write_text("hunter2hunter2\n")
    words = ("--set", "user=bob", "--set", f"password_file={lab.home / 'pw.txt'}", "--interval", "1s")
    added = netmon(lab.home, "check", "add", "http", f"http://{lab.web}/", "--name", "shop", *words)
    assert added.returncode == 0, added.stdout
    assert "hunter2" not in netmon(lab.home, "check", "show", "shop", "--json").stdout
    kept = [path for path in (lab.home / "state").rglob("*") if path.is_file()]
    assert [path for path in kept if b"hunter2" in path.read_bytes()] == []


def test_a_known_device_is_named(lab: Lab, tmp_path: Path) -> None:
    with snmpd(tmp_path) as port:
        assert netmon(lab.home, "device", "add", f"127.0.0.1:{port}", "--name", "here").returncode == 0
        assert netmon(lab.home, "check", "add", "tcp", lab.web, "--name", "db", "--interval", "1s").returncode == 0
        eventually(lambda: [one for one in lab.values('probe_success{check="db"}') if one[0].get("device") == "here"])


def test_an_agent_that_starts_anew_without_the_collector_goes_on_with_its_checks(lab: Lab) -> None:
    collector, agent = sorted(children(lab.up.process.pid), key=lambda pid: "agent" in command_of(pid))
    os.kill(collector, signal.SIGSTOP)
    stopped_s = time.time()
    os.kill(agent, signal.SIGKILL)
    eventually(lambda: [pid for pid in children(lab.up.process.pid) if pid not in (collector, agent)])
    time.sleep(3)
    os.kill(collector, signal.SIGCONT)
    continued_s = time.time()

    def made_meanwhile() -> list[float]:
        found = samples(lab.url, lab.token, 'probe_success{check="shop"}', 60)
        return [at for points in found.values() for at, _ in points if stopped_s + 1 < at < continued_s]

    eventually(made_meanwhile)


def command_of(pid: int) -> list[str]:
    return (Path("/proc") / str(pid) / "cmdline").read_text().split("\0")
