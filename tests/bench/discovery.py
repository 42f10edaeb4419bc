"""What a sweep of a /22 costs beside Debian's nmap and fping, in a network of namespaces of its own (root).

Prints one JSON object as its last line.

A fifth of the 1,022 addresses are there: all on one interface at the other end of a cable, with port 80 open. netmon
and nmap both ping, ask by ARP, and connect to ports 22, 80 and 443 of those that are there (`nmap -n -PE -sT -p …`);
netmon asks for names too (DNS, mDNS, NetBIOS, SSDP), which nobody answers; fping only pings. CPU is the kernel's count,
user and system, of the whole process; ours begins when all is imported, as an agent does not start anew for a sweep.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from netmon_agent.discovery.sweeper import Sweeper
from netmon_proto.model import Found, SnmpCredential, Sweep
from tests.lab.inside import run_inside
from tests.support.namespaces import Lab

NETWORK: Final = "10.79.0.0/22"
HOSTS: Final = 1022
EVERY: Final = 5
"""One of so many addresses is there."""
_SERVER: Final = """
import socket, select
s = socket.create_server(("", 80), backlog=1024)
while True:
    s.accept()[0].close()
"""


def build(lab: Lab) -> "subprocess.Popen[bytes]":
    """A network in which every fifth address is there; what answers at their port 80."""
    lab.add("probe", "hosts")
    lab.cable("probe", "hosts")
    lab.address("probe", "to-hosts", "10.79.3.254/22")
    for number in range(1, HOSTS, EVERY):
        lab.address("hosts", "to-probe", f"10.79.{number >> 8}.{number & 255}/22")
    return subprocess.Popen(lab.within("hosts", sys.executable, "-IS", "-c", _SERVER))


def cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


async def _sweep(sweep: Sweep) -> list[Found]:
    sweeper, found = Sweeper(), list[Found]()
    await sweeper.take(sweep)
    while True:
        news = await sweeper.next()
        found += news.found
        if news.is_over:
            return found


def ours(lab: Lab, rate: int, credentials: Iterable[SnmpCredential] = ()) -> dict[str, Any]:
    sweep = Sweep(1, (NETWORK,), ports=(22, 80, 443), credentials=tuple(credentials), packets_per_s=rate)
    started_s, before_s = time.monotonic(), cpu_s(resource.RUSAGE_SELF)
    found = run_inside(lab.name("probe"), lambda: _sweep(sweep), timeout_s=500)
    used_s = cpu_s(resource.RUSAGE_SELF) - before_s
    there = sum(80 in one.ports for one in found)
    return figures(len(found) - (len(found) > there), there, used_s, time.monotonic() - started_s)


def theirs(lab: Lab, *command: str, count: Callable[[str], int]) -> dict[str, Any]:
    started_s, before_s = time.monotonic(), cpu_s(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(lab.within("probe", *command), capture_output=True, text=True, timeout=500, check=False)
    used_s = cpu_s(resource.RUSAGE_CHILDREN) - before_s
    there = count(ended.stdout)
    return figures(there, there, used_s, time.monotonic() - started_s)


def figures(found: int, open_ports: int, used_s: float, took_s: float) -> dict[str, Any]:
    return {
        "found": found,
        "open": open_ports,
        "cpu_s": round(used_s, 2),
        "seconds": round(took_s, 1),
        "addresses_per_cpu_second": round(HOSTS / used_s),
    }


def measure(lab: Lab, rate: int) -> Mapping[str, Any]:
    result = {"network": NETWORK, "there": len(range(1, HOSTS, EVERY)), "rate": rate, "netmon": ours(lab, rate)}
    if shutil.which("nmap"):
        words = ("nmap", "-n", "-PE", "-sT", "-p", "22,80,443", "--max-rate", str(rate), NETWORK)
        result["nmap"] = theirs(lab, *words, count=lambda text: text.count("80/tcp  open"))
    if shutil.which("fping"):
        gap_ms = str(max(1, round(1000 / rate)))
        words = ("fping", "-a", "-q", "-r", "0", "-i", gap_ms, "-g", NETWORK)
        result["fping, pings alone"] = theirs(lab, *words, count=lambda text: len(text.split()))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="packets a second, at most, of each")
    given = parser.parse_args()
    lab = Lab()
    server = None
    try:
        server = build(lab)
        time.sleep(1)
        with_snmp = ours(lab, given.rate, [SnmpCredential("public", community="public")])
        result = measure(lab, given.rate)
    finally:
        if server is not None:
            server.kill()
            server.wait()
        lab.close()
    print(json.dumps({**result, "netmon, SNMP too": with_snmp}))


if __name__ == "__main__":
    main()
