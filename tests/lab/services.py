"""What runs on the lab's nodes: FRR, lldpd and snmpd, each with folders and sockets of its own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.lab import plan
from tests.lab.network import Network

PROGRAMS: Final = {
    "zebra": "frr",
    "ospfd": "frr",
    "bgpd": "frr",
    "lldpd": "lldpd",
    "snmpd": "snmpd",
    "snmpset": "snmp",
    "iperf3": "iperf3",
    "iptables": "iptables",
    "ping": "iputils-ping",
    "ip": "iproute2",
}
_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/lib/frr", "/usr/sbin", "/sbin"])


def missing() -> list[str]:
    """The Debian packages that the lab lacks."""
    lacks = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=_PATH)}
    if not list(Path("/usr/lib").glob("*/frr/modules/ospfd_snmp.so")):
        lacks.add("frr-snmp")
    return sorted(lacks)


def build(network: Network) -> None:
    """Namespaces, cables, bridges and addresses."""
    network.build(plan.NODES, plan.cables(), list(_commands()))


def _commands() -> Iterator[str]:
    for node in plan.NODES:
        yield f"{node} link set lo up"
        if node in plan.SWITCHES:
            yield f"{node} link add br0 type bridge stp_state 1 forward_delay 200 hello_time 100 max_age 600"
            yield f"{node} link set br0 address {plan.mac(node)} up"
            yield f"{node} address add {plan.LAN[node]}/{plan.LAN_PREFIX} dev br0"
    for node, other, number in _ports():
        yield f"{node} link set to-{other} address {plan.mac(node, number)} up"
        if node in plan.SWITCHES:
            yield f"{node} link set to-{other} master br0"
        elif other in plan.SWITCHES:
            yield f"{node} address add {plan.LAN[node]}/{plan.LAN_PREFIX} dev to-{other}"
        else:
            yield f"{node} address add {plan.ring_address(node, other)}/30 dev to-{other}"
    for router in plan.ROUTERS:
        yield f"{router} address add {plan.loopback(router)}/32 dev lo"
    for poller, router in plan.GATEWAY.items():
        yield f"{poller} route add default via {plan.LAN[router]}"


def _ports() -> Iterator[tuple[str, str, int]]:
    """Each end of each cable: the node, the other node, and which of its ports that is."""
    for node in plan.NODES:
        others = [other for pair in plan.cables() if node in pair for other in pair if other != node]
        yield from ((node, other, number) for number, other in enumerate(others, 1))


def start(network: Network, folder: Path) -> "list[subprocess.Popen[bytes]]":
    """Starts everything at once; the processes end with their namespaces."""
    Path("/run/lldpd").mkdir(exist_ok=True)  # where lldpd locks itself in; nothing is written there
    return [
        subprocess.Popen(
            network.within(node, "unshare", "--uts", "sh", str(_script(node, folder / node))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": _PATH},
        )
        for node in plan.NODES
        if node not in plan.POLLERS
    ]


def _script(node: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    folder.chmod(0o777)  # daemons that give up root still write here
    lines = [f"hostname {node}", f"cd {folder}", "exec >log 2>&1"]
    if node in plan.HOSTS:
        lines += [f"exec ping -q -i 1 {plan.LAN['r1']}"]
    else:
        lines += [*_snmpd(node, folder), *_lldpd(node, folder)]
        lines += ["sysctl -q net.ipv4.ip_forward=1", *_frr(node, folder)] if node in plan.ROUTERS else []
        lines += ["wait"]
    script = folder / "start"
    script.write_text("\n".join(lines) + "\n")
    return script


def _snmpd(node: str, folder: Path) -> list[str]:
    bridge = f"pass_persist .1.3.6.1.2.1.17 {sys.executable} -IS {Path(__file__).with_name('bridge_mib.py')}"
    (folder / "snmpd.conf").write_text(
        "rocommunity public\nrwcommunity private 127.0.0.1\nmaster agentx\nagentXPerms 0777 0777\n"
        f"agentXSocket unix:{folder}/agentx\nsysLocation lab\n" + (bridge + "\n" if node in plan.SWITCHES else "")
    )
    return [
        f"SNMP_PERSISTENT_DIR={folder}/state snmpd -f -Le -C -c {folder}/snmpd.conf -I -smux udp:161 &",
        f"while ! [ -S {folder}/agentx ]; do sleep 0.05; done",
    ]


def _lldpd(node: str, folder: Path) -> list[str]:
    (folder / "lldpd.conf").write_text(
        f"configure system hostname {node}\nconfigure lldp tx-interval 1\nconfigure lldp tx-hold 3\n"
        "configure lldp portidsubtype ifname\nconfigure system ip management pattern 10.*\n"
    )
    return [f"lldpd -d -x -X {folder}/agentx -u {folder}/lldpd.sock -O {folder}/lldpd.conf &"]


def _frr(node: str, folder: Path) -> list[str]:
    (folder / "frr.conf").write_text(f"agentXSocket unix:{folder}/agentx\n")
    (folder / "zebra.conf").write_text(f"hostname {node}\n")
    (folder / "ospfd.conf").write_text(_ospf(node))
    (folder / "bgpd.conf").write_text(_bgp(node))
    common = f"-z {folder}/zserv --vty_socket {folder} -u frr -g frr -P 0 --log stdout"
    daemons = {"zebra": "", "ospfd": "-M snmp", "bgpd": "-M snmp -p 179"}
    lines = [
        f"{name} {common} -f {folder}/{name}.conf -i {folder}/{name}.pid {more} &" for name, more in daemons.items()
    ]
    # A daemon that comes before zebra tries again only ten seconds later.
    lines.insert(1, f"while ! [ -S {folder}/zserv ]; do sleep 0.05; done")
    return [f"export SNMPCONFPATH={folder} SNMP_PERSISTENT_DIR={folder}/frr-state", *lines]


def _ospf(node: str) -> str:
    ring = "".join(
        f"interface to-{other}\n ip ospf network point-to-point\n ip ospf hello-interval 1\n ip ospf dead-interval 5\n"
        " ip ospf retransmit-interval 1\n"
        for other in plan.ring_neighbours(node)
    )
    lan = "".join(f" passive-interface to-{two}\n" for one, two in plan.TRUNKS if one == node)
    # Else what a router says of itself a second time, once its neighbours are up, waits five seconds.
    soon = " timers throttle lsa all 50\n timers lsa min-arrival 10\n timers throttle spf 10 50 500\n"
    head = f"router ospf\n ospf router-id {plan.loopback(node)}\n network 10.0.0.0/8 area 0\n"
    return f"agentx\n{ring}{head}{soon}{lan}"


def _bgp(node: str) -> str:
    number = {name: 65001 + place for place, name in enumerate(plan.ROUTERS)}
    peers = "".join(
        f" neighbor {plan.ring_address(other, node)} remote-as {number[other]}\n"
        f" neighbor {plan.ring_address(other, node)} timers 2 10\n"
        f" neighbor {plan.ring_address(other, node)} timers connect 1\n"
        for other in plan.ring_neighbours(node)
    )
    head = f"agentx\nrouter bgp {number[node]}\n bgp router-id {plan.loopback(node)}\n no bgp ebgp-requires-policy\n"
    return f"{head}{peers} address-family ipv4 unicast\n  network {plan.loopback(node)}/32\n exit-address-family\n"


def wait_until_reachable(network: Network, folder: Path) -> None:
    """Waits until spanning tree and routing have settled: each poller reaches each device."""
    waiting = [(poller, address) for poller in plan.POLLERS for address in plan.addresses_polled().values()]
    deadline = time.monotonic() + 60
    while waiting:
        poller, address = waiting[-1]
        command = network.within(poller, "ping", "-c", "1", "-W", "0.2", address)
        if subprocess.run(command, capture_output=True, timeout=20).returncode == 0:
            waiting.pop()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{poller} does not reach {address}; the routers say:\n{_last_words(folder)}")


def _last_words(folder: Path) -> str:
    return "\n".join(f"{node}: {(folder / node / 'log').read_text()[-500:]}" for node in plan.ROUTERS)
