"""A device is added by one command, and polled from then on, whatever becomes of the collector."""

import contextlib
import json
import os
import re
import shlex
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.stories.test_first_light import addresses, children
from tests.support.daemons import Daemon, daemon, eventually, get, instant, netmon, samples
from tests.support.ports import free_udp_port
from tests.support.snmpd import snmpd

INTERVAL_S = 5
PAGE = Path(__file__).parents[2] / "docs" / "devices.md"


@dataclass(frozen=True)
class Lab:
    home: Path
    up: Daemon
    url: str
    token: str
    port: int

    def value(self, expression: str) -> float | None:
        """What an expression comes to now; None where nothing is there."""
        result = instant(self.url, self.token, expression)
        return float(result[0]["value"][1]) if result else None

    def polls(self) -> list[float]:
        """When the device answered; nothing while the collector is away."""
        with contextlib.suppress(OSError):
            found = samples(self.url, self.token, 'sysUpTime{instance="127.0.0.1"}', 300)
            return [at for at, _ in found.get("job=snmp", [])]
        return []


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("home")
    config = home / "agent.yaml"
    config.write_text("interval: 1s\n")
    words = ("--state", str(home / "state"), *addresses(), "--agent-config", str(config))
    with snmpd(home / "snmpd") as port, daemon(home, "up", *words) as up:
        token = up.says(r"token +(nmt_\S+)")[1]
        up.says(r"first data after")
        yield Lab(home, up, up.says(r"API +(\S+)")[1], token, port)


def test_a_device_is_added_even_if_it_does_not_answer(lab: Lab) -> None:
    """What becomes of it takes some seconds, in which the other tests run."""
    host = f"localhost:{free_udp_port()}"
    added = netmon(lab.home, "device", "add", host, "--name", "dead", "--interval", f"{INTERVAL_S}s", "--wait", "1s")
    assert added.returncode == 1
    assert added.stdout.startswith("dead does not answer: "), "either its poller has told so, or it has not told yet"


