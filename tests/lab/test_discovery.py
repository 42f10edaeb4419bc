"""A sweep finds all that is there, follows neighbours where it may, and touches nothing else."""

import json
import os
import re
from collections.abc import Iterator

import pytest

from tests.lab import plan, services
from tests.lab.conftest import Lab
from tests.lab.monitoring import Monitoring
from tests.support.daemons import eventually

pytestmark = [
    pytest.mark.skipif(not os.environ.get("NETMON_LAB"), reason="takes a minute: `make lab` runs it"),
    pytest.mark.timeout(240),
]

LAN = "10.20.0.0/24"
LOOPBACKS = "10.0.0.0/24"


@pytest.fixture(scope="module")
def monitoring(lab: Lab) -> Iterator[Monitoring]:
    """Pollers that poll nothing yet; on the second one packets are counted that go anywhere but where they may."""
    made = Monitoring(lab.network, lab.folder / "netmon")
    try:
        made.start()
        services.wait_until_reachable(lab.network, lab.folder)
        for network in (LAN, LOOPBACKS, "127.0.0.0/8"):
            lab.network.run("p2", "iptables", "-A", "OUTPUT", "-d", network, "-j", "ACCEPT")
        # The poller's own name server is asked for names; there is none in here.
        lab.network.run("p2", "iptables", "-A", "OUTPUT", "-p", "udp", "--dport", "53", "-j", "REJECT")
        lab.network.run("p2", "iptables", "-A", "OUTPUT", "-j", "DROP")
        yield made
    finally:
        made.close()


def _packets_elsewhere(lab: Lab) -> int:
    listed = lab.network.run("p2", "iptables", "-nvxL", "OUTPUT")
    found = re.search(r"^\s*(\d+)\s+\d+\s+DROP", listed, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_a_sweep_finds_all_that_is_there_and_touches_nothing_else(lab: Lab, monitoring: Monitoring) -> None:
    ended = monitoring.netmon("discover", LAN, "--poller", "p2", "--follow", LOOPBACKS, "--rate", "1000", "--json")
    assert ended.returncode == 0, ended.stderr
    found = {one["address"]: one for one in json.loads(ended.stdout)["results"]}

    loopbacks = {plan.loopback(router) for router in plan.ROUTERS}
    assert set(found) == set(plan.LAN.values()) | loopbacks
    assert {found[plan.LAN[name]]["told"]["name"] for name in ("r1", "r2", *plan.SWITCHES)} >= {"r1", "s3"}
    assert all("snmp" in found[address]["answered"] for address in loopbacks)
    assert found[plan.loopback("r4")]["via"].endswith(
        (" of 10.20.0.2", " of 10.0.0.2", " of 10.20.0.1", " of 10.0.0.1")
    )
    hosts = [found[plan.LAN[host]] for host in plan.HOSTS]
    assert [one["mac"] for one in hosts] == [plan.mac(host, 1) for host in plan.HOSTS]
    assert {one["answer"] for one in hosts} == {"seen"}
    # Routers tell of 10.1.*, which nobody allowed.
    assert _packets_elsewhere(lab) == 0


def test_what_is_accepted_is_polled_and_known_from_then_on(lab: Lab, monitoring: Monitoring) -> None:
    finds = monitoring.asks("sweep", "show", "1")["results"]
    wanted = next(one for one in finds if one["address"] == plan.LAN["s3"])
    assert wanted["answer"] == "open"
    accepted = monitoring.netmon("sweep", "accept", str(wanted["number"]))
    assert (accepted.returncode, accepted.stdout) == (0, f"{plan.LAN['s3']} is polled as s3\n")
    eventually(lambda: monitoring.asks("device", "show", "s3")["state"] == "up")
    again = monitoring.netmon("discover", f"{plan.LAN['s3']}/32", "--poller", "p2")
    assert f"known {'s3'}" in again.stdout
    assert "1 found at 1 of 1 addresses" in again.stdout


def test_a_host_shows_what_it_knows_without_sending_anything(lab: Lab, monitoring: Monitoring) -> None:
    shown = monitoring.netmon("discover")
    assert f"netmon discover {LAN}" in shown.stdout
    assert "to-s1" in shown.stdout


def test_a_network_that_is_none_is_told_with_what_to_write(monitoring: Monitoring) -> None:
    wrong = monitoring.netmon("discover", "10.0.0.0/33")
    assert (wrong.returncode != 0, "'10.0.0.0/33' is no network: write it as 10.0.0.0/24" in wrong.stderr) == (
        True,
        True,
    )
    large = monitoring.netmon("discover", "10.0.0.0/8")
    assert "16,777,214 addresses are too many for one sweep: at most 65,536" in large.stderr
