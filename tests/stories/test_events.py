"""A device tells that a link went down: the log shows it, and the device is polled at once."""

import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stories.test_first_light import addresses
from tests.support.daemons import NETMON, Daemon, daemon, eventually, instant, netmon, samples
from tests.support.ports import free_udp_port
from tests.support.receiving import COLD_START, IF_INDEX, LINK_DOWN
from tests.support.snmpd import snmpd

pytestmark = pytest.mark.skipif(shutil.which("snmptrap") is None, reason="needs Debian's package snmp")


@dataclass(frozen=True)
class Lab:
    home: Path
    url: str
    token: str
    trap_port: int
    syslog_port: int
    up: Daemon

    def tell(self, *trap: str) -> None:
        subprocess.run(["snmptrap", "-v2c", "-c", "x", f"127.0.0.1:{self.trap_port}", "7", *trap], check=True)

    def events(self, *arguments: str) -> list[Any]:
        shown = netmon(self.home, "events", "--json", *arguments)
        assert shown.returncode == 0, shown.stderr
        return list(json.loads(shown.stdout)["results"])

    def polls(self) -> int:
        found = samples(self.url, self.token, 'sysUpTime{instance="127.0.0.1"}', 300)
        return len(found.get("job=snmp", []))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("home")
    config, traps, lines = home / "agent.yaml", free_udp_port(), free_udp_port()
    config.write_text(
        "interval: 1s\ninputs:\n"
        f"  - {{type: traps, listen: '127.0.0.1:{traps}'}}\n"
        f"  - {{type: syslog, listen: '127.0.0.1:{lines}'}}\n"
    )
    words = ("--state", str(home / "state"), *addresses(), "--agent-config", str(config))
    with snmpd(home / "snmpd") as port, daemon(home, "up", *words) as up:
        token = up.says(r"token +(nmt_\S+)")[1]
        up.says(r"first data after")
        lab = Lab(home, up.says(r"API +(\S+)")[1], token, traps, lines, up)
        added = netmon(home, "device", "add", f"127.0.0.1:{port}", "--interval", "1h")
        assert added.returncode == 0, added.stdout + added.stderr
        yield lab


def test_a_trap_is_in_the_log_of_its_device_whose_port_alone_is_polled_at_once(lab: Lab) -> None:
    before = eventually(lab.polls)
    lab.tell(LINK_DOWN, f"{IF_INDEX}.1", "i", "1")
    (event,) = eventually(lambda: lab.events("--kind", "linkDown", "--device", "127.0.0.1"))
    assert (event["severity"], event["source"], event["fields"]["ifIndex"]) == ("error", "trap", "1")
    states = 'ifOperStatus{instance="127.0.0.1",ifIndex="1"}'
    assert eventually(lambda: sum(map(len, samples(lab.url, lab.token, states, 300).values())) > 1)
    assert lab.polls() == before
    shown = netmon(lab.home, "events", "--severity", "error")
    assert "error     127.0.0.1  linkDown" in shown.stdout
    assert "linkDown ifIndex=1" in shown.stdout


def test_what_happens_can_be_followed(lab: Lab) -> None:
    following = subprocess.Popen(
        [NETMON, "events", "--follow", "--json", "--url", lab.url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(lab.home), "NETMON_TOKEN": lab.token},
    )
    try:
        assert following.stdout is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in itertools.count():  # until it follows
                sender.sendto(b"<11>backup: disk full\x1b[2J, %d" % number, ("127.0.0.1", lab.syslog_port))
                if select.select([following.stdout], [], [], 0.5)[0]:
                    break
        event = json.loads(following.stdout.readline())
        assert (event["source"], event["severity"]) == ("syslog", "error")
        assert event["text"].startswith("backup: disk full\x1b[2J, ")
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 0
    finally:
        following.kill()
        following.wait()
        following.stdout.close()  # type: ignore[union-attr]
    shown = netmon(lab.home, "events", "--text", "DISK full")
    assert "\x1b" not in shown.stdout


def test_events_are_counted_and_the_receivers_say_what_came(lab: Lab) -> None:
    lab.tell(COLD_START)
    eventually(lambda: lab.events("--kind", "coldStart"))

    wanted = (
        'netmon_events_total{device="127.0.0.1",kind="coldStart",severity="warning"}',
        'netmon_receiver_messages_total{input=~"traps.*"}',
        "netmon_agent_events_spool_dropped_batches_total",
    )
    assert eventually(lambda: [len(instant(lab.url, lab.token, one)) for one in wanted] == [1, 1, 1], 40)
