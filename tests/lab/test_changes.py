"""What happens to a network is seen within two intervals, by the commands that people use."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from tests.lab import plan
from tests.lab.conftest import Watched
from tests.lab.monitoring import FACTS_S, INTERVAL_S
from tests.support.daemons import eventually

pytestmark = [
    pytest.mark.skipif(not os.environ.get("NETMON_LAB"), reason="takes some minutes: `make lab` runs it"),
    pytest.mark.timeout(300),
]
T = TypeVar("T")

SEEN_WITHIN_S = 2 * FACTS_S + INTERVAL_S
"""Two intervals of facts, which are read with the next poll after their time has come."""


def seen(look: Callable[[], T | None]) -> T:
    return eventually(look, SEEN_WITHIN_S)


def _cable(one: str, other: str) -> frozenset[str]:
    return frozenset({f"{one} to-{other}", f"{other} to-{one}"})


def _is_at(watched: Watched, address: str, switch: str, port: str) -> bool:
    return watched.monitoring.place(address) == (switch, port)


def _reaches(watched: Watched, node: str, address: str) -> bool:
    """Whether the network itself has come to rest after a change, whoever looks at it."""
    command = watched.network.within(node, "ping", "-c", "1", "-W", "0.5", address)
    return subprocess.run(command, capture_output=True, timeout=20).returncode == 0


def _is_blocking(watched: Watched) -> bool:
    """Whether the kernel's spanning tree holds the link between s2 and s3 in reserve."""
    ends = (("s2", "to-s3"), ("s3", "to-s2"))
    states = [watched.network.run(node, "cat", f"/sys/class/net/{port}/brport/state").strip() for node, port in ends]
    return "4" in states


def test_all_is_started_within_20_seconds(watched: Watched) -> None:
    assert watched.ready_s < 20


def test_the_map_found_is_the_map_built(watched: Watched) -> None:
    look = watched.monitoring.links
    eventually(lambda: look(2) == plan.links_of_cables(plan.POLLERS), 40)
    eventually(lambda: look(3) == plan.links_of_networks(plan.POLLERS), 40)
    for host, switch in plan.AT.items():
        assert seen(partial(_is_at, watched, plan.LAN[host], switch, f"to-{host}"))
    blocked = [one for one in watched.monitoring.all_links() if one["blocked"]]
    assert [{one["a"]["node"], one["b"]["node"]} for one in blocked] == [{"s2", "s3"}]


def test_links_of_routers_have_the_evidence_of_both_routing_protocols(watched: Watched) -> None:
    def evidence() -> list[set[str]]:
        ring = [one for one in watched.monitoring.all_links() if {one["a"]["node"], one["b"]["node"]} in rings]
        return [{piece["source"] for piece in one["evidence"]} for one in ring if one["layer"] == 3]

    rings = [set(pair) for pair in plan.RING]
    assert seen(lambda: len(evidence()) == 4 and all(found >= {"ospf", "bgp", "subnet"} for found in evidence()))
    heard = [one for one in watched.monitoring.all_links() if "p1" in (one["a"]["node"], one["b"]["node"])]
    assert {"lldp"} in [{piece["source"] for piece in one["evidence"]} & {"lldp"} for one in heard]


def test_redundant_ways_are_ways_around_each_other(watched: Watched) -> None:
    path = watched.monitoring.asks("path", "r1", "r4")
    assert (len(path["nodes"]), path["cuts"]) == (3, [])
    to_poller = watched.monitoring.asks("path", "r4", "p2")
    assert to_poller["cuts"] == ["s3"]
    assert "s3" in watched.monitoring.asks("map")["cuts"]


def test_a_cut_link_is_gone_and_back_again(watched: Watched) -> None:
    network, links = watched.network, watched.monitoring.links
    network.run("r1", "ip", "link", "set", "to-r3", "down")
    seen(lambda: _cable("r1", "r3") not in links(2))
    assert links(2) == plan.links_of_cables(plan.POLLERS) - {_cable("r1", "r3")}
    network.run("r1", "ip", "link", "set", "to-r3", "up")
    seen(lambda: _cable("r1", "r3") in links(2))


def test_another_link_takes_over_where_spanning_tree_kept_one_in_reserve(watched: Watched) -> None:
    def blocked() -> list[set[str]]:
        return [{one["a"]["node"], one["b"]["node"]} for one in watched.monitoring.all_links() if one["blocked"]]

    def heals() -> bool:
        """Ports listen and learn for some seconds, and tables forget where others were: only then pollers are heard."""
        return _reaches(watched, "p2", plan.LAN["p1"])

    watched.network.run("s1", "ip", "link", "set", "to-s3", "down")
    eventually(lambda: not _is_blocking(watched))
    eventually(heals, 60)
    seen(lambda: blocked() == [] and _cable("s1", "s3") not in watched.monitoring.links(2))
    watched.network.run("s1", "ip", "link", "set", "to-s3", "up")
    eventually(lambda: _is_blocking(watched))
    eventually(heals, 60)
    assert seen(lambda: blocked() == [{"s2", "s3"}])


