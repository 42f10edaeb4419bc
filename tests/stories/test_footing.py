"""A poller in a real network: what it sees when its uplink breaks, when devices die, and when one is only deaf."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemons import Daemon, eventually, surroundings
from tests.support.namespaces import Lab, lab, needs_namespaces

HOSTS = {
    "poller": "10.77.0.2",
    "gate": "10.77.0.1",
    "unplugged": "10.77.0.11",
    "hung": "10.77.0.12",
    "deaf": "10.77.0.13",
}
DEVICES = {"switch": "10.77.0.3", **{host: HOSTS[host] for host in ("unplugged", "hung", "deaf")}}
BRIDGE_MIB = Path(__file__).parents[1] / "lab" / "bridge_mib.py"
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

    def asks(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Asks the API, which listens where the poller is."""
        words = ["curl", "-fsS", "-H", f"Authorization: Bearer {self.token}", f"http://127.0.0.1:7440/api/v1/{path}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return json.loads(self.network.run("poller", *words))

    def stand(self) -> dict[str, tuple[str, list[str]]]:
        """The state of each device, with its evidence."""
        return {one["device"]: (one["state"], one["evidence"]) for one in self.asks("reachability")["results"]}

    def has_evidence(self, device: str, beginning: str) -> bool:
        return any(line.startswith(beginning) for line in self.stand()[device][1])

    def leads_to(self) -> set[str]:
        """The ports of the switch that lead to a device by the map, called after that."""
        links = self.asks("links?layer=2")["results"]
        return {end["port"] for link in links for end in (link["a"], link["b"]) if end["node"] == "switch"}

    def plug(self, host: str, state: str) -> None:
        self.network.run("switch", "ip", "link", "set", f"to-{host}", state)

    def deafen(self, device: str) -> None:
        """Has it answer neither SNMP nor pings."""
        self.snmpd[device].kill()
        self.network.run(device, "sysctl", "-q", "net.ipv4.icmp_echo_ignore_all=1")

    def hang(self, device: str) -> None:
        """Has it answer nothing, with its cable in place."""
        self.network.run(device, "ip", "address", "flush", "dev", "to-switch")

    def told(self) -> list[tuple[str, str, str]]:
        """Status, alert and device of all that people were told of."""
        written = (self.home / "told").read_text().splitlines() if (self.home / "told").exists() else []
        alerts = [alert for line in written for alert in json.loads(line)["alerts"]]
        return [(one["status"], one["labels"]["alertname"], one["labels"]["instance"]) for one in alerts]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        network = stack.enter_context(lab("switch", *HOSTS))
        network.run("switch", "ip", "link", "add", "lan", "type", "bridge")
        network.run("switch", "ip", "link", "set", "lan", "up")
        network.address("switch", "lan", f"{DEVICES['switch']}/24")
        for host, address in HOSTS.items():
            network.cable(host, "switch")
            network.address(host, "to-switch", f"{address}/24")
            network.run("switch", "ip", "link", "set", f"to-{host}", "master", "lan")
        network.run("poller", "ip", "route", "add", "default", "via", HOSTS["gate"])
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
    bridge = f"pass_persist .1.3.6.1.2.1.17 {sys.executable} -IS {BRIDGE_MIB}\n" if device == "switch" else ""
    config.write_text(f"rocommunity public\nsysName {device}\n{bridge}")
    words = ("/usr/sbin/snmpd", "-f", "-Lf", "/dev/null", "-C", "-c", str(config), "-I", "-smux")
    return subprocess.Popen(
        network.within(device, *words, f"udp:{DEVICES[device]}:161"),
        env={**surroundings(home), "BRIDGE": "lan", "SNMP_PERSISTENT_DIR": str(home / f"{device}.state")},
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
        "polling: {facts_interval: 10s}\n"
    )
    (home / "agent.yaml").write_text(
        "interval: 1s\nhostname: poller\ninputs:\n"
        f"  - {{type: ping, targets: {[*DEVICES.values()]}, count: 1, timeout: 500ms}}\n"
        "  - {type: canaries, timeout: 500ms}\n  - {type: neighbours}\n"
    )
    files = ("--agent-config", str(home / "agent.yaml"), "--collector-config", str(home / "collector.yaml"))
    return ["up", "--state", str(home / "state"), *files, "--verbose"]


@needs_namespaces
@pytest.mark.timeout(180)
def test_a_poller_without_its_uplink_pages_nobody_and_finds_afterwards_what_died_meanwhile(place: Place) -> None:
    for device, host in DEVICES.items():
        place.asks("snmp/devices", {"host": host, "name": device, "interval_s": 5})
    eventually(lambda: place.leads_to() >= {"to-unplugged", "to-hung", "to-deaf"})
    eventually(lambda: {state for state, _ in place.stand().values()} == {"up"})

    place.plug("poller", "down")
    place.plug("unplugged", "down")
    place.hang("hung")
    place.deafen("deaf")
    place.up.says("poller.blind poller=poller")
    time.sleep(5)  # in which two tries of each witness fail
    assert place.told() == [("firing", "PollerBlind", "poller")]
    assert {place.stand()[device][0] for device in DEVICES} == {"unknown"}

    place.plug("poller", "up")
    place.up.says("poller.sees_again poller=poller")
    assert eventually(lambda: place.stand()["unplugged"][0] == place.stand()["hung"][0] == "down")
    # The switch has forgotten who was behind a port as that went down; where it is up, that says little.
    assert eventually(lambda: place.has_evidence("unplugged", "neighbour switch to-unplugged: its port is down"))
    assert place.has_evidence("hung", "neighbour switch to-hung: its port was up")
    # It answers neither pings nor SNMP any more, but its address by ARP.
    assert eventually(lambda: place.stand()["deaf"][0] == "degraded")
    assert place.has_evidence("deaf", "arp from poller: seen")
    assert eventually(lambda: len(place.told()) > 3)
    blind, sees, *down = place.told()
    assert (blind, sees) == (("firing", "PollerBlind", "poller"), ("resolved", "PollerBlind", "poller"))
    assert sorted(down) == [("firing", "Down", "hung"), ("firing", "Down", "unplugged")]
