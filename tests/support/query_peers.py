"""Servers that are asked the same over HTTP, ours in a process of its own, and samples for them by remote write."""

import asyncio
import http.client
import json
import math
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cramjam
import numpy as np

from tests.api.lab import running
from tests.support.fleet_samples import Host
from tests.support.servers import RunningServer

_FORM = "application/x-www-form-urlencoded"
_WINDOW = 20
"""So many gathers of a host are in one remote write."""
_HOSTS_PER_WRITE = 10


@dataclass
class Peer:
    """A server that is asked, on one connection that stays; `cpu_s` tells its process's CPU time.

    `cold`: what to add to a query so that no result cache answers it.
    """

    name: str
    url: str
    pid: int
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cold: Mapping[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=300)

    def cpu_s(self) -> float:
        """The clock of a process has an id made of its pid, see clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def ask(self, path: str, arguments: Mapping[str, str], *, cold: bool = False) -> bytes:
        """The answer to a form that is posted."""
        body = urllib.parse.urlencode({**arguments, **(self.cold if cold else {})})
        self.connection.request("POST", self.prefix + path, body, {**self.headers, "Content-Type": _FORM})
        return self._answer()

    def fetch(self, path: str, arguments: Mapping[str, str]) -> bytes:
        """The answer to a GET."""
        self.connection.request("GET", f"{self.prefix}{path}?{urllib.parse.urlencode(arguments)}", None, self.headers)
        return self._answer()

    def _answer(self) -> bytes:
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {data[:300]!r}")
        return data


@dataclass
class Taken:
    """What one query took one server."""

    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def told(self) -> dict[str, float]:
        p95 = sorted(self.ms)[min(len(self.ms) - 1, math.ceil(0.95 * len(self.ms)) - 1)]
        return {"p50_ms": round(self.p50, 2), "p95_ms": round(p95, 2), "cpu_ms": round(self.cpu, 2)}

    @property
    def p50(self) -> float:
        return statistics.median(self.ms)

    @property
    def cpu(self) -> float:
        return statistics.fmean(self.cpu_ms)


def timed(peer: Peer, path: str, arguments: Mapping[str, str], taken: Taken, *, cold: bool = False) -> bytes:
    cpu_s, started_s = peer.cpu_s(), time.perf_counter()
    answer = peer.ask(path, arguments, cold=cold)
    taken.ms.append(1000 * (time.perf_counter() - started_s))
    taken.cpu_ms.append(1000 * (peer.cpu_s() - cpu_s))
    return answer


@contextmanager
def own_server(folder: Path) -> Iterator[Peer]:
    """Our API over the store in a folder, as a peer."""
    command = [sys.executable, "-m", "tests.support.query_peers", str(folder)]
    own = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert own.stdout is not None
        told = json.loads(own.stdout.readline())
        headers = {"Authorization": f"Bearer {told['token']}"}
        yield Peer("netmon", told["url"], own.pid, "/prometheus", headers, {"nocache": "1"})
    finally:
        own.kill()
        own.wait()


def peer_of(name: str, server: RunningServer, cold: Mapping[str, str] | None = None) -> Peer:
    assert server._process is not None
    return Peer(name, server.url, server._process.pid, cold=cold or {})


def remote_writes(samples: Sequence[Host], most: int | None = None) -> Iterator[bytes]:
    """All samples, by and large in the order of time; the hosts have as many gathers each.

    most: only so many, the first.
    """
    count = len(samples[0].times) if most is None else most
    for first in range(0, count, _WINDOW):
        slots = slice(first, min(first + _WINDOW, count))
        for at in range(0, len(samples), _HOSTS_PER_WRITE):
            yield remote_write(samples[at : at + _HOSTS_PER_WRITE], slots)


def remote_write(samples: Sequence[Host], slots: slice) -> bytes:
    """What some hosts have gathered in some slots."""
    return bytes(cramjam.snappy.compress_raw(b"".join(part for host in samples for part in _written(host, slots))))


def _written(host: Host, slots: slice) -> Iterator[bytes]:
    """A remote write's series of a host. A sample is 18 bytes, for its time takes six."""
    times = host.times[slots]
    sample = np.zeros((len(times), 18), np.uint8)
    sample[:, :3], sample[:, 11] = (0x12, 0x10, 0x09), 0x10
    for place in range(6):
        sample[:, 12 + place] = (times >> (7 * place)) & 0x7F | (0x80 if place < 5 else 0)
    for column, labels in enumerate(host.labels):
        sample[:, 3:11] = np.ascontiguousarray(host.values[slots, column]).view(np.uint8).reshape(-1, 8)
        pairs = b"".join(_field(b"\x0a", _field(b"\x0a", a.encode()) + _field(b"\x12", b.encode())) for a, b in labels)
        yield _field(b"\x0a", pairs + sample.tobytes())


def _field(tag: bytes, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return tag + size + content


def send(server: RunningServer, body: bytes) -> None:
    """One remote write."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=120)
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    connection.request("POST", "/api/v1/write", body, headers)
    answer = connection.getresponse()
    told = answer.read()
    if answer.status not in (200, 204):
        raise RuntimeError(f"{server.url}: {answer.status} {told[:300]!r}")
    connection.close()


async def _serve(folder: Path) -> None:
    async with running(folder) as lab:
        print(json.dumps({"url": lab.url, "token": lab.token}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
