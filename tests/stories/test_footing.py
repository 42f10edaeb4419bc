"""A poller in a real network: what it sees when its uplink breaks, when a device dies, and when one is only deaf."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemons import NETMON, Daemon, eventually, surroundings
from tests.support.namespaces import Lab, lab, needs_namespaces

ADDRESSES = {"poller": "10.77.0.2", "gate": "10.77.0.1", "dies": "10.77.0.11", "deaf": "10.77.0.12"}
DEVICES = ("dies", "deaf")
WRITE_DOWN = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
RULES = """
groups:
- name: story
  interval: 1s
  rules:
  - {alert: Down, expr: netmon_device_page > 0}
  - {alert: PollerBlind, expr: netmon_poller_blind == 1}
"""


@dataclass
class Place:
    network: Lab
    home: Path
    up: Daemon
    token: str
    snmpd: dict[str, "subprocess.Popen[bytes]"]

    def add(self, device: str) -> None:
        """Has a device polled, once the agent can do so."""
        words = ("device", "add", ADDRESSES[device], "--name", device, "--interval", "5s", "--wait", "0s")
        command = self.network.within("poller", NETMON, *words)
        ended = subprocess.run(command, env=surroundings(self.home), capture_output=True, text=True, timeout=60)
        assert ended.returncode in (0, 1), ended.stderr

    def stand(self) -> dict[str, tuple[str, list[str]]]:
        """The state of each device, with its evidence."""
        header = f"Authorization: Bearer {self.token}"
        told = self.network.run("poller", "curl", "-fsS", "-H", header, "http://127.0.0.1:7440/api/v1/reachability")
        return {one["device"]: (one["state"], one["evidence"]) for one in json.loads(told)["results"]}

    def plug(self, host: str, state: str) -> None:
        self.network.run("switch", "ip", "link", "set", f"to-{host}", state)

    def deafen(self, device: str) -> None:
        """Has it answer neither SNMP nor pings."""
        self.snmpd[device].kill()
        self.network.run(device, "sysctl", "-q", "net.ipv4.icmp_echo_ignore_all=1")

    def told(self) -> list[tuple[str, str, str]]:
        """Status, alert and device of all that people were told of."""
        written = (self.home / "told").read_text().splitlines() if (self.home / "told").exists() else []
        alerts = [alert for line in written for alert in json.loads(line)["alerts"]]
        return [(one["status"], one["labels"]["alertname"], one["labels"]["instance"]) for one in alerts]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        network = stack.enter_context(lab("switch", *ADDRESSES))
        network.run("switch", "ip", "link", "add", "lan", "type", "bridge")
        network.run("switch", "ip", "link", "set", "lan", "up")
        for host, address in ADDRESSES.items():
            network.cable(host, "switch")
            network.address(host, "to-switch", f"{address}/24")
            network.run("switch", "ip", "link", "set", f"to-{host}", "master", "lan")
        network.run("poller", "ip", "route", "add", "default", "via", ADDRESSES["gate"])
        for setting in ("base_reachable_time_ms=1000", "delay_first_probe_time=1"):  # see docs/reachability.md
            network.run("poller", "sysctl", "-q", f"net.ipv4.neigh.to-switch.{setting}")
        snmpd = {}
        for device in DEVICES:
            snmpd[device] = _snmpd(network, device, tmp_path)
            stack.callback(snmpd[device].wait)
            stack.callback(snmpd[device].kill)
        up = Daemon(tmp_path, *_configured(tmp_path), under=network.within("poller"))
        stack.callback(up.ends)
        stack.callback(up.process.send_signal, signal.SIGTERM)
        token = up.says(r"(nmt_\S+)")[1]
        up.says("collector.connected")
        yield Place(network, tmp_path, up, token, snmpd)


def _snmpd(network: Lab, device: str, home: Path) -> "subprocess.Popen[bytes]":
    config = home / f"{device}.conf"
    config.write_text(f"rocommunity public\nsysName {device}\n")
    words = ("/usr/sbin/snmpd", "-f", "-Lf", "/dev/null", "-C", "-c", str(config), "-I", "-smux")
    return subprocess.Popen(
        network.within(device, *words, f"udp:{ADDRESSES[device]}:161"),
        env={**surroundings(home), "SNMP_PERSISTENT_DIR": str(home / f"{device}.state")},
    )


def _configured(home: Path) -> list[str]:
    (home / "rules").mkdir()
    (home / "rules/story.yml").write_text(RULES)
    write_down = json.dumps([sys.executable, "-c", WRITE_DOWN, str(home / "told")])
    (home / "alerting.yml").write_text(
        "route: {receiver: ops, group_by: [alertname, instance], group_wait: 0s, group_interval: 1s}\n"
        f"receivers: [{{name: ops, script_configs: [{{command: {write_down}}}]}}]\n"
    )
    (home / "collector.yaml").write_text(
        f"alerting: {{config_file: alerting.yml}}\nrules: {{shipped: false, folder: {home}/rules}}\n"
    )
    addresses = [ADDRESSES[device] for device in DEVICES]
    (home / "agent.yaml").write_text(
        "interval: 1s\nhostname: poller\ninputs:\n"
        f"  - {{type: ping, targets: {addresses}, count: 1, timeout: 500ms}}\n"
        "  - {type: canaries, timeout: 500ms}\n  - {type: neighbours}\n"
    )
    files = ("--agent-config", str(home / "agent.yaml"), "--collector-config", str(home / "collector.yaml"))
    return ["up", "--state", str(home / "state"), *files, "--verbose"]


@needs_namespaces
@pytest.mark.timeout(180)
def test_a_poller_without_its_uplink_pages_nobody_and_finds_afterwards_what_died_meanwhile(place: Place) -> None:
    for device in DEVICES:
        place.add(device)
    eventually(lambda: [state for state, _ in place.stand().values()] == ["up"] * 3)

    place.plug("poller", "down")
    place.plug("dies", "down")
    place.deafen("deaf")
    place.up.says("poller.blind poller=poller")
    time.sleep(5)  # in which two tries of each witness fail
    assert place.told() == [("firing", "PollerBlind", "poller")]
    assert [place.stand()[device][0] for device in DEVICES] == ["unknown"] * 2

    place.plug("poller", "up")
    place.up.says("poller.sees_again poller=poller")
    assert eventually(lambda: place.stand()["dies"][0] == "down")
    # It answers neither pings nor SNMP any more, but its address by ARP.
    assert eventually(lambda: place.stand()["deaf"][0] == "degraded")
    assert any(line.startswith("arp from poller: seen") for line in place.stand()["deaf"][1])
    assert eventually(lambda: len(place.told()) > 2)
    assert place.told() == [
        ("firing", "PollerBlind", "poller"),
        ("resolved", "PollerBlind", "poller"),
        ("firing", "Down", "dies"),
    ]
