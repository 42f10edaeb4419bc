"""A thousand switches of 48 ports polled every minute, through gRPC into the store: what it takes, how late it is.

    python tests/bench/fleet.py [--devices N] [--seconds N] [--settle N]

All devices are added by one request. Memory is judged as it stays: samples wait in memory for 20 minutes, those of each
block for other 20, so that in the end half of what comes in 20 minutes is there. A short run adds what of that is not
there yet; `--settle 2700` waits until it is.

Then 10 % devices that never answer and 5 % that take half a second for each answer are added; the others must not
notice. It runs in a network namespace of its own, where every address of 127.0.0.0/8 is a device. Agent and collector
are those of `netmon up`. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import Process
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.captures import SHARED
from tests.support.daemons import daemon, get
from tests.support.snmpd import answers

TOOLS = SHARED / "tools" / "bench"
PORT, SLOW_PORT, WEB = 17161, 17162, 19117
INTERVAL_S = 60
SLOWNESS_S = 0.5
CORES, RESIDENT_BYTES = 2.0, 1 << 30
LATE_S = 1.0
HEAD_S = 1200
"""How long a sample waits in memory at most."""
NOTE_EVERY_S = 60.0


@dataclass(frozen=True)
class Phase:
    """What a stretch of time took and brought."""

    cores: float
    resident_bytes: int
    """The most, where samples in memory are as many as they will be."""
    late: int
    missed: int
    slowest_s: float
    median_s: float


def address(number: int) -> str:
    """Of the nth device; the responder is deaf to those whose last number is a multiple of ten, which are left out."""
    block, last = divmod(number, 200)
    return f"127.{1 + block // 200}.{block % 200}.{last + last // 9 + 1}"


class Usage:
    """CPU time and memory of processes."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids

    def cpu_s(self) -> float:
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids]
        return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> list[int]:
        """Of each process."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids]
        return [count * os.sysconf("SC_PAGE_SIZE") for count in pages]


@dataclass(frozen=True)
class Product:
    url: str
    token: str
    usage: Usage
    started_s: float
    memory: list[dict[str, int]]
    """What was taken over time. `missing_mb`: samples that are still to come into memory; each block of them is sealed
    at a time of its own within the first 20 minutes, and all that is not sealed yet is there."""

    def add(self, hosts: list[str], port: int) -> None:
        devices = [{"host": host, "port": port, "interval_s": INTERVAL_S} for host in hosts]
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps({"devices": devices}).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/snmp/devices/batch", body, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()

    def resident_bytes(self) -> int:
        """Of both processes, where samples in memory are as many as they will be; writes it down now and then."""
        collector, poller = self.usage.resident_bytes()
        passed_s = round(time.monotonic() - self.started_s)
        if not self.memory or passed_s - self.memory[-1]["seconds"] >= NOTE_EVERY_S:
            series = get(self.url, self.token, "/api/v1/status")["store"]["series"]
            missing = series * 8 * max(0, HEAD_S - passed_s) ** 2 / (2 * HEAD_S) / INTERVAL_S
            mb = {"collector_mb": collector, "poller_mb": poller, "missing_mb": missing}
            self.memory.append({"seconds": passed_s, **{name: round(size / 2**20) for name, size in mb.items()}})
            print(self.memory[-1], flush=True)
        return collector + poller + (self.memory[-1]["missing_mb"] << 20)

    def settle(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.resident_bytes()
            time.sleep(1)

    def series(self, expression: str, seconds: float) -> dict[str, list[tuple[float, float]]]:
        """Samples of the last seconds, by device."""
        path = f"/prometheus/api/v1/query?query={expression}[{round(seconds)}s]"
        found = get(self.url, self.token, path)["data"]["result"]
        return {one["metric"]["instance"]: [(float(at), float(value)) for at, value in one["values"]] for one in found}

    def polls(self, seconds: float) -> dict[str, list[tuple[float, float]]]:
        """Those on schedule of the last seconds: the first one of a device is when it was added."""
        since_s = time.time() - seconds
        found = self.series("snmp_up", time.monotonic() - self.started_s)
        return {device: [one for one in polls[1:] if one[0] > since_s] for device, polls in found.items()}

    def measure(self, devices: list[str], seconds: float) -> Phase:
        """Watches for a while, then looks at when these devices were polled."""
        started_s, before_s = time.monotonic(), self.usage.cpu_s()
        most = 0
        while time.monotonic() - started_s < seconds:
            time.sleep(1)
            most = max(most, self.resident_bytes())
        cores = (self.usage.cpu_s() - before_s) / (time.monotonic() - started_s)
        polls = self.polls(seconds + INTERVAL_S)
        took = self.series("snmp_poll_duration_seconds", seconds)
        up = {device: [at for at, value in polls.get(device, []) if value] for device in devices}
        gaps = [later - earlier for times in up.values() for earlier, later in pairwise(times)]
        durations = [value for device in devices for _, value in took.get(device, [])] or [0.0]
        return Phase(
            cores,
            most,
            late=sum(abs(gap - INTERVAL_S) > LATE_S for gap in gaps),
            missed=sum(len(times) < seconds // INTERVAL_S for times in up.values()),
            slowest_s=max(durations),
            median_s=statistics.median(durations),
        )


def slow_device() -> None:
    """Answers as the responder does, half a second later each time."""

    class Slow(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            asyncio.get_running_loop().call_later(SLOWNESS_S, self.answer, data, addr)

        def answer(self, data: bytes, addr: tuple[str, int]) -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(1)
                asking.connect(("127.0.0.1", PORT))
                asking.send(data)
                self.transport.sendto(asking.recv(65_535), addr)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in range(1, 251):
            await loop.create_datagram_endpoint(Slow, local_addr=(f"127.99.0.{number}", SLOW_PORT))
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextmanager
def responders(folder: Path) -> Iterator[None]:
    subprocess.run(["cc", "-O2", "-w", "-o", str(folder / "replay"), str(TOOLS / "replay.c")], check=True)
    command = [str(folder / "replay"), str(TOOLS / "sw48.snmprec"), str(PORT), "10"]
    fast = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    slow = Process(target=slow_device, daemon=True)
    slow.start()
    try:
        while not answers(PORT):
            time.sleep(0.05)
        yield
    finally:
        fast.kill()
        fast.wait()
        slow.kill()
        slow.join()


def measure(folder: Path, count: int, seconds: float, settle_s: float) -> dict[str, object]:
    words = ("--state", str(folder / "state"), "--http", f"127.0.0.1:{WEB}", "--grpc", "127.0.0.1:0")
    with responders(folder), daemon(folder, "up", *words) as up:
        token = up.says(r"token +(nmt_\S+)")[1]
        url = up.says(r"API +(\S+)")[1]
        up.says(r"first data after", 60)
        product = Product(url, token, Usage(children(up.process.pid)), time.monotonic(), [])
        good = [address(number) for number in range(count)]
        product.add(good, PORT)
        added_s = time.monotonic() - product.started_s
        print(f"all devices are there after {added_s:.1f} s", flush=True)
        product.settle(settle_s)
        alone = product.measure(good, seconds)
        print(f"alone: {alone}", flush=True)
        product.add([f"127.{100 + number // 200}.{number % 200}.10" for number in range(count // 10)], PORT)
        product.add([f"127.99.0.{number + 1}" for number in range(count // 20)], SLOW_PORT)
        product.settle(INTERVAL_S)
        disturbed = product.measure(good, seconds)
    told = {"devices": count, "added_after_seconds": round(added_s, 1), "memory": product.memory}
    return told | report(alone, disturbed)


def report(alone: Phase, disturbed: Phase) -> dict[str, object]:
    def shown(phase: Phase) -> dict[str, float]:
        return {
            "cores": round(phase.cores, 3),
            "resident_mb": round(phase.resident_bytes / 2**20),
            "late_polls": phase.late,
            "missed_polls": phase.missed,
            "poll_seconds_median": round(phase.median_s, 3),
            "poll_seconds_slowest": round(phase.slowest_s, 3),
        }

    def budget(value: float, limit: float) -> dict[str, object]:
        return {"value": round(value, 3), "limit": f"<= {limit}", "holds": value <= limit}

    return {
        "alone": shown(alone),
        "with_dead_and_slow_ones": shown(disturbed),
        "budgets": {
            "cores": budget(max(alone.cores, disturbed.cores), CORES),
            "resident_mb": budget(max(alone.resident_bytes, disturbed.resident_bytes) / 2**20, RESIDENT_BYTES / 2**20),
            "late_polls": budget(alone.late + alone.missed, 0),
            "late_polls_with_dead_and_slow_ones": budget(disturbed.late + disturbed.missed, 0),
        },
    }


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def missing() -> str | None:
    if not TOOLS.is_dir():
        return f"needs the responder in {TOOLS}"
    programs = [name for name in ("cc", "unshare", "ip") if shutil.which(name) is None]
    if programs:
        return f"needs {', '.join(programs)}"
    return None if os.geteuid() == 0 else "needs root, for a network namespace of its own"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--settle", type=float, default=INTERVAL_S * 1.5, help="seconds before it is measured")
    parser.add_argument("--inside", action="store_true")
    options = parser.parse_args()
    if reason := missing():
        print(json.dumps({"skipped": reason, "budgets": {}}))
        return 0
    if not options.inside:
        again = [sys.executable, str(Path(__file__).resolve()), "--inside", *sys.argv[1:]]
        script = 'ip link set lo up && exec "$@"'
        return subprocess.run(["unshare", "-n", "sh", "-c", script, "sh", *again], check=False).returncode
    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        answer = measure(Path(folder), options.devices, options.seconds, options.settle)
    print(json.dumps(answer))
    return 0 if all(one["holds"] for one in answer["budgets"].values()) else 1  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