def test_the_commands_of_the_page_do_what_it_says(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """10.0.0.1 and 10.0.0.2 are both names of the lab's device."""
    for name, secret in (("community.txt", "public"), ("auth.txt", "authpass123"), ("priv.txt", "privpass123")):
        (lab.home / name).write_text(f"{secret}\n")
    monkeypatch.chdir(lab.home)
    here = {"add 10.0.0.1": f"add 127.0.0.1:{lab.port}", "add 10.0.0.2": f"add localhost:{lab.port}"}
    ran = []
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            for shown, real in {**here, "10.0.0.1": "127.0.0.1"}.items():
                line = line.replace(shown, real)
            ran.append(netmon(lab.home, *shlex.split(line)[1:]))
            assert (ran[-1].returncode, ran[-1].stderr) == (0, ""), line
    assert ran[0].stdout.startswith("127.0.0.1 answers: ")
    assert re.search(r"^lo +up ", ran[1].stdout, re.MULTILINE), ran[1].stdout
    assert netmon(lab.home, "device", "remove", "localhost").returncode == 0


def test_a_device_is_identified_and_polled_within_an_interval(lab: Lab) -> None:
    changed = netmon(lab.home, "device", "set", "127.0.0.1", "--interval", f"{INTERVAL_S}s", "--name", "127.0.0.1")
    assert (changed.returncode, changed.stderr) == (0, "")
    assert "linux" in changed.stdout.lower()
    uptime = eventually(lambda: lab.value('sysUpTime{instance="127.0.0.1",job="snmp"}'))
    assert uptime > 0
    assert eventually(lambda: lab.value('ifHCInOctets{instance="127.0.0.1",ifDescr="lo"}')) > 0
    assert eventually(lambda: lab.value('up{instance="127.0.0.1",job="snmp"}')) == 1


def test_it_stands_among_the_devices(lab: Lab) -> None:
    listed = netmon(lab.home, "device", "list").stdout
    assert re.search(rf"^127\.0\.0\.1 +up +127\.0\.0\.1:{lab.port} ", listed, re.MULTILINE), listed
    shown = json.loads(netmon(lab.home, "device", "show", "127.0.0.1", "--json").stdout)
    assert shown["object_id"].startswith("1.3.6.1.4.1.8072.")
    assert (shown["location"], shown["credential"], shown["interval_s"]) == ("lab", "public", INTERVAL_S)
    among = get(lab.url, lab.token, "/api/v1/devices")["results"]
    assert [one["instance"] for one in among if one["job"] == "snmp"] == ["127.0.0.1", "dead"]
    assert "127.0.0.1" in netmon(lab.home, "devices").stdout


def test_a_poll_can_be_had_at_once(lab: Lab) -> None:
    started = time.monotonic()
    polled = netmon(lab.home, "device", "poll", "127.0.0.1")
    assert polled.returncode == 0
    assert time.monotonic() - started < INTERVAL_S + 3


def test_a_device_that_does_not_answer_is_down_and_delays_no_other(lab: Lab) -> None:
    assert eventually(lambda: lab.value('snmp_up{instance="dead"}') == 0)
    eventually(lambda: lab.value('up{instance="dead",job="snmp"}') == 0)
    times = [at for at in lab.polls() if at > time.time() - 3 * INTERVAL_S]
    assert len(times) >= 2
    # A poll that was asked for may take the place of the next one, if that would come within half an interval.
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.5 * INTERVAL_S + 1


def test_secrets_are_nowhere_to_be_read(lab: Lab) -> None:
    community = lab.home / "community"
    community.write_text("tr0ub4dor-and-3\n")
    kept = netmon(lab.home, "credential", "set", "core", "--community-file", str(community))
    assert (kept.returncode, kept.stderr) == (0, "")
    added = netmon(lab.home, "device", "add", "127.0.0.2", "--credential", "core", "--wait", "1s")
    eventually(lambda: (lab.home / "state/agent/jobs.sealed").exists())
    said = [kept.stdout, added.stdout, added.stderr, lab.up.written]
    shown = ("devices", "devices/127.0.0.2", "credentials")
    said += [json.dumps(get(lab.url, lab.token, f"/api/v1/snmp/{path}")) for path in shown]
    assert not [text for text in said if "tr0ub4dor" in text]
    files = [path for path in (lab.home / "state").rglob("*") if path.is_file()]
    assert not [path for path in files if b"tr0ub4dor" in path.read_bytes()]
    modes = {path.name: path.stat().st_mode & 0o777 for path in files if path.name in ("state.key", "jobs.key")}
    assert modes == {"state.key": 0o600, "jobs.key": 0o600}
    in_use = netmon(lab.home, "credential", "remove", "core")
    assert (in_use.returncode, "polled with credential 'core'" in in_use.stderr) == (5, True)
    assert netmon(lab.home, "device", "remove", "127.0.0.2").returncode == 0
    assert netmon(lab.home, "credential", "remove", "core").returncode == 0


def test_polling_goes_on_while_the_collector_is_away(lab: Lab) -> None:
    pids = children(lab.up.process.pid)
    collector = next(pid for pid in pids if b"collector" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(collector, signal.SIGSTOP)
    gone_s = time.time()
    time.sleep(INTERVAL_S + 2)
    back_s = time.time()
    os.kill(collector, signal.SIGKILL)

    assert eventually(lambda: any(gone_s < at < back_s for at in lab.polls()), 60)
    assert eventually(lambda: any(at > back_s for at in lab.polls()), 60)


def test_an_agent_that_was_killed_goes_on_with_its_jobs(lab: Lab) -> None:
    pids = children(lab.up.process.pid)
    agent = next(pid for pid in pids if b"agent" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(agent, signal.SIGKILL)
    killed_s = time.time()
    assert eventually(lambda: any(at > killed_s + 1 for at in lab.polls()), 60)


def test_removing_it_stops_it(lab: Lab) -> None:
    removed, removed_s = netmon(lab.home, "device", "remove", "127.0.0.1"), time.monotonic()
    assert (removed.returncode, removed.stderr) == (0, "")
    eventually(lambda: lab.value('sysUpTime{instance="127.0.0.1"}') is None)
    assert "127.0.0.1" not in netmon(lab.home, "device", "list").stdout
    again = netmon(lab.home, "device", "show", "127.0.0.1")
    assert (again.returncode, "no device '127.0.0.1' is polled" in again.stderr) == (5, True)
    last = samples(lab.url, lab.token, 'snmp_up{instance="127.0.0.1"}', 600)["job=snmp"][-1][0]
    time.sleep(max(0.0, removed_s + INTERVAL_S + 1 - time.monotonic()))
    assert samples(lab.url, lab.token, 'snmp_up{instance="127.0.0.1"}', 600)["job=snmp"][-1][0] == last