def test_a_host_that_moves_to_another_port_is_found_there_with_its_history(watched: Watched) -> None:
    network, address = watched.network, plan.LAN["h4"]
    network.run("s1", "ip", "link", "delete", "to-h4")
    network.cable(
        "s3",
        "h4",
        "s3 link set to-h4 master br0 up",
        f"h4 link set to-s3 address {plan.mac('h4', 1)} up",
        f"h4 address add {address}/{plan.LAN_PREFIX} dev to-s3",
    )
    eventually(lambda: _reaches(watched, "h4", plan.LAN["r1"]))  # spanning tree opens a new port after some seconds
    seen(lambda: watched.monitoring.place(address) == ("s3", "to-h4"))
    before = watched.monitoring.asks("where", plan.mac("h4", 1))["before"]
    assert ("s1", "to-h4") in [(one["device"], one["port"]) for one in before]


def test_a_host_is_found_by_its_new_address(watched: Watched) -> None:
    network, new = watched.network, "10.20.0.205"
    network.run("h5", "ip", "address", "del", f"{plan.LAN['h5']}/{plan.LAN_PREFIX}", "dev", "to-s2")
    network.run("h5", "ip", "address", "add", f"{new}/{plan.LAN_PREFIX}", "dev", "to-s2")
    network.run("h5", "ping", "-c", "1", "-I", new, plan.LAN["r1"])
    assert seen(lambda: watched.monitoring.place(new) == ("s2", "to-h5"))


def test_a_host_is_found_by_its_new_mac_address(watched: Watched) -> None:
    new = "02:1a:b0:00:ff:06"
    watched.network.run("h6", "ip", "link", "set", "to-s2", "address", new)
    assert seen(lambda: watched.monitoring.place(new) == ("s2", "to-h6"))


def test_a_renamed_switch_is_the_same_device(watched: Watched) -> None:
    def records() -> set[str]:
        return {one["record"] for one in watched.monitoring.asks("identity", "list")["results"]}

    before = records()
    network = watched.network
    network.run("s2", "snmpset", "-v2c", "-c", "private", "127.0.0.1", "1.3.6.1.2.1.1.5.0", "s", "hall-switch")
    seen(lambda: watched.monitoring.asks("device", "show", "s2")["sys_name"] == "hall-switch")
    time.sleep(FACTS_S)
    assert records() == before
    assert watched.monitoring.links(2) == plan.links_of_cables(plan.POLLERS)


def test_a_loop_is_told(watched: Watched) -> None:
    watched.network.run("s3", "ip", "link", "add", "loop-a", "type", "veth", "peer", "name", "loop-b")
    for end in ("loop-a", "loop-b"):
        watched.network.run("s3", "ip", "link", "set", end, "master", "br0", "up")
    assert seen(lambda: any("s3 hears itself on loop-" in note for note in watched.monitoring.asks("map")["notes"]))
    watched.network.run("s3", "ip", "link", "delete", "loop-a")
    assert seen(lambda: not watched.monitoring.asks("map")["notes"])


def test_lost_packets_are_counted(watched: Watched) -> None:
    query = f'probe_icmp_packet_loss_ratio{{target="{plan.LAN["h7"]}",instance="p1"}}'
    seen(lambda: watched.monitoring.value(query) == 0)
    rule = ("INPUT", "-p", "icmp", "-m", "statistic", "--mode", "nth", "--every", "4", "--packet", "0", "-j", "DROP")
    watched.network.run("h7", "iptables", "-A", *rule)
    lost = seen(lambda: (value := watched.monitoring.value(query)) and value > 0.1 and value)
    assert 0.15 <= lost <= 0.35
    watched.network.run("h7", "iptables", "-D", *rule)
    seen(lambda: watched.monitoring.value(query) == 0)


def test_the_traffic_of_a_port_is_what_iperf3_sent(watched: Watched) -> None:
    network = watched.network
    limit = ("root", "tbf", "rate", "8mbit", "burst", "16kb", "latency", "50ms")
    network.run("s1", "tc", "qdisc", "add", "dev", "to-s3", *limit)
    counter = 'ifHCInOctets{instance="s3",ifName="to-s1"}'
    before = watched.monitoring.value(counter) or 0.0
    network.run("h8", "iperf3", "--server", "--one-off", "--daemon")
    said = network.run("h1", "iperf3", "--client", plan.LAN["h8"], "--time", "30", "--json")
    sent = json.loads(said)["end"]["sum_received"]
    rate = watched.monitoring.value('rate(ifHCInOctets{instance="s3",ifName="to-s1"}[25s]) * 8')
    time.sleep(2 * INTERVAL_S)
    received = watched.monitoring.value(counter) or 0.0
    # A segment of 1,448 bytes is a frame of 1,514.
    assert received - before == pytest.approx(sent["bytes"] * 1514 / 1448, rel=0.05)
    assert rate == pytest.approx(sent["bits_per_second"] * 1514 / 1448, rel=0.2)
    assert sent["bits_per_second"] == pytest.approx(8e6, rel=0.15)
    network.run("s1", "tc", "qdisc", "del", "dev", "to-s3", "root")
